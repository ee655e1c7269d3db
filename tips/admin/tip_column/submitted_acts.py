"""The acts of a tip's page as its form sent them, and the functions that run those of them that need more than one call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from core.models import Account
from tips.admin.forms import list_closing_fields
from tips.desk import outbox, triage
from tips.desk.acts import category_changes, outgoing
from tips.desk.alike import links, lookup, wave_answers
from tips.models import PendingAct, Tip


@dataclass(frozen=True, slots=True)
class SubmittedAction:
    """An action as one of the page's forms sent it; `stamp` is that of the tip as the page showed it.

    An act adds to `notices` what its officer must know besides its confirmation.
    """

    tip: Tip
    officer: Account
    data: dict[str, Any]
    form_id: bytes
    stamp: str
    notices: list[str] = field(default_factory=list)

    @property
    def answer_text(self) -> str:
        """Return the answer, with the officer's name below it if they chose that."""
        text: str = self.data["answer"]
        name = self.officer.get_full_name() or self.officer.get_username()
        return f"{text}\n\n{name}" if self.data["sign"] else text


def _hold_back(submitted: SubmittedAction, kind: PendingAct.Kind, fields: dict[str, Any]) -> None:
    """Put an act that the source or another unit would notice into the outbox: it goes out in 30 seconds."""
    outbox.hold_back(submitted.tip, submitted.officer, kind, fields, submitted.form_id, shown_stamp=submitted.stamp)


def answer(submitted: SubmittedAction) -> None:
    fields = {"text": submitted.answer_text, "ask": submitted.data["ask"]}
    _hold_back(submitted, PendingAct.Kind.ANSWER, fields)


def answer_closed(submitted: SubmittedAction) -> None:
    """Answer a closed tip that stays closed."""
    fields = {"text": submitted.answer_text, "ask": False, "closed": outgoing.STAYS_CLOSED}
    _hold_back(submitted, PendingAct.Kind.ANSWER, fields)


def answer_and_reopen(submitted: SubmittedAction) -> None:
    """Answer a closed tip, which opens again as the answer goes out."""
    fields = {"text": submitted.answer_text, "ask": submitted.data["ask"], "closed": outgoing.REOPENS}
    _hold_back(submitted, PendingAct.Kind.ANSWER, fields)


def answer_linked(submitted: SubmittedAction) -> None:
    result = wave_answers.answer_all(
        submitted.tip,
        submitted.officer,
        submitted.answer_text,
        submitted.form_id,
        ask=submitted.data["ask"],
        shown_stamp=submitted.stamp,
    )
    for number, sentence in result.left_out:
        submitted.notices.append(_("Not sent to tip %(number)s. %(problem)s") % {"number": number, "problem": sentence})


def link(submitted: SubmittedAction) -> None:
    others = submitted.data["others"] or lookup.list_alike_ids(submitted.officer, submitted.tip.pk)
    number = submitted.data["link_number"]
    if number:
        others = lookup.find_number(submitted.officer, number)
    links.link(submitted.tip, others, submitted.officer)


def unlink(submitted: SubmittedAction) -> None:
    for other in submitted.data["others"]:
        links.unlink(submitted.tip, other, submitted.officer)


def reopen_and_take(submitted: SubmittedAction) -> None:
    with transaction.atomic():
        triage.reopen(submitted.tip, submitted.officer, shown_stamp=submitted.stamp)
        triage.assign(submitted.tip, submitted.officer, submitted.officer, "", submitted.form_id)


def keep_answer_as_note(submitted: SubmittedAction) -> None:
    triage.note(submitted.tip, submitted.officer, submitted.data["answer"], submitted.form_id)


def refer(submitted: SubmittedAction) -> None:
    unit = submitted.data["refer_to"]
    fields = {"unit": unit.pk if unit else None, "reason": submitted.data["refer_reason"]}
    _hold_back(submitted, PendingAct.Kind.REFER, fields)


def change_category(submitted: SubmittedAction) -> None:
    category_changes.change_category(
        submitted.tip,
        submitted.officer,
        submitted.data["category"],
        submitted.data["category_reason"],
        submitted.form_id,
        shown_stamp=submitted.stamp,
    )


def close(submitted: SubmittedAction) -> None:
    _hold_back(submitted, PendingAct.Kind.CLOSE, list_closing_fields(submitted.data))


def correct(submitted: SubmittedAction) -> None:
    _hold_back(submitted, PendingAct.Kind.CORRECT, list_closing_fields(submitted.data))


def decide(submitted: SubmittedAction, *, agrees: bool) -> None:
    act = outbox.find_decision(submitted.tip, submitted.officer)
    if act is None:
        raise triage.TransitionError(_("This closing no longer waits for you, so nothing was done."))
    outbox.decide(act.pk, submitted.officer, agrees=agrees)


def take_back_request(submitted: SubmittedAction) -> None:
    act = outbox.find_request(submitted.tip, submitted.officer)
    if act is not None:
        outbox.undo(act.pk, submitted.officer)
