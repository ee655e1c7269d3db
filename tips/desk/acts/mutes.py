"""Muted sources: their messages arrive and are kept, but alert nobody and bring no tip back, until a day that has passed."""

from __future__ import annotations

import datetime as dt

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from tips import officer_alerts
from tips.desk import permissions
from tips.desk.acts import reversals
from tips.desk.triage import TransitionError, locked, refuse_unopened
from tips.models import DeskState, PendingAct, Tip

LONGEST = dt.timedelta(days=90)


def muted() -> Q:
    """Return the condition on Tip for those whose source is muted today."""
    return Q(Exists(DeskState.objects.filter(tip=OuterRef("pk"), muted_until__gte=timezone.localdate())))


def is_muted(tip: Tip) -> bool:
    """Return whether the source of a tip is muted today, as of when its desk state was first read."""
    state = getattr(tip, "desk_state", None)
    return state is not None and state.muted_until is not None and state.muted_until >= timezone.localdate()


def mute(tip: Tip, officer: Account, until: dt.date, form_id: bytes) -> None:
    """Mute the source of an opened tip up to a day. Raises TransitionError for a day that has passed or is too late."""
    with locked(tip, officer, permissions.can_act) as locked_tip:
        refuse_unopened(locked_tip)
        today = timezone.localdate()
        if not today <= until <= today + LONGEST:
            raise TransitionError(_("Pick a day within the next 90 days."))
        if reversals.change(locked_tip, officer, PendingAct.Kind.MUTE, {"desk.muted_until": until}, form_id):
            officer_alerts.silence(locked_tip)
            audit.record(officer, "muted the source of", f"tip {locked_tip.number}", f"until {until}")


def unmute(tip: Tip, officer: Account) -> None:
    """Let the messages of a source alert officers again."""
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if reversals.change(locked_tip, officer, PendingAct.Kind.MUTE, {"desk.muted_until": None}):
            audit.record(officer, "ended the mute of", f"tip {locked_tip.number}")
