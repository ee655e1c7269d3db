"""The toast and its button: on each page of the desk, after a reload, without script; what was typed comes back."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from core.models import Account
from tests.tips.desk import officers
from tips.desk import outbox, triage
from tips.desk.acts import spam, toasts
from tips.desk.acts.reversals import Kind
from tips.models import DeskState, Message, PendingAct, State, Tip

QUEUE = "/admin/tips/tip/"


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor")


def page_of(tip: Tip) -> str:
    return f"{QUEUE}{tip.pk}/change/"


def post(client: Client, tip: Tip, act: str, **data: Any) -> Any:
    tip = Tip.objects.get(pk=tip.pk)
    stamp = triage.stamp(tip, tip.messages.count())
    return client.post(page_of(tip), {"act": act, "seen": stamp, "form_id": secrets.token_hex(16), **data})


def find_toast(page: str) -> str:
    """Return what the button of the only toast posts."""
    (act,) = re.findall(r'name="act" value="(undo[^"]*)"', page)
    return str(act)


def test_the_toast_stands_on_the_next_pages_and_gives_the_answer_back(okafor: Account) -> None:
    tip, client = officers.send_opened_tip(okafor), officers.sign_in(okafor)
    assert 'class="toast"' not in client.get(QUEUE).content.decode()
    assert post(client, tip, "answer", answer="Which nights?", ask="on").status_code == 302
    for _reload in range(2):
        page = client.get(QUEUE).content.decode()
        assert f"Tip {tip.number} answered." in page
        assert re.search(r'class="left" aria-hidden="true">(2\d|3\d|40) s<', page)
    answer = post(client, tip, find_toast(page), back_to=QUEUE)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "Which nights?</textarea>" in text
    assert "Nothing was sent." in text
    officers.let_acts_go_out()
    assert not Message.objects.exists()
    assert 'class="toast"' not in client.get(QUEUE).content.decode()


def test_what_was_typed_since_stays_below_what_comes_back(okafor: Account) -> None:
    tip, client = officers.send_opened_tip(okafor), officers.sign_in(okafor)
    post(client, tip, "answer", answer="first")
    act = find_toast(client.get(QUEUE).content.decode())
    page = post(client, tip, act, answer="second", note="a note").content.decode()
    assert "first\n\nsecond</textarea>" in page
    assert "a note</textarea>" in page


def test_an_undone_closing_gives_its_fields_back(okafor: Account) -> None:
    tip, client = officers.send_opened_tip(okafor), officers.sign_in(okafor)
    post(client, tip, "close", disposition="arrest", arrests="2", case_number="26-1", close_reason="Caught")
    page = client.get(QUEUE).content.decode()
    assert f"Tip {tip.number} closed: Arrest or charges." in page
    assert f'id="tip-{tip.number}"' not in page, "it has left the queue"
    answer = post(client, tip, find_toast(page))
    assert answer.status_code == 200
    officers.let_acts_go_out()
    assert Tip.objects.get(pk=tip.pk).state == State.OPEN
    assert f'id="tip-{tip.number}"' in client.get(QUEUE).content.decode()


def test_undoing_a_done_act_leads_back_to_the_page_of_the_button(okafor: Account) -> None:
    tip, client = officers.send_tip(), officers.sign_in(okafor)
    spam.mark(tip, okafor, b"1")
    act = find_toast(client.get(QUEUE + "?view=urgent").content.decode())
    answer = post(client, tip, act, back_to=QUEUE + "?view=urgent")
    assert (answer.status_code, answer["Location"]) == (302, QUEUE + "?view=urgent")
    assert DeskState.objects.get().spam_since is None
    assert post(client, tip, act, back_to="https://example.org/")["Location"].startswith(QUEUE)
    spam.mark_all([tip, officers.send_tip()], okafor, b"2", uuid4())
    batch = find_toast(client.get(QUEUE + "?view=urgent").content.decode())
    answer = client.post(QUEUE, {"act": batch, "back_to": QUEUE + "?view=urgent"})
    assert (answer.status_code, answer["Location"]) == (302, QUEUE + "?view=urgent")
    assert not DeskState.objects.filter(spam_since__isnull=False).exists()


def test_an_act_on_many_tips_keeps_its_toast_beside_acts_of_the_same_seconds(okafor: Account) -> None:
    """Due times are rounded, so their order is not that of the acts."""
    many = [officers.send_tip() for _number in range(2)]
    spam.mark_all(many, okafor, b"1", uuid4())
    for number in range(3):
        spam.mark(officers.send_tip(), okafor, bytes([number]))
    PendingAct.objects.update(due_at=timezone.now() + dt.timedelta(seconds=20))
    shown = toasts.list_toasts(okafor)
    assert (len(shown), shown[-1].sentence) == (3, "2 tips are spam. Nothing was sent.")


def test_a_late_or_foreign_undo_is_refused_in_the_same_words(okafor: Account) -> None:
    tip, client, other = officers.send_opened_tip(okafor), officers.sign_in(okafor), officers.create_officer("lee")
    outbox.hold_back(tip, other, Kind.ANSWER, {"text": "Thank you", "ask": False}, b"1")
    foreign = PendingAct.objects.get().pk
    for act_id in (foreign, uuid4(), "x"):
        page = client.post(page_of(tip), {"act": f"undo:{act_id}"}, follow=True).content.decode()
        assert "It&#x27;s too late to undo that." in page or "It's too late to undo that." in page
    assert PendingAct.objects.count() == 1
