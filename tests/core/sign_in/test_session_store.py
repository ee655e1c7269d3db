"""What a thief of the database, and a colleague who can write to it, can do with sessions."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from core.models import StaffSession
from core.sign_in.sessions import session_store
from core.staff.groups import OFFICER
from tests.core.sign_in.client_sessions import account, row_of, signed_in
from tests.staff_session import sign_in

pytestmark = pytest.mark.django_db


def opens_the_desk(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_the_database_holds_no_key_that_signs_in() -> None:
    client = signed_in(account("okafor", OFFICER))
    assert opens_the_desk(client)
    key = client.cookies["staff"].value
    row = row_of(client)
    assert key not in (row.pk, row.session_data)
    thief = Client()
    thief.cookies["staff"] = row.pk
    assert not opens_the_desk(thief)


def test_the_hash_needs_the_secret_key(settings) -> None:
    before = session_store.hash_key("a")
    settings.SECRET_KEY = "another"
    assert session_store.hash_key("a") != before


def test_two_staff_nodes_with_different_secret_keys_ask_to_sign_in_again_and_break_nothing(settings) -> None:
    """While a new SECRET_KEY reaches one node after the other, one browser is sent to both."""
    officer, old = account("okafor", OFFICER), settings.SECRET_KEY
    client = signed_in(officer)
    stayed = signed_in(officer)
    settings.SECRET_KEY = "new" * 20
    answer = client.get("/admin/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")
    sign_in(client, officer)
    assert opens_the_desk(client)
    settings.SECRET_KEY = old
    assert not opens_the_desk(client)
    assert opens_the_desk(stayed)


def test_content_copied_into_another_row_signs_nobody_in() -> None:
    officer, colleague = signed_in(account("okafor", OFFICER)), signed_in(account("lindqvist"))
    row = row_of(officer)
    changed = {"session_data": row.session_data, "account_id": row.account_id}
    StaffSession.objects.filter(pk=row_of(colleague).pk).update(**changed)
    assert opens_the_desk(officer)
    assert not opens_the_desk(colleague)


def test_a_row_says_where_and_when_a_session_began_and_keeps_that_under_a_new_key() -> None:
    client = signed_in(account("okafor", OFFICER), **{"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0"})
    session, before = client.session, row_of(client)
    assert (before.device, before.account.username) == ("Unknown browser", "okafor"), "the client signed in by itself"
    assert timezone.now() - before.began_at < dt.timedelta(minutes=1)
    session.cycle_key()
    after = StaffSession.objects.get()
    assert after.pk != before.pk
    assert (after.began_at, after.account_id, after.device) == (before.began_at, before.account_id, before.device)


def test_saving_a_session_does_not_open_a_screen_that_was_locked_meanwhile() -> None:
    client = signed_in(account("okafor", OFFICER))
    session = client.session
    session["x"] = 1
    StaffSession.objects.update(is_locked=True)
    session.save()
    assert row_of(client).is_locked


def test_a_request_with_an_old_key_leaves_the_new_cookie_alone() -> None:
    client = signed_in(account("okafor", OFFICER))
    stale = Client()
    stale.cookies["staff"] = client.cookies["staff"].value
    StaffSession.objects.all().delete()
    assert "staff" not in stale.get("/admin/").cookies


def test_signing_in_removes_the_rows_of_sessions_that_are_over() -> None:
    signed_in(account("okafor", OFFICER))
    StaffSession.objects.update(expire_date=timezone.now() - dt.timedelta(minutes=1))
    signed_in(account("lindqvist", OFFICER))
    assert [row.account.username for row in StaffSession.objects.all()] == ["lindqvist"]
