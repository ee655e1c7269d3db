"""The acts that go out through the desk's outbox: for each kind, whether it is allowed, and what it writes when it is due.

The outbox (tips/desk/outbox.py) holds them back, seals them, and undoes them; fields are as it describes them.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from tips import conversation
from tips.desk import referrals, triage
from tips.desk.acts import closings, snoozes
from tips.desk.acts.reversals import OUTGOING, Kind
from tips.desk.triage import TransitionError
from tips.models import Category, Disposition, Message, PendingAct, State, Tip, Unit

# What an answer to a closed tip does with the tip, in the field "closed".
STAYS_CLOSED, REOPENS = "stays", "reopens"


def check(tip: Tip, kind: Kind, fields: dict[str, Any]) -> dict[str, Any]:
    """Raise TransitionError if the act is not allowed now; return the columns that will be other once it has gone out."""
    waiting = set(tip.pending_acts.filter(kind__in=OUTGOING).values_list("kind", "due_at"))
    for other, due_at in waiting:
        if other != Kind.ANSWER:
            raise TransitionError(_describe_waiting(other, due_at))
    triage.refuse_unopened(tip)
    match kind:
        case Kind.ANSWER:
            triage.refuse_answer(tip, is_closed_known="closed" in fields)
            conversation.key_for_officer(tip)  # a server without the key could take the answer, but not send it
            if fields["ask"]:
                return {"state": State.WAITING.value}
            is_reopened = tip.state == State.CLOSED and fields["closed"] == REOPENS
            return {"state": State.OPEN.value, "disposition": ""} if is_reopened else {}
        case Kind.CLOSE:
            disposition = Disposition(fields["disposition"])
            triage.refuse_state(tip, State.CLOSED)
            if triage.has_unread(tip):
                raise TransitionError(_("The source wrote, and no one has read it yet. Open the tip, then close it."))
            return {"state": State.CLOSED.value, "disposition": disposition.value}
        case Kind.CORRECT:
            ending = closings.parse_ending(fields)
            closings.refuse_correction(tip, ending)
            return {"disposition": ending.disposition} if ending.disposition != tip.disposition else {}
        case Kind.REFER:
            referrals.refuse_referral(tip)
        case Kind.MOVE:
            referrals.refuse_category(tip, Category.objects.get(pk=fields["category"]), fields["reason"])
        case _:
            raise ValueError(f"{kind} does not wait")
    return {}


def has_gone_out(tip: Tip, kind: Kind, fields: dict[str, Any], form_id: bytes) -> bool:
    """Return whether a form's act is done already, so that a second click does nothing."""
    match kind:
        case Kind.ANSWER:
            return Message.objects.filter(form_hash=conversation.hash_answer_form(tip, form_id)).exists()
        case Kind.CLOSE:
            return tip.state == State.CLOSED and tip.disposition == fields["disposition"]
        case Kind.CORRECT:
            records = closings.list_records(tip)
            return bool(records) and records[0].ending == closings.parse_ending(fields)
        case Kind.REFER:
            return bool(tip.unit_id == fields["unit"])
        case _:
            return bool(tip.category_id == fields["category"])


def carry_out(tip: Tip, act: PendingAct, officer: Account, fields: dict[str, Any], form_id: bytes) -> None:
    """Write what an act on a locked tip does. Raises TransitionError if that is no longer allowed."""
    snoozes.clear(tip)
    match act.kind:
        case Kind.ANSWER:
            triage.refuse_answer(tip, is_closed_known="closed" in fields)
            if tip.state == State.CLOSED and fields["closed"] == REOPENS:
                triage.set_state(tip, State.OPEN)
                audit.record(officer, "reopened", f"tip {tip.number}")
            triage.write_answer(tip, officer, fields["text"], form_id, ask=fields["ask"])
        case Kind.CLOSE:
            disposition = Disposition(fields["disposition"])
            if tip.state != State.CLOSED or tip.disposition != disposition:
                triage.set_state(tip, State.CLOSED, disposition)
            closings.add_record(tip, officer, closings.parse_ending(fields))
        case Kind.CORRECT:
            ending = closings.parse_ending(fields)
            closings.refuse_correction(tip, ending)
            closings.write_correction(tip, officer, ending)
        case Kind.REFER:
            referrals.refuse_referral(tip)
            referrals.write_referral(tip, officer, _find_unit(fields["unit"]), fields["reason"], form_id)
        case Kind.MOVE:
            category = Category.objects.get(pk=fields["category"])
            referrals.refuse_category(tip, category, fields["reason"])
            referrals.write_category(tip, officer, category, fields["reason"], form_id)


def _describe_waiting(kind: str, due_at: dt.datetime | None) -> str:
    if due_at is None:
        return _("The closing of this tip waits for a second person. Take it back first.")
    if kind == Kind.CLOSE:
        return _("This tip is about to close. Undo that first.")
    if kind == Kind.CORRECT:
        return _("The closing of this tip is about to be corrected. Undo that first.")
    return _("This tip is about to go to others. Undo that first.")


def _find_unit(unit_id: int | None) -> Unit | None:
    return None if unit_id is None else Unit.objects.get(pk=unit_id)
