"""The list of tips. It shows no sealed text; a tip's own page (tip_page.py) opens the seal."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.models import Account
from core.staff import list_filters
from core.staff.session_resume import keep_post_through_sign_in
from core.web import error_pages
from tips import conversation
from tips.admin import draft_keys, filters, tip_files, tip_page, walls
from tips.admin.forms import describe_assignee
from tips.admin.times import describe_age
from tips.desk import permissions, search_record, triage, worklist
from tips.models import Priority, State, Tip, Unit

_SEALED = ("report", "key_for_agency", "key_for_source", "token_hash", "form_hash")
_CHIPS = {State.NEW: "chip-gold", State.OPEN: "", State.WAITING: "", State.CLOSED: "chip-green"}


@admin.register(Tip)
class TipAdmin(admin.ModelAdmin):
    list_display = ("number_shown", "urgency", "status", "unread", "subject", "age", "assigned")
    list_display_links = ("number_shown",)
    list_filter = (
        filters.StatusFilter,
        "priority",
        filters.SensitiveFilter,
        ("category", filters.CategoryFilter),
        ("unit", filters.UnitFilter),
        filters.AssigneeFilter,
        filters.UnreadFilter,
        filters.WallFilter,
    )
    search_fields = ("=number",)
    search_help_text = gettext_lazy("Tip number")
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    actions = ("assign_to_me",)
    actions_on_top = True

    # Permissions: tips are neither added nor deleted here, and opening one has a permission of its own.

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return permissions.can_act(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return permissions.can_list(request.user)

    # The list

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tip]:
        tips = worklist.visible_with_unread(request.user).defer(*_SEALED)
        return tips.select_related("category", "unit", "assigned_to").prefetch_related("assigned_to__groups")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Tip], search_term: str) -> tuple[Any, bool]:
        """Search by number only: everything else about a tip is sealed or has a filter.

        A number finds its tip whatever its status is and whatever filters are on.
        """
        term = search_term.strip().removeprefix("#")
        if not term:
            return queryset, False
        if not term.isascii() or not term.isdecimal() or len(term) > 18:
            self.message_user(request, _("You can only search by a tip's number, such as 482115."), messages.WARNING)
            return queryset.none(), False
        found = self.get_queryset(request).filter(number=int(term))
        assert isinstance(request.user, Account)
        search_record.record_search(request.user, found.count())
        return found, False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        is_sensitive = request.GET.get(filters.SENSITIVE_PARAMETER) == "only"
        is_walled = request.GET.get(filters.WALLED_PARAMETER) == "only"
        title = _("Sensitive tips") if is_sensitive else _("Tips")
        context = {
            "title": _("Walled tips") if is_walled else title,
            "has_units": Unit.objects.exists(),
            "is_named": not is_sensitive and permissions.is_named(request.user),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    @admin.display(description=gettext_lazy("tip"), ordering="number")
    def number_shown(self, tip: Tip) -> str:
        return str(tip.number)

    @admin.display(description=gettext_lazy("priority"), ordering="priority")
    def urgency(self, tip: Tip) -> str | SafeString:
        label = str(Priority(tip.priority).label)
        return format_html('<b class="chip chip-red">{}</b>', label) if tip.priority == Priority.URGENT else label

    @admin.display(description=gettext_lazy("age"), ordering="-received_at")
    def age(self, tip: Tip) -> str:
        return describe_age(tip.received_at)

    @admin.display(description=gettext_lazy("status"), ordering="state")
    def status(self, tip: Tip) -> SafeString:
        chip = format_html('<span class="chip {}">{}</span>', _CHIPS[State(tip.state)], tip.get_state_display())
        outcome = tip.get_disposition_display() if tip.disposition else ""
        return format_html('{} <span class="muted">{}</span>', chip, outcome) if outcome else chip

    @admin.display(description=gettext_lazy("unread"), ordering="-has_unread")
    def unread(self, tip: Tip) -> str | SafeString:
        if tip.state == State.NEW:
            return format_html('<b class="unread">{}</b>', _("Not opened"))
        return format_html('<b class="unread">{}</b>', _("New message")) if tip.has_unread else ""  # type: ignore[attr-defined]

    @admin.display(description=gettext_lazy("category"), ordering="category")
    def subject(self, tip: Tip) -> str | SafeString:
        if tip.unit is None or tip.category.is_sensitive:
            return str(tip.category)
        return format_html('{}<br><span class="muted">{}</span>', tip.category, tip.unit)

    @admin.display(description=gettext_lazy("assigned to"), ordering="assigned_to__username")
    def assigned(self, tip: Tip) -> str:
        return describe_assignee(tip.assigned_to) if tip.assigned_to else _("No one")

    @admin.action(description=gettext_lazy("Assign to me"), permissions=["change"])
    def assign_to_me(self, request: HttpRequest, queryset: QuerySet[Tip]) -> None:
        assert isinstance(request.user, Account)
        refused_count = 0
        tips = list(queryset)
        for tip in tips:
            try:
                triage.assign(tip, request.user, request.user)
            except (triage.TransitionError, conversation.TipGoneError):
                refused_count += 1
        if assigned_count := len(tips) - refused_count:
            sentence = ngettext(
                "%(count)s tip is assigned to you.", "%(count)s tips are assigned to you.", assigned_count
            )
            self.message_user(request, sentence % {"count": assigned_count}, messages.SUCCESS)
        if refused_count:
            sentence = ngettext(
                "%(count)s tip was not assigned, because it is closed.",
                "%(count)s tips were not assigned, because they are closed.",
                refused_count,
            )
            self.message_user(request, sentence % {"count": refused_count}, messages.WARNING)

    # One tip

    def get_urls(self) -> list[URLPattern]:
        change_view = keep_post_through_sign_in(self.admin_site, self.change_view)
        page = path("<path:object_id>/change/", change_view, name="tips_tip_change")
        keys = path("<uuid:tip_id>/drafts/", self.admin_site.admin_view(draft_keys.give_keys), name="tips_drafts")
        return [keys, *tip_files.urls(self.admin_site), *walls.urls(self.admin_site), page, *super().get_urls()]

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
