"""Sends alerts on once their tips are compared: to the alerts worker, or to those who decide about a wall.

The alerts worker knows neither texts nor whom a wall is about, so the recipients of a walled tip's alert are chosen here. The
mail is the same as ever, and says nothing of walls.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from core import queue
from core.models import Account
from core.staff.groups import SUPERVISOR
from tips import officer_alerts, vault
from tips.desk.acts import mutes, spam
from tips.models import Alert, Arrival, Notification, Tip, Wall
from tips.officer_alerts import escalation
from tips.officer_alerts.recipients import only_reachable, write_notifications
from tips.readers import desk_accounts
from tips.walls import records, visibility

BATCH = 200
AlertState = Alert.AlertState


def route_held_alerts() -> int:
    """Send on the alerts whose tips are compared, and return how many."""
    compared = ~Exists(Arrival.objects.filter(tip=OuterRef("tip"), is_recheck=False))
    held = Alert.objects.filter(compared, state=AlertState.HELD).values_list("pk", flat=True)[:BATCH]
    return sum(_route(alert_id) for alert_id in held)


def route_unheard_alerts() -> None:
    """Try again alerts of walled tips that had no recipient: an account may have been given the right to decide since."""
    notified = Notification.objects.filter(alert=OuterRef("pk"))
    Alert.objects.filter(~Exists(notified), state=AlertState.WALLED).update(state=AlertState.HELD)


def escalate_walled_alerts() -> None:
    """Take the steps that are due of urgent alerts about walled tips: all who may see the tip, then a red notice on their desks."""
    due = Alert.objects.filter(state=AlertState.WALLED, next_step_at__lte=timezone.now())
    for alert_id in due.values_list("pk", flat=True)[:BATCH]:
        with transaction.atomic():
            locked = Tip.objects.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related(
                "category"
            )
            tip = locked.filter(alerts=alert_id).first()
            alert = due.filter(pk=alert_id).first() if tip else None
            if tip is None or alert is None:
                continue
            try:
                seeing = only_reachable(visibility.list_seeing(tip), alert_id)
            except (vault.SealError, vault.KeyMissingError):
                seeing = Account.objects.none()
            if escalation.notify_next(alert, [set(seeing.values_list("pk", flat=True))]):
                queue.send_on_commit("tips.alerts.sweep")


def _route(alert_id: UUID) -> bool:
    with transaction.atomic():
        tip = (
            Tip.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
            .select_related("category")
            .filter(alerts=alert_id, alerts__state=AlertState.HELD)
            .first()
        )
        if tip is None:
            return False
        if Tip.objects.filter(spam.IS_SPAM | mutes.muted(), pk=tip.pk).exists():
            officer_alerts.silence(tip)
            return True
        wall = Wall.objects.filter(visibility.STANDING, tip=tip).first()
        if wall is None:
            Alert.objects.filter(pk=alert_id).update(state=AlertState.WAITING)
            queue.send_on_commit("tips.alerts.spread", str(alert_id))
        else:
            _notify(tip, wall, Alert.objects.get(pk=alert_id))
            Alert.objects.filter(pk=alert_id).update(state=AlertState.WALLED)
            queue.send_on_commit("tips.alerts.sweep")
    return True


def _notify(tip: Tip, wall: Wall, alert: Alert) -> None:
    try:
        named = records.read_record(wall).named
    except (vault.SealError, vault.KeyMissingError):
        return
    if wall.decision == Wall.Decision.NONE:
        recipients = visibility.choose_deciders(tip, named)
    else:
        recipients = wall.readers.filter(is_active=True)
    chosen = set(only_reachable(recipients, alert.pk).values_list("pk", flat=True)) - named
    write_notifications(alert, chosen)
    if chosen and wall.decision == Wall.Decision.NONE:
        # Rows as if sent for those left out: who has none would be who is named.
        left_out = desk_accounts().filter(groups__name=SUPERVISOR).exclude(pk__in=chosen)
        write_notifications(alert, left_out.values_list("pk", flat=True), is_sent=True)
    escalation.begin(alert)
