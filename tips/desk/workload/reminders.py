"""Reminders of late tips: a supervisor asks the officer who has them to look, at most once a day for each tip.

The message by mail and on channels is the one of all alerts and names no tip. Which tips it is about stands on the officer's own desk.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from core import audit
from core.models import Account
from tips import officer_alerts
from tips.conversation import TipGoneError
from tips.desk import permissions, triage, worklist
from tips.desk.queue import targets
from tips.desk.queue.views import GENERAL
from tips.models import DeskState, Tip


def list_reminded(officer: Account) -> list[Tip]:
    """Return the officer's late tips that a supervisor reminded them of. No sensitive or walled one."""
    reminded = _list_late(officer, officer).filter(desk_state__reminded_officer=officer.pk)
    return list(reminded.select_related("category").defer("report").order_by("priority", "number"))


def was_reminded_today(officer_id: int | None, reminded_officer_id: int | None, reminded_on: dt.date | None) -> bool:
    """Return whether the columns of a tip's desk state say that this officer was reminded of it today."""
    return officer_id is not None and officer_id == reminded_officer_id and reminded_on == timezone.localdate()


def remind(supervisor: Account, officer: Account) -> int:
    """Remind an officer of the late tips of theirs that the supervisor may know of, and return of how many.

    Tips of which the officer was reminded today are left out. One message goes out for all. Raises PermissionDenied.
    """
    permissions.require(permissions.can_supervise(supervisor))
    today, count = timezone.localdate(), 0
    late = _list_late(supervisor, officer).exclude(
        Q(desk_state__reminded_officer=officer.pk, desk_state__reminded_on=today)
    )
    for tip_id in list(late.order_by("priority", "number").values_list("pk", flat=True)):
        try:
            with triage.locked(Tip(pk=tip_id), supervisor, permissions.can_supervise) as tip:
                state, _is_new = DeskState.objects.get_or_create(tip=tip)
                is_done = was_reminded_today(officer.pk, state.reminded_officer_id, state.reminded_on)
                if is_done or tip.assigned_to_id != officer.pk:
                    continue
                state.reminded_officer, state.reminded_on = officer, today
                state.save(update_fields=["reminded_officer", "reminded_on"])
                audit.record(supervisor, "reminded", f"tip {tip.number}", f"to {officer.get_username()}")
                if not count:
                    officer_alerts.raise_assignment_alert(tip, officer, uuid.uuid4(), timezone.now(), is_walled=False)
                count += 1
        except TipGoneError:  # erased or walled meanwhile
            continue
    return count


def _list_late(viewer: Account, officer: Account) -> QuerySet[Any]:
    """Return the late tips of an officer that the viewer may know of."""
    tips = worklist.visible_with_unread(viewer).filter(GENERAL, worklist.ACTIVE, assigned_to=officer.pk)
    its_targets = targets.Targets.load()
    return its_targets.only_late(its_targets.with_due(tips))
