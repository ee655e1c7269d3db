"""Alerts as they are raised, and notifications as they are taken back: rows alone, nothing is sent from here."""

from __future__ import annotations

from django.db.models import QuerySet

from core.models import Account
from core.row_insertion import insert_row
from tips.models import Alert, AlertChannel, Notification, Priority, Tip

NotificationState = Notification.NotificationState


def raise_alert(tip: Tip) -> None:
    """Write that `tip` waits for an officer. The staff side sends it on at once (tips/walls/alert_routing.py)."""
    insert_row(Alert(tip=tip, urgent=tip.priority == Priority.URGENT))


def withdraw_notifications(tip: Tip, seeing: QuerySet[Account]) -> None:
    """Send no mail that still waits about a tip to officers who are no longer among those who may see it."""
    waiting = Notification.objects.filter(alert__tip=tip, state=NotificationState.WAITING)
    waiting.exclude(officer__in=seeing).update(state=NotificationState.SENT)


def release_notifications(channel: AlertChannel) -> None:
    """Have alerts that still wait for this channel go to their recipients anew. Call it before the channel is deleted."""
    waiting = Alert.objects.filter(notifications__channel=channel, notifications__state=NotificationState.WAITING)
    for state, again in (
        (Alert.AlertState.SPREAD, Alert.AlertState.WAITING),
        (Alert.AlertState.WALLED, Alert.AlertState.HELD),
    ):
        Alert.objects.filter(pk__in=list(waiting.filter(state=state).values_list("pk", flat=True))).update(state=again)


def silence(*tips: Tip) -> None:
    """Send no message that still waits about these tips, to anyone, and no further ones."""
    waiting = Notification.objects.filter(alert__tip__in=tips, state=NotificationState.WAITING)
    waiting.update(state=NotificationState.SENT)
    Alert.objects.filter(tip__in=tips, next_step_at__isnull=False).update(next_step_at=None)
    Alert.objects.filter(tip__in=tips).exclude(state=Alert.AlertState.SPREAD).update(state=Alert.AlertState.SPREAD)
