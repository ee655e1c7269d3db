"""Acts on the chosen tips of the queue: which one a button asks for, the page that asks for their number, and the one for long work."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.models import Account
from core.plain_text import clean_typed_text
from tips import conversation, readers, vault
from tips.admin import desk_page
from tips.admin.chosen_tips import answers
from tips.admin.forms import parse_form_id
from tips.admin.tip_column import undo
from tips.admin.tip_column.act_forms import read_snooze_end
from tips.desk import outbox, permissions, triage
from tips.desk.acts import bulk, category_changes, priorities, snoozes, spam
from tips.desk.acts.reversals import Kind
from tips.desk.alike import links
from tips.models import Category, Disposition, Priority, Tip

_KEPT_FIELDS = ("act", "row_stamps", "bulk_form", "bulk_reason", "template", "ask", "confirmed_count")
# Acts that are done on all chosen tips at once.
_TOGETHER = ("link", "spam")
_ROW_FIELDS = ("tips", "row_stamps", "bulk_form")


def respond(request: HttpRequest) -> HttpResponse:
    """Do an act on the chosen tips, and redirect to the queue; or show the page that an act needs first."""
    officer = request.user
    assert isinstance(officer, Account)
    permissions.require(permissions.can_list(officer))
    permissions.require(permissions.can_act(officer))
    return _run_act(request, officer) or HttpResponseRedirect(request.get_full_path())


def _run_act(request: HttpRequest, officer: Account) -> HttpResponse | None:
    """Do the act. Returns a page if it needs one: to choose a template, to type the number of tips, or to go on."""
    name, _colon, choice = request.POST.get("act", "").partition(":")
    if name == "undo-batch":
        undo.undo_batch(request, officer, choice)
        return undo.redirect_back(request)
    form_id = parse_form_id(request.POST.get("bulk_form", ""))
    tips = _list_chosen(request.POST, officer)
    answer = answers.read_answer(request.POST, tips) if tips and name in answers.ACTS else None
    act = None if answer else _find_act(name, choice, _read_reason(request.POST), officer)
    if not tips or form_id is None or not (answer or act or name in _TOGETHER):
        messages.warning(request, _("Nothing was done: no tip was chosen. Choose tips first."))
        return None
    total = len(tips) + _read_number(request.POST, "bulk_done")
    if (page := _ask_first(request, tips, answer, name, total)) is not None:
        return page
    act = answer.build_act(officer) if answer else act
    if name == "link":
        _link_chosen(request, officer, tips)
        return None
    shown = _read_stamps(request.POST)
    if act is not None:
        outcome = bulk.run(tips, officer, act, form_id, shown)
    else:
        outcome = bulk.run_together(
            tips, officer, lambda chosen, form, batch: spam.mark_all(chosen, officer, form, batch), form_id, shown
        )
    return _report(request, outcome, total)


def _ask_first(
    request: HttpRequest, tips: list[Tip], answer: answers.ChosenAnswer | None, name: str, total: int
) -> HttpResponse | None:
    """Return the page that must be filled in before the act is done, None if there is none."""
    if answer and (name == answers.SHOW or answer.problems):
        return _ask_for_answer(request, tips, answer)
    if total < bulk.CONFIRMED_FROM or request.POST.get("confirmed_count", "").strip() == str(total):
        return None
    return _ask_for_answer(request, tips, answer, is_wrong=True) if answer else _ask_for_count(request, tips)


def _report(request: HttpRequest, outcome: bulk.BulkOutcome, total: int) -> HttpResponse | None:
    """Say what came of an act; return the page that goes on with the rest, if there is one."""
    _say_left_out(request, outcome)
    if outcome.remaining:
        return _ask_to_go_on(request, outcome, total)
    done_count = outcome.done_count + _read_number(request.POST, "bulk_succeeded")
    if done_count:
        sentence = ngettext(
            "Done for %(count)d tip. You can undo it for 30 seconds.",
            "Done for %(count)d tips. You can undo it for 30 seconds.",
            done_count,
        )
        messages.success(request, sentence % {"count": done_count})
    return None


def _say_left_out(request: HttpRequest, outcome: bulk.BulkOutcome) -> None:
    for reason, numbers in outcome.left_out.items():
        listed = ", ".join(map(str, numbers))
        sentence = ngettext(
            "Tip %(numbers)s was left out. %(reason)s", "Tips %(numbers)s were left out. %(reason)s", len(numbers)
        )
        messages.warning(request, sentence % {"numbers": listed, "reason": reason})


def _link_chosen(request: HttpRequest, officer: Account, tips: list[Tip]) -> None:
    """Link the chosen tips to each other: all of them or none."""
    try:
        linked_count = links.link(tips[0], [tip.pk for tip in tips[1:]], officer)
    except triage.TransitionError as problem:
        messages.warning(request, str(problem))
    except conversation.TipGoneError:
        messages.warning(request, _("One of these tips is gone or now with others, so nothing was linked."))
    except (vault.SealError, vault.KeyMissingError):
        messages.warning(request, _("The keys of a tip don't work on this server, so nothing was linked."))
    else:
        if linked_count:
            sentence = _("The chosen tips are linked. Take one out on its page. No source notices it.")
        elif len(tips) == 1:
            sentence = _("Choose two or more tips to link them.")
        else:
            sentence = _("These tips are linked already.")
        messages.success(request, sentence)


def _find_act(name: str, choice: str, reason: str, officer: Account) -> bulk.Act | None:
    """Return the act of a button such as "priority:3"; None for one that isn't known."""
    act: bulk.Act | None = None
    match name:
        case "assign" | "assign-to-me":
            chosen = Q(pk=officer.pk if name == "assign-to-me" else int(choice) if choice.isdecimal() else 0)
            if assignee := readers.desk_accounts().filter(chosen).first():
                act = partial(_assign, officer, assignee)
        case "snooze" if choice in ("hour", "tomorrow", "source"):
            act = partial(_snooze, officer, read_snooze_end({"snooze": choice}), reason)
        case "priority" if choice in map(str, Priority.values):
            act = partial(_prioritize, officer, Priority(int(choice)), reason)
        case "category" if choice.isdecimal():
            if category := Category.objects.filter(pk=choice, active=True).first():
                act = partial(_recategorize, officer, category, reason)
        case "close" if choice in Disposition.values:
            act = partial(_close, officer, {"disposition": choice, "reason": reason})
    return act


def _assign(officer: Account, assignee: Account, tip: Tip, form_id: bytes, batch: UUID) -> None:
    triage.assign(tip, officer, assignee, form_id=form_id, batch=batch)


def _snooze(  # noqa: PLR0917
    officer: Account, until: dt.datetime | None, why: str, tip: Tip, form_id: bytes, batch: UUID
) -> None:
    snoozes.snooze(tip, officer, until, why, form_id, batch=batch)


def _prioritize(  # noqa: PLR0917
    officer: Account, priority: Priority, reason: str, tip: Tip, form_id: bytes, batch: UUID
) -> None:
    priorities.change_priority(tip, officer, priority, reason, form_id, batch=batch)


def _close(officer: Account, fields: dict[str, Any], tip: Tip, form_id: bytes, batch: UUID) -> None:
    outbox.hold_back(tip, officer, Kind.CLOSE, fields, form_id, batch=batch)


def _recategorize(  # noqa: PLR0917
    officer: Account, category: Category, reason: str, tip: Tip, form_id: bytes, batch: UUID
) -> None:
    category_changes.change_category(tip, officer, category, reason, form_id, batch=batch)


# Pages


def _ask_for_count(request: HttpRequest, tips: list[Tip]) -> HttpResponse:
    """Return the page on which the officer types how many tips are chosen."""
    context = {
        "title": _("Are you sure?"),
        "chosen_count": len(tips),
        "fields": _keep_fields(request.POST, [tip.pk for tip in tips], without="confirmed_count"),
        "is_wrong": "confirmed_count" in request.POST,
    }
    return _show(request, "admin/tips/desk/confirm_many.html", context, 422)


def _ask_for_answer(
    request: HttpRequest, tips: list[Tip], answer: answers.ChosenAnswer, *, is_wrong: bool = False
) -> HttpResponse:
    """Return the page on which the officer chooses a template, sees who gets which text, and fills in what is blank."""
    kept = [
        (name, value) for name, value in _keep_fields(request.POST, [tip.pk for tip in tips]) if name in _ROW_FIELDS
    ]
    context = {
        "title": _("Answer the chosen tips"),
        "answer": answer,
        "chosen_count": len(tips),
        "asks_count": len(tips) >= bulk.CONFIRMED_FROM,
        "is_wrong": is_wrong and "confirmed_count" in request.POST,
        "fields": kept,
    }
    is_refused = is_wrong or (answer.problems and request.POST.get("act") != answers.SHOW)
    return _show(request, "admin/tips/desk/answer_many.html", context, 422 if is_refused else 200)


def _ask_to_go_on(request: HttpRequest, outcome: bulk.BulkOutcome, total: int) -> HttpResponse:
    """Return the page that shows how far a long act is, and posts the rest: by itself with script, else by its button."""
    succeeded = outcome.done_count + _read_number(request.POST, "bulk_succeeded")
    fields = _keep_fields(request.POST, [tip.pk for tip in outcome.remaining])
    done = total - len(outcome.remaining)
    context = {
        "title": _("Still working"),
        "done": done,
        "total": total,
        "fields": [*fields, ("bulk_done", done), ("bulk_succeeded", succeeded)],
    }
    return _show(request, "admin/tips/desk/go_on.html", context, 200)


def _show(request: HttpRequest, template: str, context: dict[str, Any], status: int) -> HttpResponse:
    framed = admin.site.each_context(request) | desk_page.frame_context(request, request.GET) | context
    return TemplateResponse(request, template, framed, status=status)


# What the page posted


def _keep_fields(post: QueryDict, tip_ids: list[UUID], without: str = "") -> list[tuple[str, Any]]:
    """Return the fields for the next page's form, with these tips as the chosen ones."""
    names = [*_KEPT_FIELDS, *(name for name in post if name.startswith(answers.BLANK_PREFIX))]
    kept = [(name, value) for name in names if name != without for value in post.getlist(name)]
    return [*kept, *(("tips", tip_id) for tip_id in tip_ids)]


def _list_chosen(post: QueryDict, officer: Account) -> list[Tip]:
    visible = (
        permissions.visible_tips(officer).defer("report", "token_hash", "form_hash").select_related("category", "unit")
    )
    return list(visible.filter(pk__in=_read_chosen(post)[: bulk.MOST]))


def _read_reason(post: QueryDict) -> str:
    return clean_typed_text(post.get("bulk_reason", "")).strip()


def _read_number(post: QueryDict, name: str) -> int:
    """Return a count that the page of a long act posts; 0 if it is missing or forged."""
    value = post.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 4 else 0


def _read_stamps(post: QueryDict) -> dict[UUID, str]:
    """Return the stamps of the rows as the page showed them ({% row_stamps %})."""
    pairs = (pair.partition(":") for pair in " ".join(post.getlist("row_stamps")).split())
    return {UUID(tip_id): stamp for tip_id, _colon, stamp in pairs if _is_uuid(tip_id)}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _read_chosen(post: QueryDict) -> list[UUID]:
    return [UUID(text) for text in post.getlist("tips") if _is_uuid(text)]
