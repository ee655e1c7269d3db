"""Telling officers that something awaits, never what.

An Alert row is written with the tip or message; the alerts worker spreads it over the officers on duty, one Notification
row each, and mails them. Rows are the truth: `sweep` takes up whatever the queue lost. Times in these rows are rounded as
those of the tip are: the mail server's log knows better, the database must not.
"""

from __future__ import annotations

import datetime as dt
import smtplib
from dataclasses import dataclass
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from core import queue
from core.mail import outbox
from core.mail.outbox import Outbox
from core.models import Account
from core.staff.groups import OFFICER, SUPERVISOR
from tips.models import Alert, Duty, Notification, Priority, Tip, rounded_now

# Where the mail leads: the list, so that no link tells one tip from another.
DESK_PATH = "/admin/tips/tip/"
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
        NotificationOutbox().send(outbox.due_rows(Notification, alert=alert_id))


@shared_task(name="tips.alerts.sweep", expires=60)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Take up alerts and notifications that the queue lost, and those that had nobody to go to."""
    for alert_id in Alert.objects.exclude(state=AlertState.SPREAD).values_list("pk", flat=True)[:_SWEPT_AT_ONCE]:
        _spread(alert_id)
    NotificationOutbox().send(outbox.due_rows(Notification))


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


class NotificationOutbox(Outbox[Notification]):
    """Mails to officers. Any permanent refusal makes the next in line be notified instead."""

    model = Notification
    name = "officers' alerts"
    quick_tries = 5  # 20 s apart, as the sweep comes round

    def now(self) -> dt.datetime:
        return rounded_now()

    def compose(self, row: Notification) -> EmailMessage:
        address = Account.objects.filter(pk=row.officer_id).values_list("email", flat=True).get()
        urgent = Alert.objects.filter(pk=row.alert_id).values_list("urgent", flat=True).get()
        return EmailMessage(
            subject=_("Urgent: a tip awaits your desk") if urgent else _("A tip awaits your desk"),
            body=render_to_string("mail/alert.txt", {"urgent": urgent, "desk": settings.STAFF_URL + DESK_PATH}),
            to=[address],
        )

    def is_final(self, error: smtplib.SMTPException) -> bool:
        return outbox.is_permanent(error)

    def record_refusal(self, row: Notification) -> None:
        self.settle(row, state=NotificationState.FAILED, next_attempt_at=self.now() + _REFUSED_WAITS)
        Alert.objects.filter(pk=row.alert_id).update(state=AlertState.WAITING)


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
