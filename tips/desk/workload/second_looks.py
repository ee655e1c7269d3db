"""Second looks: one in twenty closings of a week, drawn by the server, is read again by a supervisor who did not close it.

Nobody chooses the tips, and nobody can draw again: the week is recorded with the draw, before anyone sees it.
"""

from __future__ import annotations

import datetime as dt
import secrets
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core import audit
from core.models import Account
from tips import readers
from tips.conversation import TipGoneError
from tips.desk import permissions, triage
from tips.models import DrawnWeek, SecondLook, State, Tip
from tips.walls import visibility

SHARE = 20
_WEEK = dt.timedelta(days=7)


def draw_last_week() -> DrawnWeek:
    """Return last week with its draw, which is made now if it was not made yet: a twentieth of the closings, at least one.

    Sensitive and walled tips are not drawn: few people may know of them, and none of these would learn that one was closed.
    """
    today = timezone.localdate()
    monday = today - dt.timedelta(days=today.weekday()) - _WEEK
    with transaction.atomic():
        if (drawn_week := DrawnWeek.objects.filter(monday=monday).first()) is not None:
            return drawn_week
        closed = list(_list_closings(monday).values_list("pk", flat=True))
        # Of two processes that draw at the same time one waits here, and then finds the week drawn.
        week, is_new = DrawnWeek.objects.get_or_create(monday=monday, defaults={"closings": len(closed)})
        if is_new:
            drawn = secrets.SystemRandom().sample(closed, -(-len(closed) // SHARE))
            SecondLook.objects.bulk_create(SecondLook(tip_id=tip, week=week) for tip in drawn)
    return week


def _list_closings(monday: dt.date) -> QuerySet[Tip]:
    begin = timezone.make_aware(dt.datetime.combine(monday, dt.time()))
    end = timezone.make_aware(dt.datetime.combine(monday + _WEEK, dt.time()))
    closed = Tip.objects.filter(state=State.CLOSED, closed_at__gte=begin, closed_at__lt=end)
    return closed.filter(visibility.COMPARED).exclude(readers.SENSITIVE).exclude(visibility.WALLED).order_by("pk")


def list_looks(supervisor: Account) -> list[SecondLook]:
    """Return the drawn closings that this supervisor has yet to look at, oldest week first: not those they closed themselves."""
    tips = permissions.visible_tips(supervisor).filter(state=State.CLOSED)
    tips = tips.exclude(readers.SENSITIVE).exclude(visibility.WALLED)
    waiting = SecondLook.objects.filter(verdict="", tip__in=tips).exclude(tip__closing_records__officer=supervisor)
    return list(waiting.select_related("tip__category", "week").defer("tip__report").order_by("week", "tip__number"))


def give_verdict(look_id: UUID, supervisor: Account, verdict: SecondLook.Verdict) -> int:
    """Record what the supervisor says of a closing. Return the number of its tip.

    Raises TipGoneError if it waits for no look of theirs, and PermissionDenied.
    """
    permissions.require(permissions.can_supervise(supervisor))
    look = next((look for look in list_looks(supervisor) if look.pk == look_id), None)
    if look is None:
        raise TipGoneError
    with triage.locked(look.tip, supervisor, permissions.can_supervise) as tip:
        if not SecondLook.objects.filter(pk=look_id, verdict="").update(verdict=verdict, supervisor=supervisor):
            raise TipGoneError
        audit.record(supervisor, "looked again at", f"tip {tip.number}", verdict)
    return tip.number
