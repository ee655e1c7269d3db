"""Sessions of a test client: their row, and time that has passed for them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import random
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.contrib.auth.models import Group
from django.test import Client

from core.models import Account, StaffSession
from core.sign_in.sessions.session_store import hash_key
from tests.staff_session import set_password, sign_in

BROWSER = {"Sec-Fetch-Dest": "document"}


def account(name: str, *roles: str) -> Account:
    made = set_password(Account.objects.create_user(name, f"{name}@example.org", is_staff=True))
    made.groups.set(Group.objects.filter(name__in=roles))
    return made


def signed_in(who: Account, **headers: str) -> Client:
    """Sign in from a network address of its own: wrong codes of one test must not lock the address of another's."""
    address = ipaddress.IPv4Address(random.randrange(10 << 24, 11 << 24))
    return sign_in(Client(headers={**BROWSER, **headers}, REMOTE_ADDR=str(address)), who)


def row_of(client: Client) -> StaffSession:
    return StaffSession.objects.get(pk=hash_key(client.cookies["staff"].value))


def let_pass(client: Client, **columns: dt.timedelta) -> None:
    """Move the times of the client's row into the past: `active_at`, `proved_at`."""
    row = row_of(client)
    changed: dict[str, Any] = {name: getattr(row, name) - age for name, age in columns.items()}
    StaffSession.objects.filter(pk=row.pk).update(**changed)


def age_factor(client: Client, seconds: float) -> None:
    """Move the last factor of the client's session into the past."""
    session = client.session
    for each in session[AUTHENTICATION_METHODS_SESSION_KEY]:
        each["at"] -= seconds
    session[AUTHENTICATION_METHODS_SESSION_KEY] = session[AUTHENTICATION_METHODS_SESSION_KEY]
    session.save()
