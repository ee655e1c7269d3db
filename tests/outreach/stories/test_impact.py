"""The impact page: figures of tips and stories that give no single tip away."""

from __future__ import annotations

import datetime as dt
import html
import re
import uuid

import pytest
from django.utils import timezone

from core.web import page_cache
from outreach.stories import impact
from tests.outreach.published import create_draft, create_published_story
from tips import statistics
from tips.models import AgencyKey, Category, Message, Tip

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 7, 15, 12, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def tips(count: int, at: dt.datetime, answered: int = 0) -> None:
    """Rows alone: what is sealed in them does not count."""
    category, key = Category.objects.first(), AgencyKey.objects.first()
    for number in range(count):
        tip = Tip.objects.create(
            category=category, agency_key=key, received_at=at, form_hash=uuid.uuid4().bytes * 2,
            report=b"sealed", key_for_agency=b"sealed",
        )  # fmt: skip
        if number < answered:
            Message.objects.create(
                tip=tip, author="staff", position=1, body=b"sealed", form_hash=uuid.uuid4().bytes * 2
            )


def page(client) -> str:
    page_cache.clear()
    return re.sub(r"\s+", " ", html.unescape(client.get("/impact/").content.decode()))


def test_without_figures_the_page_says_so_and_explains_the_counting(client):
    text = page(client)
    assert "No numbers yet" in text
    assert "How we count" in text
    assert '<svg class="chart"' not in text


def test_months_are_rounded_down_to_fives_and_end_with_the_last_whole_one():
    tips(4, dt.datetime(2026, 4, 10, tzinfo=dt.UTC))
    tips(9, dt.datetime(2026, 5, 10, tzinfo=dt.UTC), answered=6)
    tips(5, dt.datetime(2026, 6, 30, 23, tzinfo=dt.UTC), answered=4)
    tips(50, dt.datetime(2026, 7, 10, tzinfo=dt.UTC))
    months = statistics.read_months()
    assert [month.first for month in months] == [
        dt.date(2025, 7, 1) if number == 0 else dt.date(2025 + (6 + number) // 12, (6 + number) % 12 + 1, 1)
        for number in range(12)
    ]
    counted = {month.first.month: (month.received, month.answered) for month in months if month.first.year == 2026}
    assert (counted[4], counted[5], counted[6]) == ((0, 0), (5, 5), (5, 0))
    assert counted[3] == (0, 0)


def test_sensitive_tips_are_in_no_public_figure():
    """An officer could subtract the tips that they see, and know how many others there are."""
    tips(12, dt.datetime(2026, 5, 10, tzinfo=dt.UTC), answered=6)
    Category.objects.filter(tips__isnull=False).update(is_sensitive=True)
    assert {(month.received, month.answered) for month in statistics.read_months()} == {(0, 0)}
    figures = statistics._count_tips()
    assert (figures.received, figures.answered) == (None, None)
    Category.objects.update(is_sensitive=False)
    assert statistics._count_tips().received == 12


def test_figures_are_counted_once_for_all_pages_of_a_minute(django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        assert statistics.read_figures() == statistics.read_figures()


def test_a_month_ends_at_midnight_where_the_agency_is(settings):
    tips(5, dt.datetime(2026, 6, 1, 3, tzinfo=dt.UTC))  # still the 31st of May in Chicago
    counted = {month.first.month: month.received for month in statistics.read_months()}
    assert (counted[5], counted[6]) == (5, 0)


def test_months_below_the_minimum_are_named_as_such(client):
    tips(3, dt.datetime(2026, 4, 10, tzinfo=dt.UTC))
    tips(12, dt.datetime(2026, 5, 10, tzinfo=dt.UTC), answered=2)
    text = page(client)
    row = re.search(r"<tr><th scope=\"row\">April 2026</th>(.*?)</tr>", text)[1]
    assert re.findall(r">([^<]+)</td>", row) == ["fewer than 5", "fewer than 5"]
    row = re.search(r"<tr><th scope=\"row\">May 2026</th>(.*?)</tr>", text)[1]
    assert re.findall(r">([^<]+)</td>", row) == ["at least 10", "fewer than 5"]
    assert not re.search(r">(3|12|2)</", text)


def test_bars_are_as_tall_as_their_values():
    months = [
        statistics.MonthFigures(dt.date(2026, 1, 1), 20, 10),
        statistics.MonthFigures(dt.date(2026, 2, 1), 5, 0),
        statistics.MonthFigures(dt.date(2026, 3, 1), 0, 0),
    ]
    chart = impact.lay_out_chart(months)
    tall = [(bar.received[1], bar.answered[1]) for bar in chart.bars]
    assert tall[0][0] == pytest.approx(4 * tall[1][0], abs=0.3)
    assert tall[0][1] == pytest.approx(tall[0][0] / 2, abs=0.3)
    assert tall[2] == (0, 0)
    assert all(
        top + high == pytest.approx(impact.HEIGHT - impact.FOOT, abs=0.2)
        for top, high in (bar.received for bar in chart.bars)
    )
    assert min(bar.received[0] for bar in chart.bars) >= impact.HEAD
    assert impact.lay_out_chart([statistics.MonthFigures(dt.date(2026, 1, 1), 0, 0)]) is None


@pytest.mark.parametrize("most", [5, 15, 20, 95, 100, 1234, 99_995, 12_345_670])
def test_the_scale_has_few_lines_and_includes_the_largest_value(most):
    chart = impact.lay_out_chart([statistics.MonthFigures(dt.date(2026, 1, 1), most, 0)])
    values = [value for _y, value in chart.lines]
    assert 2 <= len(values) <= 5
    assert values[-2] < most <= values[-1]


def test_only_published_stories_are_summed_up(client):
    create_published_story("a", arrests=2, weapons=1, on=dt.date(2025, 5, 1))
    create_published_story(
        "b", arrests=3, property_returned=22, on=dt.date(2026, 5, 1), you_said="Dark steps.", we_did="Nine lamps."
    )
    create_draft("c", arrests=100, you_said="Secret.", we_did="x")
    everything = impact.total_outcomes()
    assert (everything.stories, everything.arrests, everything.weapons, everything.property_returned) == (2, 5, 1, 22)
    assert [(row.year, row.arrests) for row in impact.outcomes_by_year()] == [(2026, 3), (2025, 2)]
    text = page(client)
    for words in (
        "arrests in our published stories</dt><dd>5<",
        "weapon off the street</dt><dd>1<",
        "Dark steps.",
        "Nine lamps.",
    ):
        assert words in text
    assert "Secret." not in text


def test_figures_stand_on_the_home_page_too(client):
    tips(11, NOW - dt.timedelta(days=3), answered=6)
    create_published_story("b", weapons=31)
    text = re.sub(r"\s+", " ", client.get("/").content.decode())
    for words in (
        "tips received</dt><dd>11<",
        "tips answered</dt><dd>6<",
        "weapons off the street</dt><dd>31<",
        "Title of b",
    ):
        assert words in text
    assert 'href="/impact/"' in text


def test_the_poster_comes_in_both_papers(client):
    for paper in ("a4", "letter"):
        response = client.get(f"/poster.pdf?paper={paper}")
        assert response["Content-Type"] == "application/pdf"
        assert f"poster-{paper}.pdf" in response["Content-Disposition"]
    assert "poster-letter.pdf" in client.get("/poster.pdf")["Content-Disposition"]
    assert "poster-a4.pdf" in client.get("/poster.pdf?paper=x")["Content-Disposition"]
