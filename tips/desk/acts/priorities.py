"""Changes of a tip's priority. Officers are alerted when a tip becomes urgent; making an urgent one less so needs a reason."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from tips import conversation, officer_alerts
from tips.desk import permissions
from tips.desk.acts import reversals
from tips.desk.triage import TransitionError, locked, refuse_if_changed, refuse_unopened
from tips.models import PendingAct, Priority, State, Tip


def change_priority(
    tip: Tip,
    officer: Account,
    priority: Priority,
    reason: str,
    form_id: bytes,
    *,
    shown_stamp: str | None = None,
    batch: UUID | None = None,
) -> None:
    """Change the priority of a tip; the `reason` becomes a note. Raises as triage's acts do."""
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if locked_tip.priority == priority:
            return
        refuse_if_changed(locked_tip, shown_stamp)
        if locked_tip.state == State.CLOSED:
            raise TransitionError(_("This tip is closed. Reopen it, then change its priority."))
        before = Priority(locked_tip.priority)
        if before == Priority.URGENT:
            refuse_unopened(locked_tip)
            if not reason:
                raise TransitionError(_("This tip is urgent. Write why it no longer is."))
        columns = {"priority": priority.value}
        if not reversals.change(locked_tip, officer, PendingAct.Kind.PRIORITY, columns, form_id, batch):
            return
        if reason:
            text = _("Priority changed from %(old)s to %(new)s. Reason:") % {"old": before.label, "new": priority.label}
            conversation.add_note(locked_tip, officer, f"{text} {reason}")
        if priority == Priority.URGENT:
            officer_alerts.raise_alert(locked_tip)
        detail = f"{before.name.lower()} -> {priority.name.lower()}"
        audit.record(officer, "changed the priority of", f"tip {locked_tip.number}", detail)
