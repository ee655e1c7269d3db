"""Sends alerts on once their tips are compared: to the alerts worker, or to those who decide about a wall.

The alerts worker knows neither texts nor whom a wall is about, so the recipients of a walled tip's alert are chosen here. The
mail is the same as ever, and says nothing of walls.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef

from core import queue
from core.staff.groups import SUPERVISOR
from tips import vault
from tips.models import Alert, Arrival, Notification, Tip, Wall
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
        wall = Wall.objects.filter(visibility.STANDING, tip=tip).first()
        if wall is None:
            Alert.objects.filter(pk=alert_id).update(state=AlertState.WAITING)
            queue.send_on_commit("tips.alerts.spread", str(alert_id))
        else:
            _notify(tip, wall, alert_id)
            Alert.objects.filter(pk=alert_id).update(state=AlertState.WALLED)
            queue.send_on_commit("tips.alerts.sweep")
    return True


def _notify(tip: Tip, wall: Wall, alert_id: UUID) -> None:
    try:
        named = records.read_record(wall).named
    except (vault.SealError, vault.KeyMissingError):
        return
    if wall.decision == Wall.Decision.NONE:
        recipients = visibility.choose_deciders(tip, named)
    else:
        recipients = wall.readers.filter(is_active=True)
    chosen = set(recipients.exclude(email="").values_list("pk", flat=True)) - named
    rows = [Notification(alert_id=alert_id, officer_id=account_id) for account_id in sorted(chosen)]
    if rows and wall.decision == Wall.Decision.NONE:
        # Rows as if mailed for those left out: who has none would be who is named.
        left_out = set(desk_accounts().filter(groups__name=SUPERVISOR).values_list("pk", flat=True)) - chosen
        sent = Notification.NotificationState.SENT
        rows += [Notification(alert_id=alert_id, officer_id=account_id, state=sent) for account_id in sorted(left_out)]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
