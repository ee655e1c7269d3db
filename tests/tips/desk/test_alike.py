"""Tips like others: found by words, place and day, and never across what an officer may not see."""

from __future__ import annotations

import gc
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import Account
from core.staff import groups
from tests.tips.desk import officers
from tips.desk.alike import indexing, lookup
from tips.desk.alike.features import Likeness
from tips.desk.alike.index import AlikeIndex
from tips.models import Category, Tip, Unit

pytestmark = pytest.mark.django_db(transaction=True)
SHOTS = "Two men with a shotgun in a gray pickup by Lucky Mart, engine running, they look at the door"
# It shares too few pairs of words with SHOTS to be a copy, whatever their digests in this process are.
SHOTS_TOO = "I hear shots at Lucky Mart, the gray pickup with men drove off, they had one shotgun"
DOGS = "Dogs in cages in the barn past the second bridge, some of them cannot stand up anymore"


@pytest.fixture(autouse=True)
def index(monkeypatch: pytest.MonkeyPatch) -> AlikeIndex:
    empty = AlikeIndex()
    monkeypatch.setattr(indexing, "index", empty)
    return empty


@pytest.fixture
def officer() -> Account:
    return officers.create_officer()


def alike_numbers(officer: Account, tip: Tip) -> dict[int, Likeness]:
    indexing.read_new_tips()
    return {found.tip.number: found.likeness for found in lookup.find_alike(officer, tip)}


def send(description: str = DOGS, **report: Any) -> Tip:
    return officers.send_tip(description, **report)


def test_the_same_event_in_other_words_is_alike(officer: Account) -> None:
    one, other, _dogs = send(SHOTS), send(SHOTS_TOO), send(DOGS)
    assert alike_numbers(officer, one) == {other.number: Likeness.WORDS | Likeness.DAY}
    assert lookup.count_alike(officer, [tip.pk for tip in Tip.objects.all()]) == {one.pk: 1, other.pk: 1}
    # What the collector of cycles need not walk through: with thousands of tips, pages would wait for it.
    assert not any(gc.is_tracked(neighbors) for neighbors in indexing.index._neighbors.values())


def test_a_near_copy_is_alike(officer: Account) -> None:
    one, other = send(DOGS), send(DOGS.replace("second", "third").upper())
    assert Likeness.COPY in alike_numbers(officer, one)[other.number]


def test_the_same_plate_is_alike_however_it_is_spaced(officer: Account) -> None:
    one, other = send("The van has 7ABC-123 on it"), send("he drives something white, plate 7abc123 I think")
    assert Likeness.NUMBER in alike_numbers(officer, one)[other.number]


def test_a_point_within_150_meters_is_the_same_place_and_one_beyond_is_not(officer: Account) -> None:
    one = send("They fight again", latitude=41.5, longitude=-38.5)
    near = send("Loud music all night long", latitude=41.5012, longitude=-38.5)
    far = send("Somebody sells phones there", latitude=41.5015, longitude=-38.5)
    assert alike_numbers(officer, one) == {near.number: Likeness.PLACE | Likeness.DAY}
    assert near.number in alike_numbers(officer, far)


def test_the_middle_of_a_district_is_no_place(officer: Account) -> None:
    one = send("They fight again", latitude=41.5, longitude=-38.5, place_ref="area:3", place="Old Town")
    send("Loud music all night long", latitude=41.5, longitude=-38.5, place_ref="area:3", place="Old Town")
    assert alike_numbers(officer, one) == {}


def test_tips_of_another_unit_are_not_alike_to_those_who_see_both(officer: Account) -> None:
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(officer)
    one, other = send(SHOTS), send(SHOTS)
    assert alike_numbers(officer, one)
    Tip.objects.filter(pk=other.pk).update(unit=unit)
    assert alike_numbers(officer, one) == {}
    assert lookup.count_alike(officer, [one.pk, other.pk]) == {}


def test_a_sensitive_tip_is_alike_only_to_those_of_its_category(officer: Account) -> None:
    hate, police = Category.objects.get(slug="hate"), Category.objects.get(slug="police")
    for category in (hate, police):
        category.readers.add(officer)
    one, same, _general, _other = (
        send(SHOTS, category=category) for category in (hate, hate, Category.objects.get(slug="other"), police)
    )
    assert set(alike_numbers(officer, one)) == {same.number}


def test_a_walled_tip_is_alike_to_none() -> None:
    supervisor = officers.create_officer("roy", groups.SUPERVISOR)
    officers.create_officer("lindholm", last_name="Lindqvist", first_name="Ingmar")
    one = send(SHOTS)
    walled = send(SHOTS + " and Officer Ingmar Lindqvist knows")
    assert alike_numbers(supervisor, one) == {}
    assert alike_numbers(supervisor, walled) == {}


def test_hidden_tips_change_neither_what_is_alike_nor_the_work(officer: Account) -> None:
    hidden_unit = Unit.objects.create(name="Internal")
    hidden_unit.members.add(officers.create_officer("brody"))
    one, other = send(SHOTS), send(SHOTS_TOO)
    before = alike_numbers(officer, one)
    with CaptureQueriesContext(
        connection,
    ) as first:
        lookup.count_alike(officer, [one.pk, other.pk])
    for _copy in range(20):
        Tip.objects.filter(pk=send(SHOTS).pk).update(unit=hidden_unit)
    assert alike_numbers(officer, one) == before
    with CaptureQueriesContext(connection) as second:
        lookup.count_alike(officer, [one.pk, other.pk])
    assert len(first) == len(second)
    assert len(first[-1]["sql"]) == len(second[-1]["sql"])


def test_an_erased_tip_is_forgotten(officer: Account, index: AlikeIndex) -> None:
    one, other = send(SHOTS), send(SHOTS)
    assert alike_numbers(officer, one)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tip_erase(%s)", [other.pk])
    assert alike_numbers(officer, one) == {}
    indexing.forget_gone_tips()
    assert other.pk not in index
    assert index.find(one.pk) == {}
    assert len(index._features) == 1
    assert {number for numbers in index._by_digest.values() for number in numbers} == set(index._features)


def test_a_damaged_tip_is_alike_to_none(officer: Account) -> None:
    one, other = send(SHOTS), send(SHOTS)
    Tip.objects.filter(pk=other.pk).update(report=b"\x01" + bytes(600))
    assert alike_numbers(officer, one) == {}


@pytest.mark.parametrize("text", ["1" * 10_000, "A1 " * 3000, "a-" * 5000, "é" * 10_000, "\u200d" * 9000, "ก" * 9999])
def test_hostile_text_is_read_quickly(text: str, index: AlikeIndex) -> None:
    send(text)
    indexing.read_new_tips()
    assert len(index) == 1


def test_a_wave_of_copies_is_bounded(index: AlikeIndex) -> None:
    features = indexing.features.extract(
        {"description": SHOTS, "answers": [], "place": "", "place_ref": "", "latitude": None, "longitude": None},
        indexing.timezone.now(),
    )
    ids = [uuid.uuid4() for _ in range(600)]
    for tip_id in ids:
        index.add(tip_id, features)
    assert len(index.find(ids[-1])) <= 400
    index.remove(ids)
    assert len(index) == 0
    assert not index._by_digest
