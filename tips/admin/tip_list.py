"""The tips in the admin: the queue (desk_page.py) and a tip's page (tip_page.py), in place of Django's own lists and forms."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path

from core.staff import list_filters
from core.staff.session_resume import keep_post_through_sign_in
from core.web import error_pages
from tips import conversation
from tips.admin import callers, desk_page, keys, live, search_page, tip_files, tip_page, walls, workload
from tips.admin.chosen_tips import acts as chosen_acts
from tips.admin.tip_column import draft_keys
from tips.desk import permissions
from tips.models import Tip


@admin.register(Tip)
class TipAdmin(admin.ModelAdmin):
    # Permissions: tips are neither added nor deleted here, and opening one has a permission of its own.

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return permissions.can_act(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return permissions.can_list(request.user)

    # The queue

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tip]:
        return permissions.visible_tips(request.user).defer("report")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method == "POST":
            return chosen_acts.respond(request)
        return desk_page.respond(request, self.admin_site.each_context(request) | (extra_context or {}))

    def search_view(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        return search_page.respond(request, self.admin_site.each_context(request))

    def save_view(self, request: HttpRequest) -> HttpResponse:
        return desk_page.save_view(request, self.admin_site.each_context(request))

    def saved_view(self, request: HttpRequest, view_id: int) -> HttpResponse:
        return desk_page.change_view(request, view_id, self.admin_site.each_context(request))

    # One tip

    def get_urls(self) -> list[URLPattern]:
        change_view = keep_post_through_sign_in(self.admin_site, self.change_view)
        search_view = keep_post_through_sign_in(self.admin_site, self.search_view)
        own = [
            path("search/", search_view, name="tips_tip_search"),
            path("<uuid:tip_id>/drafts/", self.admin_site.admin_view(draft_keys.give_keys), name="tips_drafts"),
            path("views/save/", self.admin_site.admin_view(self.save_view), name="tips_tip_save_view"),
            path("views/<int:view_id>/", self.admin_site.admin_view(self.saved_view), name="tips_tip_change_view"),
            path("<path:object_id>/change/", change_view, name="tips_tip_change"),
        ]
        site = self.admin_site
        parts = [
            *tip_files.urls(site),
            *walls.urls(site),
            *live.urls(),
            *callers.urls(site),
            *keys.urls(site),
            *workload.urls(site),
        ]
        return [*parts, *own, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        permissions.require(permissions.can_open(request.user))
        if request.method not in ("GET", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        if (prompt := tip_page.ask_for_factor(request)) is not None:
            return prompt
        context = {
            **self.admin_site.each_context(request),
            **list_filters.navigation_context(request, "admin:tips_tip_changelist"),
            "opts": self.opts,
            **(extra_context or {}),
        }
        try:
            return tip_page.respond(request, _parse_tip_id(object_id), context)
        except conversation.TipGoneError:
            sentence = walls.describe_gone()
            if request.method == "POST":
                return error_pages.render_staff_error(request, 404, sentence)
            self.message_user(request, sentence, messages.WARNING)
            return HttpResponseRedirect(list_filters.list_address(request, "admin:tips_tip_changelist"))

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        """Refuse Django's log: the history of a tip is in the audit trail."""
        raise PermissionDenied


def _parse_tip_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise conversation.TipGoneError from None
