"""Has an urgent alert go to ever more officers until one of them has the tip.

An officer has it who acknowledged the alert or took the tip, and has opened it. The database knows (alert_settle in rules.sql), and
empties the alert's due time then. So a page that is only looked at, a list with the beginnings of reports and the preview of a link
stop nothing, and acknowledging without opening the tip delays the next step by LAPSE.

A due time in the database is rounded up to five minutes. The alerts worker knows it to seconds, in memory alone; after a restart it
goes by the rounded one.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from tips.models import ROUNDING, Alert, Notification, Tip, rounded_now
from tips.officer_alerts import recipients

LAPSE = dt.timedelta(minutes=5)
AlertState = Alert.AlertState

IS_WAITING = Q(next_step_at__isnull=False) | Q(is_unanswered=True)

# When the next step of an alert is due by time.monotonic(), of alerts whose last step this process took.
_due_at: dict[UUID, float] = {}


def begin(alert: Alert) -> None:
    """Set the time of the first step of an urgent alert whose first group is notified, in the caller's transaction."""
    if alert.urgent and not alert.steps and alert.next_step_at is None and not alert.is_unanswered:
        _schedule(alert, settings.ALERT_ESCALATION_MINUTES[0])
        Alert.objects.filter(pk=alert.pk).update(next_step_at=alert.next_step_at)


def _schedule(alert: Alert, minutes: int) -> None:
    wait = dt.timedelta(minutes=minutes)
    # From the end of the present five minutes: never early.
    alert.next_step_at = rounded_now() + ROUNDING + wait
    _due_at[alert.pk] = time.monotonic() + wait.total_seconds()


def escalate_due() -> bool:
    """Take the steps that are due, of alerts whose tips are not walled. Return whether someone else is notified."""
    escalating = Alert.objects.filter(next_step_at__isnull=False, state=AlertState.SPREAD)
    known = list(escalating.only("pk", "next_step_at", "acknowledged_by"))
    for alert_id in set(_due_at) - {alert.pk for alert in known}:
        _due_at.pop(alert_id, None)
    taken = [_take_step(alert.pk) for alert in known if _is_due(alert)]
    return any(taken)


def _is_due(alert: Alert) -> bool:
    exact = _due_at.get(alert.pk)
    # The staff side postpones an acknowledged alert, in the row alone.
    if exact is None or alert.acknowledged_by_id is not None:
        return alert.next_step_at is not None and alert.next_step_at <= timezone.now()
    return exact <= time.monotonic()


def _take_step(alert_id: UUID) -> bool:
    with transaction.atomic():
        waiting = Alert.objects.select_for_update(skip_locked=True).filter(pk=alert_id, next_step_at__isnull=False)
        alert = waiting.filter(state=AlertState.SPREAD).defer("tip").first()
        if alert is None:
            return False
        category_id, unit_id = Tip.objects.filter(alerts=alert_id).values_list("category_id", "unit_id").get()
        return notify_next(alert, recipients.list_groups(category_id, unit_id, alert_id))


def notify_next(alert: Alert, groups: Sequence[set[int]]) -> bool:
    """Notify the first group with officers who were not, of a locked alert; without one, note that nobody is left.

    Return whether there is one. In the caller's transaction.
    """
    notified = set(Notification.objects.filter(alert=alert.pk).values_list("officer", flat=True))
    following = next((group - notified for group in groups if group - notified), None)
    minutes = settings.ALERT_ESCALATION_MINUTES
    is_last = alert.steps + 1 >= len(minutes)
    if following:
        recipients.write_notifications(alert, following)
    if following and not is_last:
        _schedule(alert, minutes[alert.steps + 1] - minutes[alert.steps])
    else:
        alert.next_step_at = None
        _due_at.pop(alert.pk, None)
    Alert.objects.filter(pk=alert.pk).update(
        next_step_at=alert.next_step_at,
        is_unanswered=alert.next_step_at is None,
        steps=alert.steps + 1,
        acknowledged_by=None,
    )
    return bool(following)
