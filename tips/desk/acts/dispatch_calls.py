"""Records that dispatch was told of a source's words. Each new message of the source is one that dispatch has not been told of."""

from __future__ import annotations

from dataclasses import dataclass

from core import audit
from core.models import Account
from tips.desk import permissions
from tips.desk.acts import reversals
from tips.desk.triage import locked, refuse_if_changed, refuse_unopened
from tips.models import DeskState, PendingAct, Tip


@dataclass(frozen=True, slots=True)
class DispatchCall:
    """The knowledge of dispatch. `was_told_before`: dispatch knows an earlier part; `officer` said so, if known."""

    is_told: bool
    was_told_before: bool
    officer: Account | None


def read(tip: Tip) -> DispatchCall:
    """Return what dispatch knows of this tip."""
    row = DeskState.objects.filter(tip=tip).select_related("dispatch_told_by").first()
    if row is None or row.dispatch_told_after is None:
        return DispatchCall(is_told=False, was_told_before=False, officer=None)
    is_told = row.dispatch_told_after >= reversals.last_source_position(tip)
    return DispatchCall(is_told=is_told, was_told_before=not is_told, officer=row.dispatch_told_by)


def mark_told(tip: Tip, officer: Account, form_id: bytes, *, shown_stamp: str | None = None) -> None:
    """Mark that the officer told dispatch all that the source has written. Raises as triage's acts do."""
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if read(locked_tip).is_told:
            return
        refuse_if_changed(locked_tip, shown_stamp)
        refuse_unopened(locked_tip)
        told = {
            "desk.dispatch_told_after": reversals.last_source_position(locked_tip),
            "desk.dispatch_told_by_id": officer.pk,
        }
        if reversals.change(locked_tip, officer, PendingAct.Kind.DISPATCH, told, form_id):
            audit.record(officer, "told dispatch of", f"tip {locked_tip.number}")
