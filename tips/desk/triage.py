"""What officers do with a tip: open, answer, note, assign, close, reopen, hold. Each is one function that locks the tip,
checks, writes, and records itself in the audit trail within the same transaction.

A page shows an officer a tip as it stood then. It posts back what it showed (`stamp`); if the tip has moved since, nothing
is done and StaleError says so. Asking for what is already so, as a second click does, is no error and changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from tips import conversation
from tips.desk import permissions
from tips.models import ROUNDING, Author, Disposition, Message, Note, State, Tip, rounded_now

# A tip is new until an officer opens its seal; waiting means for the source.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.NEW: frozenset({State.OPEN}),
    State.OPEN: frozenset({State.WAITING, State.CLOSED}),
    State.WAITING: frozenset({State.OPEN, State.CLOSED}),
    State.CLOSED: frozenset({State.OPEN}),
}


class TransitionError(Exception):
    """This cannot be done with the tip as it is; the message is a sentence for the officer."""


class TipChangedError(Exception):
    """The tip has moved since the officer's page was made."""


def stamp(tip: Tip, messages: int) -> str:
    """What an officer's page shows of a tip's standing, to post back: any change of it by anybody changes the stamp."""
    seen = (
        str(tip.state),
        str(tip.disposition),
        tip.assigned_to_id,
        tip.legal_hold,
        tip.key_for_source is None,
        messages,
    )
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def open_tip(tip_id: UUID, officer: Account) -> conversation.OpenedTip:
    """Open the seal for an officer; the audit entry is on the disk before anything is opened.

    Raises conversation.GoneError, vault.SealError, vault.KeyMissingError and PermissionDenied. Must not be called in a
    transaction.
    """
    permissions.require(permissions.can_open(officer))
    number = permissions.find_tip(tip_id, officer).number
    with transaction.atomic(durable=True):
        audit.record(officer, "opened", f"tip {number}")
    with transaction.atomic():
        tip = _lock(tip_id, officer)
        # Listed before reading: what arrives in between is shown, and stays marked as unread.
        unread = list(tip.messages.filter(author=Author.SOURCE, read=False).values_list("pk", flat=True))
        opened = conversation.read_tip_as_officer(tip)
        _seen_by_an_officer(tip, new_messages=bool(unread))
        Message.objects.filter(pk__in=unread).update(read=True)
    return opened


def _seen_by_an_officer(tip: Tip, *, new_messages: bool) -> None:
    if tip.state == State.NEW:
        # Of rounded times: the audit trail has the exact moment of opening, and an exact duration would give away the
        # exact arrival, which is sealed.
        tip.opened_after = max(rounded_now() - tip.received_at, ROUNDING)
        _move(tip, State.OPEN)
    elif tip.state == State.WAITING and new_messages:
        _move(tip, State.OPEN)


def answer(tip: Tip, officer: Account, text: str, form_id: bytes, *, ask: bool, seen: str | None = None) -> bool:
    """Write to the source, once a form; with `ask` the tip then waits for them. False if this form was taken before.

    Raises TransitionError, StaleError, conversation.GoneError, vault.SealError, vault.KeyMissingError.
    """
    with _locked(tip, officer, permissions.can_act) as locked:
        if Message.objects.filter(form_hash=conversation.hash_answer_form(locked, form_id)).exists():
            return False
        _refuse_stale(locked, seen)
        _refuse_unopened(locked)
        if locked.state == State.CLOSED:
            raise TransitionError(_("This tip is closed. Reopen it before you write to the source."))
        if locked.key_for_source is None:
            raise TransitionError(_("The source has deleted their access. Nobody would read an answer."))
        conversation.add_from_officer(locked, officer, text, form_id)
        if ask and locked.state != State.WAITING:
            _move(locked, State.WAITING)
        audit.record(officer, "answered", f"tip {locked.number}", "question" if ask else "")
    return True


def note(tip: Tip, officer: Account, text: str, form_id: bytes) -> bool:
    """Add an internal note, once a form. False if this form was taken before. Any tip can be noted on once it is opened."""
    note_id = UUID(bytes=hashlib.sha256(b"note" + tip.pk.bytes + form_id).digest()[:16])
    with _locked(tip, officer, permissions.can_act) as locked:
        if Note.objects.filter(pk=note_id).exists():
            return False
        _refuse_unopened(locked)
        conversation.add_note(locked, officer, text, note_id)
        audit.record(officer, "noted", f"tip {locked.number}")
    return True


def assign(tip: Tip, officer: Account, to: Account | None, *, seen: str | None = None) -> None:
    """Give a tip to an officer, or to nobody. Only accounts of the desk can have one."""
    with _locked(tip, officer, permissions.can_act) as locked:
        if locked.assigned_to_id == (to.pk if to else None):
            return
        _refuse_stale(locked, seen)
        if locked.state == State.CLOSED:
            raise TransitionError(_("This tip is closed. Reopen it before you assign it."))
        if to is not None and not permissions.desk_accounts().filter(pk=to.pk).exists():
            raise TransitionError(_("Tips can be assigned to active officers and supervisors only."))
        locked.assigned_to = to
        locked.save(update_fields=["assigned_to"])
        audit.record(officer, "assigned", f"tip {locked.number}", f"to {to.get_username()}" if to else "to nobody")


def wait(tip: Tip, officer: Account, *, seen: str | None = None) -> None:
    """Mark that the next word is the source's."""
    _change(tip, officer, State.WAITING, "set waiting", seen=seen)


def close(tip: Tip, officer: Account, disposition: Disposition, *, seen: str | None = None) -> None:
    """Close a tip: the source reads what came of it, and the time it is kept begins."""
    _change(tip, officer, State.CLOSED, "closed", seen=seen, disposition=disposition)


def reopen(tip: Tip, officer: Account, *, seen: str | None = None) -> None:
    """Take a waiting or closed tip up again; of a closed one, the disposition and the end of its time are gone."""
    _change(tip, officer, State.OPEN, "reopened", seen=seen)


def hold(tip: Tip, supervisor: Account, *, seen: str | None = None) -> None:
    """Put an opened tip under legal hold: its source can still cut their own access, but no longer erase it."""
    _set_hold(tip, supervisor, "held", seen=seen, legal_hold=True)


def release(tip: Tip, supervisor: Account, *, seen: str | None = None) -> None:
    """End a legal hold."""
    _set_hold(tip, supervisor, "released", seen=seen, legal_hold=False)


def _change(
    tip: Tip, officer: Account, state: State, action: str, *, seen: str | None, disposition: Disposition | None = None
) -> None:
    with _locked(tip, officer, permissions.can_act) as locked:
        if locked.state == state and locked.disposition == (disposition or ""):
            return
        _refuse_stale(locked, seen)
        _refuse_unopened(locked)
        _move(locked, state, disposition)
        audit.record(officer, action, f"tip {locked.number}", disposition or "")


def _set_hold(tip: Tip, supervisor: Account, action: str, *, seen: str | None, legal_hold: bool) -> None:
    with _locked(tip, supervisor, permissions.can_hold) as locked:
        if locked.legal_hold == legal_hold:
            return
        _refuse_stale(locked, seen)
        _refuse_unopened(locked)
        locked.legal_hold = legal_hold
        locked.save(update_fields=["legal_hold"])
        audit.record(supervisor, action, f"tip {locked.number}")


def _move(tip: Tip, state: State, disposition: Disposition | None = None) -> None:
    """Change the state of a locked tip. Raises TransitionError for what TRANSITIONS does not have."""
    if state not in TRANSITIONS[State(tip.state)]:
        raise TransitionError(
            _("A tip that is %(from)s cannot become %(to)s.")
            % {"from": f"“{State(tip.state).label}”", "to": f"“{state.label}”"}
        )
    tip.state = state
    tip.disposition = disposition or ""
    tip.closed_at = rounded_now() if state == State.CLOSED else None
    tip.save(update_fields=["state", "disposition", "closed_at", "opened_after"])


@contextmanager
def _locked(tip: Tip, officer: Account, is_allowed: Callable[[Account], bool]) -> Iterator[Tip]:
    """Yield the tip as it is now, locked until the action and its audit entry are committed together."""
    permissions.require(is_allowed(officer))
    with transaction.atomic():
        yield _lock(tip.pk, officer)


def _lock(tip_id: UUID, officer: Account) -> Tip:
    # Not FOR UPDATE: a source's message refers to the tip and would wait for the officer.
    tip = permissions.visible_tips(officer).select_for_update(no_key=True, of=("self",)).filter(pk=tip_id).first()
    if tip is None:
        raise conversation.TipGoneError
    return tip


def _refuse_stale(tip: Tip, seen: str | None) -> None:
    if seen is not None and seen != stamp(tip, tip.messages.count()):
        raise TipChangedError


def _refuse_unopened(tip: Tip) -> None:
    if tip.state == State.NEW:
        raise TransitionError(_("Nobody has opened this tip yet. Open it first."))
