"""Where officers are: what a public node would see of it, how the staff processes tell each other, and when it ends."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import time
from dataclasses import replace
from uuid import uuid4

import pytest
from django.utils import timezone

from core import ephemeral_store
from tips.desk.live import exchange, sightings
from tips.desk.live.exchange import Exchange
from tips.desk.live.sightings import Doing, Sighting, SightingBook

TAB = b"12345678"


def sight(account_id: int = 7, doing: Doing = Doing.READING, seconds_ago: float = 0, tab: bytes = TAB) -> Sighting:
    return Sighting(account_id, tab, uuid4(), doing, time.time() - seconds_ago)


@pytest.fixture
def empty_store() -> None:
    for place in ephemeral_store.read_fields("desk"):
        ephemeral_store.forget_field("desk", place)


def test_a_tab_that_no_longer_asks_is_gone_after_20_seconds() -> None:
    book = SightingBook()
    book.note(sight(1, seconds_ago=19))
    book.note(sight(2, seconds_ago=21))
    assert [one.account_id for one in book.list_present()] == [1]


def test_a_tab_that_was_left_is_gone_at_once_even_if_another_process_heard_it_last() -> None:
    book = SightingBook()
    seen = sight(seconds_ago=3)
    book.note(seen)
    book.replace_others([replace(seen, doing=Doing.GONE, at=time.time())])
    assert book.list_present() == []


def test_nobody_ends_the_tab_of_another_account_by_its_name() -> None:
    book = SightingBook()
    book.note(sight(1))
    book.note(sight(2, Doing.GONE))
    assert [one.account_id for one in book.list_present()] == [1]


def test_processes_tell_each_other_where_officers_are(empty_store: None) -> None:
    here, there = SightingBook(), SightingBook()
    seen = sight()
    here.note(seen)
    Exchange().tell(here)
    Exchange().tell(there)
    assert there.list_present() == [seen]
    assert there.list_own() == []


def test_processes_forked_from_one_have_places_of_their_own() -> None:
    shared = Exchange()
    forking = multiprocessing.get_context("fork")
    places = forking.SimpleQueue()
    for _number in range(2):
        child = forking.Process(target=lambda: places.put(shared.place))
        child.start()
        child.join()
    assert len({places.get(), places.get(), shared.place}) == 3


def test_the_store_looks_the_same_whether_officers_are_there_or_not(empty_store: None) -> None:
    empty, full = SightingBook(), SightingBook()
    for number in range(exchange.CAPACITY + 50):
        full.note(sight(number))
    Exchange().tell(empty)
    Exchange().tell(full)
    first, second = ephemeral_store.read_fields("desk").values()
    assert len(first) == len(second)
    other = SightingBook()
    Exchange().tell(other)
    assert len(other.list_present()) == exchange.CAPACITY


def test_a_value_is_sealed_and_is_believed_only_where_it_was_put(
    empty_store: None, settings: pytest.FixtureRequest
) -> None:
    here, there = SightingBook(), SightingBook()
    seen = sight()
    here.note(seen)
    place = Exchange()
    place.tell(here)
    stored = ephemeral_store.read_fields("desk")[place.place]
    assert seen.tip_id
    assert seen.tip_id.bytes not in stored
    ephemeral_store.forget_field("desk", place.place)
    soon = timezone.now() + dt.timedelta(minutes=1)
    ephemeral_store.put_field("desk", "moved", stored, soon)
    ephemeral_store.put_field("desk", "made up", bytes(len(stored)), soon)
    Exchange().tell(there)
    assert there.list_present() == []
    assert not {"moved", "made up"} & set(ephemeral_store.read_fields("desk"))


def test_a_value_that_was_kept_back_is_not_believed(empty_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = SightingBook(), SightingBook()
    here.note(sight())
    place = Exchange()
    place.tell(here)
    later = time.time() + sightings.LIFETIME_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    Exchange().tell(there)
    assert there.list_present() == []


def test_the_place_of_a_process_that_has_ended_is_cleared(empty_store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Exchange()
    place.tell(SightingBook())
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    Exchange().tell(SightingBook())
    assert place.place not in ephemeral_store.read_fields("desk")


def test_without_the_store_a_process_goes_on_with_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise ephemeral_store.StoreDownError

    monkeypatch.setattr(ephemeral_store, "put_field", fail)
    book = SightingBook()
    seen = sight()
    book.note(seen)
    Exchange().tell(book)
    assert book.list_present() == [seen]


def test_a_ticket_names_its_tip_to_its_account_alone() -> None:
    tip_id = uuid4()
    ticket = sightings.sign_ticket(7, tip_id)
    assert sightings.read_ticket(ticket, 7) == tip_id
    assert sightings.read_ticket(ticket, 8) is None
    assert sightings.read_ticket(str(tip_id), 7) is None
    assert sightings.read_ticket("", 7) is None
