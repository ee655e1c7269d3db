"""The queue's page, and what its frame needs on every page of the desk."""

from __future__ import annotations

import datetime as dt
import secrets
from functools import partial
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.models import Account
from core.plain_text import clean_published_line
from core.staff import list_filters
from tips import conversation, readers, vault
from tips.admin.forms import FORM_ID_BYTES, parse_form_id
from tips.admin.tip_column import undo
from tips.admin.tip_column.act_forms import read_snooze_end
from tips.desk import outbox, permissions, queue, triage
from tips.desk.acts import bulk, category_changes, priorities, snoozes, spam
from tips.desk.acts.reversals import Kind
from tips.desk.alike import links
from tips.desk.live import page_state
from tips.desk.live.people import find_initials
from tips.desk.queue import saved_views
from tips.models import Category, Disposition, Priority, SavedView, Tip, Unit

TEMPLATE = "admin/tips/desk/page.html"
VIEW_TEMPLATE = "admin/tips/desk/saved_view.html"
_BULK_FIELDS = ("act", "tips", "row_stamps", "bulk_form", "bulk_reason")


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
        "bulk_form": secrets.token_hex(FORM_ID_BYTES),
        "bulk_categories": Category.objects.filter(active=True, is_sensitive=False),
        "bulk_dispositions": Disposition.choices,
        "bulk_officers": readers.desk_accounts().exclude(pk=officer.pk).order_by("username"),
    }


def respond(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Return the queue's page (GET), or run an act over the chosen tips and redirect to the page (POST)."""
    officer = request.user
    assert isinstance(officer, Account)
    permissions.require(permissions.can_list(officer))
    if request.method == "POST":
        permissions.require(permissions.can_act(officer))
        return _run_bulk_act(request, officer) or HttpResponseRedirect(request.get_full_path())
    framed = context | frame_context(request, request.GET)
    return TemplateResponse(request, TEMPLATE, framed | {"title": _("Tips")})


def kept_query(request: HttpRequest) -> QueryDict:
    """Return the query of the queue that a tip was opened from."""
    return list_filters.list_query(request)


class SavedViewForm(forms.Form):
    """The name of a saved view, and the officers who have it besides its owner."""

    name = forms.CharField(
        label=gettext_lazy("Name of the view"),
        max_length=SavedView._meta.get_field("name").max_length,
        help_text=gettext_lazy("It isn't sealed: don't write anything about a tip or a person here."),
    )
    shared_with = forms.ChoiceField(
        label=gettext_lazy("Who has this view"),
        help_text=gettext_lazy("Each officer sees only the tips that they may see."),
    )

    def __init__(self, officer: Account, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.units = {f"unit-{unit.pk}": unit for unit in saved_views.list_own_units(officer)}
        field = self.fields["shared_with"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (SavedView.SharedWith.NOBODY.value, _("Only me")),
            *((value, _("Officers of %(unit)s") % {"unit": unit}) for value, unit in self.units.items()),
            (SavedView.SharedWith.EVERYONE.value, _("All officers")),
        ]

    def save(self, view: SavedView) -> None:
        """Store the view. Raises saved_views.TooManyViewsError."""
        chosen = self.cleaned_data["shared_with"]
        view.name = clean_published_line(self.cleaned_data["name"])
        unit = self.units.get(chosen)
        saved_views.save(view, SavedView.SharedWith.UNIT if unit else chosen, unit)


def save_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the form that saves the view of this address's query (GET), or save it (POST)."""
    officer = request.user
    assert isinstance(officer, Account)
    permissions.require(permissions.can_act(officer))
    query = queue.load(officer, request.GET, has_rows=False).query
    return _edit_view(
        request, officer, SavedView(officer=officer, query=query), context | {"title": _("Save this view")}
    )


def change_view(request: HttpRequest, view_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show the form of an officer's own view (GET), or rename, share or delete it (POST)."""
    officer = request.user
    assert isinstance(officer, Account)
    permissions.require(permissions.can_act(officer))
    view = saved_views.find_own(officer).filter(pk=view_id).first()
    if view is None:
        messages.warning(request, _("This view is gone. Someone deleted it, or it belongs to someone else."))
        return HttpResponseRedirect(reverse("admin:tips_tip_changelist"))
    if request.method == "POST" and "delete" in request.POST:
        view.delete()
        messages.success(request, _("The view is deleted. Its tips are where they were."))
        return HttpResponseRedirect(reverse("admin:tips_tip_changelist"))
    return _edit_view(request, officer, view, context | {"title": _("Change this view"), "can_delete": True})


def _edit_view(request: HttpRequest, officer: Account, view: SavedView, context: dict[str, Any]) -> HttpResponse:
    address = f"{reverse('admin:tips_tip_changelist')}?{view.query}"
    shared_with = f"unit-{view.unit_id}" if view.unit_id else view.shared_with
    form = SavedViewForm(officer, request.POST or None, initial={"name": view.name, "shared_with": shared_with})
    if request.method == "POST" and form.is_valid():
        try:
            form.save(view)
        except saved_views.TooManyViewsError as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, _("The view is saved. You find it under its name next to the queue."))
            return HttpResponseRedirect(address)
    status = 422 if form.errors else 200
    return TemplateResponse(request, VIEW_TEMPLATE, context | {"form": form, "list_address": address}, status=status)


def _run_bulk_act(request: HttpRequest, officer: Account) -> HttpResponse | None:
    """Do an act on the chosen tips. Returns the page that asks for their number, where that is needed."""
    name, _colon, choice = request.POST.get("act", "").partition(":")
    if name == "undo-batch":
        undo.undo_batch(request, officer, choice)
        return None
    act = _find_act(name, choice, request.POST.get("bulk_reason", "").strip(), officer)
    visible = permissions.visible_tips(officer).defer("report", "key_for_source", "token_hash", "form_hash")
    tips = list(visible.select_related("category", "unit").filter(pk__in=_read_chosen(request.POST)[: bulk.MOST]))
    form_id = parse_form_id(request.POST.get("bulk_form", ""))
    if (act is None and name != "link") or not tips or form_id is None:
        messages.warning(request, _("Nothing was done: no tip was chosen. Choose tips first."))
        return None
    if len(tips) >= bulk.CONFIRMED_FROM and request.POST.get("confirmed_count", "").strip() != str(len(tips)):
        return _ask_for_count(request, tips)
    if act is None:
        _link_chosen(request, officer, tips)
        return None
    outcome = bulk.run(tips, officer, act, form_id, _read_stamps(request.POST))
    for reason, numbers in outcome.left_out.items():
        listed = ", ".join(map(str, numbers))
        sentence = ngettext(
            "Tip %(numbers)s was left out. %(reason)s", "Tips %(numbers)s were left out. %(reason)s", len(numbers)
        )
        messages.warning(request, sentence % {"numbers": listed, "reason": reason})
    if outcome.done_count:
        sentence = ngettext(
            "Done for %(count)d tip. You can undo it for 30 seconds.",
            "Done for %(count)d tips. You can undo it for 30 seconds.",
            outcome.done_count,
        )
        messages.success(request, sentence % {"count": outcome.done_count})
    return None


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
        case "spam":
            act = partial(_mark_spam, officer)
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


def _mark_spam(officer: Account, tip: Tip, form_id: bytes, batch: UUID) -> None:
    spam.mark(tip, officer, form_id, batch=batch)


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


def _ask_for_count(request: HttpRequest, tips: list[Tip]) -> HttpResponse:
    """Return the page on which the officer types how many tips are chosen."""
    context = {
        **admin.site.each_context(request),
        **frame_context(request, request.GET),
        "title": _("Are you sure?"),
        "chosen_count": len(tips),
        "fields": [(name, value) for name in _BULK_FIELDS for value in request.POST.getlist(name)],
        "is_wrong": "confirmed_count" in request.POST,
    }
    return TemplateResponse(request, "admin/tips/desk/confirm_many.html", context, status=422)


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
