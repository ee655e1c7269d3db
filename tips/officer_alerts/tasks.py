"""The alerts worker's tasks: notifications for new alerts, and a sweep that takes up what the queue lost."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from tips.models import Alert, Category, Notification, Tip
from tips.officer_alerts import escalation, silent_desk
from tips.officer_alerts.notification_outbox import NotificationOutbox
from tips.officer_alerts.recipients import choose_recipients, write_notifications
from tips.officer_alerts.view_alerts import ViewAlertOutbox

_SWEPT_AT_ONCE = 200
AlertState = Alert.AlertState
NotificationState = Notification.NotificationState
_UNSPREAD = (AlertState.WAITING, AlertState.NOBODY)


@shared_task(name="tips.alerts.spread")  # type: ignore[untyped-decorator]
def spread_alert(alert_id: str) -> None:
    """Write one notification an officer and send them. Does nothing for an alert that is spread, or gone with its tip."""
    if _write_notifications(UUID(alert_id)):
        NotificationOutbox().send_due(alert=alert_id)


@shared_task(name="tips.alerts.sweep")  # type: ignore[untyped-decorator]
def sweep_alerts() -> None:
    """Take up alerts and notifications that the queue lost, alerts that had no recipient, and urgent ones that nobody took."""
    for alert_id in Alert.objects.filter(state__in=_UNSPREAD).values_list("pk", flat=True)[:_SWEPT_AT_ONCE]:
        _write_notifications(alert_id)
    escalation.escalate_due()
    silent_desk.notice()
    NotificationOutbox().send_due()
    ViewAlertOutbox().send_due()


def _write_notifications(alert_id: UUID) -> bool:
    """Write the notifications of an alert unless that is done, or another worker is at it."""
    with transaction.atomic():
        waiting = Alert.objects.select_for_update(skip_locked=True).filter(state__in=_UNSPREAD)
        alert = waiting.filter(pk=alert_id).defer("tip").first()
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
        is_sensitive = Category.objects.filter(pk=category_id, is_sensitive=True).exists()
        # Others than those who are named for the category may read a unit's channel.
        write_notifications(alert, officers, None if is_sensitive else unit_id)
        Alert.objects.filter(pk=alert_id).update(state=AlertState.SPREAD)
        escalation.begin(alert)
    return True
