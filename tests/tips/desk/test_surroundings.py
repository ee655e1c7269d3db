"""The folds beside a tip: tips like it, linked ones, and incidents nearby."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from django.test import Client

from core.models import Account
from crimemap import nearby_incidents, places
from tests.tips.desk import officers
from tests.tips.desk.test_alike import DOGS, SHOTS, SHOTS_TOO
from tips.desk import triage
from tips.desk.alike import indexing, links
from tips.desk.alike.index import AlikeIndex
from tips.models import Message, PendingAct, Tip, Unit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "index", AlikeIndex())


@pytest.fixture
def officer() -> Account:
    return officers.create_officer()


@pytest.fixture
def desk(officer: Account) -> Client:
    return officers.sign_in(officer)


def address(tip: Tip) -> str:
    return f"/admin/tips/tip/{tip.pk}/change/"


def read(desk: Client, tip: Tip) -> str:
    indexing.read_new_tips()
    page = desk.get(address(tip))
    assert page.status_code == 200
    return page.content.decode()


def act(desk: Client, tip: Tip, name: str, **fields: Any) -> str:
    page = read(desk, tip)
    hidden = {
        field: re.search(rf'name="{field}" value="([^"]*)"', page)[1]  # type: ignore[index]
        for field in ("form_id", "seen", "shown")
    }
    return desk.post(address(tip), hidden | {"act": name} | fields, follow=True).content.decode()


def side(page: str) -> str:
    return page[page.index('class="side"') :]


def test_tips_like_it_are_shown_with_their_line_reason_and_ending(desk: Client, officer: Account) -> None:
    one, other, closed = (
        officers.send_tip(SHOTS),
        officers.send_tip(SHOTS_TOO),
        officers.send_opened_tip(officer, description=SHOTS),
    )
    triage.close(closed, officer, "unfounded")
    shown = side(read(desk, one))
    assert str(other.number) in shown
    assert "I hear shots at Lucky Mart" in shown
    assert "same words, same day. Nobody has it" in shown
    assert "nearly the same text. closed" in shown
    assert "Checked, nothing found" in shown


def test_no_place_and_no_like_are_said(desk: Client) -> None:
    shown = side(read(desk, officers.send_tip(DOGS)))
    assert "The source gave no place on the map." in shown
    assert "No tip that you may see has the same words, place or plate." in shown


def test_linking_from_the_page_by_button_and_number_and_taking_it_apart(desk: Client, officer: Account) -> None:
    one, two, three = officers.send_tip(SHOTS), officers.send_tip(SHOTS_TOO), officers.send_tip(DOGS)
    assert "Linked." in act(desk, one, f"link:{two.pk}")
    assert "Linked." in act(desk, one, "link:", link_number=str(three.number))
    assert {tip.pk for tip in links.list_linked(officer, one)} == {two.pk, three.pk}
    page = side(read(desk, two))
    assert f'value="unlink:{three.pk}"' in page
    assert "okafor linked it to tip" in page
    assert "Unlinked." in act(desk, two, f"unlink:{three.pk}")
    assert links.list_linked(officer, three) == []


def test_all_alike_are_linked_at_once_and_what_is_typed_stays(desk: Client, officer: Account) -> None:
    one, two, three = officers.send_tip(SHOTS), officers.send_tip(SHOTS_TOO), officers.send_tip(SHOTS)
    page = act(desk, one, "link:alike", answer="Thank you, we are")
    assert "Thank you, we are" in page
    assert {tip.pk for tip in links.list_linked(officer, one)} == {two.pk, three.pk}


@pytest.mark.parametrize("number", ["", "999999", "abc", "0", "-1", "9" * 40])
def test_a_number_that_is_none_is_refused_with_a_sentence(desk: Client, officer: Account, number: str) -> None:
    one = officers.send_tip(SHOTS)
    page = act(desk, one, "link:", link_number=number)
    assert links.list_linked(officer, one) == []
    assert "Linked." not in page


def test_notes_of_linked_tips_stand_beside_the_tip_as_such(desk: Client, officer: Account) -> None:
    one, two = officers.send_opened_tip(officer), officers.send_opened_tip(officer)
    triage.note(two, officer, "Patrol <b>knows</b>", b"1")
    links.link(one, [two.pk], officer)
    page = side(read(desk, one))
    assert f"Note on tip {two.number}" in page
    assert "Patrol &lt;b&gt;knows&lt;/b&gt;" in page


def test_one_answer_goes_to_all_linked_tips_and_those_left_out_are_named(desk: Client, officer: Account) -> None:
    one, two, unopened = officers.send_opened_tip(officer), officers.send_opened_tip(officer), officers.send_tip()
    links.link(one, [two.pk, unopened.pk], officer)
    assert "Send to this and 2 linked tips" in read(desk, one)
    page = act(desk, one, "answer-linked", answer="Thank you. We are on it.")
    assert "in the next four hours" in page
    assert f"Not sent to tip {unopened.number}." in page
    assert set(PendingAct.objects.values_list("tip", flat=True)) == {one.pk, two.pk}
    assert not Message.objects.exists()


def test_nothing_of_a_place_is_in_an_address_of_the_page(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def find(latitude: float, longitude: float) -> None:
        asked.append((latitude, longitude))

    monkeypatch.setattr(nearby_incidents, "find_around", find)
    page = read(desk, officers.send_tip(latitude=41.51234, longitude=-38.54321))
    # A block that the source chose has a point; a district is too wide for one.
    block = places.Place("block:7", "block", "400 block of Mill Street", 41.52345, -38.56789, "Old Town")
    area = dataclasses.replace(block, ref="area:3", kind="area")
    monkeypatch.setattr(places, "find_place", {"block:7": block, "area:3": area}.get)
    page += read(desk, officers.send_tip(place_ref="block:7"))
    read(desk, officers.send_tip(place_ref="area:3"))
    assert asked == [(41.51234, -38.54321), (41.52345, -38.56789)]
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page)
    assert not any("41.5" in each or "38.5" in each for each in addresses)


def test_answers_that_leave_later_are_taken_back_beside_each_tip_and_the_text_returns(
    desk: Client, officer: Account
) -> None:
    one, two = officers.send_opened_tip(officer), officers.send_opened_tip(officer)
    links.link(one, [two.pk], officer)
    act(desk, one, "answer-linked", answer="Thank you. We are on it.")
    page = read(desk, two)
    assert "Goes out within 4 hours" in page
    assert "data-toast=" not in page, "no toast for hours on every page"
    batch = PendingAct.objects.values_list("batch", flat=True).distinct().get()
    assert f'value="undo-batch:{batch}"' in page
    page = act(desk, two, f"undo-batch:{batch}")
    assert not PendingAct.objects.exists()
    assert "2 tips are as they were" in page
    assert "Thank you. We are on it." in page[page.index('name="answer"') :]


def test_chosen_tips_are_linked_all_or_none(desk: Client, officer: Account) -> None:
    tips = [officers.send_tip() for _ in range(3)]

    def link_chosen(*chosen: Tip) -> str:
        form_id = re.search(r'name="bulk_form" value="([^"]*)"', desk.get("/admin/tips/tip/").content.decode())
        assert form_id is not None
        fields = {"act": "link", "bulk_form": form_id[1], "tips": [tip.pk for tip in chosen]}
        return desk.post("/admin/tips/tip/", fields, follow=True).content.decode()

    assert "Choose two or more tips" in link_chosen(tips[0])
    assert "The chosen tips are linked." in link_chosen(*tips)
    assert len(links.list_linked(officer, tips[0])) == 2
    assert "linked already" in link_chosen(*tips)
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(officer)
    apart, alone = officers.send_tip(), officers.send_tip()
    Tip.objects.filter(pk=apart.pk).update(unit=unit)
    assert "be linked" in link_chosen(alone, apart)
    assert links.list_linked(officer, alone) == []
