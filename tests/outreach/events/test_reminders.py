"""Reminders of events: confirmed by hand, sent once a day before, and forgotten."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from email.message import EmailMessage
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from core.mail import subscriber_addresses
from core.models import Account
from outreach.events import actions, public_events, reminders
from outreach.models import Event, Reminder, ReminderMail
from tests.outreach.events.test_events import planned
from tests.stack import Mails
from tests.tipportal.database.test_grants import acting_as, is_refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("opens_addresses")]
ADDRESS = "ada.canary@example.org"
Kind, State = ReminderMail.MailKind, ReminderMail.MailState


class KilledError(BaseException):
    pass


@pytest.fixture
def by(db: None) -> Account:
    return Account.objects.create_user("marsh", is_staff=True)


@pytest.fixture
def event(by: Account) -> Event:
    return planned(by)


def ask(client: Client, address: str = ADDRESS, slug: str = "coffee") -> Any:
    return client.post(f"/events/{slug}/remind/", {"email": address})


def link_in(mail: EmailMessage, ending: str = "") -> str:
    found = re.search(rf"http://127\.0\.0\.1:8000(/events/reminders/[\w-]{{43}}/){ending}\s", mail.get_content())
    assert found, mail.get_content()
    return found[1] + ending


def confirmed(client: Client, mails: Mails, address: str = ADDRESS) -> str:
    """Ask and confirm; returns the link."""
    ask(client, address)
    reminders.remind()
    link = link_in(mails.received[-1])
    client.post(link)
    mails.clear()
    return link


def at(monkeypatch: pytest.MonkeyPatch, moment: dt.datetime) -> None:
    monkeypatch.setattr(timezone, "now", lambda: moment)


def a_day_before(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, event.starts_at - dt.timedelta(hours=23))


def subjects(mails: Mails) -> list[str]:
    return [mail["Subject"] for mail in mails.received]


# Request and confirmation


def test_a_request_sends_one_confirmation_mail(client: Client, event: Event, mails: Mails) -> None:
    response = ask(client)
    assert (response.status_code, response["Location"]) == (302, "/events/coffee/remind/")
    assert "Check your email" in client.get(response["Location"]).content.decode()
    reminders.remind()
    reminders.remind()
    (mail,) = mails.received
    assert mails.recipients == [[ADDRESS]]
    assert mail["Subject"] == "Please confirm your reminder: Coffee with an officer"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert public_events.format_event_time(event) in mail.get_content()
    assert Reminder.objects.get().confirmed_at is None


def test_only_the_button_confirms_not_opening_the_link(client: Client, event: Event, mails: Mails) -> None:
    ask(client)
    reminders.remind()
    link = link_in(mails.received[0])
    for _ in range(3):
        page = client.get(link)
        assert "Turn on this reminder?" in page.content.decode()
        client.head(link)
    assert Reminder.objects.get().confirmed_at is None
    assert "no-store" in page["Cache-Control"]
    assert not page.cookies
    client.post(link)
    assert Reminder.objects.get().confirmed_at is not None
    assert "Your reminder is on" in client.get(link).content.decode()
    when = Reminder.objects.get().confirmed_at
    client.post(link)
    assert Reminder.objects.get().confirmed_at == when


def test_the_response_is_the_same_for_known_and_unknown_addresses(client: Client, event: Event, mails: Mails) -> None:
    confirmed(client, mails)
    known, unknown = ask(client), ask(client, "other@example.org")
    for response in (known, unknown):
        assert (response.status_code, response["Location"], response.content) == (302, "/events/coffee/remind/", b"")
    reminders.remind()
    assert mails.recipients == [["other@example.org"]]


def test_a_known_address_costs_the_database_the_same_rows(client: Client, event: Event) -> None:
    def rows_touched() -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_stat_get_xact_tuples_inserted(name::regclass), pg_stat_get_xact_tuples_deleted(name::regclass)"
                " FROM unnest(ARRAY['outreach_reminder', 'outreach_remindermail']) AS name"
            )
            return [count for row in cursor.fetchall() for count in row]

    touched = [rows_touched()]
    for _request in range(3):
        ask(client)
        touched.append(rows_touched())
    costs = [[b - a for a, b in zip(before, after, strict=True)] for before, after in itertools.pairwise(touched)]
    assert costs == [[1, 0, 1, 0]] * 3
    reminders.delete_outdated()
    assert Reminder.objects.count() == 1


def test_confirmation_mails_to_an_address_are_limited(client: Client, event: Event, by: Account, mails: Mails) -> None:
    for number in range(5):
        planned(by, slug=f"event-{number}")
        for _ in range(3):
            ask(client, ADDRESS.upper() if number % 2 else ADDRESS, f"event-{number}")
            reminders.remind()
    assert len(mails.received) == 3
    assert len({mail["Subject"] + link_in(mail) for mail in mails.received}) == Reminder.objects.count() == 3


def test_a_new_link_can_be_requested_a_day_later(client: Client, event: Event, mails: Mails) -> None:
    ask(client)
    reminders.remind()
    Reminder.objects.update(asked_at=timezone.now() - dt.timedelta(hours=25))
    ask(client)
    reminders.remind()
    first, second = map(link_in, mails.received)
    assert first != second
    assert client.get(first).status_code == 404
    assert client.get(second).status_code == 200


def test_a_flood_of_requests_does_not_block_others(client: Client, event: Event) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO outreach_reminder (id, event_id, sealed_contact, address_hash, link_hash, asked_at, moves)"
            " SELECT gen_random_uuid(), %s, '', sha256(n::text::bytea), sha256(n::text::bytea),"
            " now() - n * interval '1 ms', 0 FROM generate_series(1, 20001) n",
            [event.pk],
        )
    assert ask(client).status_code == 302
    assert Reminder.objects.count() == 20_001  # the oldest unconfirmed one was deleted to make room


@pytest.mark.parametrize(
    "typed", ["", "ada", "ada@", "@example.org", "ada@example.org\nBcc: x@example.org", "a@b c", "x" * 5000]
)
def test_an_invalid_address_is_explained_and_preserved(client: Client, event: Event, typed: str) -> None:
    response = ask(client, typed)
    assert response.status_code == 400
    assert "send to this email address" in response.content.decode()
    assert not Reminder.objects.exists()


def test_without_a_key_reminders_are_unavailable(client: Client, event: Event, settings: Any) -> None:
    settings.ADDRESS_HASH_KEY = None
    response = ask(client)
    assert response.status_code == 400
    assert "working right now" in response.content.decode()


def test_no_reminder_for_an_event_that_is_near_over_or_cancelled(client: Client, event: Event, by: Account) -> None:
    planned(by, slug="near", starts_at=timezone.now() + dt.timedelta(hours=23))
    planned(by, slug="draft", publish=False)
    actions.cancel_event(event.pk, "No.", by)
    assert [ask(client, slug=slug).status_code for slug in ("near", "draft", "coffee")] == [400, 404, 400]
    assert not Reminder.objects.exists()


def test_a_post_from_another_site_is_refused(client: Client, event: Event) -> None:
    response = client.post(
        "/events/coffee/remind/", {"email": ADDRESS}, headers={"Origin": "https://elsewhere.example"}
    )
    assert response.status_code == 403


@pytest.mark.parametrize("link", ["x", "A" * 43, "A" * 44, "é" * 43, "-" * 43, "..%2f"])
def test_an_unknown_link_is_not_found(client: Client, event: Event, link: str) -> None:
    response = client.get(f"/events/reminders/{link}/")
    assert response.status_code == 404
    assert client.post(f"/events/reminders/{link}/").status_code == 404
    assert client.post(f"/events/reminders/{link}/leave/").status_code in (200, 404)


# Storage and rights


def test_the_database_stores_no_address_in_clear(client: Client, event: Event) -> None:
    ask(client)
    with connection.cursor() as cursor:
        for table in ("outreach_reminder", "outreach_remindermail", "outreach_event"):
            cursor.execute(f"SELECT {table}::text FROM {table}")
            for (row,) in cursor.fetchall():
                assert "canary" not in row
                assert ADDRESS.encode().hex() not in row
    row = Reminder.objects.get()
    assert subscriber_addresses.open_contact(row.sealed_contact).address == ADDRESS


@pytest.mark.parametrize("role", ["public", "media", "alerts"])
def test_other_roles_have_no_right_on_reminders_and_channels(role: str) -> None:
    for sql in (
        "SELECT * FROM outreach_reminder",
        "SELECT * FROM outreach_remindermail",
        "INSERT INTO outreach_remindermail (id) VALUES (gen_random_uuid())",
        "UPDATE outreach_reminder SET confirmed_at = now()",
        "DELETE FROM outreach_reminder",
        "SELECT reminder_erase(gen_random_uuid())",
        "SELECT address FROM outreach_channel",
        "SELECT text FROM outreach_post",
    ):
        assert is_refused(role, sql), sql


def test_the_public_role_can_do_everything_residents_do(client: Client, event: Event, mails: Mails) -> None:
    secret = subscriber_addresses.create_secret()
    contact = subscriber_addresses.Contact(ADDRESS, secret)
    values = [
        event.pk,
        subscriber_addresses.seal_contact(contact),
        subscriber_addresses.hash_address(ADDRESS),
        subscriber_addresses.hash_secret(secret),
    ]
    with acting_as("public"), connection.cursor() as cursor:
        cursor.execute("SELECT reminder_ask(%s, %s, %s, %s)", values)
        assert cursor.fetchone() == (True,)
        assert reminders.find_reminder(secret) == (event.pk, False)
        assert reminders.find_reminder(subscriber_addresses.create_secret()) is None
        assert not reminders.confirm_reminder(subscriber_addresses.create_secret())
        assert reminders.confirm_reminder(secret)
        assert reminders.find_reminder(secret) == (event.pk, True)
        reminders.delete_reminder(secret)
        assert reminders.find_reminder(secret) is None


def test_the_bulk_role_can_do_everything_the_worker_does(
    client: Client, event: Event, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(client, mails)
    a_day_before(event, monkeypatch)
    with acting_as("bulk"):
        reminders.remind()
        at(monkeypatch, event.ends_at)
        reminders.remind()
        assert not Reminder.objects.exists()
    assert len(mails.received) == 1


# Mails


def test_one_reminder_is_mailed_the_day_before(
    client: Client, event: Event, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(client, mails)
    at(monkeypatch, event.starts_at - dt.timedelta(hours=25))
    reminders.remind()
    assert mails.received == []
    for hours in (23, 20, 1):
        at(monkeypatch, event.starts_at - dt.timedelta(hours=hours))
        reminders.remind()
    (mail,) = mails.received
    assert mail["Subject"] == "Reminder: Coffee with an officer"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    leave = link_in(mail, "leave/")
    assert mail["List-Unsubscribe"].strip() == f"<http://127.0.0.1:8000{leave}>"
    assert "http://127.0.0.1:8000/events/coffee/" in mail.get_content()


def test_an_unconfirmed_reminder_sends_nothing_and_is_deleted_after_two_days(
    client: Client, event: Event, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(client)
    reminders.remind()
    link = link_in(mails.received[0])
    at(monkeypatch, timezone.now() + dt.timedelta(hours=49))
    reminders.remind()
    assert not Reminder.objects.exists()
    assert len(mails.received) == 1
    assert client.post(link).status_code == 404


def test_a_moved_event_sends_one_mail_and_the_reminder_follows(
    client: Client, event: Event, by: Account, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(client, mails)
    a_day_before(event, monkeypatch)
    reminders.remind()
    later = event.starts_at + dt.timedelta(days=7)
    event = actions.change_event(
        event.pk, {"starts_at": later, "ends_at": later + dt.timedelta(hours=1)}, by, event.version
    )
    event = actions.change_event(event.pk, {"place": "Town hall"}, by, event.version)
    event = actions.change_event(event.pk, {"body": "A word"}, by, event.version)
    reminders.remind()
    reminders.remind()
    a_day_before(event, monkeypatch)
    reminders.remind()
    assert [subject.split(":")[0] for subject in subjects(mails)] == ["Reminder", "Changed", "Reminder"]
    assert "Town hall" in mails.received[1].get_content()
    assert public_events.format_event_time(event) in mails.received[1].get_content()
    assert len({mail["Message-ID"] for mail in mails.received}) == 3


def test_a_move_on_the_last_day_sends_one_mail_and_no_reminder(
    client: Client, event: Event, by: Account, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(client, mails)
    at(monkeypatch, event.starts_at - dt.timedelta(hours=10))
    later = event.starts_at + dt.timedelta(hours=1)
    actions.change_event(event.pk, {"starts_at": later, "ends_at": later + dt.timedelta(hours=1)}, by, event.version)
    reminders.remind()
    reminders.remind()
    assert subjects(mails) == ["Changed: Coffee with an officer"]


def test_a_cancelled_event_sends_one_mail_and_deletes_the_address(
    client: Client, event: Event, by: Account, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(client, mails)
    actions.cancel_event(event.pk, "The hall is flooded.", by)
    reminders.remind()
    a_day_before(event, monkeypatch)
    reminders.remind()
    (mail,) = mails.received
    assert mail["Subject"] == "Canceled: Coffee with an officer"
    assert "The hall is flooded." in mail.get_content()
    assert not Reminder.objects.exists()


def test_a_reminder_is_not_sent_after_the_event_is_cancelled(
    client: Client, event: Event, by: Account, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(client, mails)
    a_day_before(event, monkeypatch)
    reminders.write_due_mails()
    actions.cancel_event(event.pk, "No.", by)
    reminders.remind()
    assert [subject.split(":")[0] for subject in subjects(mails)] == ["Canceled"]


def test_addresses_are_deleted_when_the_event_is_over(
    client: Client, event: Event, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed(client, mails)
    at(monkeypatch, event.ends_at)
    reminders.remind()
    assert not Reminder.objects.exists()
    assert not ReminderMail.objects.exists()
    assert mails.received == []


# Leaving


def test_unsubscribing_takes_a_button_and_deletes_at_once(client: Client, event: Event, mails: Mails) -> None:
    link = confirmed(client, mails)
    assert "delete my email" in client.get(f"{link}leave/").content.decode()
    assert Reminder.objects.exists()
    assert "You're unsubscribed" in client.post(f"{link}leave/").content.decode()
    assert not Reminder.objects.exists()
    assert "You're unsubscribed" in client.post(f"{link}leave/").content.decode()


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://webmail.example"}, {"Origin": "null"}])
def test_a_mail_program_unsubscribes_with_one_post(event: Event, mails: Mails, headers: dict[str, str]) -> None:
    """RFC 8058: no page before, no cookie, no Origin or one of its own."""
    client = Client(enforce_csrf_checks=True)
    link = confirmed(client, mails)
    for _again in range(2):
        response = client.post(
            f"{link}leave/",
            "List-Unsubscribe=One-Click",
            content_type="application/x-www-form-urlencoded",
            headers=headers,
        )
        assert response.status_code == 200
    assert not Reminder.objects.exists()


# Failures


def test_a_kill_after_sending_repeats_only_that_mail_under_its_id(
    client: Client, event: Event, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ada", "ben", "eve"):
        confirmed(client, mails, f"{name}@example.org")
    mails.clear()
    a_day_before(event, monkeypatch)

    def killed(*_args: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(reminders.ReminderOutbox, "record_sent", killed)
        with pytest.raises(KilledError):
            reminders.remind()
    assert len(mails.received) == 1
    reminders.remind()
    first, *rest = [mail["Message-ID"] for mail in mails.received]
    assert len(rest) == 3
    assert rest.count(first) == 1
    assert len(set(rest)) == 3


def test_an_unreachable_mail_server_uses_up_no_attempt(client: Client, event: Event, mails: Mails) -> None:
    ask(client)
    mails.stop()
    reminders.remind()
    assert (ReminderMail.objects.get().state, ReminderMail.objects.get().attempts) == (State.WAITING, 0)
    mails.start()
    reminders.remind()
    assert len(mails.received) == 1


def test_an_address_that_the_mail_server_does_not_know_is_deleted(client: Client, event: Event, mails: Mails) -> None:
    ask(client)

    async def unknown(*_args: object) -> str:
        return "550 no such mailbox"

    mails.handle_RCPT = unknown  # type: ignore[attr-defined]
    reminders.remind()
    assert not Reminder.objects.exists()


@pytest.mark.parametrize("answer", ["451 later", "554 not from you"])
def test_a_refused_mail_is_retried_with_back_off(
    client: Client, event: Event, mails: Mails, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(client)
    mails.refuse = answer
    for attempts in range(1, 5):
        reminders.remind()
        row = ReminderMail.objects.get()
        assert (row.state, row.attempts) == (State.WAITING, attempts)
        assert row.next_attempt_at - timezone.now() > dt.timedelta(minutes=2 ** (attempts - 1) - 1)
        at(monkeypatch, row.next_attempt_at)
    mails.refuse = None
    reminders.remind()
    assert len(mails.received) == 1


def test_key_rotation_includes_reminders(event: Event) -> None:
    found = [
        field.name
        for field in Reminder._meta.get_fields()
        if isinstance(field, subscriber_addresses.SealedContactField)
    ]
    assert found == ["sealed_contact"]
