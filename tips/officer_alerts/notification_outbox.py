"""Sends notifications to officers: mails that say that a tip is waiting, never what is in it."""

from __future__ import annotations

import datetime as dt
import smtplib
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Subquery
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.mail import outbox
from core.mail.outbox import Outbox
from core.models import Account
from tips.models import Alert, Notification, rounded_now
from tips.officer_alerts.message_budget import budget

# Where the mail leads: the list, so that no link tells one tip from another.
DESK_PATH = "/admin/tips/tip/"
_REFUSED_WAITS = dt.timedelta(hours=1)

AlertState = Alert.AlertState
NotificationState = Notification.NotificationState


class NotificationOutbox(Outbox[Notification]):
    """Mails to officers. Any permanent refusal makes the next in line be notified instead.

    One mail covers all that waits of its tip. An officer whose mails for single tips are used up gets one for all that wait ("37
    more tips"); see message_budget.
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
