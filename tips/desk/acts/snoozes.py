"""Snoozes: a tip leaves the queue until a time, and comes back earlier if its source writes."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from tips import conversation
from tips.desk import permissions
from tips.desk.acts import reversals
from tips.desk.triage import TransitionError, locked, refuse_if_changed, refuse_unopened
from tips.models import Author, DeskState, Message, PendingAct, Priority, State, Tip

URGENT_LIMIT = dt.timedelta(hours=1)
LIMIT = dt.timedelta(days=180)

_SNOOZED = DeskState.objects.filter(tip=OuterRef("pk"), snoozed_after__isnull=False)
_WROTE_SINCE = Message.objects.filter(tip=OuterRef("tip"), author=Author.SOURCE, position__gt=OuterRef("snoozed_after"))
# Snoozed now; by the database's clock, so that the condition can stand in a module.
_ASLEEP_ROWS = _SNOOZED.filter(Q(snoozed_until=None) | Q(snoozed_until__gt=Now())).exclude(Exists(_WROTE_SINCE))
ASLEEP = Q(Exists(_ASLEEP_ROWS))
# The snooze is over, and no officer has worked on the tip since.
OVER = Q(Exists(_SNOOZED)) & ~ASLEEP


def snooze(
    tip: Tip,
    officer: Account,
    until: dt.datetime | None,
    why: str,
    form_id: bytes,
    *,
    shown_stamp: str | None = None,
    batch: UUID | None = None,
) -> None:
    """Snooze an opened tip until a time, or with None until its source writes. `why` becomes a note.

    Raises TransitionError for a time that has passed or is too late; an urgent tip sleeps for an hour at most.
    """
    with locked(tip, officer, permissions.can_act) as locked_tip:
        refuse_if_changed(locked_tip, shown_stamp)
        refuse_unopened(locked_tip)
        if locked_tip.state == State.CLOSED:
            raise TransitionError(_("This tip is closed, so it's out of the queue already."))
        _refuse_time(locked_tip, until)
        columns = {"desk.snoozed_after": reversals.last_source_position(locked_tip), "desk.snoozed_until": until}
        if not reversals.change(locked_tip, officer, PendingAct.Kind.SNOOZE, columns, form_id, batch):
            return
        if why:
            conversation.add_note(locked_tip, officer, f"{_describe(until)}\n\n{why}")
        detail = f"until {timezone.localtime(until):%Y-%m-%d %H:%M}" if until else "until the source writes"
        audit.record(officer, "snoozed", f"tip {locked_tip.number}", detail)


def wake(tip: Tip, officer: Account) -> None:
    """End the snooze of a tip now."""
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if clear(locked_tip):
            audit.record(officer, "woke", f"tip {locked_tip.number}")


def is_asleep(tip: Tip) -> bool:
    """Return whether a tip is snoozed and its source has not written since."""
    state = getattr(tip, "desk_state", None)
    return state is not None and state.snoozed_after is not None and Tip.objects.filter(ASLEEP, pk=tip.pk).exists()


def clear(tip: Tip) -> bool:
    """Forget the snooze of a locked tip, since an officer has worked on it. Returns whether it had one."""
    snoozed = DeskState.objects.filter(tip=tip, snoozed_after__isnull=False)
    return snoozed.update(snoozed_after=None, snoozed_until=None) > 0


def _refuse_time(tip: Tip, until: dt.datetime | None) -> None:
    now = timezone.now()
    if until is not None and until <= now:
        raise TransitionError(_("That time is over. Pick a later one."))
    if tip.priority == Priority.URGENT and (until is None or until > now + URGENT_LIMIT + dt.timedelta(minutes=1)):
        raise TransitionError(_("An urgent tip sleeps 1 hour at most. Pick an earlier time."))
    if until is not None and until > now + LIMIT:
        raise TransitionError(_("A tip sleeps half a year at most. Pick an earlier time."))


def _describe(until: dt.datetime | None) -> str:
    if until is None:
        return _("Snoozed until the source writes.")
    return _("Snoozed (until %(time)s).") % {"time": date_format(timezone.localtime(until), "DATETIME_FORMAT")}
