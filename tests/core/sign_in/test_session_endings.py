"""Sessions end at a new password, at changed roles, when an account is turned off, and on request."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from core.models import Account
from core.sign_in.device_words import describe_device
from core.staff.groups import COMMUNICATIONS, OFFICER
from tests.core.sign_in.sessions import account, row_of, signed_in
from tests.staff_session import PASSWORD

pytestmark = pytest.mark.django_db

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
    rows = [row_of(client) for client in clients]
    change(okafor)
    assert not any(is_signed_in(client) for client in clients)
    assert not type(rows[0]).objects.filter(account=okafor).exists()
    assert is_signed_in(other)


@pytest.mark.parametrize("change", [lambda who: who.groups.add(*who.groups.all()), lambda who: who.save()])
def test_a_change_of_nothing_ends_no_session(change: Callable[[Account], None]) -> None:
    okafor = account("okafor", OFFICER)
    client = signed_in(okafor)
    change(okafor)
    assert is_signed_in(client)


def test_whoever_changes_the_own_password_stays_and_is_signed_out_elsewhere() -> None:
    okafor = account("okafor", OFFICER)
    here, elsewhere = signed_in(okafor), signed_in(okafor)
    passwords = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    assert here.post("/admin/password_change/", passwords).status_code == 302
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)


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
