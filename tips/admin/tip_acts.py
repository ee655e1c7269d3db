"""The acts of officers on a tip: for each its form, the function that runs it, the sentence that confirms it, and its button.

The tip's page is one form. A button posts the name of its act in "act", or name and choice ("assign:12"), together with all that
is typed. To add an act, add an entry to ACTIONS; with `has_menu`, also templates/admin/tips/desk/menus/NAME.html.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from django import forms
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from core.models import Account
from tips import readers
from tips.admin.forms import (
    AnswerForm,
    AssignForm,
    CategoryForm,
    CloseForm,
    CorrectForm,
    HoldForm,
    LinkForm,
    NoteForm,
    ReferForm,
)
from tips.admin.tip_column import submitted_acts
from tips.admin.tip_column.act_forms import MuteForm, PriorityForm, SnoozeForm, read_snooze_end
from tips.admin.tip_column.submitted_acts import SubmittedAction
from tips.admin.tip_column.translation_fields import TextChoiceForm, TranslationForm
from tips.desk import outbox, permissions, triage
from tips.desk.acts import dispatch_calls, mutes, priorities, snoozes, spam
from tips.desk.translation import translations
from tips.models import State, Tip


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


def _is_open(tip: Tip, _officer: Account) -> bool:
    return tip.state == State.OPEN


def _is_waiting(tip: Tip, _officer: Account) -> bool:
    return tip.state == State.WAITING


def _is_free_to_take(tip: Tip, officer: Account) -> bool:
    return tip.state != State.CLOSED and tip.assigned_to_id != officer.pk


def _has_other_units(tip: Tip, officer: Account) -> bool:
    return tip.state != State.CLOSED and not tip.category.is_sensitive and readers.find_reach(officer.pk).has_units


_SENT = gettext_lazy("Your answer goes out in 30 seconds. You can undo it until then.")
ACTIONS: dict[str, OfficerAction] = {
    "answer": OfficerAction(AnswerForm, submitted_acts.answer, _SENT),
    "answer-next": OfficerAction(AnswerForm, submitted_acts.answer, _SENT),
    "answer-linked": OfficerAction(
        AnswerForm,
        submitted_acts.answer_linked,
        gettext_lazy(
            "Your answer leaves for each linked tip at another time in the next four hours, for urgent ones at once."
        ),
    ),
    "answer-closed": OfficerAction(
        AnswerForm,
        submitted_acts.answer_closed,
        gettext_lazy("Your answer goes out in 30 seconds, and the tip stays closed. You can undo it until then."),
    ),
    "answer-reopen": OfficerAction(
        AnswerForm,
        submitted_acts.answer_and_reopen,
        gettext_lazy(
            "Your answer goes out in 30 seconds, and the tip opens again with it. You can undo both until then."
        ),
    ),
    "answer-as-note": OfficerAction(
        AnswerForm, submitted_acts.keep_answer_as_note, gettext_lazy("Your answer is kept as a note.")
    ),
    "note": OfficerAction(
        NoteForm,
        lambda submitted: triage.note(submitted.tip, submitted.officer, submitted.data["note"], submitted.form_id),
        gettext_lazy("Note saved."),
    ),
    "translate": OfficerAction(
        TranslationForm,
        lambda submitted: translations.write(
            submitted.tip,
            submitted.officer,
            submitted.data["translates"],
            submitted.data["text"],
            submitted.form_id,
            shown_count=submitted.data["shown"],
        ),
        gettext_lazy("Translation saved. Only officers can read it."),
        argument="translates",
    ),
    "translate-by-machine": OfficerAction(
        TextChoiceForm,
        lambda submitted: translations.write_by_machine(
            submitted.tip, submitted.officer, submitted.data["translates"], submitted.form_id
        ),
        gettext_lazy("Translated by the translator on this server. Check it before you rely on it."),
        argument="translates",
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
        submitted_acts.refer,
        gettext_lazy("This tip goes there in 30 seconds. You can undo that until then."),
        argument="refer_to",
        label=pgettext_lazy("button: send a tip to another unit", "Refer"),
        has_menu=True,
        is_offered=_has_other_units,
    ),
    "category": OfficerAction(
        CategoryForm,
        submitted_acts.change_category,
        gettext_lazy("Category changed. If other people see the tip then, it moves in 30 seconds."),
        argument="category",
        has_menu=True,
        is_offered=_is_not_closed,
    ),
    "reopen-take": OfficerAction(
        forms.Form, submitted_acts.reopen_and_take, gettext_lazy("This tip is open again, and you have it.")
    ),
    "link": OfficerAction(
        LinkForm,
        submitted_acts.link,
        gettext_lazy("Linked. Officers see the notes of both tips; no source notices it."),
        argument="link_to",
        label=pgettext_lazy("button: link two tips", "Link"),
        key="L",
        has_menu=True,
    ),
    "unlink": OfficerAction(
        LinkForm, submitted_acts.unlink, gettext_lazy("Unlinked. You can link them again any time."), argument="link_to"
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
        lambda submitted: submitted_acts.decide(submitted, agrees=True),
        gettext_lazy("You agreed. This tip closes in 30 seconds."),
        label=gettext_lazy("Agree to close"),
        is_offered=lambda tip, officer: outbox.find_decision(tip, officer) is not None,
    ),
    "refuse-close": OfficerAction(
        forms.Form,
        lambda submitted: submitted_acts.decide(submitted, agrees=False),
        gettext_lazy("This tip stays open. The reason for closing it is kept as a note."),
        label=pgettext_lazy("button: do not agree to closing a tip", "Keep it open"),
        is_offered=lambda tip, officer: outbox.find_decision(tip, officer) is not None,
    ),
    "take-back-close": OfficerAction(
        forms.Form,
        submitted_acts.take_back_request,
        gettext_lazy("The closing is taken back. This tip stays open."),
        label=gettext_lazy("Take the closing back"),
        is_offered=lambda tip, officer: outbox.find_request(tip, officer) is not None,
    ),
    "hold": OfficerAction(
        HoldForm,
        lambda submitted: triage.hold(
            submitted.tip, submitted.officer, submitted.data["hold_reason"], shown_stamp=submitted.stamp
        ),
        gettext_lazy("Legal hold is on: the source can't erase this tip."),
        label=pgettext_lazy("button", "Start legal hold"),
        has_menu=True,
        is_offered=lambda tip, officer: permissions.can_hold(officer) and not tip.legal_hold,
    ),
    "release": OfficerAction(
        HoldForm,
        lambda submitted: triage.release(
            submitted.tip, submitted.officer, submitted.data["hold_reason"], shown_stamp=submitted.stamp
        ),
        gettext_lazy("Legal hold ended."),
        label=pgettext_lazy("button", "End legal hold"),
        has_menu=True,
        is_offered=lambda tip, officer: permissions.can_hold(officer) and tip.legal_hold,
    ),
    "correct": OfficerAction(
        CorrectForm,
        submitted_acts.correct,
        gettext_lazy("The closing is corrected in 30 seconds. You can undo that until then."),
        argument="disposition",
        label=pgettext_lazy("button: correct what came of a closed tip", "Correct the closing"),
        has_menu=True,
        is_offered=lambda tip, _officer: tip.state == State.CLOSED,
    ),
    "close": OfficerAction(
        CloseForm,
        submitted_acts.close,
        gettext_lazy("This tip closes in 30 seconds. You can undo that until then."),
        argument="disposition",
        label=pgettext_lazy("button: finish the work on a tip", "Close"),
        key="C",
        has_menu=True,
        is_offered=_is_not_closed,
    ),
}
