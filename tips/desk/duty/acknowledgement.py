"""An officer says that they look at an urgent tip now: by a signed-in post, so that no preview of a link can say it."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from core import audit
from core.models import Account
from tips.desk import permissions, triage
from tips.models import Alert, Tip
from tips.officer_alerts import escalation


def list_escalating_tips(account: Account) -> QuerySet[Tip]:
    """Return the tips with an urgent alert that no officer has yet, of those that the account may see."""
    alerts = Alert.objects.filter(escalation.IS_WAITING, urgent=True)
    return permissions.visible_tips(account).filter(pk__in=alerts.values("tip")).defer("report")


def acknowledge(tip: Tip, officer: Account) -> None:
    """Hold the tip's alerts back for LAPSE. They go on unless it is opened by then. The tip itself does not change.

    Raises PermissionDenied and conversation.TipGoneError.
    """
    with triage.locked(tip, officer, permissions.can_open) as locked_tip:
        # Not rounded: the audit trail has the time of this act, and it says nothing of the source.
        later = timezone.now() + escalation.LAPSE
        waiting = Alert.objects.filter(escalation.IS_WAITING, tip=locked_tip.pk)
        if waiting.update(acknowledged_by=officer, next_step_at=later, is_unanswered=False):
            audit.record(officer, "acknowledged the alert about", f"tip {locked_tip.number}")
