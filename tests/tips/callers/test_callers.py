"""Tips that officers write for callers: the mark that opens the form, the words that are read out, and what tells of it."""

from __future__ import annotations

import base64
import datetime as dt
import html
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core import ephemeral_store
from core.models import Account, AuditEntry
from core.staff import groups
from tests.tips.desk import officers
from tests.tips.source.pages import TEXT, field_of, main_of, send_tip, token_of, words_of
from tips import form_tokens, receipts
from tips.callers import form_counts, marks, spelling
from tips.callers.routes import TipRoute
from tips.models import CallerFormCount, Tip
from tips.source import inbox_session, throttle
from tips.walls import screening_thread

FORM, INBOX, NEW_WORDS, TALK = (
    "/tips/for-a-caller/",
    "/tips/inbox/",
    "/tips/inbox/new-words/",
    "/tips/inbox/conversation/",
)


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor")


def open_form(mark: str) -> HttpResponse:
    """Post a mark as the desk's page does, from another host that the browser does not name."""
    return Client().post(FORM, {"mark": mark}, headers={"origin": "null", "sec-fetch-site": "cross-site"})


def fields_of(page: HttpResponse, **fields: str) -> dict[str, Any]:
    assert page.status_code == 200, words_of(page)
    caller = field_of(page, "caller")
    return {"token": token_of(page), "caller": caller, "category": "vehicle", "description": TEXT} | fields


def send_for_caller(route: TipRoute = TipRoute.PHONE, **fields: str) -> HttpResponse:
    return Client().post("/tips/", fields_of(open_form(marks.make(route)), **fields))


def words_read_out(page: HttpResponse) -> str:
    assert page.status_code == 200, words_of(page)
    return " ".join(re.findall(r"<li><b>([a-z-]+)</b>", page.content.decode()))


def sign_in(words: str) -> Client:
    client = Client()
    assert client.post(INBOX, {"receipt": words}).status_code == 302
    return client


def is_refused(words: str) -> bool:
    return Client().post(INBOX, {"receipt": words}).status_code == 422


def new_words(page: HttpResponse) -> tuple[str, str]:
    """Return the words on the page of new ones, and the name that its button posts."""
    assert page.status_code in (200, 409), words_of(page)
    shown = re.search(r'<bdi lang="en" translate="no">([a-z -]+)</bdi>', page.content.decode())[1]
    return shown, str(field_of(page, "words"))


def test_an_officer_opens_the_form_and_reads_the_words_out(okafor: Account) -> None:
    client = officers.sign_in(okafor)
    assert "Take a tip for someone" in words_of(client.get(reverse("admin:tips_tip_changelist")))
    assert "By phone" in words_of(client.get(reverse("admin:tips_caller")))
    handover = client.post(reverse("admin:tips_caller"), {"route": "counter"})
    assert handover["Referrer-Policy"] == "no-referrer"
    address = re.search(r'id="caller-form" method="post" action="([^"]+)"', handover.content.decode())[1]
    assert address.endswith(FORM)
    assert address.removesuffix(FORM) in handover["Content-Security-Policy"].split("form-action")[1].split(";")[0]
    mark = str(field_of(handover, "mark"))
    assert mark not in address
    form = open_form(mark)
    assert not form.cookies
    assert form["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in form
    assert "You're writing for a person at the counter." in main_of(form)
    page = Client().post("/tips/", fields_of(form, no_internet="1", place="behind the bakery"))
    words = words_read_out(page)
    assert receipts.parse_receipt(words) == words
    assert html.escape(spelling.spell_word(words.split()[0])) in page.content.decode()
    for kept in ("words.txt", "data-copy", "data-print", "<svg viewBox"):
        assert kept not in page.content.decode()
    screening_thread.run_round(rechecks=False)
    shown = words_of(client.get(reverse("admin:tips_tip_change", args=[Tip.objects.get().pk])))
    assert "At the counter: an officer wrote it for the person" in shown
    assert "Nobody will read them: the person can't use the internet" in shown


def test_only_officers_who_work_on_tips_open_forms(db: None) -> None:
    client = officers.sign_in(officers.create_officer("admin", groups.ADMINISTRATOR))
    assert client.get(reverse("admin:tips_caller")).status_code == 403
    assert client.post(reverse("admin:tips_caller"), {"route": "phone"}).status_code == 403
    answer = Client().post(reverse("admin:tips_caller"), {"route": "phone"})
    assert answer.status_code == 302
    assert "mark" not in answer["Location"]
    assert not CallerFormCount.objects.exists()


@pytest.mark.django_db
def test_a_mark_opens_one_form(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = marks.make(TipRoute.PHONE)
    assert open_form(mark).status_code == 200
    again = open_form(mark)
    assert (again.status_code, "can't be opened" in words_of(again)) == (422, True)
    assert Client().get(FORM).status_code == 422
    late, now = marks.make(TipRoute.PHONE), time.time()
    monkeypatch.setattr(marks.time, "time", lambda: now + 3 * marks.STEP_SECONDS)
    assert open_form(late).status_code == 422
    monkeypatch.setattr(marks.time, "time", lambda: now + 600)
    assert open_form(late).status_code == 200


@pytest.mark.django_db
def test_nobody_makes_a_mark_without_the_staff_sides_key(settings: Any) -> None:
    mark = marks.make(TipRoute.PHONE)
    raw = bytearray(base64.urlsafe_b64decode(mark))
    for position in (0, 63, 64, 66, len(raw) - 1):
        changed = raw.copy()
        changed[position] ^= 1
        assert open_form(base64.urlsafe_b64encode(changed).decode()).status_code == 422
    for text in ("", "é", "x" * 5000, base64.urlsafe_b64encode(raw[:-1]).decode()):
        assert open_form(text).status_code == 422
    assert open_form(marks.make(TipRoute.WEB)).status_code == 422
    assert open_form(mark).status_code == 200
    earlier = marks.make(TipRoute.PHONE)
    settings.SECRET_KEY = "another secret of the staff side"
    newer = marks.make(TipRoute.PHONE)
    assert open_form(earlier).status_code == 422  # the key of the earlier secret is gone
    assert open_form(newer).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_opens_the_form() -> None:
    mark = marks.make(TipRoute.COUNTER)

    def redeem(_number: int) -> bool:
        try:
            marks.redeem(mark)
        except marks.MarkError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(redeem, range(8))) == 1


@pytest.mark.django_db
def test_without_the_store_no_form_opens_and_the_mark_stays_good(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = marks.make(TipRoute.PHONE)

    def fail(*_arguments: Any) -> bytes:
        raise ephemeral_store.StoreDownError

    with monkeypatch.context() as patch:
        patch.setattr(marks.ephemeral_store, "put_once", fail)
        page = open_form(mark)
        assert (page.status_code, "try again in a minute" in words_of(page)) == (503, True)
    assert open_form(mark).status_code == 200


@pytest.mark.django_db
def test_a_form_stays_one_for_a_caller_whatever_happens_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = fields_of(open_form(marks.make(TipRoute.PHONE)))
    searched = Client().post("/tips/", fields | {"find_place": "1", "search": "Arden"})
    assert "You're writing for a caller." in words_of(searched)
    invalid = Client().post("/tips/", fields | {"category": ""})
    assert (invalid.status_code, field_of(invalid, "caller")) == (422, "phone")
    now = time.time()
    monkeypatch.setattr(form_tokens.time, "time", lambda: now + 3700)
    old = Client().post("/tips/", fields)
    assert old.status_code == 422
    fresh = str(field_of(old, "token"))
    assert form_tokens.read_route(fresh) is TipRoute.PHONE
    # Without the keys of its hour nothing proves what the form is: it must not become a tip of the web.
    monkeypatch.setattr(form_tokens.time, "time", lambda: now + 3 * 3600)
    dead = Client().post("/tips/", fields)
    assert (dead.status_code, field_of(dead, "token")) == (422, fields["token"])
    assert "open a new form at the desk" in words_of(dead)
    assert field_of(dead, "description") == TEXT
    monkeypatch.setattr(form_tokens.time, "time", lambda: now + 3800)
    assert words_read_out(Client().post("/tips/", fields | {"token": fresh}))
    assert Tip.objects.count() == 1


@pytest.mark.django_db
def test_callers_tips_pass_the_flood_gate_with_a_bound_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(throttle.CALM_POSTS + 1):
        throttle.gate.seconds_until_ripe(0)
    assert send_tip(Client()).status_code == 429
    monkeypatch.setattr(throttle, "CALLER_TIPS_A_MINUTE", 1)
    assert send_for_caller().status_code == 200
    page = send_for_caller()
    assert (page.status_code, field_of(page, "description")) == (429, TEXT)


def test_what_is_stored_says_nothing_of_the_telephone(okafor: Account) -> None:
    """Compare the rows of a caller's tip with those of a source's: a copy of the database tells them apart by nothing."""
    client = officers.sign_in(okafor)
    mark = str(field_of(client.post(reverse("admin:tips_caller"), {"route": "phone"}), "mark"))
    words = words_read_out(Client().post("/tips/", fields_of(open_form(mark))))
    callers_tip = Tip.objects.get()
    send_tip(Client())
    web_tip = Tip.objects.exclude(pk=callers_tip.pk).get()
    sealed = {"id", "number", "key_for_agency", "key_for_source", "token_hash", "form_hash", "report", "receipt_seen"}
    plain = [field.attname for field in Tip._meta.concrete_fields if field.attname not in sealed]
    assert [getattr(callers_tip, name) for name in plain] == [getattr(web_tip, name) for name in plain]
    assert len(callers_tip.report) == len(web_tip.report)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [name for (name,) in cursor.fetchall() if name.startswith(("tips_", "core_", "django_"))]
        stored = ""
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            stored += "\n".join(row for (row,) in cursor.fetchall())
    for secret in (words, mark, words.split()[0] + " " + words.split()[1]):
        assert secret not in stored
        assert secret.encode().hex() not in stored
    raw_id = base64.urlsafe_b64decode(mark)[-16:]
    assert raw_id.hex() not in stored
    # No line in the audit trail has the time of a call, or its place among other lines.
    assert not AuditEntry.objects.filter(action=form_counts.OPENED).exists()
    assert [(row.day, row.forms) for row in CallerFormCount.objects.all()] == [(timezone.localdate(), 1)]


def test_the_audit_trail_has_one_line_an_officer_and_day(okafor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    adeyemi = officers.create_officer("adeyemi")
    for officer in (okafor, adeyemi, okafor):
        form_counts.count_form(officer)
    assert form_counts.record_past_days() == 0
    yesterday = timezone.localdate() - dt.timedelta(days=1)
    CallerFormCount.objects.update(day=yesterday)
    form_counts.count_form(okafor)
    assert form_counts.record_past_days() == 2
    lines = AuditEntry.objects.filter(action=form_counts.OPENED).order_by("id")
    assert [(line.actor, line.subject, line.detail) for line in lines] == [
        ("adeyemi", "tips", f"1 on {yesterday}"),
        ("okafor", "tips", f"2 on {yesterday}"),
    ]
    assert form_counts.record_past_days() == 0
    monkeypatch.setattr(form_counts, "MOST_A_DAY", 1)
    page = officers.sign_in(okafor).post(reverse("admin:tips_caller"), {"route": "phone"})
    assert (page.status_code, "No form was opened" in words_of(page), field_of(page, "mark")) == (429, True, None)


@pytest.mark.django_db
def test_the_caller_gets_new_words_and_the_old_ones_end_then() -> None:
    old = words_read_out(send_for_caller())
    client = sign_in(old)
    assert client.get(TALK)["Location"] == NEW_WORDS
    words, name = new_words(client.get(NEW_WORDS))
    assert new_words(client.get(NEW_WORDS)) == (words, name)  # the answer was lost: the same words again
    assert words != old
    other, _ = new_words(sign_in(old).get(NEW_WORDS))  # the old ones still work, and what was not confirmed does not
    assert is_refused(words)
    assert other != words
    assert client.post(NEW_WORDS, {"words": name})["Location"] == TALK
    page = client.get(TALK)
    assert (page.status_code, TEXT in words_of(page)) == (200, True)
    assert client.post(NEW_WORDS, {"words": name})["Location"] == TALK  # pressed twice
    assert is_refused(old)
    assert sign_in(words).get(TALK).status_code == 200  # and they are not replaced again


@pytest.mark.django_db
def test_of_two_who_use_the_words_the_second_learns_of_the_first() -> None:
    old = words_read_out(send_for_caller())
    first, second = sign_in(old), sign_in(old)
    (_, first_name), (second_words, second_name) = (new_words(each.get(NEW_WORDS)) for each in (first, second))
    assert first.post(NEW_WORDS, {"words": first_name}).status_code == 302
    page = second.post(NEW_WORDS, {"words": second_name})
    assert (page.status_code, "Someone else opened your tip" in words_of(page)) == (409, True)
    assert second.get(TALK)["Location"] == INBOX
    assert is_refused(second_words)
    assert first.get(TALK).status_code == 200


@pytest.mark.django_db
def test_words_that_were_not_shown_are_not_confirmed() -> None:
    client = sign_in(words_read_out(send_for_caller()))
    shown, name = new_words(client.get(NEW_WORDS))
    key = base64.urlsafe_b64decode(client.cookies[inbox_session.COOKIE].value)
    ephemeral_store.forget(inbox_session._words_name(key))  # ten minutes have passed
    page = client.post(NEW_WORDS, {"words": name})
    assert (page.status_code, new_words(page)[0] != shown) == (409, True)
    assert is_refused(shown)
    _, name = new_words(page)
    assert client.post("/tips/leave/").status_code == 200  # leaving confirms nothing
    expired = client.post(NEW_WORDS, {"words": name})
    assert (expired.status_code, "the new words don't work" in words_of(expired)) == (422, True)
    assert client.get(NEW_WORDS)["Location"] == INBOX


@pytest.mark.django_db
def test_a_sources_own_receipt_is_not_replaced() -> None:
    words = re.search(r'<bdi lang="en" translate="no">([a-z -]+)</bdi>', send_tip(Client()).content.decode())[1]
    client = sign_in(words)
    assert client.get(NEW_WORDS)["Location"] == TALK
    assert client.get(TALK).status_code == 200


def test_every_letter_of_the_words_has_a_name() -> None:
    assert all(spelling.spell_word(word) for word in receipts.load_words())
    assert spelling.spell_word("yo-yo") == "Young Ocean hyphen Young Ocean"
