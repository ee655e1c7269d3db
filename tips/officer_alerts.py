"""Officers' alerts: mails that say that a tip is waiting, never what is in it.

An Alert row is written with the tip or message; the alerts worker spreads it over the officers on duty, one Notification
row each, and mails them. Rows are the truth: `sweep` takes up whatever the queue lost. Times in these rows are rounded as
those of the tip are: the mail server's log knows better, the database must not.
"""

from __future__ import annotations

import datetime as dt
import smtplib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.mail import outbox
from core.mail.outbox import Outbox
from core.models import Account
from core.row_insertion import insert_row
from core.staff.groups import SUPERVISOR
from tips import readers
from tips.models import Alert, Duty, Notification, Priority, Tip, rounded_now
from tips.officer_mail_budget import budget

# Where the mail leads: the list, so that no link tells one tip from another.
DESK_PATH = "/admin/tips/tip/"
_REFUSED_WAITS = dt.timedelta(hours=1)
_SWEPT_AT_ONCE = 200
# `raised_at` is the hour: so old, an alert has waited for an hour at least.
_SURELY_LATE = dt.timedelta(hours=2)
_REFUSALS_SHOWN_FOR = dt.timedelta(days=7)

AlertState = Alert.AlertState
NotificationState = Notification.NotificationState
_UNSPREAD = (AlertState.WAITING, AlertState.NOBODY)


def raise_alert(tip: Tip) -> None:
    """Write that `tip` waits for an officer. The staff side sends it on at once (tips/walls/alert_routing.py)."""
    insert_row(Alert(tip=tip, urgent=tip.priority == Priority.URGENT))


def withdraw_notifications(tip: Tip, seeing: QuerySet[Account]) -> None:
    """Send no mail that still waits about a tip to officers who are no longer among those who may see it."""
    waiting = Notification.objects.filter(alert__tip=tip, state=NotificationState.WAITING)
    waiting.exclude(officer__in=seeing).update(state=NotificationState.SENT)


@shared_task(name="tips.alerts.spread")  # type: ignore[untyped-decorator]
def spread_alert(alert_id: str) -> None:
    """Write one notification an officer and send them. Does nothing for an alert that is spread, or gone with its tip."""
    if _write_notifications(UUID(alert_id)):
        NotificationOutbox().send_due(alert=alert_id)


@shared_task(name="tips.alerts.sweep", expires=60)  # type: ignore[untyped-decorator]
def sweep_alerts() -> None:
    """Take up alerts and notifications that the queue lost, and alerts that had no recipient."""
    for alert_id in Alert.objects.filter(state__in=_UNSPREAD).values_list("pk", flat=True)[:_SWEPT_AT_ONCE]:
        _write_notifications(alert_id)
    NotificationOutbox().send_due()


def _write_notifications(alert_id: UUID) -> bool:
    """Write the notifications of an alert unless that is done, or another worker is at it."""
    with transaction.atomic():
        waiting = Alert.objects.select_for_update(skip_locked=True).filter(state__in=_UNSPREAD)
        alert = waiting.filter(pk=alert_id).only("id", "state").first()
        if alert is None:
            return False
        category_id, unit_id = Tip.objects.filter(alerts=alert_id).values_list("category_id", "unit_id").get()
        officers = choose_recipients(category_id, unit_id, alert_id)
        earlier = Notification.objects.filter(alert=alert)
        if not officers and not earlier.exclude(state=NotificationState.FAILED).exists():
            # An address may have been corrected since the mail server refused it.
            earlier.filter(next_attempt_at__lte=timezone.now()).update(state=NotificationState.WAITING)
            Alert.objects.filter(pk=alert_id).update(state=AlertState.NOBODY)
            return False
        Notification.objects.bulk_create(
            [Notification(alert=alert, officer_id=officer_id) for officer_id in officers], ignore_conflicts=True
        )
        Alert.objects.filter(pk=alert_id).update(state=AlertState.SPREAD)
    return True


def choose_recipients(category_id: int, unit_id: int | None, alert_id: UUID) -> list[int]:
    """Return the first non-empty group of: officers on duty for the category, all its officers, supervisors, the rest.

    Only of those who may see the tip (tips/readers.py). An officer who chose no category has all. An officer whose mail was refused for good over this alert is left out, so
    that the next group gets it.
    """
    away = Notification.objects.filter(alert=alert_id, state=NotificationState.FAILED, officer_id=OuterRef("pk"))
    reachable = readers.readers_of(category_id, unit_id).exclude(email="").filter(~Exists(away))
    duty = Duty.objects.filter(officer=OuterRef("pk"))
    chosen = duty.filter(categories__isnull=False)
    of_category = Q(Exists(duty.filter(categories=category_id))) | ~Exists(chosen)
    for group in (
        reachable.filter(of_category).filter(Exists(duty.filter(on_duty=True))),
        reachable.filter(of_category),
        reachable.filter(groups__name=SUPERVISOR),
        reachable,
    ):
        if account_ids := sorted(set(group.values_list("pk", flat=True))):
            return account_ids
    return []


class NotificationOutbox(Outbox[Notification]):
    """Mails to officers. Any permanent refusal makes the next in line be notified instead.

    One mail covers all that waits of its tip. An officer whose mails for single tips are used up gets one for all that wait ("37
    more tips"); see officer_mail_budget.
    """

    model = Notification
    name = "officers' alerts"
    quick_tries = 5  # 20 s apart, as the sweep comes round

    def __init__(self) -> None:
        # The rows that stand for all tips, and the waiting rows that each mail covers besides its own.
        self._bundles: set[UUID] = set()
        self._covered: dict[UUID, list[Notification]] = {}
        # Whether each row of the batch is urgent: its alert may be deleted with its tip while the mail is sent.
        self._urgent: dict[UUID, bool] = {}

    def now(self) -> dt.datetime:
        return rounded_now()

    def send_due(self, **conditions: Any) -> None:
        """Send as many of the due rows as the officers' budgets allow, urgent ones first. The rest waits for the sweep."""
        waiting = Notification.objects.filter(
            state=NotificationState.WAITING, next_attempt_at__lte=timezone.now(), **conditions
        )
        batch = []
        for is_urgent, officer_id in sorted(set(waiting.values_list("alert__urgent", "officer_id")), reverse=True):
            rows = self._first_rows_of_tips(officer_id, is_urgent, conditions)
            single = budget.single_mails_left(officer_id, is_urgent)
            if rows and not single and budget.is_bundle_due(officer_id, is_urgent):
                self._bundles.add(rows[0].pk)
                single = 1
            batch += rows[:single]
            self._urgent |= dict.fromkeys((row.pk for row in rows[:single]), is_urgent)
        self.send(batch)

    def _first_rows_of_tips(self, officer_id: int, is_urgent: bool, conditions: dict[str, Any]) -> list[Notification]:
        """Return the due rows of one officer, one for each tip that they were not mailed about just now."""
        first: dict[UUID, Notification] = {}
        for row in outbox.due_rows(Notification, officer=officer_id, alert__urgent=is_urgent, **conditions):
            tip_id = Alert.objects.filter(pk=row.alert_id).values_list("tip_id", flat=True).first()
            if tip_id is not None and budget.is_tip_due(officer_id, tip_id, is_urgent):
                first.setdefault(tip_id, row)
        return list(first.values())

    def compose(self, row: Notification) -> EmailMessage:
        address = Account.objects.filter(pk=row.officer_id).values_list("email", flat=True).get()
        urgent = self._urgent[row.pk]
        covered = Notification.objects.filter(
            officer=row.officer_id, alert__urgent=urgent, state=NotificationState.WAITING, leased_until=None
        )
        if row.pk not in self._bundles:
            covered = covered.filter(alert__tip=Subquery(Alert.objects.filter(pk=row.alert_id).values("tip")))
        self._covered[row.pk] = list(covered.exclude(pk=row.pk).only("pk", "alert"))
        count = len(self._list_tips(row)) if row.pk in self._bundles else 0
        return EmailMessage(
            subject=_subject(urgent, count),
            body=render_to_string(
                "mail/alert.txt", {"urgent": urgent, "count": count, "desk": settings.STAFF_URL + DESK_PATH}
            ),
            to=[address],
        )

    def record_sent(self, row: Notification) -> None:
        super().record_sent(row)
        covered = [other.pk for other in self._covered[row.pk]]
        Notification.objects.filter(pk__in=covered, state=NotificationState.WAITING).update(
            state=NotificationState.SENT
        )
        budget.count_sent(row.officer_id, self._urgent[row.pk])
        budget.count_sent_about(row.officer_id, self._list_tips(row))

    def _list_tips(self, row: Notification) -> set[UUID]:
        """Return the tips that the mail of this row is about."""
        alerts = [row.alert_id, *(other.alert_id for other in self._covered[row.pk])]
        return set(Alert.objects.filter(pk__in=alerts).values_list("tip_id", flat=True))

    def is_final(self, error: smtplib.SMTPException) -> bool:
        return outbox.is_permanent(error)

    def record_refusal(self, row: Notification) -> None:
        self.settle(row, state=NotificationState.FAILED, next_attempt_at=self.now() + _REFUSED_WAITS)
        # The staff side chooses who else is told of a walled tip.
        Alert.objects.filter(pk=row.alert_id, state=AlertState.SPREAD).update(state=AlertState.WAITING)


def _subject(urgent: bool, count: int) -> str:
    """Return the subject of a mail about one tip (count 0) or about `count` more."""
    if not count:
        return _("Urgent: a tip is waiting") if urgent else _("A tip is waiting")
    if urgent:
        sentence = ngettext("Urgent: %(count)d more tip is waiting", "Urgent: %(count)d more tips are waiting", count)
    else:
        sentence = ngettext("%(count)d more tip is waiting", "%(count)d more tips are waiting", count)
    return sentence % {"count": count}


@dataclass(frozen=True, slots=True)
class WaitingAlerts:
    """Counts of alerts without a mail to any officer: all, and the urgent ones among them."""

    total: int
    urgent: int


def count_waiting(tips: QuerySet[Tip], *, include_recent: bool) -> WaitingAlerts:
    """Count the alerts of these tips that wait although mails were tried or an hour has passed.

    With `include_recent` all that wait.

    Rows do not tell minutes, since their times are rounded for the sake of sources. Ask for recent ones when something else
    says that no mail goes out.
    """
    waits = Notification.objects.filter(alert=OuterRef("pk"), state=NotificationState.WAITING)
    sent = Notification.objects.filter(alert=OuterRef("pk"), state=NotificationState.SENT)
    alerts = Alert.objects.filter(~Exists(sent), tip__in=tips).filter(
        Q(state__in=(AlertState.HELD, AlertState.WAITING)) | Exists(waits)
    )
    if not include_recent:
        tried = waits.filter(attempts__gte=NotificationOutbox.quick_tries)
        alerts = alerts.filter(Q(raised_at__lt=timezone.now() - _SURELY_LATE) | Exists(tried))
    return WaitingAlerts(**alerts.aggregate(total=Count("pk"), urgent=Count("pk", filter=Q(urgent=True))))


@dataclass(frozen=True, slots=True)
class DeliveryProblems:
    """Reasons why alerts do not reach officers: no address at all, and names of officers whose address was refused."""

    nobody: bool
    refused: list[str]

    def __bool__(self) -> bool:
        return self.nobody or bool(self.refused)


def find_problems(tips: QuerySet[Tip]) -> DeliveryProblems:
    """Return the problems with alerts of these tips that the admin shows in red until they are fixed."""
    recent = Notification.objects.filter(
        alert__tip__in=tips, state=NotificationState.FAILED, next_attempt_at__gte=timezone.now() - _REFUSALS_SHOWN_FOR
    )
    refused = Account.objects.filter(Exists(recent.filter(officer=OuterRef("pk")))).order_by("username")
    return DeliveryProblems(
        nobody=not readers.desk_accounts().exclude(email="").exists()
        or Alert.objects.filter(tip__in=tips, state=AlertState.NOBODY).exists(),
        refused=list(refused.values_list("username", flat=True)),
    )
