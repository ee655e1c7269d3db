"""The queue's page, and what its frame needs on every page of the desk."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.plain_text import clean_published_line
from core.staff import list_filters
from tips import readers
from tips.admin.forms import FORM_ID_BYTES
from tips.desk import permissions, queue
from tips.desk.live import page_state
from tips.desk.queue import saved_views
from tips.models import Disposition, SavedView

TEMPLATE = "admin/tips/desk/page.html"
VIEW_TEMPLATE = "admin/tips/desk/saved_view.html"


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
        "has_units": readers.find_reach(officer.pk).has_units,
        **acts_context(officer),
    }


def acts_context(officer: Account) -> dict[str, Any]:
    """Return what the acts over chosen rows offer."""
    return {
        "may_act": permissions.can_act(officer),
        "bulk_form": secrets.token_hex(FORM_ID_BYTES),
        "bulk_categories": [
            each for each in readers.list_categories(officer.pk) if each.active and not each.is_sensitive
        ],
        "bulk_dispositions": Disposition.choices,
        "bulk_officers": sorted((each for each in readers.list_desk() if each != officer), key=Account.get_username),
    }


def respond(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Return the queue's page."""
    permissions.require(permissions.can_list(request.user))
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
