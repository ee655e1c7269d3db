"""Sessions end at a new password, at changed roles, when an account is turned off, and on request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from core.models import Account, AuditEntry, StaffSession
from core.sign_in.sessions.device_words import describe_device
from core.staff.groups import ADMINISTRATOR, COMMUNICATIONS, OFFICER
from tests.core.sign_in.client_sessions import account, row_of, signed_in
from tests.staff_session import PASSWORD

pytestmark = pytest.mark.django_db

SESSIONS = "/admin/sessions/"
NEW_PASSWORD = "five words of nobody else"


def is_signed_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def set_new_password(who: Account) -> None:
    who.set_password(NEW_PASSWORD)
    who.save()


def turn_off(who: Account) -> None:
    who.is_active = False
    who.save()


def give_role(who: Account) -> None:
    who.groups.add(Group.objects.get(name=COMMUNICATIONS))


def take_role_from_the_group(who: Account) -> None:
    Group.objects.get(name=OFFICER).user_set.remove(who)


@pytest.mark.parametrize("change", [set_new_password, turn_off, give_role, take_role_from_the_group])
def test_a_change_ends_all_sessions_of_the_account_and_no_others(change: Callable[[Account], None]) -> None:
    okafor, other = account("okafor", OFFICER), signed_in(account("lindqvist", OFFICER))
    clients = [signed_in(okafor), signed_in(okafor)]
    change(okafor)
    # At once, and not only at their next requests: streams and the list of sessions look at the rows.
    assert not StaffSession.objects.filter(account=okafor).exists()
    assert not any(is_signed_in(client) for client in clients)
    assert is_signed_in(other)


@pytest.mark.parametrize("change", [lambda who: who.groups.add(*who.groups.all()), lambda who: who.save()])
def test_a_change_of_nothing_ends_no_session(change: Callable[[Account], None]) -> None:
    okafor = account("okafor", OFFICER)
    client = signed_in(okafor)
    change(okafor)
    assert is_signed_in(client)


def test_a_change_of_the_own_password_ends_the_other_sessions() -> None:
    okafor = account("okafor", OFFICER)
    here, elsewhere = signed_in(okafor), signed_in(okafor)
    passwords = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    assert here.post("/admin/password_change/", passwords).status_code == 302
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)


def list_buttons(client: Client, address: str = SESSIONS) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_list_marks_this_browser_and_signs_out_there() -> None:
    okafor = account("okafor", OFFICER)
    here, there = signed_in(okafor), signed_in(okafor)
    page = list_buttons(here)
    assert page.count("This browser") == 1
    assert page.count('name="session"') == 1
    assert row_of(there).pk in page
    assert here.post(SESSIONS, {"session": row_of(there).pk}).status_code == 302
    assert not is_signed_in(there)
    assert is_signed_in(here)


def test_everywhere_else_keeps_this_browser() -> None:
    okafor = account("okafor", OFFICER)
    here, others = signed_in(okafor), [signed_in(okafor), signed_in(okafor)]
    assert "Signed out in 2 places." in here.post(SESSIONS, {}, follow=True).content.decode()
    assert is_signed_in(here)
    assert not any(is_signed_in(client) for client in others)


def test_nobody_ends_a_session_of_another_account_by_its_id() -> None:
    mine, theirs = signed_in(account("okafor", OFFICER)), signed_in(account("lindqvist", OFFICER))
    mine.post(SESSIONS, {"session": row_of(theirs).pk})
    assert is_signed_in(theirs)


def test_an_administrator_ends_the_sessions_of_an_account_and_that_is_recorded() -> None:
    okafor, boss = account("okafor", OFFICER), account("boss", ADMINISTRATOR)
    client, admin = signed_in(okafor), signed_in(boss)
    address = f"{SESSIONS}{okafor.pk}/"
    assert "Sign okafor out everywhere" in list_buttons(admin, address)
    assert admin.post(address).status_code == 302
    assert not is_signed_in(client)
    entry = AuditEntry.objects.get(action="ended the sessions of")
    assert (entry.actor, entry.subject) == ("boss", "account okafor")
    assert "isn't signed in anywhere" in list_buttons(admin, address).replace("&#x27;", "'")


@pytest.mark.parametrize(("name", "status"), [("boss", 403), ("nobody", 404)])
def test_others_neither_see_nor_end_sessions(name: str, status: int) -> None:
    boss = account("boss", ADMINISTRATOR)
    if name == "boss":
        client, address = signed_in(account("okafor", OFFICER)), f"{SESSIONS}{boss.pk}/"
    else:
        client, address = signed_in(boss), f"{SESSIONS}99999999999999999999/"
    assert client.get(address).status_code == status
    assert client.post(address).status_code == status


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.5 Safari/605.1.15", "Safari on Mac"),
        ("curl/8.0", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_a_device_is_named_in_words(agent: str, words: str) -> None:
    assert describe_device(agent) == words


def test_no_user_agent_is_stored() -> None:
    agent: Any = "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0 secret-build"
    client = Client(headers={"User-Agent": agent})
    account("okafor", OFFICER)
    client.post("/admin/login/", {"username": "okafor", "password": PASSWORD})
    assert "secret-build" not in str(client.session.items())
