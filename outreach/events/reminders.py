"""Reminders of events by e-mail, without an account: asked for, confirmed by a link, sent a day before, then forgotten.

The public side can seal an address and cannot open one; what it may do with a reminder stands in rules.sql. The bulk
worker opens addresses to write to them. Each mail is a row with a state, written before it is sent: `remind` makes them,
sends them and takes up what was left. A mail server that took a mail just before the worker died may get that one again,
under the same Message-ID.

An address is deleted when its event is over, when its cancellation has been told, when its holder leaves, when the mail
server says there is no such mailbox, and after two days without confirmation.
"""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from core import queue
from core.advisory_locks import alone_with
from core.mail import headers, subscriber_addresses
from core.mail.subscriber_addresses import Contact
from outreach.events import actions, ical
from outreach.models import Event, Reminder, ReminderMail

log = logging.getLogger(__name__)

Kind, State = ReminderMail.MailKind, ReminderMail.MailState
BEFORE = dt.timedelta(days=1)
UNCONFIRMED = dt.timedelta(days=2)  # rules.sql says the same
_SENT_AT_ONCE = 200
_LONGEST_WAIT = 60  # minutes


# What residents do


def are_possible(event: Event) -> bool:
    """Whether the day before, when a reminder comes, is still ahead."""
    return event.status == Event.EventStatus.PUBLISHED and event.starts_at - timezone.now() > BEFORE


def ask(event: Event, typed: str) -> bool:
    """Ask the address to confirm that it wants a reminder. False: too many are asked for at the moment, try later.

    The answer is the same whether or not the address is known. Raises addresses.AddressError with a sentence.
    """
    contact = Contact(subscriber_addresses.normalised(typed), subscriber_addresses.new_secret())
    link = subscriber_addresses.secret_hash(contact.secret)
    with transaction.atomic():
        sealed, known_by = subscriber_addresses.seal(contact), subscriber_addresses.hashed(contact.address)
        taken = bool(_call("reminder_ask", event.pk, sealed, known_by, link)[0][0])
        queue.send_on_commit("outreach.bulk.remind", expires=600)
    return taken


def of(secret: bytes) -> tuple[int, bool] | None:
    """The event's number and whether the reminder is confirmed; None for a link that leads nowhere (any more)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT event, confirmed FROM reminder_of(%s)", [secret])
        row = cursor.fetchone()
    return row and (row[0], row[1])


def confirm(secret: bytes) -> bool:
    return bool(_call("reminder_confirm", secret)[0][0])


def leave(secret: bytes) -> None:
    """Delete the address. Nothing when it is gone already."""
    _call("reminder_leave", secret)


def _call(function: str, *values: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.callproc(function, values)
        rows: list[tuple[object, ...]] = cursor.fetchall()
    return rows


# What the bulk worker does


@shared_task(name="outreach.bulk.remind", expires=600)  # type: ignore[untyped-decorator]
def remind() -> None:
    """Forget what is over, write the mails that are due, send what waits."""
    forget()
    raise_due()
    send_all()


def forget() -> None:
    """Delete addresses that are not needed any more."""
    now = timezone.now()
    over = Q(event__ends_at__lte=now) | Q(confirmed_at__isnull=True, asked_at__lte=now - UNCONFIRMED)
    Reminder.objects.filter(over).delete()


def raise_due() -> None:
    """Write a mail for each address that has to be told something now. Again and at once it writes nothing twice."""
    now = timezone.now()
    confirmed = Reminder.objects.filter(confirmed_at__isnull=False, event__ends_at__gt=now)
    published = confirmed.filter(event__status=Event.EventStatus.PUBLISHED, event__starts_at__gt=now)
    _raise(Kind.CANCELLED, confirmed.filter(event__status=Event.EventStatus.CANCELLED))
    _raise(Kind.MOVED, published.filter(moves__lt=F("event__moves")))
    told = ReminderMail.objects.filter(reminder=OuterRef("pk")).filter(
        Q(kind=Kind.REMIND, starts_at=OuterRef("event__starts_at"))
        # Who has just been told of the new time needs no reminder of it.
        | Q(
            kind=Kind.MOVED,
            starts_at=OuterRef("event__starts_at"),
            raised_at__gte=OuterRef("event__starts_at") - BEFORE,
        )
    )
    _raise(Kind.REMIND, published.filter(~Exists(told), event__starts_at__lte=now + BEFORE))


def _raise(kind: ReminderMail.MailKind, reminders: QuerySet[Reminder]) -> None:
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


def send_all() -> None:
    """Send what waits over one line to the mail server; leave it for the next minute when that does not answer."""
    waiting = ReminderMail.objects.filter(state=State.WAITING, next_attempt_at__lte=timezone.now())
    ids = list(waiting.order_by("next_attempt_at", "pk").values_list("pk", flat=True)[:_SENT_AT_ONCE])
    if not ids:
        return
    mail_server = get_connection()
    try:
        mail_server.open()
        for mail_id in ids:
            with alone_with(mail_id) as alone:
                if alone:
                    _send(mail_id, mail_server)
    except (smtplib.SMTPException, OSError) as error:
        log.warning("the mail server is away, reminders wait (%s)", type(error).__name__)
    finally:
        mail_server.close()


def _send(mail_id: UUID, mail_server: BaseEmailBackend) -> None:
    """Hand one mail to the mail server. A resident may leave meanwhile: no row is locked, and then nothing is written."""
    mails = ReminderMail.objects.filter(pk=mail_id, state=State.WAITING).select_related("reminder__event")
    mail = mails.first()
    if mail is None:
        return
    if not _still_true(mail):
        mails.delete()
        return
    contact = subscriber_addresses.open_sealed(mail.reminder.sealed_contact)
    if _hand_over(mail, contact, mail_server):
        _settle(mail)


def _still_true(mail: ReminderMail) -> bool:
    """Whether what it would say holds: the event may have changed while it waited."""
    event = mail.reminder.event
    if mail.kind == Kind.CANCELLED:
        return event.status == Event.EventStatus.CANCELLED
    if mail.kind == Kind.REMIND and mail.starts_at != event.starts_at:
        return False  # another will be written a day before the new time
    return event.status == Event.EventStatus.PUBLISHED and event.starts_at > timezone.now()


def _hand_over(mail: ReminderMail, contact: Contact, mail_server: BaseEmailBackend) -> bool:
    """Whether it was taken. A refused mail waits or goes with its address. Raises what a server that is away does."""
    try:
        mail_server.send_messages([message(mail, contact)])
    except smtplib.SMTPRecipientsRefused as error:
        if headers.is_final(error):
            log.warning("a mail server knows no such address, its reminder is deleted")
            Reminder.objects.filter(pk=mail.reminder_id).delete()
        else:
            _wait(mail)
        return False
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        log.warning("a mail server refuses a reminder (%s)", type(error).__name__)
        _wait(mail)
        return False
    return True


def _wait(mail: ReminderMail) -> None:
    """Later each time, until the address is forgotten."""
    wait = dt.timedelta(minutes=min(2 ** min(mail.attempts, 10), _LONGEST_WAIT))
    ReminderMail.objects.filter(pk=mail.pk).update(attempts=mail.attempts + 1, next_attempt_at=timezone.now() + wait)


def _settle(mail: ReminderMail) -> None:
    """It is sent. Who was told of a cancellation is told nothing more."""
    ReminderMail.objects.filter(pk=mail.pk).update(state=State.SENT, attempts=mail.attempts + 1)
    if mail.kind == Kind.CANCELLED:
        Reminder.objects.filter(pk=mail.reminder_id).delete()


_SUBJECTS = {
    Kind.CONFIRM: lambda: _("Please confirm: a reminder of %(event)s"),
    Kind.REMIND: lambda: _("Reminder: %(event)s"),
    Kind.MOVED: lambda: _("Changed: %(event)s"),
    Kind.CANCELLED: lambda: _("Cancelled: %(event)s"),
}


def message(mail: ReminderMail, contact: Contact) -> EmailMessage:
    """The mail in plain text, with the links that its receiver alone has."""
    event = mail.reminder.event
    kind = Kind(mail.kind)
    link = f"{settings.PORTAL_URL}/events/reminders/{subscriber_addresses.link_text(contact.secret)}/"
    context = {
        "kind": kind.value, "event": event, "when": actions.when(event), "page": ical.address_of(event), "link": link, "leave": f"{link}leave/",
        "agency": settings.AGENCY_NAME,
    }  # fmt: skip
    leave = "" if kind in (Kind.CONFIRM, Kind.CANCELLED) else f"{link}leave/"
    return EmailMessage(
        subject=" ".join((_SUBJECTS[kind]() % {"event": event.title}).split()),
        body=render_to_string("mail/event.txt", context).strip() + "\n",
        to=[contact.address],
        headers=headers.headers(mail.pk, leave),
    )
