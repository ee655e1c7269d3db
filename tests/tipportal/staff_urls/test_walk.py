"""No address of the staff side answers anyone who is not signed in with a second factor. New addresses are walked, too."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session as StoredSession
from django.test import Client
from django.urls import URLPattern, URLResolver

from core.models import Account, FailedAttempt, StaffSession
from core.staff import groups
from tests import staff_session
from tests.core.sign_in import client_sessions
from tests.tipportal.staff_urls.addresses import MARKER, StaffAddress, create_world, staff_patterns
from tests.tips.desk import officers

# Open by design: the steps of signing in. Add a name here only if its page is one of these.
SIGN_IN = {"login", "sign_in_factor", "sign_in_set_up", "set-up", "passkey_options", "new_passkey_options"}
METHODS = ("get", "post", "head", "options")
FORMS = ('name="password"', 'name="code"', 'name="_carried"')


def no_session(_account: Account) -> Client:
    return Client()


def expired_session(account: Account) -> Client:
    client = staff_session.sign_in(Client(), account)
    long_ago = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    StaffSession.objects.filter(account=account).update(expire_date=long_ago)
    return client


def password_only(account: Account) -> Client:
    """A session in which the password was right, and nothing else."""
    client = Client()
    staff_session.give_app(account)
    typed = {"username": account.get_username(), "password": staff_session.PASSWORD}
    assert "/sign-in/" in client.post("/admin/login/", typed)["Location"]
    return client


def without_factor(account: Account) -> Client:
    """A session from before there were second factors."""
    client = Client()
    client.force_login(account, backend="core.staff.sign_in.AuditedBackend")
    return client


def removed_factor(account: Account) -> Client:
    """A session whose factor was removed or reset since."""
    client = staff_session.sign_in(Client(), account)
    staff_session.give_app(account).delete()
    return client


def turned_off(account: Account) -> Client:
    client = staff_session.sign_in(Client(), account)
    Account.objects.filter(pk=account.pk).update(is_active=False)
    return client


def only_asks_to_sign_in(address: StaffAddress, response: Any) -> bool:
    if address.path.startswith("/api/"):
        return response.status_code in (401, 403, 404, 405) and MARKER not in response.content.decode()
    if response.status_code in (301, 302):
        path = urlsplit(response["Location"]).path
        # Signing out of nothing leads to the desk, which asks to sign in.
        return path.startswith(("/admin/login/", "/admin/sign-in/")) or (address.name, path) == ("logout", "/admin/")
    if response.streaming:
        return False
    page = response.content.decode()
    is_signed_out = address.name == "logout" and response.status_code == 200
    is_empty = response.status_code in (401, 405) or is_signed_out
    return MARKER not in page and (is_empty or any(form in page for form in FORMS))


def count_rows() -> dict[str, int]:
    ignored = (StoredSession, StaffSession, FailedAttempt)
    return {model._meta.label: model._default_manager.count() for model in apps.get_models() if model not in ignored}


def locked(account: Account) -> Client:
    client = staff_session.sign_in(Client(), account)
    client_sessions.let_pass(client, active_at=dt.timedelta(minutes=16))
    return client


Session = Callable[[Account], Client]
# Each address meets these, HEAD and OPTIONS the first alone ...
EACH: tuple[Session, ...] = (no_session, password_only, locked)
# ... and one of these, the same in each run: what they lack is asked for where all sessions are read.
IN_TURN: tuple[Session, ...] = (expired_session, without_factor, removed_factor, turned_off)


def meets(begin: Session, address: StaffAddress) -> bool:
    return begin in EACH or IN_TURN[zlib.crc32(address.name.encode()) % len(IN_TURN)] is begin


def meets_all(_begin: Session, _address: StaffAddress) -> bool:
    return True


@pytest.mark.parametrize("is_asked", [meets, pytest.param(meets_all, marks=pytest.mark.nightly)])
def test_no_address_answers(
    db: None, settings: Any, tmp_path: Path, is_asked: Callable[[Session, StaffAddress], bool]
) -> None:
    settings.MEDIA_STORE = tmp_path / "media"
    settings.MEDIA_STORE.mkdir()
    # One client: each loads the middleware anew, and that the list of static files.
    world, answered, client = create_world(), [], Client(raise_request_exception=False)
    for begin in EACH + IN_TURN:
        account = officers.create_officer(
            begin.__name__, groups.SUPERVISOR, groups.ADMINISTRATOR, groups.COMMUNICATIONS
        )
        given = begin(staff_session.set_password(account))
        session_key = given.cookies["staff"].value if "staff" in given.cookies else ""
        addresses = [each for each in world.list_addresses(session_key) if each.name not in SIGN_IN]
        assert len(addresses) > 150
        addresses = [each for each in addresses if is_asked(begin, each)]
        addresses.sort(key=lambda each: each.name == "logout")  # the last: a post to it ends the session
        rows = count_rows()
        for address in addresses:
            for method in METHODS if is_asked is meets_all or begin is no_session else METHODS[:2]:
                client.cookies.clear()
                client.cookies["staff"] = session_key
                response = getattr(client, method)(address.path)
                if not only_asks_to_sign_in(address, response):
                    answered.append((begin.__name__, address.name, method, response.status_code))
        assert {label: count for label, count in count_rows().items() if count != rows[label]} == {}
    assert not answered, sorted({str(each) for each in answered})


def test_no_address_leads_to_allauths_own_pages() -> None:
    """Its pages would open accounts, change mail addresses and send links for passwords, past consent and invitations."""
    views = [view for pattern in staff_patterns() for view in list_views(pattern)]
    assert len(views) > 200, "the patterns are read to their ends"
    assert not [view for view in views if view.startswith(("allauth.account", "allauth.mfa", "allauth.socialaccount"))]


def list_views(pattern: URLPattern | URLResolver) -> list[str]:
    if isinstance(pattern, URLResolver):
        return [view for each in pattern.url_patterns for view in list_views(each)]
    view = getattr(pattern.callback, "view_class", pattern.callback)
    return [f"{view.__module__}.{view.__name__}"]
