"""Error pages: staff's have no emergency line, no way to the tip form, and keep what was typed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test import Client, RequestFactory

from core.models import Account
from core.roles import Role
from core.staff import groups
from core.web import error_pages
from tests import staff_session
from tests.core.staff.test_staff import account, signed_in
from tipportal import views

TYPED = {"answer": "Which nights & when?", "password": "two words", "act": "answer"}


@pytest.fixture
def officer(db: None) -> Account:
    return account("okafor", groups.OFFICER)


def assert_is_staffs(page: str) -> None:
    assert "911" not in page
    assert "/tips/" not in page
    assert 'href="/admin/"' in page


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/admin/nope/", 404),
        ("/admin/r/10/1/", 404),
        ("/admin/r/99/x/", 404),
        ("/admin/autocomplete/?app_label=tips&model_name=tip&field_name=category", 404),
        ("/admin/core/account/", 403),
        ("/admin/core/account/invite/", 403),
    ],
)
def test_staffs_error_pages_are_their_own(officer: Account, address: str, status: int) -> None:
    answer = signed_in(officer).get(address)
    assert answer.status_code == status
    assert_is_staffs(answer.content.decode())


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
def test_what_staff_typed_is_on_the_error_page(status: int) -> None:
    answer = error_pages.render_error(RequestFactory().post("/admin/tips/tip/1/change/", TYPED), status)
    page = answer.content.decode()
    assert answer.status_code == status
    assert_is_staffs(page)
    assert "Which nights &amp; when?</textarea>" in page
    assert "two words" not in page


def test_a_fault_and_a_lost_database_keep_what_was_typed(officer: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in(officer)
    client.raise_request_exception = False

    def write_to_a_closed_database() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL transaction_read_only = on")
            cursor.execute("DELETE FROM django_session")

    def lose_the_database() -> None:
        raise OperationalError("relation tips_tip of portal_staff")

    def have_a_fault() -> None:
        raise ValueError("relation tips_tip of portal_staff")

    for act, status in ((lose_the_database, 503), (write_to_a_closed_database, 503), (have_a_fault, 500)):

        def fail(*_args: Any, act: Callable[[], None] = act) -> None:
            act()

        monkeypatch.setattr("tips.admin.tip_page.respond", fail)
        answer = client.post("/admin/tips/tip/00000000-0000-4000-8000-000000000000/change/", TYPED)
        assert answer.status_code == status
        assert "Which nights &amp; when?</textarea>" in answer.content.decode()
        assert not re.search("tips_tip|portal_staff|Traceback|OperationalError|ValueError", answer.content.decode())


def test_a_host_for_staff_alone_has_staffs_error_pages_everywhere(settings: Any) -> None:
    settings.ROLE = Role.STAFF
    assert_is_staffs(views.not_found(RequestFactory().get("/nope/"), Exception()).content.decode())
    settings.ROLE = Role.ALL
    assert "911" in views.not_found(RequestFactory().get("/nope/"), Exception()).content.decode()


def test_a_form_that_is_too_old_is_explained_to_staff(officer: Account) -> None:
    client = Client(enforce_csrf_checks=True)
    staff_session.sign_in(client, officer)
    answer = client.post("/admin/tips/duty/mine/", {"switch": "on"}, headers={"origin": "http://testserver"})
    assert answer.status_code == 403
    assert_is_staffs(answer.content.decode())
    assert "Open the page again" in answer.content.decode()


PARTS = (
    "admin", "tips", "tip", "core", "account", "r", "99", "change", "add", "delete", "history", "search", "live", "drafts", "views",
    "workload", "move", "wall", "files", "sign-in", "factors", "outreach", "story", "crimemap", "source", "token", "-1", "0",
    "99999999999999999999", "00000000-0000-4000-8000-000000000000", "%00", "%ff", "%2e%2e", "..%2f", "<script>", "{{7*7}}", "\u202e",
    "%0d%0aSet-Cookie:x", "a" * 300, "'", "admin%2Ftips", "~2F", "",
)  # fmt: skip
QUERIES = (
    "",
    "?p=%00",
    "?view=%ff&who=-1&state=%F0",
    "?_changelist_filters=%",
    "?shown=9e9",
    "?next=//evil.example",
    "?o=1.-2",
)


def test_random_addresses_of_the_desk_neither_break_nor_show_residents_pages(officer: Account) -> None:
    drawn = random.Random(16)
    clients = [signed_in(officer), signed_in(account("root", *groups.GROUPS)), Client()]
    broken = []
    for client in clients:
        client.raise_request_exception = False
    for _ in range(150):
        path = "/".join(drawn.choices(PARTS, k=drawn.randint(1, 5)))
        address = f"/admin/{path}{drawn.choice(('', '/'))}{drawn.choice(QUERIES)}"
        client = drawn.choice(clients)
        answer = client.post(address, TYPED) if drawn.random() < 0.3 else client.get(address)
        is_residents = answer.status_code >= 400 and re.search(rb'911|href="/(tips/|")', answer.content)
        if answer.status_code >= 500 or is_residents:
            broken.append((address, answer.status_code))
    assert broken == []
