"""Event reminders by e-mail, without an account: requested, confirmed by a link, sent a day before, then deleted.

The public side can seal an address but not open one; rules.sql has what it may do with a reminder. The bulk worker opens
addresses to write to them. Each mail is a row of the outbox (core/mail/outbox.py), written before it is sent.

An address is deleted when its event is over, when its cancellation has been sent, when its owner deletes it, when the mail
server says there is no such mailbox, and after two days without confirmation.
"""

from __future__ import annotations

import datetime as dt

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from core import queue
from core.agency import current_settings
from core.mail import headers, outbox, subscriber_addresses
from core.mail.outbox import Outbox
from core.mail.subscriber_addresses import Contact
from outreach.events import ical, public_events
from outreach.models import Event, Reminder, ReminderMail

Kind, State = ReminderMail.MailKind, ReminderMail.MailState
NOTICE = dt.timedelta(days=1)
UNCONFIRMED_LIFETIME = dt.timedelta(days=2)  # rules.sql says the same


# Residents' actions


def can_remind(event: Event) -> bool:
    """Return whether the event is public and the moment of its reminder, a day before, still ahead."""
    return event.status == Event.EventStatus.PUBLISHED and event.starts_at - timezone.now() > NOTICE


def request_reminder(event: Event, typed: str) -> bool:
    """Mail the address a link to confirm its reminder. Return False if the event takes no reminders any more.

    The answer is the same whether or not the address is known. Raises EmailAddressError with a sentence.
    """
    contact = Contact(subscriber_addresses.normalize_address(typed), subscriber_addresses.create_secret())
    link = subscriber_addresses.hash_secret(contact.secret)
    with transaction.atomic():
        sealed, known_by = (
            subscriber_addresses.seal_contact(contact),
            subscriber_addresses.hash_address(contact.address),
        )
        is_accepted = bool(_call("reminder_ask", event.pk, sealed, known_by, link)[0][0])
        queue.send_on_commit("outreach.bulk.remind")
    return is_accepted


def find_reminder(secret: bytes) -> tuple[int, bool] | None:
    """Return the event's key and whether the reminder is confirmed; None if the link is unknown or expired."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT event, confirmed FROM reminder_of(%s)", [secret])
        row = cursor.fetchone()
    return row and (row[0], row[1])


def confirm_reminder(secret: bytes) -> bool:
    return bool(_call("reminder_confirm", secret)[0][0])


def delete_reminder(secret: bytes) -> None:
    """Delete the address, if it is still there."""
    _call("reminder_leave", secret)


def _call(function: str, *values: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.callproc(function, values)
        rows: list[tuple[object, ...]] = cursor.fetchall()
    return rows


# The bulk worker's tasks


@shared_task(name="outreach.bulk.remind")  # type: ignore[untyped-decorator]
def remind() -> None:
    """Delete outdated addresses, write mails that are due, and send those that wait."""
    delete_outdated()
    write_due_mails()
    send_due()


def delete_outdated() -> None:
    """Delete addresses that are not needed any more."""
    now = timezone.now()
    over = Q(event__ends_at__lte=now) | Q(confirmed_at__isnull=True, asked_at__lte=now - UNCONFIRMED_LIFETIME)
    Reminder.objects.filter(over).delete()


def write_due_mails() -> None:
    """Write each mail that is due now. Safe to run twice, and in two workers at once."""
    now = timezone.now()
    confirmed = Reminder.objects.filter(confirmed_at__isnull=False, event__ends_at__gt=now)
    published = confirmed.filter(event__status=Event.EventStatus.PUBLISHED, event__starts_at__gt=now)
    _write_mails(Kind.CANCELLED, confirmed.filter(event__status=Event.EventStatus.CANCELLED))
    _write_mails(Kind.MOVED, published.filter(moves__lt=F("event__moves")))
    already_sent = ReminderMail.objects.filter(reminder=OuterRef("pk")).filter(
        Q(kind=Kind.REMIND, starts_at=OuterRef("event__starts_at"))
        # An address that just got the new time needs no reminder of it.
        | Q(
            kind=Kind.MOVED,
            starts_at=OuterRef("event__starts_at"),
            raised_at__gte=OuterRef("event__starts_at") - NOTICE,
        )
    )
    _write_mails(Kind.REMIND, published.filter(~Exists(already_sent), event__starts_at__lte=now + NOTICE))


def _write_mails(kind: ReminderMail.MailKind, reminders: QuerySet[Reminder]) -> None:
    with transaction.atomic():
        due = list(reminders.select_for_update(of=("self",)).select_related("event"))
        now = timezone.now()
        mails = [
            ReminderMail(reminder=each, kind=kind, starts_at=each.event.starts_at, raised_at=now, next_attempt_at=now)
            for each in due
        ]
        ReminderMail.objects.bulk_create(mails, ignore_conflicts=True)
        if kind == Kind.MOVED:
            for reminder in due:
                # One that still waits speaks of the newest time, as it is written when it is sent.
                reminder.mails.filter(kind=kind, state=State.WAITING).update(starts_at=reminder.event.starts_at)
                Reminder.objects.filter(pk=reminder.pk).update(moves=reminder.event.moves)


def send_due() -> None:
    """Send mails that are due. If another worker has one in hand, look again when its lease ends: it may have been killed."""
    ReminderOutbox().send(outbox.due_rows(ReminderMail))
    seconds = outbox.seconds_to_lease_end(ReminderMail)
    if seconds is not None:
        queue.send("outreach.bulk.remind", countdown=seconds + 1, expires=600)


class ReminderOutbox(Outbox[ReminderMail]):
    """Mails about events. An address that does not exist is deleted with its reminder."""

    model = ReminderMail
    name = "reminders"

    def compose(self, row: ReminderMail) -> EmailMessage | None:
        if not _is_still_true(row):
            return None
        return compose_mail(row, subscriber_addresses.open_contact(row.reminder.sealed_contact))

    def is_confirmation(self, row: ReminderMail) -> bool:
        return row.kind == Kind.CONFIRM

    def record_sent(self, row: ReminderMail) -> None:
        self.settle(row, state=State.SENT)
        if row.kind == Kind.CANCELLED:
            Reminder.objects.filter(pk=row.reminder_id).delete()

    def record_refusal(self, row: ReminderMail) -> None:
        Reminder.objects.filter(pk=row.reminder_id).delete()


def _is_still_true(mail: ReminderMail) -> bool:
    """Return whether the mail still holds: the event may have changed while it waited."""
    event = mail.reminder.event
    if mail.kind == Kind.CANCELLED:
        return event.status == Event.EventStatus.CANCELLED
    if mail.kind == Kind.REMIND and mail.starts_at != event.starts_at:
        return False  # another will be written a day before the new time
    return event.status == Event.EventStatus.PUBLISHED and event.starts_at > timezone.now()


_SUBJECTS = {
    Kind.CONFIRM: lambda: _("Please confirm your reminder: %(event)s"),
    Kind.REMIND: lambda: _("Reminder: %(event)s"),
    Kind.MOVED: lambda: _("Changed: %(event)s"),
    Kind.CANCELLED: lambda: _("Canceled: %(event)s"),
}


def compose_mail(mail: ReminderMail, contact: Contact) -> EmailMessage:
    """Compose the mail in plain text, with links that only its recipient has."""
    event = mail.reminder.event
    kind = Kind(mail.kind)
    link = f"{settings.PORTAL_URL}/events/reminders/{subscriber_addresses.encode_secret(contact.secret)}/"
    context = {
        "kind": kind.value, "event": event, "when": public_events.format_event_time(event), "page": ical.event_url(event), "link": link, "leave": f"{link}leave/",
        "agency": current_settings.current().name,
    }  # fmt: skip
    return EmailMessage(
        subject=" ".join((_SUBJECTS[kind]() % {"event": event.title}).split()),
        body=render_to_string("mail/event.txt", context).strip() + "\n",
        to=[contact.address],
        headers=headers.unsubscribe(f"{link}leave/"),
    )
