"""Acts that are done at once and can be undone: what each changed, and how it is changed back.

The row of an act names the columns it changed with their values before and after: those of the tip by their names, those of its
desk state with the prefix "desk.". Undoing restores them unless one was changed again since.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from core.models import Account
from tips.desk.acts import sealed_acts
from tips.models import Author, DeskState, PendingAct, Tip

Kind = PendingAct.Kind
# Acts that wait until they go out. All others are done at once.
OUTGOING = (Kind.ANSWER, Kind.CLOSE, Kind.CORRECT, Kind.REFER, Kind.MOVE)
UNDO_SECONDS = 30
# Due times are rounded up to this step. The audit trail has the time of the act itself, so the rest of it tells nothing new.
_DUE_STEP_SECONDS = 10
_DESK = "desk."


class UndoRefusedError(Exception):
    """The act can't be undone; the message is a sentence for the officer."""


def compute_due_time() -> dt.datetime:
    """Return the time until which an act of now can be undone: in 30 to 40 seconds."""
    seconds = timezone.now().timestamp() + UNDO_SECONDS
    return dt.datetime.fromtimestamp(-(-seconds // _DUE_STEP_SECONDS) * _DUE_STEP_SECONDS, dt.UTC)


def hash_form(tip: Tip, kind: str, form_id: bytes) -> bytes:
    """Return PendingAct.form_hash: one form is one act of a kind on a tip."""
    return hashlib.sha256(b"act" + kind.encode() + tip.pk.bytes + form_id).digest()


def name_alert(form_hash: bytes) -> UUID:
    """Return the id of the alert that an assignment raises: undoing the act takes it back."""
    return UUID(bytes=form_hash[:16])


def next_position(tip: Tip) -> int:
    """Return the position of the next act of a locked tip."""
    last: int = tip.pending_acts.aggregate(last=Max("position"))["last"] or 0
    return last + 1


def last_source_position(tip: Tip) -> int:
    """Return the position of the source's newest message, 0 if there is none beside the report."""
    last: int = tip.messages.filter(author=Author.SOURCE).aggregate(last=Max("position"))["last"] or 0
    return last


def change(  # noqa: PLR0917
    tip: Tip,
    officer: Account,
    kind: Kind,
    columns: dict[str, Any],
    form_id: bytes = b"",
    batch: UUID | None = None,
    fields: dict[str, Any] | None = None,
) -> bool:
    """Set columns of a locked tip, or with the prefix "desk." of its desk state; with a form the change can be undone.

    `fields` are what the officer typed besides: they stay sealed with the act until it can no longer be undone. Returns False if
    nothing differs, or the form was carried out before. With fields, raises vault.SealError and KeyMissingError.
    """
    form_hash = hash_form(tip, kind, form_id)
    if form_id and PendingAct.objects.filter(form_hash=form_hash).exists():
        return False
    before = _read(tip, columns)
    if before == _encode(columns):
        return False
    _write(tip, columns)
    if form_id:
        record_done(tip, officer, kind, before, _encode(columns), form_id, batch, fields)
    return True


def change_desk_column(  # noqa: PLR0917
    tips: Sequence[Tip],
    officer: Account,
    kind: Kind,
    column: str,
    value: dt.date | None,
    form_id: bytes,
    batch: UUID | None = None,
) -> list[Tip]:
    """Set a column of the desk state of locked tips, as `change` does for one, in five queries for all of them.

    Returns the tips that differed and that the form had not been carried out on.
    """
    hashes = {tip.pk: hash_form(tip, kind, form_id) for tip in tips}
    known = PendingAct.objects.filter(form_hash__in=hashes.values()).values_list("form_hash", flat=True)
    done = {bytes(form_hash) for form_hash in known}
    states = {state.tip_id: state for state in DeskState.objects.filter(tip__in=tips)}
    present = {tip.pk: getattr(states.get(tip.pk), column, None) for tip in tips}
    changed = [tip for tip in tips if hashes[tip.pk] not in done and present[tip.pk] != value]
    DeskState.objects.bulk_create(
        [DeskState(tip=tip, **{column: value}) for tip in changed],
        update_conflicts=True,
        update_fields=[column],
        unique_fields=["tip"],
    )
    lasts = PendingAct.objects.filter(tip__in=changed).order_by().values_list("tip").annotate(Max("position"))
    positions, name, due_at = dict(lasts), _DESK + column, compute_due_time()
    PendingAct.objects.bulk_create(
        PendingAct(
            tip=tip,
            officer=officer,
            kind=kind,
            position=positions.get(tip.pk, 0) + 1,
            batch=batch,
            form_hash=hashes[tip.pk],
            before=_encode({name: present[tip.pk]}),
            after=_encode({name: value}),
            due_at=due_at,
        )
        for tip in changed
    )
    return changed


def record_done(  # noqa: PLR0917
    tip: Tip,
    officer: Account,
    kind: Kind,
    before: dict[str, Any],
    after: dict[str, Any],
    form_id: bytes,
    batch: UUID | None = None,
    fields: dict[str, Any] | None = None,
) -> PendingAct:
    """Record an act on a locked tip that is done and can be undone, with the values that it changed; `fields`: see `change`."""
    act = PendingAct(
        tip=tip,
        officer=officer,
        kind=kind,
        position=next_position(tip),
        batch=batch,
        form_hash=hash_form(tip, kind, form_id),
        before=before,
        after=after,
        due_at=compute_due_time(),
    )
    if fields:
        act.body = sealed_acts.seal(tip, act, fields, form_id)
    act.save(force_insert=True)
    return act


def restore(tip: Tip, act: PendingAct) -> None:
    """Give the columns of a locked tip the values from before the act. Raises UndoRefusedError if one was changed since."""
    if _read(tip, act.after) != act.after:
        raise UndoRefusedError(
            _("Tip %(number)s was changed again since, so nothing was undone.") % {"number": tip.number}
        )
    _write(tip, act.before)


def _read(tip: Tip, columns: dict[str, Any]) -> dict[str, Any]:
    desk = DeskState.objects.filter(tip=tip).first() or DeskState(tip=tip)
    return _encode({name: _column(tip, desk, name) for name in columns})


def _column(tip: Tip, desk: DeskState, name: str) -> Any:
    return getattr(desk, name.removeprefix(_DESK)) if name.startswith(_DESK) else getattr(tip, name)


def _encode(columns: dict[str, Any]) -> dict[str, Any]:
    """Return the values as JSON has them: times (in UTC) and days as text."""
    return {name: _encode_value(value) for name, value in columns.items()}


def _encode_value(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        value = value.astimezone(dt.UTC)
    return value.isoformat() if isinstance(value, dt.date) else value


def _write(tip: Tip, columns: dict[str, Any]) -> None:
    of_desk = {name.removeprefix(_DESK): value for name, value in columns.items() if name.startswith(_DESK)}
    of_tip = {name: value for name, value in columns.items() if not name.startswith(_DESK)}
    if of_tip:
        for name, value in of_tip.items():
            setattr(tip, name, value)
        tip.save(update_fields=list(of_tip))
    if of_desk:
        DeskState.objects.update_or_create(tip=tip, defaults=_decode(of_desk))


def _decode(columns: dict[str, Any]) -> dict[str, Any]:
    readers = {"snoozed_until": parse_datetime, "spam_since": parse_date, "muted_until": parse_date}
    return {
        name: readers[name](value) if name in readers and isinstance(value, str) else value
        for name, value in columns.items()
    }
