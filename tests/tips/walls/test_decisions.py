"""The page of a wall: who may decide, and what each decision changes."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.demo_clock import freeze_clock
from core.models import Account, AuditEntry
from core.staff import groups
from tests.tips.desk import officers
from tests.tips.walls.test_walls import NAMING, seeing
from tipportal import health
from tips import officer_alerts
from tips.models import Category, Tip, Wall
from tips.walls import records, screening_thread

pytestmark = pytest.mark.django_db
LIST = "/admin/tips/tip/"


@pytest.fixture
def lindholm() -> Account:
    return officers.create_officer("lindholm", first_name="Amara", last_name="Lindholm")


@pytest.fixture
def okoye() -> Account:
    return officers.create_officer("okoye", groups.SUPERVISOR, first_name="Tomas", last_name="Okoye")


@pytest.fixture
def itoh() -> Account:
    return officers.create_officer("itoh", first_name="Kenji", last_name="Itoh")


@pytest.fixture
def tip(lindholm: Account, okoye: Account, itoh: Account) -> Tip:
    return officers.send_tip(NAMING)


def wall_page(tip: Tip) -> str:
    return reverse("admin:tips_wall", args=[tip.pk])


def decide(account: Account, tip: Tip, decision: str, reason: str = "I know the case", **posted: Any) -> Any:
    return officers.sign_in(account).post(wall_page(tip), {"decision": decision, "reason": reason, **posted})


def test_the_page_names_the_people_and_leads_to_the_tip(tip: Tip, okoye: Account) -> None:
    client = officers.sign_in(okoye)
    listed = client.get(LIST, {"view": "walled"}).content.decode()
    assert str(tip.number) in listed
    assert str(tip.number) not in client.get(LIST).content.decode()
    opened = client.get(reverse("admin:tips_tip_change", args=[tip.pk])).content.decode()
    assert wall_page(tip) in opened
    page = client.get(wall_page(tip)).content.decode()
    assert "Amara Lindholm" in page
    assert "Kenji Itoh" in page  # may be shown the tip
    assert page.count("Lindholm") == 1


def test_a_walled_tip_in_a_sensitive_category_is_for_the_people_named_for_it(
    lindholm: Account, okoye: Account, itoh: Account
) -> None:
    category = Category.objects.filter(is_sensitive=False).first()
    assert category is not None
    Category.objects.filter(pk=category.pk).update(is_sensitive=True)
    category.readers.set([lindholm, itoh])
    tip = officers.send_tip(NAMING, category=Category.objects.get(pk=category.pk))
    assert seeing(tip) == {"itoh"}
    client = officers.sign_in(itoh)
    assert str(tip.number) in client.get(LIST, {"view": "walled"}).content.decode()
    for general in ({}, {"view": "sensitive"}):
        assert str(tip.number) not in client.get(LIST, general).content.decode()


def test_a_released_tip_is_its_units_and_its_officers_are_alerted(tip: Tip, okoye: Account) -> None:
    officer_alerts.sweep_alerts()
    mail.outbox.clear()
    assert decide(okoye, tip, "released").status_code == 302
    assert seeing(tip) == {"lindholm", "okoye", "itoh"}
    screening_thread.run_round(rechecks=False)
    officer_alerts.sweep_alerts()
    told = {address for message in mail.outbox for address in message.to}
    assert told == {"lindholm@example.org", "itoh@example.org"}


def test_a_tip_that_is_kept_is_for_the_people_named_then(tip: Tip, okoye: Account, itoh: Account) -> None:
    other = officers.create_officer("marsh", first_name="Priya", last_name="Marsh")
    officer_alerts.sweep_alerts()
    mail.outbox.clear()
    assert decide(okoye, tip, "kept", readers=[itoh.pk]).status_code == 302
    assert seeing(tip) == {"okoye", "itoh"}
    screening_thread.run_round(rechecks=False)
    officer_alerts.sweep_alerts()
    assert [message.to for message in mail.outbox] == [["itoh@example.org"]]
    assert str(tip.number) in officers.sign_in(itoh).get(LIST, {"view": "walled"}).content.decode()
    assert "walled" not in officers.sign_in(other).get(LIST).content.decode()


def test_a_named_person_is_never_among_the_readers(tip: Tip, okoye: Account, lindholm: Account) -> None:
    answer = decide(okoye, tip, "kept", readers=[lindholm.pk])
    assert answer.status_code == 422
    assert Wall.objects.get().decision == Wall.Decision.NONE


def test_a_reader_whom_a_later_message_names_loses_the_tip(tip: Tip, okoye: Account, itoh: Account) -> None:
    decide(okoye, tip, "kept", readers=[itoh.pk])
    officers.write_as_source(tip, "Itoh was there too", b"1")
    assert seeing(tip) == {"okoye"}
    assert Wall.objects.get().decision == Wall.Decision.NONE


def test_a_tip_referred_outside_stays_walled(tip: Tip, okoye: Account) -> None:
    assert decide(okoye, tip, "outside").status_code == 302
    assert seeing(tip) == {"okoye"}


def test_a_release_covers_what_was_known_and_a_new_message_walls_again(tip: Tip, okoye: Account) -> None:
    decide(okoye, tip, "released")
    Account.objects.filter(username="okoye").update(badge_number="7")  # all tips are compared again
    screening_thread.run_round(rechecks=True)
    assert "lindholm" in seeing(tip)
    officers.write_as_source(tip, "Officer Lindholm again", b"1")
    assert seeing(tip) == {"okoye"}


def test_decision_and_reason_are_recorded_and_the_reason_is_sealed(tip: Tip, okoye: Account) -> None:
    decide(okoye, tip, "kept", reason="")
    assert Wall.objects.get().decision == Wall.Decision.NONE
    decide(okoye, tip, "outside", reason="canary reason")
    line = AuditEntry.objects.latest("id")
    assert (line.actor, line.action, line.subject, line.detail) == (
        "okoye",
        "referred outside",
        f"tip {tip.number}",
        "",
    )
    (entry,) = records.read_record(Wall.objects.get()).decisions
    assert (entry.by, entry.decision, entry.reason) == ("okoye", "outside", "canary reason")
    assert "canary reason" in officers.sign_in(okoye).get(wall_page(tip)).content.decode()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(w)::text || (SELECT json_agg(a)::text FROM core_auditentry a) FROM tips_wall w"
        )
        assert b"canary".hex() not in (stored := cursor.fetchone()[0])
    assert "canary" not in stored


@pytest.mark.parametrize("who", ["lindholm", "itoh", "marsh"])
def test_nobody_else_can_open_or_decide(tip: Tip, who: str) -> None:
    officers.create_officer("marsh", groups.ADMINISTRATOR)
    account = Account.objects.get(username=who)
    assert decide(account, tip, "released").status_code in (403, 404)
    assert Wall.objects.get().decision == Wall.Decision.NONE


# One sentence for what is absent and what is walled


@pytest.fixture(autouse=True)
def running_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the memory store answers too late now and then, and the desk's pages then say so."""
    monkeypatch.setattr(health, "find_stopped_parts", list)


def fetch(client: Client, address: str, **posted: str) -> tuple[Any, ...]:
    """Return what a reader can tell apart: status, headers, body, and the queries without the values."""
    with CaptureQueriesContext(connection) as captured:
        answer = client.post(address, posted) if posted else client.get(address)
    queries = [query["sql"] for query in captured]
    body = answer.content.decode()
    if answer.status_code == 302:
        body += client.get(answer["Location"]).content.decode()
    tokens = re.sub(
        r'(name="(?:csrfmiddlewaretoken|_author|bulk_form)" value|data-csrf|data-seconds)="[^"]+"', "", body
    )
    statements = [re.sub(r"'[^']*'|\bs\d+_x\d+|\b\d+\b|\\x\w+", "?", sql) for sql in queries]
    assert statements
    return answer.status_code, answer.get("Location"), sorted(answer.headers), tokens, statements


@pytest.mark.parametrize("who", ["lindholm", "itoh", "marsh"])
def test_a_walled_tip_answers_as_one_that_does_not_exist(tip: Tip, who: str) -> None:
    officers.create_officer("marsh", groups.SUPERVISOR, first_name="Priya", last_name="Marsh")
    if who == "marsh":
        officers.write_as_source(tip, "Sergeant Marsh too", b"1")
    client = officers.sign_in(Account.objects.get(username=who))
    pages = ["tips_tip_change", "tips_wall", "tips_files", "tips_file_states", "tips_file", "tips_file_download"]
    for name in pages:
        more = [1] if name in ("tips_file", "tips_file_download") else []
        fetch(client, reverse("admin:" + name, args=[uuid.uuid4(), *more]))  # caches
        with freeze_clock(timezone.now()):  # the queue tells the minutes that are left
            seen = [fetch(client, reverse("admin:" + name, args=[tip_id, *more])) for tip_id in (tip.pk, uuid.uuid4())]
        assert seen[0] == seen[1], name


def test_posts_and_searches_answer_alike_too(tip: Tip, lindholm: Account) -> None:
    client = officers.sign_in(lindholm)
    posts = {"act": "answer", "answer": "typed text", "form_id": "00" * 16, "seen": ""}
    addresses = [reverse("admin:tips_tip_change", args=[tip_id]) for tip_id in (uuid.uuid4(), tip.pk, uuid.uuid4())]
    _, walled, absent = [fetch(client, address, **posts) for address in addresses]
    assert walled == absent
    assert "typed text" in walled[3]
    fetch(client, f"{LIST}search/", words="1")
    status, _, _, page, queries = fetch(client, f"{LIST}search/", words=str(tip.number))
    other_status, _, _, other_page, other_queries = fetch(client, f"{LIST}search/", words="100001")
    assert status == other_status == 200
    assert page.replace(str(tip.number), "N") == other_page.replace("100001", "N")
    assert queries == other_queries
