"""Residents' pages can be read with six years of school. Worst sentences of each page: `python -m tests.reading_level`."""

from __future__ import annotations

import statistics

from tests import reading_level
from tests.stack import Stack


def test_residents_pages_need_six_years_of_school(portal: Stack) -> None:
    pages = reading_level.read_pages(portal.public_url)
    assert len(pages) > 50
    assert {page.path: page.grade for page in pages if page.grade > reading_level.MAX_GRADE} == {}
    assert statistics.median(page.grade for page in pages) <= reading_level.MAX_MEDIAN
    assert {page.path: page.hard_sentences for page in pages if page.hard_sentences} == {}


def test_officialese_is_above_the_limits() -> None:
    page = reading_level.read_page(
        "/",
        """<main><p>Notwithstanding the aforementioned considerations, individuals possessing pertinent information regarding
        criminal activities are encouraged to communicate the particulars to the appropriate authorities.</p>
        <table><tr><td>Ignored altogether, whatever it says here.</td></tr></table></main>""",
    )
    assert page.grade > reading_level.MAX_GRADE
    assert len(page.sentences) == len(page.hard_sentences) == 1
