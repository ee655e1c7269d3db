"""Keys of drafts: who gets them, for which tip, and when they end."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core import ephemeral_store
from core.models import Account
from core.staff import groups
from tests.tips.desk import officers
from tips.desk import drafts, triage
from tips.models import Tip, Unit


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor")


def ask(client: Client, tip: Tip, **fields: Any) -> Any:
    return client.post(reverse("admin:tips_drafts", args=[tip.pk]), fields, headers={"accept": "application/json"})


def begin(client: Client, tip: Tip) -> tuple[str, str]:
    """Begin a draft as the page's script does. Return its id and its key."""
    draft_id = secrets.token_hex(16)
    answer = ask(client, tip, new=draft_id)
    assert answer.status_code == 200, answer.content
    return draft_id, answer.json()["keys"][draft_id]


def test_a_draft_has_the_same_key_each_time_in_any_session_of_its_officer(okafor: Account) -> None:
    tip, client = officers.send_opened_tip(okafor), officers.sign_in(okafor)
    draft_id, key = begin(client, tip)
    assert begin(client, tip)[1] != key
    for later in (client, officers.sign_in(okafor)):
        assert ask(later, tip, id=[draft_id]).json() == {"keys": {draft_id: key}, "dropped": []}


def test_neither_another_tip_nor_another_account_gives_the_key(okafor: Account) -> None:
    tip, other_tip = officers.send_opened_tip(okafor), officers.send_opened_tip(okafor)
    draft_id, key = begin(officers.sign_in(okafor), tip)
    assert ask(officers.sign_in(okafor), other_tip, id=[draft_id]).json()["keys"][draft_id] != key
    colleague = officers.sign_in(officers.create_officer("lindqvist"))
    assert ask(colleague, tip, id=[draft_id]).json() == {"keys": {}, "dropped": []}
    assert ask(colleague, tip, new=draft_id).json()["keys"][draft_id] != key
    assert drafts.name_owner(okafor) != drafts.name_owner(Account.objects.get(username="lindqvist"))


def test_a_tip_that_the_officer_may_no_longer_see_gives_no_key(okafor: Account) -> None:
    tip, client = officers.send_opened_tip(okafor), officers.sign_in(okafor)
    draft_id, _key = begin(client, tip)
    absent = Tip(pk="00000000-0000-4000-8000-000000000000")
    Tip.objects.filter(pk=tip.pk).update(unit=Unit.objects.create(name="Others"))
    hidden = ask(client, tip, id=[draft_id])
    assert (hidden.status_code, hidden.content) == (404, ask(client, absent, id=[draft_id]).content)


@pytest.mark.parametrize("group", [groups.ADMINISTRATOR, groups.COMMUNICATIONS])
def test_accounts_outside_the_desk_get_no_key(okafor: Account, group: str) -> None:
    tip = officers.send_opened_tip(okafor)
    assert ask(officers.sign_in(officers.create_officer("ito", group)), tip, new="0" * 32).status_code == 403
    assert ask(Client(), tip, new="0" * 32).status_code in (302, 401)


def test_sending_the_text_drops_the_key_and_keeping_some_does_not(okafor: Account) -> None:
    tip, client = officers.send_opened_tip(okafor), officers.sign_in(okafor)
    draft_id, key = begin(client, tip)

    def post(**fields: str) -> Any:
        stamp = triage.stamp(Tip.objects.get(pk=tip.pk), tip.messages.count())
        data = {"form_id": secrets.token_hex(16), "seen": stamp, "draft": draft_id}
        return client.post(reverse("admin:tips_tip_change", args=[tip.pk]), data | fields)

    assert post(act="answer", answer="Which nights?", note="Known there").status_code == 200
    assert ask(client, tip, id=[draft_id]).json() == {"keys": {draft_id: key}, "dropped": []}
    assert post(act="note", note="").status_code == 422
    assert ask(client, tip, id=[draft_id]).json()["dropped"] == []
    assert post(act="note", note="Known there").status_code == 302
    assert ask(client, tip, id=[draft_id]).json() == {"keys": {}, "dropped": [draft_id]}


def test_signing_out_drops_the_keys_of_that_browser_alone(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    here, elsewhere = officers.sign_in(okafor), officers.sign_in(okafor)
    draft_id, _key = begin(here, tip)
    other_id, other_key = begin(elsewhere, tip)
    here.post("/admin/logout/")
    again = officers.sign_in(okafor)
    assert ask(again, tip, id=[draft_id, other_id]).json() == {"keys": {other_id: other_key}, "dropped": [draft_id]}


def test_a_key_that_a_later_session_uses_ends_with_that_session(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    draft_id, key = begin(officers.sign_in(okafor), tip)  # that session ends without signing out
    again = officers.sign_in(okafor)
    assert ask(again, tip, id=[draft_id]).json()["keys"] == {draft_id: key}
    again.post("/admin/logout/")
    assert ask(officers.sign_in(okafor), tip, id=[draft_id]).json()["dropped"] == [draft_id]


def test_the_store_has_neither_key_nor_tip_and_forgets_after_a_day(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    draft_id, key = begin(officers.sign_in(okafor), tip)
    (name,) = ephemeral_store.list_names(drafts._prefix(okafor))
    value = ephemeral_store.get(name) or b""
    assert draft_id not in name
    assert tip.pk.bytes not in value
    assert str(tip.pk).encode() not in value
    assert key.encode() not in value
    assert 0 < ephemeral_store.seconds_left(name) <= drafts.LIFETIME_SECONDS
    ephemeral_store.forget(name)  # the store lost it: neither a key nor "dropped"
    assert ask(officers.sign_in(okafor), tip, id=[draft_id]).json() == {"keys": {}, "dropped": []}


def test_ids_that_are_none_are_ignored(okafor: Account) -> None:
    tip, client = officers.send_opened_tip(okafor), officers.sign_in(okafor)
    for wrong in ("", "*", "x" * 32, "0" * 33, "0" * 31 + "\n"):
        assert ask(client, tip, new=wrong, id=[wrong]).json() == {"keys": {}, "dropped": []}
    assert ask(client, tip, id=["0" * 32] * 90).status_code == 200


def test_a_store_that_is_down_is_said(okafor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise ephemeral_store.StoreDownError

    tip, client = officers.send_opened_tip(okafor), officers.sign_in(okafor)
    monkeypatch.setattr(ephemeral_store, "put_once", fail)
    answer = ask(client, tip, new="0" * 32)
    assert (answer.status_code, answer.json()) == (503, {"state": "down"})
