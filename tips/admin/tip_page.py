"""A tip's page: open the seal, show the conversation, and run the actions of officers.

It is not Django's changeform: opening must be recorded and committed before any content is shown, and Django wraps its
changeform in one transaction.

What an officer has typed is on the next page whatever the answer to a post is, until it is sent: nothing of it is stored.
"""

from __future__ import annotations

import binascii
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from core.models import Account
from core.plain_text import show_steering
from core.sign_in import fresh_factor
from core.staff.session_resume import is_resumed
from core.web.error_pages import list_typed_texts
from crimemap import places
from tips import conversation, vault
from tips.admin import tip_files
from tips.admin.forms import has_unsent_text, list_forms
from tips.admin.times import describe_duration, describe_reading
from tips.admin.tip_acts import ACTIONS, OfficerAction, SubmittedAction
from tips.desk import drafts, outbox, permissions, referrals, triage
from tips.desk.assignees import describe_assignee
from tips.models import Author, State, Tip, Unit
from tips.walls import visibility

TEMPLATE = "admin/tips/tip/page.html"
_FORM_ID_BYTES = 16


# These ask for a fresh factor first.
_DELICATE_ACTIONS = ("release",)


class _ActionRefusedError(Exception):
    """An action was not run: `sentence` says why, and `checked_forms` show errors at their fields."""

    def __init__(self, sentence: str, status: int, checked_forms: Mapping[str, forms.Form] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.checked_forms = checked_forms or {}
        self.is_error = status != 200


def respond(request: HttpRequest, tip_id: UUID, context: dict[str, Any]) -> HttpResponse:
    """Return the page (GET), or run an action and redirect to the page (POST).

    Raises conversation.TipGoneError and PermissionDenied.
    """
    officer = request.user
    assert isinstance(officer, Account)
    if request.method != "POST":
        return _render(request, tip_id, officer, context)
    if is_resumed(request):
        sentence = _(
            "You're signed in again. Nothing has been sent yet: what you typed is below. Check it, then send it."
        )
        return _render(request, tip_id, officer, context, _ActionRefusedError(sentence, 200))
    name, _colon, choice = request.POST.get("act", "").partition(":")
    try:
        action = _run_action(request, tip_id, officer, name, choice)
    except _ActionRefusedError as problem:
        return _render(request, tip_id, officer, context, problem)
    messages.success(request, str(action.confirmation))
    if not permissions.visible_tips(officer).filter(pk=tip_id).exists():
        messages.info(request, _("This tip is now with others, so you no longer see it."))
        return HttpResponseRedirect(context["list_address"])
    if not has_unsent_text(request.POST, name):
        drafts.drop(officer, request.POST.get("draft", ""))
        return HttpResponseRedirect(request.get_full_path())
    messages.warning(request, _("You have text that you haven't sent yet. It is still below."))
    return _render(request, tip_id, officer, context, sent=name)


def ask_for_factor(request: HttpRequest) -> HttpResponse | None:
    """Return the page that asks for a fresh factor before a delicate action, None when there is nothing to ask."""
    is_delicate = request.method == "POST" and request.POST.get("act") in _DELICATE_ACTIONS
    return fresh_factor.ask_unless_fresh(request) if is_delicate or fresh_factor.is_asked_for(request) else None


def _run_action(request: HttpRequest, tip_id: UUID, officer: Account, name: str, choice: str) -> OfficerAction:
    action, form_id = ACTIONS.get(name), _read_form_id(request)
    if action is None or form_id is None:
        raise _ActionRefusedError(
            _("Part of what you sent got lost on the way, so nothing was done. Send it again."), 400
        )
    tip = permissions.find_tip(tip_id, officer)
    data = request.POST.copy()
    if choice and action.argument:
        data[action.argument] = choice
    form_name = "answer" if name.startswith("answer-") else name
    form = action.form(data, initial={"to": tip.assigned_to_id, "tip": tip}, auto_id=f"{form_name}-%s")
    if not form.is_valid():
        raise _ActionRefusedError("", 422, {name: form})
    if _hands_over(tip, name, form) and has_unsent_text(request.POST, name):
        sentence = _(
            "You have other text that you haven't sent, and you may not see this tip afterwards, so nothing was done. Send"
            " that text or remove it first."
        )
        raise _ActionRefusedError(sentence, 409)
    try:
        action.run(SubmittedAction(tip, officer, form.cleaned_data, form_id, request.POST.get("seen", "")))
    except triage.TransitionError as error:
        raise _ActionRefusedError(str(error), 409) from None
    except triage.TipChangedError:
        sentence = _(
            "This tip has changed since you opened it, so nothing was done. Read what is new, then send again. Your text is"
            " still here."
        )
        raise _ActionRefusedError(sentence, 409) from None
    except PermissionDenied:
        sentence = _("Your account isn't allowed to do that anymore, so nothing was done. Ask a supervisor.")
        raise _ActionRefusedError(sentence, 403) from None
    except (vault.SealError, vault.KeyMissingError):
        sentence = _("The keys of this tip don't work on this server, so nothing was done. Tell an administrator.")
        raise _ActionRefusedError(sentence, 409) from None
    return action


def _hands_over(tip: Tip, name: str, form: forms.Form) -> bool:
    return name == "refer" or (name == "category" and referrals.changes_readers(tip, form.cleaned_data["category"]))


def _read_form_id(request: HttpRequest) -> bytes | None:
    try:
        form_id = binascii.unhexlify(request.POST.get("form_id", ""))
    except (binascii.Error, ValueError):
        return None
    return form_id if len(form_id) == _FORM_ID_BYTES else None


def _render(  # noqa: PLR0917
    request: HttpRequest,
    tip_id: UUID,
    officer: Account,
    context: dict[str, Any],
    problem: _ActionRefusedError | None = None,
    sent: str = "",
) -> HttpResponse:
    """Return the page with the seal opened for this officer, and recorded; or a sentence if the seal does not open.

    The text of the action `sent` is not shown again, all else that was typed is.
    """
    status = problem.status if problem else 200
    try:
        opened = triage.open_tip(tip_id, officer)
    except (vault.SealError, vault.KeyMissingError) as error:
        tip = permissions.find_tip(tip_id, officer)
        context |= {"tip": tip, "title": str(tip), "damage": _describe_damage(tip, error)}
        context["typed_texts"] = list_typed_texts(request)
        return TemplateResponse(request, TEMPLATE, context, status=status)
    context |= _tip_context(opened) | tip_files.panel_context(request, tip_id)
    context["forms"] = list_forms(opened.tip, request.POST, problem.checked_forms if problem else {}, sent)
    context["has_units"] = Unit.objects.exists()
    context["problem"] = problem
    context["form_id"] = secrets.token_hex(_FORM_ID_BYTES)
    context["may_hold"] = permissions.can_hold(officer)
    context["may_answer"] = permissions.can_act(officer)
    context["is_walled"] = visibility.is_walled(opened.tip)
    context["may_decide"] = visibility.may_decide(opened.tip, officer)
    return TemplateResponse(request, TEMPLATE, context, status=status)


def _describe_damage(tip: Tip, error: Exception) -> str:
    if isinstance(error, vault.KeyMissingError):
        return _(
            "Agency key %(key)s isn't on this server, so this tip can't be opened here. Tell an administrator."
        ) % {"key": tip.agency_key_id}
    return _("This tip can't be opened: what is stored was changed, moved or cut. Tell an administrator.")


def _tip_context(opened: conversation.OpenedTip) -> dict[str, Any]:
    tip, report = opened.tip, opened.report
    try:
        notes, notes_damaged = _entry_contexts(conversation.read_notes(tip)), False
    except (vault.SealError, vault.KeyMissingError):
        notes, notes_damaged = [], True
    return {
        "tip": tip,
        "title": str(tip),
        "unit": referrals.name_unit(tip.unit),
        "assignee": describe_assignee(tip.assigned_to) if tip.assigned_to else "",
        "seen": triage.stamp(tip, len(opened.messages)),
        "arrived_at": opened.arrived_at,
        "opened_within": describe_duration(tip.opened_after) if tip.opened_after else "",
        "description": show_steering(report["description"]),
        "files": opened.files,
        "facts": _list_facts(report),
        "entries": _entry_contexts(opened.messages),
        "waiting": _waiting_contexts(tip),
        "notes": notes,
        "notes_damaged": notes_damaged,
        "may_reopen": tip.state in (State.WAITING, State.CLOSED),
        "can_write": tip.state != State.CLOSED and tip.key_for_source is not None,
    }


def _entry_contexts(entries: list[conversation.ConversationEntry]) -> list[dict[str, Any]]:
    return [
        {
            "from_source": entry.author == Author.SOURCE,
            "who": entry.officer or (_("Source") if entry.author == Author.SOURCE else _("Former officer")),
            "when": entry.written_at,
            "text": show_steering(entry.text),
            "files": entry.files,
            "new": not entry.is_read,
            "reading": describe_reading(entry),
        }
        for entry in entries
    ]


def _waiting_contexts(tip: Tip) -> list[dict[str, Any]]:
    """Return the acts that wait in the outbox, with what the officer wrote."""
    try:
        acts = outbox.read_waiting(tip)
    except (vault.SealError, vault.KeyMissingError):
        return []
    return [
        {
            "act": act,
            "who": describe_assignee(act.officer) if act.officer else _("Former officer"),
            "text": show_steering(fields.get("text") or fields.get("reason") or ""),
        }
        for act, fields in acts
    ]


def _list_facts(report: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return label and lines of each answer besides the description, without those left empty."""
    danger = {"yes": _("Yes"), "no": _("No"), "unknown": _("The source doesn't know")}
    facts = [
        (_("In danger right now"), [danger.get(report["danger"], "")]),
        (_("Incident on the map"), [report.get("about", ""), report.get("incident", "")]),
        (_("Where"), _describe_place(report)),
        (_("When"), [report["when"]]),
        *((answer["question"], [answer["answer"]]) for answer in report["answers"]),
    ]
    cleaned = [(show_steering(label), [show_steering(line) for line in lines if line]) for label, lines in facts]
    return [(label, lines) for label, lines in cleaned if lines]


def _describe_place(report: dict[str, Any]) -> list[str]:
    place = places.find_place(report["place_ref"]) if report["place_ref"] else None
    if place is None:
        return [report["place"], *_describe_point(report)]
    chosen = ", ".join(part for part in (place.name, place.district) if part)
    typed = report["place"] if report["place"] != place.name else ""
    return [typed, chosen, *_describe_point(report)]


def _describe_point(report: dict[str, Any]) -> list[str]:
    latitude, longitude = report["latitude"], report["longitude"]
    if latitude is None or longitude is None:
        return []
    point = _("Point on the map: %(latitude).5f, %(longitude).5f") % {"latitude": latitude, "longitude": longitude}
    nearest = places.find_nearest_block(latitude, longitude)
    return [point, _("near %(place)s") % {"place": nearest.name}] if nearest else [point]
