"""A tip's page: opens the seal, shows the conversation, takes what officers do with it.

No changeform of Django's: opening must be recorded and committed before any content is shown, and Django wraps its
changeform in one transaction.
"""

from __future__ import annotations

import binascii
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.plain_text import show_steering
from crimemap import places
from tips import conversation, vault
from tips.admin import tip_files
from tips.admin.forms import AnswerForm, AssignForm, CloseForm, NoteForm
from tips.admin.times import describe_duration
from tips.desk import permissions, triage
from tips.models import Author, Disposition, State, Tip

TEMPLATE = "admin/tips/tip/page.html"
_FORM_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class SubmittedAction:
    """What a form of the page sent, beside the tip as it is now."""

    tip: Tip
    officer: Account
    data: dict[str, Any]
    form_id: bytes
    seen: str


@dataclass(frozen=True, slots=True)
class OfficerAction:
    """One thing an officer can do on the page: its form, what it calls, and the sentence that says it is done."""

    form: type[forms.Form]
    do: Callable[[SubmittedAction], object]
    done: Promise


def _answer(posted: SubmittedAction) -> None:
    text, ask = posted.data["text"], posted.data["ask"]
    triage.answer(posted.tip, posted.officer, text, posted.form_id, ask=ask, seen=posted.seen)


ACTIONS: dict[str, OfficerAction] = {
    "answer": OfficerAction(AnswerForm, _answer, gettext_lazy("Your answer waits for the source.")),
    "note": OfficerAction(
        NoteForm,
        lambda posted: triage.note(posted.tip, posted.officer, posted.data["text"], posted.form_id),
        gettext_lazy("The note is kept."),
    ),
    "assign": OfficerAction(
        AssignForm,
        lambda posted: triage.assign(posted.tip, posted.officer, posted.data["to"], seen=posted.seen),
        gettext_lazy("The assignment is changed."),
    ),
    "wait": OfficerAction(
        forms.Form,
        lambda posted: triage.wait(posted.tip, posted.officer, seen=posted.seen),
        gettext_lazy("The tip waits for the source."),
    ),
    "reopen": OfficerAction(
        forms.Form,
        lambda posted: triage.reopen(posted.tip, posted.officer, seen=posted.seen),
        gettext_lazy("The tip is open."),
    ),
    "close": OfficerAction(
        CloseForm,
        lambda posted: triage.close(
            posted.tip, posted.officer, Disposition(posted.data["disposition"]), seen=posted.seen
        ),
        gettext_lazy("The tip is closed."),
    ),
    "hold": OfficerAction(
        forms.Form,
        lambda posted: triage.hold(posted.tip, posted.officer, seen=posted.seen),
        gettext_lazy("The tip is under legal hold."),
    ),
    "release": OfficerAction(
        forms.Form,
        lambda posted: triage.release(posted.tip, posted.officer, seen=posted.seen),
        gettext_lazy("The legal hold is over."),
    ),
}


class _ProblemError(Exception):
    """Why a post was not done, and the form that keeps what was typed."""

    def __init__(self, sentence: str, status: int, forms_sent: Mapping[str, forms.Form] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.forms_sent = forms_sent or {}


def respond(request: HttpRequest, tip_id: UUID, context: dict[str, Any]) -> HttpResponse:
    """The answer to a GET or POST of a tip's page. Raises conversation.GoneError and PermissionDenied."""
    officer = request.user
    assert isinstance(officer, Account)
    if request.method != "POST":
        return _shown(request, tip_id, officer, context)
    try:
        act = _do(request, tip_id, officer)
    except _ProblemError as problem:
        return _shown(request, tip_id, officer, context, problem)
    messages.success(request, str(act.done))
    return HttpResponseRedirect(request.path)


def _do(request: HttpRequest, tip_id: UUID, officer: Account) -> OfficerAction:
    name = request.POST.get("act", "")
    act, form_id = ACTIONS.get(name), _form_id(request)
    if act is None or form_id is None:
        raise _ProblemError(_("What you sent arrived incomplete, so nothing was done. Send it again."), 400)
    tip = permissions.find_tip(tip_id, officer)
    form = act.form(request.POST, auto_id=f"{name}-%s")
    sent = {name: form}
    if not form.is_valid():
        raise _ProblemError("", 422, sent)
    try:
        act.do(SubmittedAction(tip, officer, form.cleaned_data, form_id, request.POST.get("seen", "")))
    except triage.TransitionError as error:
        raise _ProblemError(str(error), 409, sent) from None
    except triage.TipChangedError:
        sentence = _(
            "This tip has changed since you opened it. Read what is new, then send again. Your text is still here."
        )
        raise _ProblemError(sentence, 409, sent) from None
    except (vault.SealError, vault.KeyMissingError):
        sentence = _("The keys of this tip do not work on this server, so nothing was done. Tell an administrator.")
        raise _ProblemError(sentence, 409, sent) from None
    return act


def _form_id(request: HttpRequest) -> bytes | None:
    try:
        form_id = binascii.unhexlify(request.POST.get("form_id", ""))
    except (binascii.Error, ValueError):
        return None
    return form_id if len(form_id) == _FORM_ID_BYTES else None


def _shown(
    request: HttpRequest, tip_id: UUID, officer: Account, context: dict[str, Any], problem: _ProblemError | None = None
) -> HttpResponse:
    """The page, with the seal opened for this officer and recorded; or a sentence where the seal does not open."""
    status = problem.status if problem else 200
    try:
        opened = triage.open_tip(tip_id, officer)
    except (vault.SealError, vault.KeyMissingError) as error:
        tip = permissions.find_tip(tip_id, officer)
        context |= {"tip": tip, "title": str(tip), "damage": _damage(tip, error)}
        return TemplateResponse(request, TEMPLATE, context, status=status)
    context |= _content(opened) | tip_files.panel_context(request, tip_id)
    context["forms"] = _forms(opened.tip, problem.forms_sent if problem else {})
    context["problem"] = problem
    context["form_id"] = secrets.token_hex(_FORM_ID_BYTES)
    context["may_hold"] = permissions.can_hold(officer)
    context["may_answer"] = permissions.can_act(officer)
    return TemplateResponse(request, TEMPLATE, context, status=status)


def _damage(tip: Tip, error: Exception) -> str:
    if isinstance(error, vault.KeyMissingError):
        return _("Agency key %(key)s is not on this server, so this tip cannot be opened here.") % {
            "key": tip.agency_key_id
        }
    return _("The seal of this tip does not open: what is stored was changed, moved or cut. Tell an administrator.")


def _content(opened: conversation.OpenedTip) -> dict[str, Any]:
    tip, report = opened.tip, opened.report
    try:
        notes, notes_damaged = _entries(conversation.read_notes(tip)), False
    except (vault.SealError, vault.KeyMissingError):
        notes, notes_damaged = [], True
    return {
        "tip": tip,
        "title": str(tip),
        "seen": triage.stamp(tip, len(opened.messages)),
        "arrived_at": opened.arrived_at,
        "opened_within": describe_duration(tip.opened_after) if tip.opened_after else "",
        "description": show_steering(report["description"]),
        "files": opened.files,
        "facts": _facts(report),
        "entries": _entries(opened.messages),
        "notes": notes,
        "notes_damaged": notes_damaged,
        "may_reopen": tip.state in (State.WAITING, State.CLOSED),
        "can_write": tip.state != State.CLOSED and tip.key_for_source is not None,
    }


def _entries(entries: list[conversation.ConversationEntry]) -> list[dict[str, Any]]:
    return [
        {
            "from_source": entry.author == Author.SOURCE,
            "who": entry.officer or (_("Source") if entry.author == Author.SOURCE else _("Former officer")),
            "when": entry.written_at,
            "text": show_steering(entry.text),
            "files": entry.files,
            "new": not entry.is_read,
        }
        for entry in entries
    ]


def _forms(tip: Tip, sent: Mapping[str, forms.Form]) -> dict[str, forms.Form]:
    """One form an act, as sent or fresh."""
    fresh: dict[str, dict[str, Any]] = {"answer": {}, "note": {}, "assign": {"to": tip.assigned_to_id}, "close": {}}
    return {
        name: sent.get(name) or ACTIONS[name].form(initial=initial, auto_id=f"{name}-%s")
        for name, initial in fresh.items()
    }


def _facts(report: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What the source answered besides the description: label and lines. What was not said is left out."""
    danger = {"yes": _("Yes"), "no": _("No"), "unknown": _("The source does not know")}
    facts = [
        (_("In danger right now"), [danger.get(report["danger"], "")]),
        (_("Incident on the map"), [report.get("about", ""), report.get("incident", "")]),
        (_("Where"), _where(report)),
        (_("When"), [report["when"]]),
        *((answer["question"], [answer["answer"]]) for answer in report["answers"]),
    ]
    shown = [(show_steering(label), [show_steering(line) for line in lines if line]) for label, lines in facts]
    return [(label, lines) for label, lines in shown if lines]


def _where(report: dict[str, Any]) -> list[str]:
    place = places.find_place(report["place_ref"]) if report["place_ref"] else None
    if place is None:
        return [report["place"], *_point(report)]
    chosen = ", ".join(part for part in (place.name, place.district) if part)
    typed = report["place"] if report["place"] != place.name else ""
    return [typed, chosen, *_point(report)]


def _point(report: dict[str, Any]) -> list[str]:
    latitude, longitude = report["latitude"], report["longitude"]
    if latitude is None or longitude is None:
        return []
    point = _("Point on the map: %(latitude).5f, %(longitude).5f") % {"latitude": latitude, "longitude": longitude}
    nearest = places.find_nearest_block(latitude, longitude)
    return [point, _("near %(place)s") % {"place": nearest.name}] if nearest else [point]
