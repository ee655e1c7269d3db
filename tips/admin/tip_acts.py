"""The acts of officers on a tip: for each its form, the function that runs it, the sentence that confirms it, and its button.

The tip's page is one form. A button posts the name of its act in "act", or name and choice ("assign:12"), together with all that
is typed. To add an act, add an entry to ACTIONS; with `has_menu`, also templates/admin/tips/desk/menus/NAME.html.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from core.models import Account
from tips.admin.forms import (
    AnswerForm,
    AssignForm,
    CategoryForm,
    CloseForm,
    LinkForm,
    NoteForm,
    ReferForm,
    list_closing_fields,
)
from tips.admin.tip_column.act_forms import MuteForm, PriorityForm, SnoozeForm, read_snooze_end
from tips.desk import outbox, permissions, triage
from tips.desk.acts import category_changes, dispatch_calls, mutes, priorities, snoozes, spam
from tips.desk.alike import links, lookup, wave_answers
from tips.models import PendingAct, State, Tip, Unit


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


def _is_always_offered(_tip: Tip, _officer: Account) -> bool:
    return True


def _is_not_closed(tip: Tip, _officer: Account) -> bool:
    return tip.state != State.CLOSED


@dataclass(frozen=True, slots=True)
class OfficerAction:
    """An act of the page: its form, the function that runs it, and the sentence that confirms it.

    `argument` is the field that a button such as "assign:12" gives a value. An act with a `label` has a button in the bar above
    the time line, in the order of ACTIONS, while `is_offered` says so; `key` is its shortcut. With `has_menu` the button opens
    menus/NAME.html, else it sends the form at once. `is_first_step` makes it the one golden button.
    """

    form: type[forms.Form]
    run: Callable[[SubmittedAction], object]
    confirmation: Promise
    argument: str = ""
    label: str | Promise = ""
    key: str = ""
    has_menu: bool = False
    is_first_step: bool = False
    is_offered: Callable[[Tip, Account], bool] = _is_always_offered


def _hold_back(submitted: SubmittedAction, kind: PendingAct.Kind, fields: dict[str, Any]) -> None:
    """Put an act that the source or another unit would notice into the outbox: it goes out in 30 seconds."""
    outbox.hold_back(submitted.tip, submitted.officer, kind, fields, submitted.form_id, shown_stamp=submitted.stamp)


def _answer(submitted: SubmittedAction) -> None:
    fields = {"text": submitted.answer_text, "ask": submitted.data["ask"]}
    _hold_back(submitted, PendingAct.Kind.ANSWER, fields)


def _is_open(tip: Tip, _officer: Account) -> bool:
    return tip.state == State.OPEN


def _is_waiting(tip: Tip, _officer: Account) -> bool:
    return tip.state == State.WAITING


def _answer_linked(submitted: SubmittedAction) -> None:
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


def _link(submitted: SubmittedAction) -> None:
    others = submitted.data["others"] or lookup.list_alike_ids(submitted.officer, submitted.tip.pk)
    number = submitted.data["link_number"]
    if number:
        others = lookup.find_number(submitted.officer, number)
    links.link(submitted.tip, others, submitted.officer)


def _unlink(submitted: SubmittedAction) -> None:
    for other in submitted.data["others"]:
        links.unlink(submitted.tip, other, submitted.officer)


def _is_free_to_take(tip: Tip, officer: Account) -> bool:
    return tip.state != State.CLOSED and tip.assigned_to_id != officer.pk


def _has_other_units(tip: Tip, _officer: Account) -> bool:
    return tip.state != State.CLOSED and not tip.category.is_sensitive and Unit.objects.exists()


def _reopen_and_take(submitted: SubmittedAction) -> None:
    with transaction.atomic():
        triage.reopen(submitted.tip, submitted.officer, shown_stamp=submitted.stamp)
        triage.assign(submitted.tip, submitted.officer, submitted.officer, "", submitted.form_id)


def _keep_answer_as_note(submitted: SubmittedAction) -> None:
    triage.note(submitted.tip, submitted.officer, submitted.data["answer"], submitted.form_id)


def _refer(submitted: SubmittedAction) -> None:
    unit = submitted.data["refer_to"]
    fields = {"unit": unit.pk if unit else None, "reason": submitted.data["refer_reason"]}
    _hold_back(submitted, PendingAct.Kind.REFER, fields)


def _change_category(submitted: SubmittedAction) -> None:
    category_changes.change_category(
        submitted.tip,
        submitted.officer,
        submitted.data["category"],
        submitted.data["category_reason"],
        submitted.form_id,
        shown_stamp=submitted.stamp,
    )


def _close(submitted: SubmittedAction) -> None:
    _hold_back(submitted, PendingAct.Kind.CLOSE, list_closing_fields(submitted.data))


def _decide(submitted: SubmittedAction, *, agrees: bool) -> None:
    act = outbox.find_decision(submitted.tip, submitted.officer)
    if act is None:
        raise triage.TransitionError(_("This closing no longer waits for you, so nothing was done."))
    outbox.decide(act.pk, submitted.officer, agrees=agrees)


def _take_back_request(submitted: SubmittedAction) -> None:
    act = outbox.find_request(submitted.tip, submitted.officer)
    if act is not None:
        outbox.undo(act.pk, submitted.officer)


_SENT = gettext_lazy("Your answer goes out in 30 seconds. You can undo it until then.")
ACTIONS: dict[str, OfficerAction] = {
    "answer": OfficerAction(AnswerForm, _answer, _SENT),
    "answer-next": OfficerAction(AnswerForm, _answer, _SENT),
    "answer-linked": OfficerAction(
        AnswerForm,
        _answer_linked,
        gettext_lazy(
            "Your answer leaves for each linked tip at another time in the next four hours, for urgent ones at once."
        ),
    ),
    "answer-as-note": OfficerAction(AnswerForm, _keep_answer_as_note, gettext_lazy("Your answer is kept as a note.")),
    "note": OfficerAction(
        NoteForm,
        lambda submitted: triage.note(submitted.tip, submitted.officer, submitted.data["note"], submitted.form_id),
        gettext_lazy("Note saved."),
    ),
    "take": OfficerAction(
        forms.Form,
        lambda submitted: triage.assign(
            submitted.tip, submitted.officer, submitted.officer, "", submitted.form_id, shown_stamp=submitted.stamp
        ),
        gettext_lazy("You have this tip now."),
        label=pgettext_lazy("button: work on this tip myself", "Take"),
        key="T",
        is_first_step=True,
        is_offered=_is_free_to_take,
    ),
    "assign": OfficerAction(
        AssignForm,
        lambda submitted: triage.assign(
            submitted.tip,
            submitted.officer,
            submitted.data["to"],
            submitted.data["assign_word"],
            submitted.form_id,
            shown_stamp=submitted.stamp,
        ),
        gettext_lazy("Assignment saved."),
        argument="to",
        label=pgettext_lazy("button", "Assign"),
        key="A",
        has_menu=True,
        is_offered=_is_not_closed,
    ),
    "wait": OfficerAction(
        forms.Form,
        lambda submitted: triage.wait(submitted.tip, submitted.officer, shown_stamp=submitted.stamp),
        gettext_lazy("This tip is now waiting for the source."),
        label=pgettext_lazy("button: expect the source to write", "Wait for the source"),
        is_offered=_is_open,
    ),
    "reopen": OfficerAction(
        forms.Form,
        lambda submitted: triage.reopen(submitted.tip, submitted.officer, shown_stamp=submitted.stamp),
        gettext_lazy("This tip is open again."),
        label=pgettext_lazy("button: no longer expect the source to write", "Stop waiting"),
        is_offered=_is_waiting,
    ),
    "refer": OfficerAction(
        ReferForm,
        _refer,
        gettext_lazy("This tip goes there in 30 seconds. You can undo that until then."),
        argument="refer_to",
        label=pgettext_lazy("button: send a tip to another unit", "Refer"),
        has_menu=True,
        is_offered=_has_other_units,
    ),
    "category": OfficerAction(
        CategoryForm,
        _change_category,
        gettext_lazy("Category changed. If other people see the tip then, it moves in 30 seconds."),
        argument="category",
        has_menu=True,
        is_offered=_is_not_closed,
    ),
    "reopen-take": OfficerAction(
        forms.Form, _reopen_and_take, gettext_lazy("This tip is open again, and you have it.")
    ),
    "link": OfficerAction(
        LinkForm,
        _link,
        gettext_lazy("Linked. Officers see the notes of both tips; no source notices it."),
        argument="link_to",
        label=pgettext_lazy("button: link two tips", "Link"),
        key="L",
        has_menu=True,
    ),
    "unlink": OfficerAction(
        LinkForm, _unlink, gettext_lazy("Unlinked. You can link them again any time."), argument="link_to"
    ),
    "priority": OfficerAction(
        PriorityForm,
        lambda submitted: priorities.change_priority(
            submitted.tip,
            submitted.officer,
            submitted.data["priority"],
            submitted.data["priority_reason"],
            submitted.form_id,
            shown_stamp=submitted.stamp,
        ),
        gettext_lazy("Priority changed."),
        argument="priority",
        has_menu=True,
        is_offered=_is_not_closed,
    ),
    "snooze": OfficerAction(
        SnoozeForm,
        lambda submitted: snoozes.snooze(
            submitted.tip,
            submitted.officer,
            read_snooze_end(submitted.data),
            submitted.data["snooze_why"],
            submitted.form_id,
            shown_stamp=submitted.stamp,
        ),
        gettext_lazy("This tip sleeps. It comes back by itself."),
        argument="snooze",
        label=pgettext_lazy("button: put a tip aside until a time", "Snooze"),
        key="H",
        has_menu=True,
        is_offered=_is_not_closed,
    ),
    "wake": OfficerAction(
        forms.Form,
        lambda submitted: snoozes.wake(submitted.tip, submitted.officer),
        gettext_lazy("This tip is awake again."),
        label=pgettext_lazy("button: end the snooze of a tip", "Wake"),
        is_offered=lambda tip, _officer: snoozes.is_asleep(tip),
    ),
    "spam": OfficerAction(
        forms.Form,
        lambda submitted: spam.mark(submitted.tip, submitted.officer, submitted.form_id, shown_stamp=submitted.stamp),
        gettext_lazy("This tip is spam. Nothing was sent. It is erased in 30 days unless you take it back."),
        label=pgettext_lazy("button: mark a tip as spam", "Spam"),
        key="S",
        is_offered=lambda tip, officer: _is_not_closed(tip, officer) and not spam.is_spam(tip),
    ),
    "not-spam": OfficerAction(
        forms.Form,
        lambda submitted: spam.take_back(submitted.tip, submitted.officer),
        gettext_lazy("This tip is back in the queue."),
        label=gettext_lazy("Not spam"),
        is_offered=lambda tip, _officer: spam.is_spam(tip),
    ),
    "dispatch": OfficerAction(
        forms.Form,
        lambda submitted: dispatch_calls.mark_told(
            submitted.tip, submitted.officer, submitted.form_id, shown_stamp=submitted.stamp
        ),
        gettext_lazy("Dispatch was told. A new message of the source puts that back."),
    ),
    "mute": OfficerAction(
        MuteForm,
        lambda submitted: mutes.mute(
            submitted.tip,
            submitted.officer,
            timezone.localdate() + dt.timedelta(days=submitted.data["mute_days"]),
            submitted.form_id,
        ),
        gettext_lazy("The source is muted. Their messages arrive, but alert no one."),
        argument="mute_days",
        label=pgettext_lazy("button: ignore an abusive source for a while", "Mute"),
        has_menu=True,
        is_offered=lambda tip, officer: _is_not_closed(tip, officer) and not mutes.is_muted(tip),
    ),
    "unmute": OfficerAction(
        forms.Form,
        lambda submitted: mutes.unmute(submitted.tip, submitted.officer),
        gettext_lazy("Messages of the source alert officers again."),
        label=pgettext_lazy("button: end the mute of a source", "Unmute"),
        is_offered=lambda tip, _officer: mutes.is_muted(tip),
    ),
    "agree-close": OfficerAction(
        forms.Form,
        lambda submitted: _decide(submitted, agrees=True),
        gettext_lazy("You agreed. This tip closes in 30 seconds."),
        label=gettext_lazy("Agree to close"),
        is_offered=lambda tip, officer: outbox.find_decision(tip, officer) is not None,
    ),
    "refuse-close": OfficerAction(
        forms.Form,
        lambda submitted: _decide(submitted, agrees=False),
        gettext_lazy("This tip stays open. The reason for closing it is kept as a note."),
        label=pgettext_lazy("button: do not agree to closing a tip", "Keep it open"),
        is_offered=lambda tip, officer: outbox.find_decision(tip, officer) is not None,
    ),
    "take-back-close": OfficerAction(
        forms.Form,
        _take_back_request,
        gettext_lazy("The closing is taken back. This tip stays open."),
        label=gettext_lazy("Take the closing back"),
        is_offered=lambda tip, officer: outbox.find_request(tip, officer) is not None,
    ),
    "hold": OfficerAction(
        forms.Form,
        lambda submitted: triage.hold(submitted.tip, submitted.officer, shown_stamp=submitted.stamp),
        gettext_lazy("Legal hold is on: the source can't erase this tip."),
        label=pgettext_lazy("button", "Start legal hold"),
        is_offered=lambda tip, officer: permissions.can_hold(officer) and not tip.legal_hold,
    ),
    "release": OfficerAction(
        forms.Form,
        lambda submitted: triage.release(submitted.tip, submitted.officer, shown_stamp=submitted.stamp),
        gettext_lazy("Legal hold ended."),
        label=pgettext_lazy("button", "End legal hold"),
        is_offered=lambda tip, officer: permissions.can_hold(officer) and tip.legal_hold,
    ),
    "close": OfficerAction(
        CloseForm,
        _close,
        gettext_lazy("This tip closes in 30 seconds. You can undo that until then."),
        argument="disposition",
        label=pgettext_lazy("button: finish the work on a tip", "Close"),
        key="C",
        has_menu=True,
        is_offered=_is_not_closed,
    ),
}
