"""Alerts to one officer: a colleague gave them a tip. The message is the same as for a new tip, and says nothing of either."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from core.models import Account
from tips.models import Alert, Notification, Priority, Tip
from tips.officer_alerts.recipients import only_reachable, write_notifications


def raise_assignment_alert(
    tip: Tip, assignee: Account, alert_id: UUID, not_before: dt.datetime, *, is_walled: bool
) -> None:
    """Have the officer told from `not_before` on that a tip is theirs, by mail and on their channels; not if they have neither.

    Quiet hours and the limits of messages are those of all alerts. If every message is refused, the alert goes on to the officers of
    the category; of a walled tip it doesn't.
    """
    if not only_reachable(Account.objects.filter(pk=assignee.pk)).exists():
        return
    state = Alert.AlertState.WALLED if is_walled else Alert.AlertState.SPREAD
    columns = {"tip": tip, "urgent": tip.priority == Priority.URGENT, "state": state}
    # A form that was undone may be sent again.
    alert, _is_new = Alert.objects.get_or_create(pk=alert_id, defaults=columns)
    write_notifications(alert, [assignee.pk], not_before=not_before)


def withdraw_assignment_alert(alert_id: UUID) -> None:
    """Take back the messages of an assignment that is undone, unless they have left."""
    Notification.objects.filter(alert=alert_id, state=Notification.NotificationState.WAITING).delete()
