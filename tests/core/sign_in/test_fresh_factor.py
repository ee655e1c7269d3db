"""Delicate actions ask for a factor that is less than five minutes old, and carry on with what was posted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from core.models import Account
from core.sign_in import fresh_factor
from core.sign_in.factors.factor_form import CODE_FIELD
from core.staff.groups import ADMINISTRATOR, OFFICER, SUPERVISOR
from tests.core.sign_in.client_sessions import account, age_factor, signed_in
from tests.staff_session import next_code, post_as_typed_by, sign_in_on
from tests.tips.desk.officers import send_opened_tip
from tips.desk import triage
from tips.models import Unit

pytestmark = pytest.mark.django_db

OLD = fresh_factor.FRESH_SECONDS + 1
ADD = "/admin/tips/unit/add/"
NEW = {"name": "Night shift"}
NO_TIP = "00000000-0000-4000-8000-000000000000"
# Every address that asks for a fresh factor: "always", or only before what it "posts" is carried out.
DELICATE: dict[str, str] = {
    "admin/password_change/": "posts",
    "admin/sessions/<int:account_id>/": "posts",
    "admin/sign-in/factors/<int:number>/": "posts",
    "admin/sign-in/factors/add-app/": "always",
    "admin/sign-in/factors/add-passkey/": "always",
    "admin/sign-in/factors/renew-codes/": "posts",
    **{
        f"admin/core/account/{address}": "posts"
        for address in (
            "invite/",
            "invite-list/",
            "invitations/",
            "requests/<int:pk>/",
            "<int:pk>/reset/",
            "appointments/<int:pk>/",
        )
    },
    "admin/core/agencysettings/": "posts",
    "admin/outreach/picture/agency/": "posts",
    "admin/core/auditentry/export/": "posts",
    "admin/core/auditentry/lists/<int:list_id>/": "posts",
    "admin/crimemap/importrun/<int:pk>/undo/": "posts",
    "admin/crimemap/source/<int:pk>/token/": "posts",
    "admin/crimemap/source/<int:pk>/columns/": "posts",
    "admin/crimemap/source/<int:pk>/setup/codes/": "posts",
    "admin/crimemap/source/<int:pk>/setup/publish/": "posts",
    "admin/crimemap/source/<int:pk>/setup/discard/": "posts",
    "admin/crimemap/offencecode/classify/": "posts",
    "admin/tips/tip/<uuid:tip_id>/wall/": "posts",
    **{
        f"admin/{model}/{address}": "posts"
        for model in (
            "core/account",
            "tips/category",
            "tips/unit",
            "tips/responsetarget",
            "crimemap/category",
            "crimemap/offencecode",
            "crimemap/source",
            "outreach/channel",
        )
        for address in ("", "add/", "<path:object_id>/change/", "<path:object_id>/delete/")
        if (model, address) != ("crimemap/source", "add/")  # it makes nothing public: its last step asks
    },
}


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def is_prompt(answer: Any) -> bool:
    return answer.status_code == 403 and f'name="{CODE_FIELD}"' in text_of(answer)


def read_held(answer: Any) -> str:
    return re.findall(r'name="_held" value="([^"]+)"', text_of(answer))[0]


def stale(who: Account) -> Client:
    client = signed_in(who)
    age_factor(client, OLD)
    return client


def confirm(client: Client, who: Account, address: str, held: str, code: str = "") -> Any:
    return client.post(address, {"_held": held, CODE_FIELD: code or next_code(who)})


def test_a_post_waits_for_a_code_and_is_then_carried_out_as_it_was() -> None:
    boss = account("boss", ADMINISTRATOR)
    client = stale(boss)
    assert client.get(ADD).status_code == 200
    answer = client.post(ADD, NEW)
    assert is_prompt(answer)
    assert "Night shift" not in text_of(answer)
    assert not Unit.objects.filter(**NEW).exists()
    wrong = confirm(client, boss, ADD, read_held(answer), "000000")
    assert is_prompt(wrong)
    assert confirm(client, boss, ADD, read_held(wrong)).status_code == 302
    assert Unit.objects.filter(**NEW).exists()
    # It counts for five minutes.
    assert client.post(ADD, {"name": "Day shift"}).status_code == 302


def test_a_factor_is_fresh_for_five_minutes() -> None:
    client = signed_in(account("boss", ADMINISTRATOR))
    age_factor(client, fresh_factor.FRESH_SECONDS - 10)
    assert client.post(ADD, NEW).status_code == 302
    age_factor(client, 11)
    assert is_prompt(client.post(ADD, {"name": "Day shift"}))


def test_a_page_that_always_asks_leads_back_to_itself() -> None:
    boss = account("boss", ADMINISTRATOR)
    request: Any = RequestFactory().get("/admin/export/?year=2026")
    client = stale(boss)
    request.user, request.session = boss, client.session
    seen = []
    view = fresh_factor.require_fresh_factor(lambda request: seen.append(request.method))
    assert view(request).status_code == 403
    post: Any = RequestFactory().post("/admin/export/?year=2026", {CODE_FIELD: next_code(boss)})
    post.user, post.session = boss, request.session
    answer = view(post)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/export/?year=2026")
    assert seen == []
    view(request)
    assert seen == ["GET"]


def test_a_held_post_opens_at_its_own_address_and_for_its_own_account_alone() -> None:
    boss, other = account("boss", ADMINISTRATOR), account("other", ADMINISTRATOR)
    client = stale(boss)
    held = read_held(client.post(ADD, NEW))
    elsewhere = "/admin/tips/category/add/"
    assert confirm(client, boss, elsewhere, held)["Location"] == elsewhere
    theirs = stale(other)
    assert confirm(theirs, other, ADD, held)["Location"] == ADD
    for made_up in ("", "x", held[:-4] + "AAAA"):
        assert confirm(stale(boss), boss, ADD, made_up)["Location"] == ADD
    assert not Unit.objects.filter(**NEW).exists()


def test_a_file_is_not_kept_and_the_page_says_so() -> None:
    boss = account("boss", ADMINISTRATOR)
    client = stale(boss)
    answer = client.post(ADD, NEW | {"file": SimpleUploadedFile("a.txt", b"x")})
    assert "The file you chose can" in text_of(answer)
    assert confirm(client, boss, ADD, read_held(answer))["Location"] == ADD
    assert "Choose the file again" in text_of(client.get(ADD))
    assert not Unit.objects.filter(**NEW).exists()


def test_a_held_post_survives_the_lock() -> None:
    boss = account("boss", ADMINISTRATOR)
    client = stale(boss)
    held = read_held(client.post(ADD, NEW))
    client.post("/admin/session/lock/")
    locked = post_as_typed_by(boss, client, ADD, {"_held": held, CODE_FIELD: "000000"})
    carried = re.findall(r'name="_carried" value="([^"]+)"', text_of(locked))[0]
    answer = client.post(ADD, {"_unlock": "1", CODE_FIELD: next_code(boss), "_carried": carried})
    assert answer.status_code == 409
    assert post_as_typed_by(boss, client, ADD, {"_held": read_held(answer), "_continued": "1"}).status_code == 302
    assert Unit.objects.filter(**NEW).exists()


def test_a_held_post_survives_the_end_of_the_session() -> None:
    boss = account("boss", ADMINISTRATOR)
    client = stale(boss)
    held = read_held(client.post(ADD, NEW))
    client.cookies.pop("staff")
    answer = post_as_typed_by(boss, client, ADD, {"_held": held, CODE_FIELD: "000000"})
    answer = sign_in_on(answer, client, ADD, boss)
    assert answer.status_code == 409
    assert post_as_typed_by(boss, client, ADD, {"_held": read_held(answer), "_continued": "1"}).status_code == 302


def list_views(patterns: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from list_views(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield path, pattern.callback


def test_every_delicate_address_asks_and_is_in_this_list() -> None:
    marked = {path: getattr(view, fresh_factor.MARK, "") for path, view in list_views()}
    assert {path: mark for path, mark in marked.items() if mark} == DELICATE


def test_a_stale_post_changes_nothing() -> None:
    root = account("root", OFFICER, SUPERVISOR, ADMINISTRATOR)
    root.is_superuser = True
    root.save()
    client = stale(root)
    for path, when in DELICATE.items():
        address = "/" + re.sub(r"<(?:(\w+):)?\w+>", lambda kind: NO_TIP if kind[1] == "uuid" else str(root.pk), path)
        assert is_prompt(client.post(address, {"username": "changed"})), address
        assert when == "posts" or is_prompt(client.get(address)), address


def test_ending_a_legal_hold_asks_and_keeps_a_half_written_answer() -> None:
    supervisor = account("supervisor", SUPERVISOR)
    tip = send_opened_tip(supervisor)
    triage.hold(tip, supervisor, "Court order")
    client = stale(supervisor)
    address = f"/admin/tips/tip/{tip.pk}/change/"
    (seen,) = set(re.findall(r'name="seen" value="([^"]+)"', text_of(client.get(address))))
    typed = {"act": "release", "form_id": "0" * 32, "seen": seen, "hold_reason": "Over", "answer": "Half an answer"}
    answer = client.post(address, typed)
    assert is_prompt(answer)
    assert "Half an answer" not in text_of(answer)
    tip.refresh_from_db()
    assert tip.legal_hold
    page = text_of(confirm(client, supervisor, address, read_held(answer)))
    assert "Legal hold ended." in page
    assert "Half an answer" in page
    tip.refresh_from_db()
    assert not tip.legal_hold
