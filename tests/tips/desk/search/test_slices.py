"""Searching tips slice by slice: everything that the officer may open is found, and nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import Account
from core.staff import groups
from tests.tips.desk import officers
from tips import conversation, intake
from tips.desk.search import matching, scan, slices, tip_batches
from tips.desk.search.matching import Term
from tips.desk.search.sealed_tips import BatchResult
from tips.desk.search.tip_batches import Scope
from tips.models import Category, Tip, Unit

pytestmark = pytest.mark.django_db


def search(account: Account, words: str, scope: Scope = Scope.GENERAL, **asked: Any) -> slices.Slice:
    asked = {"after": None, "seconds": 60, "max_found": 100} | asked
    return slices.search(account, matching.parse_words(words), scope, **asked)


@pytest.fixture
def okafor() -> Account:
    return officers.create_officer("okafor")


def test_words_are_found_in_each_of_a_tips_texts(okafor: Account) -> None:
    category = Category.objects.exclude(is_sensitive=True).first()
    answers = [intake.FollowUpAnswer("Which color?", "turquoise")]
    tip = officers.send_opened_tip(
        okafor, description="A sedan, 7ABC\u2013123", place="Pier 9", when="Tuesday", answers=answers, category=category
    )
    officers.write_as_source(tip, "They left for Oakland", b"1" * 16)
    conversation.add_from_officer(tip, okafor, "Which exit did they take?", b"2" * 16)
    conversation.add_note(tip, okafor, "Checked with Harbor unit")
    officers.send_tip("Nothing of it")
    for words in ("7abc123", "pier", "tuesday", "turquoise", "oakland", "exit", "harbor unit", "sedan oakland"):
        assert search(okafor, words).found == [tip.pk], words
    assert search(okafor, "color").found == []  # the question is ours
    assert search(okafor, "sedan absent").found == []


def test_a_foreign_walled_sensitive_or_erased_tip_has_no_hit_in_the_next_search(okafor: Account) -> None:
    general = Category.objects.filter(is_sensitive=False).first()
    tips = [officers.send_tip("A needle", category=general) for _ in range(4)]
    assert set(search(okafor, "needle").found) == {tip.pk for tip in tips}
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(officers.create_officer("ito"))
    Tip.objects.filter(pk=tips[0].pk).update(unit=unit)
    officers.create_officer("smith", first_name="John", last_name="Lindqvist")
    officers.write_as_source(tips[1], "Officer Lindqvist was there", b"1" * 16)
    sensitive = Category.objects.create(slug="bias", name="Bias", is_sensitive=True, active=False)
    Tip.objects.filter(pk=tips[2].pk).update(category=sensitive)
    tips[3].delete()
    result = search(okafor, "needle")
    assert (result.found, result.searched, result.remaining) == ([], 0, 0)
    sensitive.readers.add(okafor)
    assert search(okafor, "needle").found == []  # a scope of its own
    assert search(okafor, "needle", Scope.SENSITIVE).found == [tips[2].pk]
    lee = officers.create_officer("lee", groups.SUPERVISOR)
    assert search(lee, "needle", Scope.WALLED).found == [tips[1].pk]
    assert tip_batches.list_scopes(lee) == [Scope.GENERAL, Scope.SPAM, Scope.WALLED]
    assert tip_batches.list_scopes(okafor) == [Scope.GENERAL, Scope.SPAM, Scope.SENSITIVE]


def test_an_account_that_opens_no_tip_searches_none() -> None:
    administrator = officers.create_officer("root", groups.ADMINISTRATOR)
    with pytest.raises(PermissionDenied):
        search(administrator, "needle")


def test_slices_go_on_where_the_last_one_ended_and_miss_nothing(
    okafor: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "_FIRST_BATCHES", (2,))
    expected = {officers.send_tip(f"Needle {number}").pk for number in range(7)}
    found: list[UUID] = []
    searched, after, rounds = 0, None, 0
    while after is not None or not rounds:
        result = search(okafor, "needle", after=after, seconds=0)
        found += result.found
        searched, after, rounds = searched + result.searched, result.after, rounds + 1
        assert searched + result.remaining == 7
    assert (rounds, len(found), set(found)) == (4, 7, expected)
    received = dict(Tip.objects.values_list("pk", "received_at"))
    assert [received[pk] for pk in found] == sorted((received[pk] for pk in found), reverse=True)


def test_a_search_stops_at_the_number_of_hits_asked_for(okafor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_FIRST_BATCHES", (1,))
    monkeypatch.setattr(slices, "BATCH", 1)
    for _ in range(4):
        officers.send_tip("Needle")
    result = search(okafor, "needle", max_found=2)
    assert (len(result.found), result.searched, result.remaining) == (2, 2, 2)
    assert result.after is not None


def test_batches_that_an_engine_took_ahead_count_when_the_time_is_over(
    okafor: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened and thrown away, they would be opened again by the next slice."""
    now = [0.0]
    monkeypatch.setattr(slices, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(slices, "_FIRST_BATCHES", (1,))
    monkeypatch.setattr(slices, "BATCH", 1)
    for _ in range(5):
        officers.send_tip("Needle")

    def take_two_ahead(_terms: Sequence[Term], batches: Iterable[Sequence[bytes]]) -> Iterator[BatchResult]:
        batches = iter(batches)
        taken = [next(batches) for _ in range(3)]
        now[0] = 61
        assert list(batches) == []
        yield from (BatchResult([UUID(bytes=tip_id) for tip_id in batch], 0) for batch in taken)

    result = search(okafor, "needle", engine=take_two_ahead)
    assert (len(result.found), result.searched, result.remaining) == (3, 3, 2)


def test_the_helpers_find_the_same_and_their_death_loses_nothing(
    okafor: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "_FIRST_BATCHES", (1,))
    monkeypatch.setattr(slices, "BATCH", 1)
    expected = {officers.send_tip("Needle").pk for _ in range(5)}
    opened_here: list[int] = []
    match_here = scan._match_here
    monkeypatch.setattr(
        scan, "_match_here", lambda tips, terms: opened_here.append(len(tips)) or match_here(tips, terms)
    )
    assert set(search(okafor, "needle").found) == expected
    assert len(opened_here) == 1  # the first batch; the helpers opened the others
    submit = scan._submit

    def kill_helpers_first(helpers: Any, *rest: Any) -> None:
        for process in list((helpers._processes or {}).values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            process.join()
        submit(helpers, *rest)

    monkeypatch.setattr(scan, "_submit", kill_helpers_first)
    assert set(search(okafor, "needle").found) == expected
    assert len(opened_here) > 2


def test_a_tip_that_does_not_open_is_counted_and_the_others_are_searched(okafor: Account) -> None:
    damaged, whole = officers.send_tip("Needle"), officers.send_tip("Needle")
    Tip.objects.filter(pk=damaged.pk).update(report=b"\x01" + bytes(600))
    result = search(okafor, "needle")
    assert (result.found, result.unopened) == ([whole.pk], 1)


def test_words_never_reach_the_database(okafor: Account) -> None:
    officers.send_tip("The zanzibar needle")
    with CaptureQueriesContext(connection) as queries:
        assert search(okafor, "zanzibar").found
        slices.find_number(okafor, 987654321)
    assert queries.captured_queries
    assert not any("zanzibar" in query["sql"].lower() or "987654321" in query["sql"] for query in queries)


def test_the_work_does_not_depend_on_tips_that_the_officer_may_not_open(okafor: Account) -> None:
    """One more hidden hit must not make one more query or batch."""
    asked: list[list[bytes]] = []

    def engine(_terms: Sequence[Term], batches: Iterable[Sequence[bytes]]) -> Iterator[BatchResult]:
        for batch in batches:
            asked.append(list(batch))
            yield BatchResult([], 0)

    def measure() -> tuple[int, list[list[bytes]]]:
        asked.clear()
        with CaptureQueriesContext(connection) as queries:
            search(okafor, "needle", engine=engine)
        return len(queries), list(asked)

    officers.send_tip("Nothing")
    measure()  # reads the permissions
    before = measure()
    hidden = officers.send_tip("Needle")
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(officers.create_officer("ito"))
    Tip.objects.filter(pk=hidden.pk).update(unit=unit)
    assert measure() == before


def test_a_tip_that_is_handed_over_while_a_slice_runs_has_no_hit(okafor: Account) -> None:
    tip = officers.send_tip("Needle")
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(officers.create_officer("ito"))

    def engine(_terms: Sequence[Term], batches: Iterable[Sequence[bytes]]) -> Iterator[BatchResult]:
        for _ in batches:
            Tip.objects.filter(pk=tip.pk).update(unit=unit)
            yield BatchResult([tip.pk], 0)

    assert search(okafor, "needle", engine=engine).found == []
