"""Alerts and the messages they become. Times are rounded as those of tips are."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.mail.outbox import OutboxRow
from tips.models.alert_channels import AlertChannel
from tips.models.times import current_hour
from tips.models.tips import Tip


class Alert(models.Model):
    """A new tip or message that waits for an officer: written in its transaction, spread over officers by the worker.

    It is held until the staff side has compared the tip with the names of staff (tips/walls/alert_routing.py).
    """

    class AlertState(models.TextChoices):
        HELD = "held", _("held until the tip is compared with the names of staff")
        WALLED = "walled", _("of a walled tip: the staff side chooses its recipients")
        WAITING = "waiting", _("waiting")
        SPREAD = "spread", _("one notification an officer is written")
        NOBODY = "nobody", _("no officer has an address")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tip = models.ForeignKey(Tip, models.CASCADE, related_name="alerts")
    urgent = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=AlertState, default=AlertState.HELD)
    raised_at = models.DateTimeField(default=current_hour)
    # Escalation of an urgent alert (tips/officer_alerts/escalation.py). Empty again as soon as an officer has the tip: a trigger
    # does that (alert_settle in rules.sql).
    next_step_at = models.DateTimeField(null=True)
    steps = models.PositiveSmallIntegerField(db_default=0, help_text="how many more groups were notified")
    acknowledged_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    is_unanswered = models.BooleanField(db_default=False, help_text="everyone was notified, and no officer has the tip")

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["state"], name="alert_waiting", condition=~Q(state="spread")),
            models.Index(
                fields=["next_step_at"],
                name="alert_escalating",
                condition=Q(next_step_at__isnull=False) | Q(is_unanswered=True),
            ),
        ]

    def __str__(self) -> str:
        return f"alert {self.id}"


class Notification(OutboxRow):
    """One message to one officer by email, or on one channel of an officer or a unit.

    Exact times are in `leased_until` alone, which is empty again once the message is settled.
    """

    class NotificationState(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("handed to the mail server or channel")
        FAILED = "failed", _("refused for good")

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="notifications")
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    channel = models.ForeignKey(AlertChannel, models.CASCADE, null=True, related_name="notifications")
    state = models.CharField(max_length=8, choices=NotificationState, default=NotificationState.WAITING)
    next_attempt_at = models.DateTimeField(default=current_hour)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["next_attempt_at"], name="notification_waiting", condition=Q(state="waiting"))]
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "officer", "channel"], nulls_distinct=False, name="notification_once_a_channel"
            ),
            models.CheckConstraint(
                condition=Q(officer__isnull=False) | Q(channel__isnull=False), name="notification_has_receiver"
            ),
        ]

    def __str__(self) -> str:
        return f"notification {self.id}"
