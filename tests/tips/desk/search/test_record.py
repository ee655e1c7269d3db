"""The record of a search in the audit trail: the words sealed, opened for supervisors alone, and not for all of them."""

from __future__ import annotations

import pytest

from core.models import Account, AuditEntry
from core.staff import groups
from tests.tips.desk import officers
from tipportal.audit_trail import csv_export, search_counts
from tipportal.audit_trail.search_details import SearchDetails
from tips.desk import search_record
from tips.desk.search_record import SearchedWords
from tips.models import Unit

pytestmark = pytest.mark.django_db


def record(
    account: Account, words: str, *, found: int = 3, goes_on: bool = False, is_general: bool = True
) -> AuditEntry:
    searched = SearchedWords(words, found, 2000, 10000, is_general)
    search_record.record_words(account, searched, goes_on=goes_on)
    return AuditEntry.objects.latest("id")


@pytest.fixture
def okafor() -> Account:
    return officers.create_officer("okafor", last_name="Okafor")


def test_the_words_are_sealed_and_supervisors_read_them(okafor: Account) -> None:
    lee = officers.create_officer("lee", groups.SUPERVISOR)
    line = record(okafor, "7KT \u202e4")
    assert (line.action, line.subject) == ("searched tips", "tips")
    assert line.detail.startswith("some found, sealed ")
    assert "7KT" not in line.detail
    assert SearchDetails(lee).describe(line) == "3 found in 2000 of 10000 tips: “7KT [U+202E]4”"
    export = "".join(csv_export.stream_csv(AuditEntry.objects.all()))
    assert '"some found"' in export
    assert "sealed" not in export


def test_all_records_of_words_have_one_length_and_fit(okafor: Account) -> None:
    lengths = {len(record(okafor, words, found=0).detail) for words in ("a", "b" * 100, "\u7070" * 80)}
    assert len(lengths) == 1
    assert lengths.pop() < 500
    assert not SearchedWords("\U0001f52b" * 100, 0, 0, 0, is_general=True).fits()


def test_a_line_that_was_moved_to_another_name_does_not_open(okafor: Account) -> None:
    line = record(okafor, "7KT")
    assert search_record.read_words("okafor", line.detail) is not None
    assert search_record.read_words("ito", line.detail) is None
    assert search_record.read_words("okafor", line.detail[:-8] + "AAAAAAA=") is None


def test_a_supervisor_does_not_read_words_about_staff_or_of_tips_that_stand_apart(okafor: Account) -> None:
    lee = officers.create_officer("lee", groups.SUPERVISOR, first_name="Dana", last_name="Lindqvist")
    about_staff, apart = record(okafor, "sergeant Lindqvist"), record(okafor, "needle", is_general=False)
    hidden = "Words not shown: they may name a member of staff, or be about tips that stand apart."
    assert SearchDetails(lee).describe(about_staff) == f"3 found in 2000 of 10000 tips. {hidden}"
    assert SearchDetails(lee).describe(apart) == f"some found. {hidden}"


def test_the_numbers_of_another_units_tips_are_not_shown(okafor: Account) -> None:
    lee = officers.create_officer("lee", groups.SUPERVISOR)
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(okafor)
    assert SearchDetails(lee).describe(record(okafor, "needle")) == "some found: “needle”"
    unit.members.add(lee)
    assert SearchDetails(lee).describe(record(okafor, "needle")) == "3 found in 2000 of 10000 tips: “needle”"


def test_a_search_that_went_on_counts_once(okafor: Account) -> None:
    record(okafor, "needle", found=0)
    search_record.record_words(okafor, SearchedWords("needle", 0, 10000, 10000, is_general=True), goes_on=True)
    record(okafor, "needle", found=0)
    record(okafor, "needle", found=1, goes_on=True)
    (count,) = search_counts.count_searches()
    assert (count.searches, count.found_nothing) == (2, 1)
