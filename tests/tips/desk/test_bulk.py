"""Acts on a selection: one undo for all, changed rows are left out and named, and many ask for their number."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from core.models import Account
from core.staff import groups
from tests.tips.desk import officers
from tips import conversation
from tips.desk import outbox
from tips.models import Category, DeskState, PendingAct, Priority, State, Tip

QUEUE = "/admin/tips/tip/"


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor")


def choose(client: Client, tips: list[Tip], act: str, page: str = "", **data: Any) -> str:
    """Post an act on these rows of the queue's page as it was loaded, and return the page that follows."""
    page = page or client.get(QUEUE).content.decode()
    (stamps,) = re.findall(r'name="row_stamps" value="([^"]*)"', page)
    (form,) = re.findall(r'name="bulk_form" value="([^"]*)"', page)
    chosen = [str(tip.pk) for tip in tips]
    data = {"act": act, "tips": chosen, "row_stamps": stamps, "bulk_form": form, **data}
    return str(client.post(QUEUE, data, follow=True).content.decode())


def spam_count() -> int:
    return DeskState.objects.filter(spam_since__isnull=False).count()


def test_a_selection_is_spam_with_one_click_and_one_undo(okafor: Account) -> None:
    tips, client = [officers.send_tip() for _ in range(3)], officers.sign_in(okafor)
    page = choose(client, tips[:2], "spam")
    assert "2 tips are spam. Nothing was sent." in page
    assert spam_count() == 2
    (act,) = re.findall(r'name="act" value="(undo-batch:[^"]*)"', page)
    page = client.post(QUEUE, {"act": act}, follow=True).content.decode()
    assert "Undone. 2 tips are as they were." in page
    assert spam_count() == 0


def test_a_row_that_changed_meanwhile_is_left_out_and_named(okafor: Account) -> None:
    same, changed, client = officers.send_tip(), officers.send_tip(), officers.sign_in(okafor)
    loaded = client.get(QUEUE).content.decode()
    officers.write_as_source(changed, "They are armed", b"1")
    page = choose(client, [same, changed], "spam", loaded)
    assert f"Tip {changed.number} was left out. Something changed meanwhile." in page
    assert [state.tip for state in DeskState.objects.all()] == [same]


def test_a_form_that_comes_twice_acts_once(okafor: Account) -> None:
    tips, client = [officers.send_tip() for _ in range(2)], officers.sign_in(okafor)
    loaded = client.get(QUEUE).content.decode()
    for _ in range(2):
        choose(client, tips, "spam", loaded)
    assert PendingAct.objects.count() == 2


def test_from_31_tips_on_their_number_is_asked_for(okafor: Account) -> None:
    tips, client = [officers.send_tip() for _ in range(31)], officers.sign_in(okafor)
    loaded = client.get(QUEUE).content.decode()
    assert "You chose 31 tips" in choose(client, tips, "spam", loaded)
    assert "isn&#x27;t the number" in choose(client, tips, "spam", loaded, confirmed_count="30").replace(
        "n't", "n&#x27;t"
    )
    assert spam_count() == 0
    assert "31 tips are spam." in choose(client, tips, "spam", loaded, confirmed_count="31")
    assert spam_count() == 31


def test_tips_of_others_and_unknown_acts_do_nothing(okafor: Account) -> None:
    hidden, client = officers.send_tip(), officers.sign_in(okafor)
    Category.objects.update(is_sensitive=True)
    for act in ("spam", "erase", "open"):
        assert "Nothing was done" in choose(client, [hidden], act)
    assert not DeskState.objects.exists()


def test_each_act_works_on_a_selection(okafor: Account) -> None:
    lee = officers.create_officer("lee", groups.SUPERVISOR)
    tips, client = [officers.send_opened_tip(okafor) for _ in range(2)], officers.sign_in(okafor)
    choose(client, tips, f"assign:{lee.pk}")
    choose(client, tips, "priority:3")
    other = Category.objects.exclude(pk=tips[0].category_id).filter(active=True, concerns_life=False).first()
    assert other is not None
    choose(client, tips, f"category:{other.pk}", bulk_reason="Wrong list")
    officers.let_acts_go_out()
    choose(client, tips, "snooze:tomorrow", bulk_reason="The lab")
    for tip in Tip.objects.select_related("desk_state"):
        assert (tip.assigned_to, tip.priority, tip.category) == (lee, Priority.LOW, other)
        assert tip.desk_state.snoozed_until is not None
        assert "The lab" in conversation.read_notes(tip)[-1].text


def test_a_selection_is_closed_but_for_tips_that_need_a_second_person(okafor: Account) -> None:
    plain, urgent = officers.send_opened_tip(okafor), officers.send_opened_tip(okafor, danger="yes")
    Category.objects.update(concerns_life=False)
    client = officers.sign_in(okafor)
    page = choose(client, [plain, urgent], "close:unfounded", bulk_reason="Checked both")
    assert f"Tip {urgent.number} was left out. Closing tip {urgent.number} needs a second person." in page
    officers.let_acts_go_out()
    assert [Tip.objects.get(pk=tip.pk).state for tip in (plain, urgent)] == [State.CLOSED, State.OPEN]


def test_a_second_person_agrees_on_the_tips_page(okafor: Account) -> None:
    lee = officers.create_officer("lee", groups.SUPERVISOR)
    tip = officers.send_opened_tip(okafor, danger="yes")
    fields = {"disposition": "unfounded", "reason": "Called the school", "second_person": lee.pk}
    outbox.hold_back(tip, okafor, PendingAct.Kind.CLOSE, fields, b"1")
    client, page_of = officers.sign_in(lee), f"{QUEUE}{tip.pk}/change/"
    assert f"Closing Tip {tip.number} needs your decision." in client.get(QUEUE).content.decode()
    page = client.get(page_of).content.decode()
    assert "Called the school" in page
    (seen,) = re.findall(r'name="seen" value="([^"]*)"', page)
    assert "agree-close" not in officers.sign_in(okafor).get(page_of).content.decode()
    client.post(page_of, {"act": "agree-close", "seen": seen, "form_id": "00" * 16})
    officers.let_acts_go_out()
    assert Tip.objects.get(pk=tip.pk).state == State.CLOSED
