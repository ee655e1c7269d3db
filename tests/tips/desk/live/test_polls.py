"""The request with which pages of the desk ask what has changed: what it tells, to whom, and what it costs."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import Account, StaffSession
from core.staff import groups
from tests.tips.desk.officers import create_officer, send_opened_tip, send_tip, set_duty, sign_in
from tips.desk import triage
from tips.desk.live import desk_watch, live_thread, page_state
from tips.desk.live.sightings import sign_ticket
from tips.models import Tip, Wall

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/tips/tip/live/"
TAB = "0011223344556677"
SENTENCES = ("reading", "writing")


@pytest.fixture(autouse=True)
def _fresh_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see who was there in another, and no minute pass."""
    watch = desk_watch.DeskWatch()
    for module in (desk_watch, live_thread, page_state):
        monkeypatch.setattr(module, "desk_watch", watch)
    monkeypatch.setattr("tips.admin.live.desk_watch", watch)
    monkeypatch.setattr(page_state, "_read_minute", lambda: 1)


@pytest.fixture
def okafor() -> Account:
    return create_officer("okafor", first_name="Ana", last_name="Okafor")


class Page:
    """Asks as the script of a page does, and remembers what it was told."""

    def __init__(self, account: Account, tip: Tip | None = None, tab: str = TAB) -> None:
        self.client: Client = sign_in(account)
        self.tab, self.known = tab, {"rows": "", "people": ""}
        self.ticket = sign_ticket(account.pk, tip.pk) if tip else ""

    def ask(self, doing: str = "reading", **fields: str) -> HttpResponse:
        query = {"tab": self.tab, "doing": doing, "ticket": self.ticket, "query": "", **self.known, **fields}
        answer: HttpResponse = self.client.get(ADDRESS, query, headers={"Accept": "application/json"})
        return answer

    def hear(self, doing: str = "reading") -> dict[str, Any]:
        """Return what has changed; {} if nothing has."""
        answer = self.ask(doing)
        if answer.status_code == 204:
            return {}
        assert answer.status_code == 200, answer.status_code
        told: dict[str, Any] = answer.json()  # type: ignore[attr-defined]
        self.known |= {name: told[name] for name in self.known if name in told}
        return told


def settle() -> None:
    live_thread.run_round(at_tips=True)


def test_a_page_is_told_of_a_new_tip_with_the_rows_of_the_page_itself(okafor: Account) -> None:
    page = Page(okafor)
    page.hear()
    assert page.hear() == {}
    tip = send_tip()
    settle()
    told = page.hear()
    assert f'id="tip-{tip.number}"' in told["queue_html"]
    assert "people" not in told
    shown = page.client.get("/admin/tips/tip/").content.decode()
    row = told["queue_html"].split(f'id="tip-{tip.number}"')[1].split("</li>")[0]
    assert row in shown
    assert page.hear() == {}


def test_the_hash_on_a_page_is_the_one_that_its_first_poll_finds(okafor: Account) -> None:
    page = Page(okafor)
    page.hear()
    shown = page.client.get("/admin/tips/tip/").content.decode()
    page.known["rows"] = shown.split('data-rows="')[1].split('"')[0]
    assert page.hear() == {}


def test_an_empty_answer_costs_the_session_alone_whatever_the_number_of_tips(okafor: Account) -> None:
    def count(page: Page) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert page.ask().status_code == 204
        return len(asked)

    page = Page(okafor)
    page.hear()
    few = count(page)
    for _number in range(5):
        send_opened_tip(okafor)
    settle()
    page.hear()
    assert count(page) == few
    with CaptureQueriesContext(connection) as asked:
        page.client.get("/admin/session/", headers={"Accept": "application/json"})
    permissions_and_arrivals = 3
    assert few <= len(asked) + permissions_and_arrivals


def test_a_tip_that_an_officer_may_not_see_changes_neither_answers_nor_queries(okafor: Account) -> None:
    supervisor = create_officer("reyes", groups.SUPERVISOR)
    page, other = Page(okafor), Page(supervisor)
    other.hear()
    settle()
    page.hear()

    def watch() -> tuple[int, bytes, int]:
        settle()
        with CaptureQueriesContext(connection) as asked:
            answer = page.ask()
        return answer.status_code, answer.content, len(asked)

    before = watch()
    assert before[:2] == (204, b"")
    walled = send_tip("Okafor sells what he finds")
    assert watch() == before
    assert f'id="tip-{walled.number}"' not in other.hear()["queue_html"]  # in a view of its own
    triage.open_tip(walled.pk, supervisor)
    assert watch() == before
    Page(supervisor, walled, "8899aabbccddeeff").ask("writing")
    assert watch() == before


def test_an_open_tip_that_is_hidden_now_answers_as_one_that_was_erased(okafor: Account) -> None:
    hidden, erased = send_opened_tip(okafor), send_opened_tip(okafor)
    pages = [Page(okafor, tip) for tip in (hidden, erased)]
    for page in pages:
        assert page.hear()["stamp"]
    Wall.objects.create(tip=hidden, decision=Wall.Decision.NONE)
    Tip.objects.filter(pk=erased.pk).delete()
    settle()
    told = [page.hear() for page in pages]
    assert [each["stamp"] for each in told] == ["", ""]
    assert all(str(tip.number) not in told[0]["queue_html"] for tip in (hidden, erased))


def test_colleagues_read_who_is_at_a_tip_until_the_page_is_left(okafor: Account) -> None:
    tran = create_officer("tran", first_name="Minh", last_name="Tran")
    tip = send_tip()
    page, other = Page(okafor), Page(tran, tip)
    page.hear()
    for doing, words in (("reading", "Minh reading"), ("writing", "Minh writing"), ("idle", "Minh, idle")):
        other.ask(doing)
        settle()
        told = page.hear()
        assert told["here"][str(tip.pk)]["words"] == words
        assert f"tip {tip.number}" in told["people_html"]
    assert other.ask("gone").status_code == 204
    settle()
    assert page.hear()["here"] == {}


def test_an_officer_is_not_told_that_they_are_there_themself(okafor: Account) -> None:
    tip = send_tip()
    page = Page(okafor, tip)
    told = page.hear()
    assert told["here"] == {}
    assert "You" in told["people_html"]


def test_two_officers_of_one_first_name_are_told_apart(okafor: Account) -> None:
    for last_name in ("Tran", "Vu"):
        set_duty(create_officer(f"minh.{last_name}", first_name="Minh", last_name=last_name))
    told = Page(okafor).hear()
    assert "Minh Tran" in told["people_html"]
    assert "Minh Vu" in told["people_html"]
    assert "away" in told["people_html"]


def test_a_hostile_name_is_text(okafor: Account) -> None:
    set_duty(create_officer("mallory", first_name="<b>Mal</b>"))
    assert "<b>Mal" not in Page(okafor).hear()["people_html"]


def test_a_poll_is_no_activity_and_ends_with_the_lock_and_the_session(okafor: Account) -> None:
    page = Page(okafor)
    earlier = timezone.now() - dt.timedelta(minutes=10)
    StaffSession.objects.update(active_at=earlier)
    page.hear()
    assert StaffSession.objects.get().active_at == earlier
    StaffSession.objects.update(active_at=timezone.now() - dt.timedelta(minutes=16))
    answer = page.ask()
    assert (answer.status_code, answer.json()) == (401, {"state": "locked"})  # type: ignore[attr-defined]
    StaffSession.objects.all().delete()
    answer = page.ask()
    assert (answer.status_code, answer.json()) == (401, {"state": "ended"})  # type: ignore[attr-defined]


@pytest.mark.parametrize("fields", [{"tab": "zz"}, {"tab": "00"}, {"doing": "dancing"}])
def test_a_request_that_is_not_our_scripts_is_refused(okafor: Account, fields: dict[str, str]) -> None:
    assert Page(okafor).ask(**fields).status_code == 400


def test_a_person_who_opens_the_address_is_led_to_the_desk(okafor: Account) -> None:
    answer = sign_in(okafor).get(ADDRESS, headers={"Sec-Fetch-Dest": "document"})
    assert answer["Location"] == "/admin/tips/tip/"


def test_single_letter_keys_are_turned_off_for_the_account(okafor: Account) -> None:
    client = sign_in(okafor)
    assert 'data-letters="on"' in client.get("/admin/tips/tip/").content.decode()
    client.post("/admin/tips/tip/keys/", {"letters": "off"})
    assert 'data-letters="off"' in client.get("/admin/tips/tip/").content.decode()
    assert "Single-letter keys are off." in client.get("/admin/tips/tip/keys/").content.decode()
    client.post("/admin/tips/tip/keys/", {"letters": "on"})
    assert Account.objects.get(pk=okafor.pk).letter_keys
