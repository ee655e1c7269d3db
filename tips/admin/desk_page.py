"""The queue's page, and what its frame needs on every page of the desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.models import Account
from core.staff import list_filters
from tips import conversation
from tips.admin.tip_column import undo
from tips.desk import permissions, queue, triage
from tips.desk.live import page_state
from tips.desk.live.people import find_initials
from tips.models import Tip, Unit

TEMPLATE = "admin/tips/desk/page.html"


def frame_context(
    request: HttpRequest, query: QueryDict, open_tip_id: UUID | None = None, *, has_rows: bool = True
) -> dict[str, Any]:
    """Return what the frame shows around a page: the queue of this query with its views, and the officer's own menu."""
    officer = request.user
    assert isinstance(officer, Account)
    return {
        # Before the rows: what it says of them must not be newer than they are.
        "live": page_state.describe_page(officer, query, open_tip_id),
        "queue": queue.load(officer, query, has_rows=has_rows),
        "open_tip_id": open_tip_id,
        "may_act": permissions.can_act(officer),
        "may_supervise": permissions.can_supervise(officer),
        "has_units": Unit.objects.exists(),
        "initials": find_initials(officer),
    }


def respond(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Return the queue's page (GET), or run an act over the chosen tips and redirect to the page (POST)."""
    officer = request.user
    assert isinstance(officer, Account)
    permissions.require(permissions.can_list(officer))
    if request.method == "POST":
        permissions.require(permissions.can_act(officer))
        _run_bulk_act(request, officer)
        return HttpResponseRedirect(request.get_full_path())
    framed = context | frame_context(request, request.GET)
    return TemplateResponse(request, TEMPLATE, framed | {"title": _("Tips")})


def kept_query(request: HttpRequest) -> QueryDict:
    """Return the query of the queue that a tip was opened from."""
    return list_filters.list_query(request)


BulkAct = Callable[[HttpRequest, Account, list[Tip]], None]


def _assign_to_me(request: HttpRequest, officer: Account, tips: list[Tip]) -> None:
    refused_count = 0
    for tip in tips:
        try:
            triage.assign(tip, officer, officer)
        except (triage.TransitionError, conversation.TipGoneError):
            refused_count += 1
    if assigned_count := len(tips) - refused_count:
        sentence = ngettext("%(count)s tip is assigned to you.", "%(count)s tips are assigned to you.", assigned_count)
        messages.success(request, sentence % {"count": assigned_count})
    if refused_count:
        sentence = ngettext(
            "%(count)s tip was not assigned, because it is closed.",
            "%(count)s tips were not assigned, because they are closed.",
            refused_count,
        )
        messages.warning(request, sentence % {"count": refused_count})


# The acts over chosen rows, by the value of their button.
BULK_ACTS: dict[str, BulkAct] = {"assign-to-me": _assign_to_me}


def _run_bulk_act(request: HttpRequest, officer: Account) -> None:
    name, _colon, choice = request.POST.get("act", "").partition(":")
    if name == "undo-batch":
        undo.undo_batch(request, officer, choice)
        return
    act = BULK_ACTS.get(name)
    tips = list(permissions.visible_tips(officer).defer("report").filter(pk__in=_read_chosen(request.POST)))
    if act is None or not tips:
        messages.warning(request, _("Nothing was done: no tip was chosen. Choose tips first."))
    else:
        act(request, officer, tips)


def _read_chosen(post: QueryDict) -> list[UUID]:
    chosen = []
    for text in post.getlist("tips"):
        try:
            chosen.append(UUID(text))
        except ValueError:
            continue
    return chosen
