"""A locked session reaches the lock page and nothing else; a factor gives the page back with what was typed."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core.models import StaffSession
from core.sign_in.factors.factor_form import CODE_FIELD
from core.sign_in.sessions import lock_middleware, screen_lock
from core.staff.groups import COMMUNICATIONS, OFFICER
from tests.core.sign_in.client_sessions import account, let_pass, row_of, signed_in
from tests.staff_session import PASSWORD, next_code, post_as_typed_by
from tests.staff_session import sign_in as sign_in_client

pytestmark = pytest.mark.django_db

IDLE = dt.timedelta(minutes=15, seconds=1)
HALF_DAY = dt.timedelta(hours=12, seconds=1)
POLL = {"Sec-Fetch-Dest": "empty"}
STATE = "/admin/session/"
TAG = "/admin/outreach/tag/add/"


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def is_lock_page(answer: Any) -> bool:
    return answer.status_code in (401, 403) and 'id="lock-page"' in text_of(answer)


def unlock(client: Client, who: Any, address: str = "/admin/", **fields: str) -> Any:
    return client.post(address, {"_unlock": "1", CODE_FIELD: next_code(who), **fields})


def test_a_screen_locks_after_fifteen_minutes_and_a_code_gives_the_page_back() -> None:
    okafor = account("okafor", OFFICER)
    client = signed_in(okafor)
    let_pass(client, active_at=dt.timedelta(minutes=14, seconds=50))
    assert client.get("/admin/").status_code == 200
    let_pass(client, active_at=IDLE)
    answer = client.get("/admin/tips/tip/?state=new")
    assert is_lock_page(answer)
    assert "for 15 minutes" in text_of(answer)
    assert "<title>Locked</title>" in text_of(answer)
    answer = unlock(client, okafor, "/admin/tips/tip/?state=new")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/tips/tip/?state=new")
    assert client.get(answer["Location"]).status_code == 200


def test_a_wrong_code_and_a_password_alone_open_nothing() -> None:
    client = signed_in(account("okafor", OFFICER))
    let_pass(client, active_at=IDLE)
    assert is_lock_page(client.post("/admin/", {"_unlock": "1", CODE_FIELD: "000000"}))
    assert is_lock_page(client.post("/admin/", {"_unlock": "1", "password": PASSWORD, CODE_FIELD: ""}))
    assert is_lock_page(client.get("/admin/"))


def test_twelve_hours_after_the_last_factor_the_lock_asks_for_password_and_code_however_busy() -> None:
    okafor = account("okafor", OFFICER)
    client = signed_in(okafor)
    let_pass(client, proved_at=HALF_DAY)
    assert "12 hours" in text_of(client.get("/admin/"))
    assert is_lock_page(unlock(client, okafor))
    assert is_lock_page(unlock(client, okafor, password="wrong"))
    assert unlock(client, okafor, password=PASSWORD).status_code == 302
    assert client.get("/admin/").status_code == 200
    assert screen_lock.count_seconds_left(row_of(client)) > 14 * 60


def test_a_wrong_password_uses_up_no_code() -> None:
    okafor = account("okafor", OFFICER)
    client = signed_in(okafor)
    let_pass(client, proved_at=HALF_DAY)
    code = next_code(okafor)
    for password, status in (("wrong", 403), (PASSWORD, 302)):
        answer = client.post("/admin/", {"_unlock": "1", CODE_FIELD: code, "password": password})
        assert answer.status_code == status


def test_a_shift_of_twelve_hours_is_not_thrown_out_while_it_works() -> None:
    client = signed_in(account("okafor", OFFICER))
    for _ in range(12 * 4 - 1):
        let_pass(client, active_at=dt.timedelta(minutes=14), proved_at=dt.timedelta(minutes=15))
        assert client.get(STATE).status_code == 200


def test_a_locked_screen_is_given_back_after_a_weekend() -> None:
    okafor = account("okafor", OFFICER)
    client = signed_in(okafor)
    weekend = dt.timedelta(hours=64)
    let_pass(client, active_at=weekend, proved_at=weekend, expire_date=weekend)
    assert is_lock_page(client.get("/admin/"))
    assert unlock(client, okafor, password=PASSWORD).status_code == 302


def test_the_button_locks_at_once_and_unlocking_makes_a_new_key() -> None:
    okafor = account("okafor", OFFICER)
    client = signed_in(okafor)
    client.post("/admin/session/lock/")
    before = client.cookies["staff"].value
    assert is_lock_page(client.get("/admin/"))
    assert unlock(client, okafor, "/admin/session/unlock/")["Location"] == "/admin/"
    assert client.cookies["staff"].value != before
    assert client.get("/admin/").status_code == 200
    old = Client()
    old.cookies["staff"] = before
    assert old.get("/admin/").status_code == 302


@pytest.mark.parametrize("headers", [POLL, {"Sec-Fetch-Dest": "video"}, {"Accept": "application/json"}])
def test_polling_is_no_activity_and_gets_no_page_of_a_locked_session(headers: dict[str, str]) -> None:
    client = signed_in(account("okafor", OFFICER))
    let_pass(client, active_at=dt.timedelta(minutes=10))
    before = row_of(client).active_at
    assert client.get("/admin/", headers=headers).status_code == 200
    assert row_of(client).active_at == before
    let_pass(client, active_at=IDLE)
    answer = client.get("/admin/", headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"state": "locked"})


def test_a_post_of_the_script_is_activity() -> None:
    client = signed_in(account("okafor", OFFICER))
    let_pass(client, active_at=dt.timedelta(minutes=10))
    assert client.get(STATE, headers=POLL).json()["seconds"] < 5 * 60 + 1
    assert client.post(STATE, headers={**POLL, "Accept": "application/json"}).json()["seconds"] > 14 * 60


def test_activity_costs_one_write_a_minute_and_the_session_one_query() -> None:
    client = signed_in(account("okafor", OFFICER))

    def list_verbs() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(STATE).status_code == 200
        return [each["sql"].split()[0] for each in captured if StaffSession._meta.db_table in each["sql"]]

    assert list_verbs() == ["SELECT"]
    let_pass(client, active_at=dt.timedelta(minutes=2))
    assert list_verbs() == ["SELECT", "UPDATE"]
    assert list_verbs() == ["SELECT"]


def test_a_request_that_began_before_the_lock_does_not_open_it() -> None:
    client = signed_in(account("okafor", OFFICER))
    let_pass(client, active_at=dt.timedelta(minutes=2))
    row = row_of(client)
    let_pass(client, active_at=IDLE)
    screen_lock.mark_activity(row)
    assert is_lock_page(client.get("/admin/"))


def test_what_was_typed_comes_back_after_the_lock_and_is_saved_by_a_second_press() -> None:
    editor = account("editor", COMMUNICATIONS)
    client = signed_in(editor)
    let_pass(client, active_at=IDLE)
    answer = post_as_typed_by(editor, client, TAG, {"name": "Half a tag"})
    assert is_lock_page(answer)
    assert "Half a tag" not in text_of(answer)
    assert "What you typed is kept" in text_of(answer)
    carried = text_of(answer).split('name="_carried" value="')[1].split('"')[0]
    wrong = client.post(TAG, {"_unlock": "1", CODE_FIELD: "000000", "_carried": carried})
    assert carried in text_of(wrong)
    answer = unlock(client, editor, TAG, _carried=carried)
    assert answer.status_code == 409
    assert 'value="Half a tag"' in text_of(answer)


def test_a_post_with_an_old_form_meets_the_lock_page_too() -> None:
    okafor = account("okafor", OFFICER)
    client = sign_in_client(Client(enforce_csrf_checks=True), okafor)
    let_pass(client, active_at=IDLE)
    answer = client.post("/admin/tips/tip/", {"note": "Half a note"}, headers={"Origin": "http://testserver"})
    assert "Half a note" not in text_of(answer)


def test_a_locked_session_can_sign_out() -> None:
    client = signed_in(account("okafor", OFFICER))
    let_pass(client, active_at=IDLE)
    assert client.post("/admin/logout/").status_code in (200, 302)
    assert not StaffSession.objects.exists()


def test_script_gets_the_lock_page_and_a_short_answer_when_it_unlocks() -> None:
    okafor = account("okafor", OFFICER)
    client = signed_in(okafor)
    let_pass(client, active_at=IDLE)
    assert is_lock_page(client.get("/admin/session/unlock/", headers={**POLL, "Accept": "text/html"}))
    headers = {**POLL, "Accept": "application/json"}
    wrong = client.post("/admin/session/unlock/", {"_unlock": "1", CODE_FIELD: "000000"}, headers=headers)
    assert is_lock_page(wrong)
    answer = client.post("/admin/session/unlock/", {"_unlock": "1", CODE_FIELD: next_code(okafor)}, headers=headers)
    assert answer.status_code == 204
    assert client.get(STATE, headers=headers).json()["state"] == "open"


def test_a_stream_ends_with_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_middleware, "STREAM_CHECK_SECONDS", -1)
    client = signed_in(account("okafor", OFFICER))
    row = row_of(client)
    stream = lock_middleware.end_with_session([b"1", b"2", b"3"], row)
    assert next(stream) == b"1"
    screen_lock.lock(row)
    with pytest.raises(ConnectionResetError):
        next(stream)


@pytest.mark.parametrize(("minutes", "starts"), [("30", True), ("31", False), ("0", False)])
def test_a_lock_after_more_than_thirty_minutes_refuses_to_start(minutes: str, starts: bool) -> None:
    environment = {**os.environ, "STAFF_LOCK_MINUTES": minutes}
    command = [sys.executable, "-c", "import tipportal.settings"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is starts, done.stderr
    assert starts or "STAFF_LOCK_MINUTES" in done.stderr


def test_residents_pages_do_not_look_at_a_session(django_assert_num_queries) -> None:
    client = signed_in(account("okafor", OFFICER))
    let_pass(client, active_at=IDLE)
    answer = client.get("/tips/safety/")
    assert answer.status_code == 200
    assert "Cookie" not in answer.headers.get("Vary", "")
