"""Telling officers that something awaits, never what.

An Alert row is written with the tip or message; the alerts worker spreads it over the officers on duty, one Notification
row each, and mails them. Rows are the truth: `sweep` takes up whatever the queue lost. Times in these rows are rounded as
those of the tip are: the mail server's log knows better, the database must not.
"""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
from dataclasses import dataclass
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from core import queue
from core.mail import headers
from core.models import Account
from core.staff.groups import OFFICER, SUPERVISOR
from tips.models import Alert, Duty, Notification, Priority, Tip, rounded_now

log = logging.getLogger(__name__)

# Where the mail leads: the list, so that no link tells one tip from another.
DESK_PATH = "/admin/tips/tip/"
# The first few tries follow each other as the sweep comes round (20 s); then 5, 10, 20 ... minutes pass, at most 80.
_QUICK_TRIES = 5
_LONGEST_DOUBLING = 4
_REFUSED_WAITS = dt.timedelta(hours=1)
_SWEPT_AT_ONCE = 200
_REFUSALS_SHOWN_FOR = dt.timedelta(days=7)

AlertState = Alert.AlertState
NotificationState = Notification.NotificationState


def raise_alert(tip: Tip) -> None:
    """Write that `tip` awaits an officer and hurry the worker once the transaction is on the disk."""
    alert = Alert.objects.create(tip=tip, urgent=tip.priority == Priority.URGENT)
    queue.send_on_commit("tips.alerts.spread", str(alert.id))


@shared_task(name="tips.alerts.spread")  # type: ignore[untyped-decorator]
def spread(alert_id: str) -> None:
    """Write one notification an officer and send them. Does nothing for an alert that is spread, or gone with its tip."""
    if _spread(UUID(alert_id)):
        _send_all(Notification.objects.filter(alert_id=alert_id))


@shared_task(name="tips.alerts.sweep", expires=60)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Take up alerts and notifications that the queue lost, and those that had nobody to go to."""
    for alert_id in Alert.objects.exclude(state=AlertState.SPREAD).values_list("pk", flat=True)[:_SWEPT_AT_ONCE]:
        _spread(alert_id)
    _send_all(Notification.objects.all())


def _spread(alert_id: UUID) -> bool:
    """Write the notifications of an alert unless that is done, or another worker is at it."""
    with transaction.atomic():
        waiting = Alert.objects.select_for_update(skip_locked=True).exclude(state=AlertState.SPREAD)
        alert = waiting.filter(pk=alert_id).only("id", "state").first()
        if alert is None:
            return False
        category_id = Tip.objects.filter(alerts=alert_id).values_list("category_id", flat=True).get()
        officers = recipients(category_id, alert_id)
        told = Notification.objects.filter(alert=alert)
        if not officers and not told.exclude(state=NotificationState.FAILED).exists():
            # An address may have been mended since the mail server refused it.
            told.filter(next_attempt_at__lte=timezone.now()).update(state=NotificationState.WAITING)
            Alert.objects.filter(pk=alert_id).update(state=AlertState.NOBODY)
            return False
        Notification.objects.bulk_create(
            [Notification(alert=alert, officer_id=officer_id) for officer_id in officers], ignore_conflicts=True
        )
        Alert.objects.filter(pk=alert_id).update(state=AlertState.SPREAD)
    return True


def recipients(category_id: int, alert_id: UUID) -> list[int]:
    """The accounts to tell of a tip of this category: officers on duty for it; nobody on duty, all officers of it; none
    of it, supervisors. An officer who chose no category has all. Whom the mail server refused for good over this alert
    counts as away, so that the next in line is told.
    """
    away = Notification.objects.filter(alert=alert_id, state=NotificationState.FAILED, officer_id=OuterRef("pk"))
    reachable = _reachable().filter(~Exists(away))
    duty = Duty.objects.filter(officer=OuterRef("pk"))
    chosen = duty.filter(categories__isnull=False)
    of_category = Q(Exists(duty.filter(categories=category_id))) | ~Exists(chosen)
    for group in (
        reachable.filter(of_category).filter(Exists(duty.filter(on_duty=True))),
        reachable.filter(of_category),
        reachable.filter(groups__name=SUPERVISOR),
    ):
        if found := sorted(set(group.values_list("pk", flat=True))):
            return found
    return []


def _reachable() -> QuerySet[Account]:
    return Account.objects.filter(is_active=True, groups__name__in=(OFFICER, SUPERVISOR)).exclude(email="")


def _send_all(notifications: QuerySet[Notification]) -> None:
    """Send those that are due over one line to the mail server; leave them for the next sweep when it does not answer."""
    due = notifications.filter(state=NotificationState.WAITING, next_attempt_at__lte=timezone.now())
    ids = list(due.order_by("next_attempt_at", "pk").values_list("pk", flat=True)[:_SWEPT_AT_ONCE])
    if not ids:
        return
    mail_server = get_connection()
    try:
        mail_server.open()
        for notification_id in ids:
            _send(notification_id, mail_server)
    except (smtplib.SMTPException, OSError) as error:
        log.warning("the mail server is away, alerts wait (%s)", type(error).__name__)
    finally:
        mail_server.close()


def _send(notification_id: UUID, mail_server: BaseEmailBackend) -> None:
    """Hand one notification to the mail server, whoever else tries at the same moment.

    One worker at a time has a notification until its new state is on the disk, and a slow mail server keeps no source
    from deleting the tip: the row itself is not locked. A kill in between may repeat this one message, under the same
    Message-ID. Raises SMTPException or OSError when the server is away: the row is as before then.
    """
    with transaction.atomic():
        waiting = Notification.objects.filter(pk=notification_id, state=NotificationState.WAITING)
        notification = waiting.first() if _is_ours(notification_id) else None
        if notification is None:
            return
        address = Account.objects.filter(pk=notification.officer_id).values_list("email", flat=True).get()
        urgent = Alert.objects.filter(pk=notification.alert_id).values_list("urgent", flat=True).get()
        notification.attempts += 1
        try:
            mail_server.send_messages([_message(notification_id, address, urgent=urgent)])
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            _note_refusal(notification, error)
        else:
            notification.state = NotificationState.SENT
        _settle(notification)


def _is_ours(notification_id: UUID) -> bool:
    """Whether no other worker has this notification in hand; ours until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [str(notification_id)])
        ours: bool = cursor.fetchone()[0]
    return ours


def _settle(notification: Notification) -> None:
    """Write what became of it; nothing if its tip was deleted meanwhile."""
    Notification.objects.filter(pk=notification.pk).update(
        state=notification.state, attempts=notification.attempts, next_attempt_at=notification.next_attempt_at
    )


def _message(notification_id: UUID, address: str, *, urgent: bool) -> EmailMessage:
    return EmailMessage(
        subject=_("Urgent: a tip awaits your desk") if urgent else _("A tip awaits your desk"),
        body=render_to_string("mail/alert.txt", {"urgent": urgent, "desk": settings.STAFF_URL + DESK_PATH}),
        to=[address],
        headers=headers.headers(notification_id),
    )


def _note_refusal(notification: Notification, error: smtplib.SMTPException) -> None:
    """Refused for good: the next in line is told. Refused for now: it is tried again, later each time."""
    if headers.is_final(error):
        log.error("the mail server refuses an alert for good (%s)", type(error).__name__)
        notification.state = NotificationState.FAILED
        notification.next_attempt_at = rounded_now() + _REFUSED_WAITS
        Alert.objects.filter(pk=notification.alert_id).update(state=AlertState.WAITING)
        return
    log.warning("an alert was refused for now and will be tried again (%s)", type(error).__name__)
    slow_tries = notification.attempts - _QUICK_TRIES
    if slow_tries >= 0:
        minutes = 5 * 2 ** min(slow_tries, _LONGEST_DOUBLING)
        notification.next_attempt_at = rounded_now() + dt.timedelta(minutes=minutes)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps alerts from officers: nobody has an address; names of officers whose address the mail server refused."""

    nobody: bool
    refused: list[str]

    def __bool__(self) -> bool:
        return self.nobody or bool(self.refused)


def trouble() -> Trouble:
    """What the admin shows in red until it is mended."""
    recent = Notification.objects.filter(
        state=NotificationState.FAILED, next_attempt_at__gte=timezone.now() - _REFUSALS_SHOWN_FOR
    )
    refused = Account.objects.filter(Exists(recent.filter(officer=OuterRef("pk")))).order_by("username")
    return Trouble(
        nobody=not _reachable().exists() or Alert.objects.filter(state=AlertState.NOBODY).exists(),
        refused=list(refused.values_list("username", flat=True)),
    )
