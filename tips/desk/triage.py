"""The actions of officers on a tip: open, answer, note, assign, wait, close, reopen, hold, release.

Each is one function that locks the tip, checks, writes, and records itself in the audit trail in the same transaction.

An officer's page posts back the stamp of the tip as it was shown; if the tip has changed since, nothing is done and
TipChangedError is raised. Asking for the present state, as a second click does, is no error and changes nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from core.web.sql_cache import SqlCache
from tips import conversation, officer_alerts, vault
from tips.desk import permissions, readings
from tips.desk.acts import reversals
from tips.models import (
    Author,
    Disposition,
    Message,
    Note,
    PendingAct,
    Referral,
    State,
    Tip,
    current_hour,
    round_duration,
)
from tips.walls import visibility

SHIFT = dt.timedelta(hours=8)
# A tip is new until an officer opens its seal; waiting means waiting for the source.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.NEW: frozenset({State.OPEN}),
    State.OPEN: frozenset({State.WAITING, State.CLOSED}),
    State.WAITING: frozenset({State.OPEN, State.CLOSED}),
    State.CLOSED: frozenset({State.OPEN}),
}

_SQL = SqlCache()
_MOVES = (PendingAct.Kind.REFER, PendingAct.Kind.MOVE)


class TransitionError(Exception):
    """The state of the tip does not allow this action; the message is a sentence for the officer."""


class TipChangedError(Exception):
    """The tip has changed since the officer's page was rendered."""


def stamp(tip: Tip, message_count: int) -> str:
    """Return a digest of the tip's state as shown, for the officer's page to post back: any later change alters it.

    An act that waits counts as done, so that a colleague's page is out of date once an answer is written, and nobody's is once it
    has gone out.
    """
    pending = [act for act in tip.pending_acts.all() if act.kind in reversals.OUTGOING]
    after = {name: value for act in pending for name, value in act.after.items()}
    message_count += sum(act.kind == PendingAct.Kind.ANSWER for act in pending)
    state = (
        str(after.get("state", tip.state)),
        str(after.get("disposition", tip.disposition)),
        tip.priority,
        [act.kind for act in pending if act.due_at is None or act.kind in _MOVES],
        tip.assigned_to_id,
        tip.category_id,
        tip.unit_id,
        tip.legal_hold,
        tip.key_for_source is None,
        message_count,
    )
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def open_tip(tip_id: UUID, officer: Account) -> conversation.OpenedTip:
    """Return the tip with its seal open; the audit entry is committed before anything is opened.

    An officer who reads a tip again within a shift is recorded once: what they do is recorded each time.

    Must not be called in a transaction. Raises conversation.TipGoneError, vault.SealError, vault.KeyMissingError and
    PermissionDenied.
    """
    permissions.require(permissions.can_open(officer))
    number = permissions.find_number(tip_id, officer)
    with transaction.atomic(durable=True):
        audit.record_once(officer, "opened", f"tip {number}", SHIFT)
    try:
        return _open_and_mark_read(tip_id, officer)
    except (vault.SealError, vault.KeyMissingError):
        audit.record(officer, "could not open", f"tip {number}")
        raise


def _open_and_mark_read(tip_id: UUID, officer: Account) -> conversation.OpenedTip:
    with transaction.atomic():
        tip = _lock(tip_id, officer)
        # Listed before reading: a message that arrives in between is shown, and stays marked as unread.
        unread = list(tip.messages.filter(author=Author.SOURCE, read=False).values_list("pk", flat=True))
        opened = conversation.read_tip_as_officer(tip)
        _update_state_on_opening(tip, opened.arrived_at, has_new_messages=bool(unread))
        Message.objects.filter(pk__in=unread).update(read=True)
        readings.note_read(tip, officer, max((each.position for each in opened.messages), default=0))
        arrived = Referral.objects.filter(tip=tip, received_at=None, to_unit=tip.unit_id).exclude(referred_by=officer)
        arrived.update(received_at=current_hour(), received_by=officer)
    return opened


def _update_state_on_opening(tip: Tip, arrived_at: dt.datetime, *, has_new_messages: bool) -> None:
    if tip.state == State.NEW:
        # In steps: the audit trail has the exact time of opening, so an exact duration would reveal the exact time of
        # arrival, which is sealed. Not from `received_at`, which is rounded so far that the median would be wrong.
        tip.opened_after = round_duration(timezone.now() - arrived_at)
        set_state(tip, State.OPEN)
    elif tip.state == State.WAITING and has_new_messages:
        set_state(tip, State.OPEN)


def answer(tip: Tip, officer: Account, text: str, form_id: bytes, *, ask: bool, shown_stamp: str | None = None) -> bool:
    """Write to the source, once a form; with `ask` the tip then waits for the source.

    Returns False if this form was stored before. Raises TransitionError, TipChangedError, conversation.TipGoneError,
    vault.SealError, vault.KeyMissingError.
    """
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if Message.objects.filter(form_hash=conversation.hash_answer_form(locked_tip, form_id)).exists():
            return False
        refuse_if_changed(locked_tip, shown_stamp)
        refuse_answer(locked_tip)
        write_answer(locked_tip, officer, text, form_id, ask=ask)
        audit.record(officer, "answered", f"tip {locked_tip.number}", "question" if ask else "")
    return True


def refuse_answer(tip: Tip, *, is_closed_known: bool = False) -> None:
    """Raise TransitionError if the source of a locked tip can't be written to.

    `is_closed_known`: the officer knew that it is closed, and chose whether it stays so.
    """
    refuse_unopened(tip)
    if tip.state == State.CLOSED and not is_closed_known:
        raise TransitionError(
            _("This tip is closed, so your answer was not sent. Press “Send, stays closed” or “Reopen and send”.")
        )
    if tip.key_for_source is None:
        raise TransitionError(_("The source deleted their access, so they could not read an answer."))


def write_answer(tip: Tip, officer: Account, text: str, form_id: bytes, *, ask: bool) -> None:
    """Write to the source of a locked tip. With `ask` it then waits for the source, unless a message of theirs is unread."""
    conversation.add_from_officer(tip, officer, text, form_id)
    if ask and tip.state != State.WAITING and not has_unread(tip):
        set_state(tip, State.WAITING)


def has_unread(tip: Tip) -> bool:
    """Return whether the source wrote a message that no officer has read."""
    return tip.messages.filter(author=Author.SOURCE, read=False).exists()


def note(tip: Tip, officer: Account, text: str, form_id: bytes) -> bool:
    """Add an internal note to an opened tip, once a form. Returns False if this form was stored before."""
    note_id = derive_note_id(b"note", tip, form_id)
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if Note.objects.filter(pk=note_id).exists():
            return False
        refuse_unopened(locked_tip)
        conversation.add_note(locked_tip, officer, text, note_id)
        audit.record(officer, "wrote a note on", f"tip {locked_tip.number}")
    return True


def assign(
    tip: Tip,
    officer: Account,
    assignee: Account | None,
    word: str = "",
    form_id: bytes = b"",
    *,
    shown_stamp: str | None = None,
    batch: UUID | None = None,
) -> None:
    """Assign a tip to an account of the desk, or to none. A `word` to the next officer becomes a note, once a form.

    With a form the assignment can be undone for a while; until then the word waits, and undo gives it back. An officer who gets a tip
    from another is alerted when it can no longer be undone.
    """
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if locked_tip.assigned_to_id == (assignee.pk if assignee else None):
            return
        refuse_if_changed(locked_tip, shown_stamp)
        if locked_tip.state == State.CLOSED:
            raise TransitionError(_("This tip is closed. Reopen it, then assign it."))
        if assignee is not None and not permissions.assignable_accounts(locked_tip).filter(pk=assignee.pk).exists():
            raise TransitionError(_("You can only assign this tip to an officer or supervisor who may see it."))
        if word:
            refuse_unopened(locked_tip)
        if word and not form_id:
            conversation.add_note(locked_tip, officer, word)
        columns = {"assigned_to_id": assignee.pk if assignee else None}
        fields = {"word": word} if word else None
        kind = PendingAct.Kind.ASSIGN
        if not reversals.change(locked_tip, officer, kind, columns, form_id, batch, fields):
            return
        if assignee is not None and assignee != officer:
            alert_id = reversals.name_alert(reversals.hash_form(locked_tip, kind, form_id)) if form_id else uuid.uuid4()
            is_walled = visibility.is_walled(locked_tip)
            officer_alerts.raise_assignment_alert(
                locked_tip, assignee, alert_id, reversals.compute_due_time(), is_walled=is_walled
            )
        detail = f"to {assignee.get_username()}" if assignee else "to nobody"
        audit.record(officer, "assigned", f"tip {locked_tip.number}", detail)


def derive_note_id(kind: bytes, tip: Tip, form_id: bytes) -> UUID:
    """Return the same id for each post of one form, so that a second click stores nothing."""
    return UUID(bytes=hashlib.sha256(kind + tip.pk.bytes + form_id).digest()[:16])


def wait(tip: Tip, officer: Account, *, shown_stamp: str | None = None) -> None:
    """Mark that the tip waits for the source."""
    _change_state(tip, officer, State.WAITING, "set to waiting", shown_stamp=shown_stamp)


def close(tip: Tip, officer: Account, disposition: Disposition, *, shown_stamp: str | None = None) -> None:
    """Close a tip: the source reads the outcome, and the retention period begins."""
    _change_state(tip, officer, State.CLOSED, "closed", shown_stamp=shown_stamp, disposition=disposition)


def reopen(tip: Tip, officer: Account, *, shown_stamp: str | None = None) -> None:
    """Open a waiting or closed tip again; a closed one loses its disposition and its retention period."""
    _change_state(tip, officer, State.OPEN, "reopened", shown_stamp=shown_stamp)


def hold(tip: Tip, supervisor: Account, reason: str, *, shown_stamp: str | None = None) -> None:
    """Put an opened tip under legal hold: the source can still cut their own access, but no longer erase it.

    The `reason` becomes a note: it may name a case or a court's order, which beside a tip's number must stand in nothing unsealed.
    """
    _set_hold(tip, supervisor, reason, shown_stamp=shown_stamp, legal_hold=True)


def release(tip: Tip, supervisor: Account, reason: str, *, shown_stamp: str | None = None) -> None:
    """End a legal hold. The `reason` becomes a note."""
    _set_hold(tip, supervisor, reason, shown_stamp=shown_stamp, legal_hold=False)


def _change_state(
    tip: Tip,
    officer: Account,
    state: State,
    action: str,
    *,
    shown_stamp: str | None,
    disposition: Disposition | None = None,
) -> None:
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if locked_tip.state == state and locked_tip.disposition == (disposition or ""):
            return
        refuse_if_changed(locked_tip, shown_stamp)
        refuse_unopened(locked_tip)
        if (locked_tip.state, state) == (State.WAITING, State.OPEN):
            action = "stopped waiting on"
        set_state(locked_tip, state, disposition)
        audit.record(officer, action, f"tip {locked_tip.number}", disposition or "")


def _set_hold(tip: Tip, supervisor: Account, reason: str, *, shown_stamp: str | None, legal_hold: bool) -> None:
    with locked(tip, supervisor, permissions.can_hold) as locked_tip:
        if locked_tip.legal_hold == legal_hold:
            return
        refuse_if_changed(locked_tip, shown_stamp)
        refuse_unopened(locked_tip)
        if not reason:
            raise TransitionError(_("A legal hold needs a reason. Write who asked for it and why."))
        locked_tip.legal_hold = legal_hold
        locked_tip.save(update_fields=["legal_hold"])
        heading = _("Legal hold started. Reason:") if legal_hold else _("Legal hold ended. Reason:")
        conversation.add_note(locked_tip, supervisor, f"{heading} {reason}")
        action = "put a legal hold on" if legal_hold else "ended the legal hold of"
        audit.record(supervisor, action, f"tip {locked_tip.number}")


def set_state(tip: Tip, state: State, disposition: Disposition | None = None) -> None:
    """Change the state of a locked tip. Raises TransitionError if TRANSITIONS does not allow it."""
    refuse_state(tip, state)
    tip.state = state
    tip.disposition = disposition or ""
    tip.closed_at = current_hour() if state == State.CLOSED else None
    tip.save(update_fields=["state", "disposition", "closed_at", "opened_after"])


def refuse_state(tip: Tip, state: State) -> None:
    """Raise TransitionError if TRANSITIONS does not allow this state."""
    if state not in TRANSITIONS[State(tip.state)]:
        raise TransitionError(
            _("This tip is “%(present)s”, so it can't be set to “%(wanted)s”.")
            % {"present": State(tip.state).label, "wanted": state.label}
        )


@contextmanager
def locked(tip: Tip, officer: Account, is_allowed: Callable[[Account], bool]) -> Iterator[Tip]:
    """Yield the tip as it is now, locked until the action and its audit entry are committed together."""
    permissions.require(is_allowed(officer))
    with transaction.atomic():
        yield _lock(tip.pk, officer)


def _lock(tip_id: UUID, officer: Account) -> Tip:
    # Not FOR UPDATE: a source's message refers to the tip and would wait for the officer.
    def select() -> QuerySet[Tip]:
        visible = permissions.visible_tips(officer).select_for_update(no_key=True, of=("self",))
        return visible.filter(pk=tip_id).order_by()

    found = _SQL.fetch_models(("locked", permissions.describe_sight(officer)), select, Tip, tip_id)
    if not found:
        raise conversation.TipGoneError
    return found[0]


def refuse_if_changed(tip: Tip, shown_stamp: str | None) -> None:
    if shown_stamp is not None and shown_stamp != stamp(tip, tip.messages.count()):
        raise TipChangedError


def refuse_unopened(tip: Tip) -> None:
    if tip.state == State.NEW:
        raise TransitionError(_("No one has opened this tip yet. Open it first."))
