"""A tip's page: open the seal, show the time line beside the queue, and run the acts of officers.

It is not Django's changeform: opening must be recorded and committed before any content is shown, and Django wraps its
changeform in one transaction.

What an officer has typed is on the next page whatever the answer to a post is, until it is sent. The server stores nothing of
it; the browser's tab keeps it sealed (tips/desk/drafts.py).
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.models import Account
from core.sign_in import fresh_factor
from core.staff import list_filters
from core.staff.session_resume import is_resumed
from core.web.error_pages import list_typed_texts
from core.web.sql_cache import SqlCache
from tips import vault
from tips.admin import desk_page, tip_files
from tips.admin.forms import FORM_ID_BYTES, has_unsent_text, list_forms, name_text_field, parse_form_id
from tips.admin.tip_acts import ACTIONS, OfficerAction
from tips.admin.tip_column import context as tip_context
from tips.admin.tip_column import surroundings, translation_fields, undo
from tips.admin.tip_column.act_forms import list_act_forms
from tips.admin.tip_column.submitted_acts import SubmittedAction
from tips.desk import answer_templates, drafts, permissions, queue, referrals, tip_history, triage
from tips.desk.translation import translations
from tips.models import Author, Category, Tip

TEMPLATE = "admin/tips/desk/tip.html"
_SQL = SqlCache()
# These ask for a fresh factor first.
_DELICATE_ACTIONS = ("release",)
# Buttons that do nothing with the tip: the page comes back with what is typed.
_KEEP, _PUT_IN, _WRITE_ANSWER, _WRITE_NOTE = "keep", "put-in", "write-answer", "write-note"
_CORRECT_TRANSLATION = "correct-translation"
_STILL_ACTS = (_KEEP, _PUT_IN, _WRITE_ANSWER, _WRITE_NOTE, _CORRECT_TRANSLATION)


class _ActionRefusedError(Exception):
    """An act was not run: `sentence` says why, and `checked_forms` show errors at their fields.

    `is_conflict`: the tip has changed since the page was shown, so that the act can be repeated.
    """

    def __init__(
        self,
        sentence: str,
        status: int,
        checked_forms: Mapping[str, forms.Form] | None = None,
        *,
        is_conflict: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.checked_forms = checked_forms or {}
        self.is_error = status != 200
        self.is_conflict = is_conflict
        self.act = ""
        self.keeps_answer = False

    @property
    def heading(self) -> str:
        return _("Not sent.") if self.act.startswith("answer") else _("Nothing was changed.")

    def of_post(self, request: HttpRequest) -> _ActionRefusedError:
        """Add which act was refused, and whether an answer is in the post."""
        self.act = request.POST.get("act", "").partition(":")[0]
        self.keeps_answer = self.act.startswith("answer") and request.POST.get("answer", "").strip() != ""
        return self


def respond(request: HttpRequest, tip_id: UUID, context: dict[str, Any]) -> HttpResponse:
    """Return the page (GET), or run an act and redirect to the page (POST).

    Raises conversation.TipGoneError and PermissionDenied.
    """
    officer = request.user
    assert isinstance(officer, Account)
    name, colon, choice = request.POST.get("act", "").partition(":")
    if is_resumed(request):
        sentence = _(
            "You're signed in again. Nothing has been sent yet: what you typed is below. Check it, then send it."
        )
        return _render(request, tip_id, officer, context, _ActionRefusedError(sentence, 200))
    if request.method != "POST" or name in _STILL_ACTS:
        return _render(request, tip_id, officer, context)
    if name in ("undo", "undo-batch"):
        return _undo(request, tip_id, officer, context, name, choice)
    try:
        action = _run_action(request, tip_id, officer, name, choice if colon else None)
    except _ActionRefusedError as problem:
        return _render(request, tip_id, officer, context, problem.of_post(request))
    messages.success(request, str(action.confirmation))
    if permissions.visible_tips(officer).filter(pk=tip_id).exists() and has_unsent_text(
        request.POST, name_text_field(name, choice)
    ):
        messages.warning(request, _("You have text that you haven't sent yet. It is still below."))
        return _render(request, tip_id, officer, context, sent=name)
    drafts.drop(officer, request.POST.get("draft", ""))
    return HttpResponseRedirect(_find_next_page(request, tip_id, officer, name))


def _undo(  # noqa: PLR0917
    request: HttpRequest, tip_id: UUID, officer: Account, context: dict[str, Any], name: str, choice: str
) -> HttpResponse:
    """Undo an act, or those of an event. If this tip's had a text, return the page with it, else the page of the button."""
    if name == "undo":
        all_undone = [undo.undo_act(request, officer, choice)]
    else:
        all_undone = [*undo.undo_batch(request, officer, choice)]
    undone = next((each for each in all_undone if each and each.tip.pk == tip_id), None)
    restored = undo.restore_fields(request.POST, undone) if undone else None
    if restored is None:
        return undo.redirect_back(request)
    request.POST = restored  # type: ignore[assignment]  # typed as never written to
    sentence = _("What you had typed is in its field again. Nothing was sent.")
    return _render(request, tip_id, officer, context, _ActionRefusedError(sentence, 200))


def ask_for_factor(request: HttpRequest) -> HttpResponse | None:
    """Return the page that asks for a fresh factor before a delicate action, None when there is nothing to ask."""
    is_delicate = request.method == "POST" and request.POST.get("act") in _DELICATE_ACTIONS
    return fresh_factor.ask_unless_fresh(request) if is_delicate or fresh_factor.is_asked_for(request) else None


def _find_next_page(request: HttpRequest, tip_id: UUID, officer: Account, name: str) -> str:
    """Return the page to go to after an act: this one, or after "Send + next" the next row of the same view."""
    if not permissions.visible_tips(officer).filter(pk=tip_id).exists():
        messages.info(request, _("This tip is now with others, so you no longer see it."))
        return list_filters.list_address(request, "admin:tips_tip_changelist")
    if name != "answer-next":
        return request.get_full_path()
    view = queue.load(officer, list_filters.list_query(request))
    next_id = _read_next(request) or view.next_after(tip_id)
    is_listed = next_id is not None and permissions.visible_tips(officer).filter(pk=next_id).exists()
    return tip_context.row_address(view, next_id) if is_listed and next_id != tip_id else view.address


def _read_next(request: HttpRequest) -> UUID | None:
    """Return the tip that was below this one when the page was shown: the answer may have moved this one."""
    try:
        return UUID(request.POST.get("next", ""))
    except ValueError:
        return None


def _run_action(request: HttpRequest, tip_id: UUID, officer: Account, name: str, choice: str | None) -> OfficerAction:
    action, form_id = ACTIONS.get(name), parse_form_id(request.POST.get("form_id", ""))
    if action is None or form_id is None:
        raise _ActionRefusedError(
            _("Part of what you sent got lost on the way, so nothing was done. Send it again."), 400
        )
    tip = permissions.find_tip(tip_id, officer)
    data = request.POST.copy()
    if choice is not None and action.argument:
        data[action.argument] = choice
    form_name = "answer" if name.startswith("answer-") else name
    form = action.form(data, initial={"to": tip.assigned_to_id, "tip": tip}, auto_id=f"{form_name}-%s")
    if not form.is_valid():
        raise _ActionRefusedError("", 422, {name: form})
    if _hands_over(tip, name, form) and has_unsent_text(request.POST, name_text_field(name, choice)):
        sentence = _(
            "You have other text that you haven't sent, and you may not see this tip afterwards, so nothing was done. Send"
            " that text or remove it first."
        )
        raise _ActionRefusedError(sentence, 409)
    try:
        submitted = SubmittedAction(tip, officer, form.cleaned_data, form_id, request.POST.get("seen", ""))
        action.run(submitted)
    except triage.TransitionError as error:
        raise _ActionRefusedError(str(error), 409) from None
    except triage.TipChangedError:
        raise _ActionRefusedError(_describe_changes(request, tip, officer), 409, is_conflict=True) from None
    except PermissionDenied:
        sentence = _("Your account isn't allowed to do that anymore, so nothing was done. Ask a supervisor.")
        raise _ActionRefusedError(sentence, 403) from None
    except (vault.SealError, vault.KeyMissingError):
        sentence = _("The keys of this tip don't work on this server, so nothing was done. Tell an administrator.")
        raise _ActionRefusedError(sentence, 409) from None
    for notice in submitted.notices:
        messages.warning(request, notice)
    return action


def _describe_changes(request: HttpRequest, tip: Tip, officer: Account) -> str:
    """Return what others did with the tip since the page was shown, and whether its source wrote."""
    shown_at, shown_count = _read_shown(request)
    sentences = tip_history.describe_since(tip, shown_at, officer) if shown_at else []
    if shown_count is not None and tip.messages.filter(author=Author.SOURCE).count() > shown_count:
        sentences.append(_("The source wrote to you."))
    return " ".join(sentences) or _("This tip has changed since you opened it.")


def _read_shown(request: HttpRequest) -> tuple[dt.datetime | None, int | None]:
    """Return when the posting page was shown, and how many messages of the source it had. It may be forged: harmless."""
    seconds, _dash, count = request.POST.get("shown", "").partition("-")
    try:
        return dt.datetime.fromtimestamp(int(seconds), tz=dt.UTC), int(count)
    except (ValueError, OverflowError, OSError):
        return None, None


def _hands_over(tip: Tip, name: str, form: forms.Form) -> bool:
    return name == "refer" or (name == "category" and referrals.changes_readers(tip, form.cleaned_data["category"]))


def _render(  # noqa: PLR0917
    request: HttpRequest,
    tip_id: UUID,
    officer: Account,
    context: dict[str, Any],
    problem: _ActionRefusedError | None = None,
    sent: str = "",
) -> HttpResponse:
    """Return the page with the seal opened for this officer, and recorded; or a sentence if the seal does not open.

    The text of the act `sent` is not shown again, all else that was typed is.
    """
    status = problem.status if problem else 200
    permissions.require(permissions.can_open(officer))
    last_act = tip_history.find_last_act(permissions.find_number(tip_id, officer), officer)
    try:
        opened = triage.open_tip(tip_id, officer)
    except (vault.SealError, vault.KeyMissingError) as error:
        tip = permissions.find_tip(tip_id, officer)
        context |= {"tip": tip, "title": str(tip), "damage": _describe_damage(tip, error)}
        context |= desk_page.frame_context(request, list_filters.list_query(request), tip.pk)
        context["typed_texts"] = list_typed_texts(request)
        return TemplateResponse(request, TEMPLATE, context, status=status)
    tip, checked = opened.tip, problem.checked_forms if problem else {}
    prefetch_related_objects([tip], "pending_acts")  # the stamp, the time line and the offered acts look at them
    context |= tip_files.panel_context(request, tip, opened.all_files)
    context |= desk_page.frame_context(request, list_filters.list_query(request), tip.pk)
    context |= tip_context.describe_tip(opened, officer, last_act)
    context |= tip_context.describe_place(context["queue"], tip)
    context |= surroundings.describe(opened, officer, context["queue"].query)
    context |= tip_context.list_acts(tip, officer, checked)
    tip_context.add_files(context)
    act, _colon, choice = request.POST.get("act", "").partition(":")
    typed = _put_in(request.POST, tip, act, choice)
    sent_field = name_text_field(sent, choice) if sent else None
    translation_fields.add_to_time_line(context["time_line"], typed, checked, sent_field)
    context["forms"] = list_forms(tip, typed, checked, sent, context["recorded_ending"]) | list_act_forms(
        typed, checked
    )
    context["answer_templates"] = answer_templates.list_groups(tip)
    offered = context["forms"]["category"].fields["category"].queryset
    context["categories"] = _SQL.fetch_models(("categories", tip.category_id), lambda: offered, Category)
    context["kind"] = _choose_kind(request, problem, sent)
    context["problem"] = problem
    context["form_id"] = secrets.token_hex(FORM_ID_BYTES)
    context["shown"] = f"{int(timezone.now().timestamp())}-{context['source_message_count']}"
    context["draft_id"] = request.POST.get("draft", "")
    context["typed_texts"] = list_typed_texts(request) if not context["may_answer"] else []
    return TemplateResponse(request, TEMPLATE, context, status=status)


def _put_in(post: QueryDict, tip: Tip, act: str, choice: str) -> QueryDict:
    """Return what is typed, with the template or the translation in it that was asked for."""
    if act == _PUT_IN:
        return answer_templates.put_in(post, tip)
    if act == _CORRECT_TRANSLATION and choice.isascii() and choice.isdecimal():
        return translation_fields.put_in(post, choice, translations.read_newest(tip, int(choice)))
    return post


def _choose_kind(request: HttpRequest, problem: _ActionRefusedError | None, sent: str) -> str:
    """Return which field the composer shows: "answer" or "note"; after one was sent, the other if it has text."""
    act = request.POST.get("act", "")
    if sent == "note" and request.POST.get("answer", "").strip():
        return "answer"
    if sent.startswith("answer") and request.POST.get("note", "").strip():
        return "note"
    if act in (_WRITE_ANSWER, _WRITE_NOTE):
        return act.removeprefix("write-")
    if problem and problem.act == "note":
        return "note"
    return "note" if "note" in (request.POST.get("kind", ""), request.GET.get("write", "")) else "answer"


def _describe_damage(tip: Tip, error: Exception) -> str:
    if isinstance(error, vault.KeyMissingError):
        return _(
            "Agency key %(key)s isn't on this server, so this tip can't be opened here. Tell an administrator."
        ) % {"key": tip.agency_key_id}
    return _("This tip can't be opened: what is stored was changed, moved or cut. Tell an administrator.")
