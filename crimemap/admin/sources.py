"""Data feeds in the admin: how their files are read, how often they are due, and the token for pushing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.sign_in.fresh_factor import require_fresh_factor_for_posts, require_fresh_factor_to_change
from core.staff.audited_admin import AuditedAdmin
from core.staff.folded_search import FoldedSearch
from crimemap.admin import source_deletion_page
from crimemap.admin.onboarding import columns_page, setup_pages
from crimemap.importing import profiles
from crimemap.importing.arrival import feed_monitor, push_tokens
from crimemap.models import Source, SourceDraft
from crimemap.onboarding import steps

_BOX_FIELDS = ("south", "west", "north", "east")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def profile_choices() -> list[tuple[str, str]]:
    known_profiles = [(name, profiles.get_profile(name).label) for name in profiles.NAMES if name != profiles.GENERIC]
    return [*known_profiles, (profiles.GENERIC, _("Another format: you say what each column means"))]


class SourceForm(forms.ModelForm):
    profile = forms.ChoiceField(
        label=gettext_lazy("Profile"), choices=profile_choices, help_text=gettext_lazy("How its files are read.")
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        box = [cleaned.get(name) for name in _BOX_FIELDS]
        south, west, north, east = box
        if any(side is not None for side in box) and not self.errors:
            if south is None or west is None or north is None or east is None:
                self.add_error("south", _("Fill in all four sides, or none."))
            elif south >= north or west >= east:
                self.add_error("south", _("South must be below north, and west must be left of east."))
        return cleaned


@admin.register(Source)
@require_fresh_factor_to_change
class SourceAdmin(FoldedSearch, AuditedAdmin):
    form = SourceForm
    list_display = ("name", "slug", "profile", "last_import", "lateness", "pushes")
    search_fields = ("name", "slug")
    change_list_template = "admin/crimemap/source_list.html"
    change_form_template = "admin/crimemap/source_form.html"
    fieldsets = (
        (None, {"fields": ("name", "slug", "profile", "time_zone")}),
        (gettext_lazy("When"), {"fields": ("expected_interval", "embargo_days")}),
        (
            gettext_lazy("Where"),
            {
                "fields": (("south", "north"), ("west", "east")),
                "description": gettext_lazy("Points outside this box, in degrees, are treated as mistakes: the incident counts, but without a point."),
            },
        ),
    )  # fmt: skip

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out Django's deletion of several sources: each is deleted on its own page, which asks a second question."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        source = self.get_object(request, object_id)
        if not self.has_delete_permission(request, source) or not isinstance(request.user, Account):
            raise PermissionDenied
        if source is None:
            raise Http404
        context = self._page_context(request, source, _("Delete %(source)s") % {"source": source})
        return source_deletion_page.deletion_response(request, source, request.user, context)

    def get_readonly_fields(self, request: HttpRequest, obj: Source | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """Lock the slug: URLs, folders and commands refer to it."""
        return ("slug",)

    @admin.display(description=gettext_lazy("last import"), ordering="last_success_at")
    def last_import(self, source: Source) -> Any:
        if not hasattr(source, "draft"):
            return source.last_success_at or _("none yet")
        return format_html(
            '<span class="chip chip-gold">{}</span> <a href="{}">{}</a>',
            _("Not published yet"),
            reverse("admin:crimemap_source_setup", args=[source.pk]),
            _("Continue"),
        )

    @admin.display(description=gettext_lazy("on time"))
    def lateness(self, source: Source) -> str | SafeString:
        if source.expected_interval is None:
            return ""
        late = feed_monitor.is_late(source)
        return format_html('<b class="chip chip-red">{}</b>', _("Late")) if late else _("yes")

    @admin.display(description=gettext_lazy("API"))
    def pushes(self, source: Source) -> str:
        return _("has a token") if source.api_token_hash is not None else ""

    # Token and columns

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/token/", view(self.token_view), name="crimemap_source_token"),
            path("<int:pk>/columns/", view(self.columns_view), name="crimemap_source_columns"),
            path("<int:pk>/setup/", view(self.setup_view), name="crimemap_source_setup"),
            *(
                path(f"<int:pk>/setup/{step}/", view(self._step_view(step)), name=f"crimemap_source_setup_{step}")
                for step in steps.NAMES
            ),
            path("<int:pk>/setup/codes.csv", view(self.sheet_view), name="crimemap_source_setup_sheet"),
            path("<int:pk>/setup/discard/", view(self.discard_view), name="crimemap_source_setup_discard"),
            path("add/", view(self.new_source_view), name="crimemap_source_add"),
            *(url for url in super().get_urls() if url.name != "crimemap_source_add"),
        ]

    # Adding a source, step by step. Only what changes published data, or makes it public, asks for a factor again.

    def new_source_view(self, request: HttpRequest) -> HttpResponse:
        by = self._get_adding_account(request)
        return setup_pages.new_source_response(request, by, self._setup_context(request))

    def setup_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Lead to the first step in which something is missing."""
        self._get_adding_account(request)
        draft = setup_pages.find_draft(pk)
        return HttpResponseRedirect(setup_pages.step_url(draft, steps.next_step(draft).name))

    def _step_view(self, step: str) -> Callable[..., HttpResponse]:
        def step_view(request: HttpRequest, pk: int) -> HttpResponse:
            by = self._get_adding_account(request)
            return setup_pages.step_response(request, step, pk, by, self._setup_context(request))

        return require_fresh_factor_for_posts(step_view) if step in (steps.CODES, steps.PUBLISH) else step_view

    def sheet_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        self._get_adding_account(request)
        return setup_pages.codes_sheet_response(request, pk)

    @require_fresh_factor_for_posts
    def discard_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        by = self._get_adding_account(request)
        context = self._setup_context(request) | {"title": _("Delete this source?")}
        return setup_pages.discard_response(request, pk, by, context)

    def _get_adding_account(self, request: HttpRequest) -> Account:
        if not self.has_add_permission(request) or not isinstance(request.user, Account):
            raise PermissionDenied
        return request.user

    def _setup_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "title": _("Add a source")}

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.has_add_permission(request) and SourceDraft.objects.filter(pk=_number(object_id)).exists():
            return HttpResponseRedirect(reverse("admin:crimemap_source_setup", args=[object_id]))
        return super().change_view(request, object_id, *args, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Source | None = None) -> bool:
        """A source that is being set up has its own page for this."""
        is_draft = obj is not None and SourceDraft.objects.filter(pk=obj.pk).exists()
        return super().has_delete_permission(request, obj) and not is_draft

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        return super().get_queryset(request).select_related("draft")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        source = kwargs.get("obj")
        context["is_generic"] = source is not None and source.profile == profiles.GENERIC
        context["is_late"] = source is not None and feed_monitor.is_late(source)
        return super().render_change_form(request, context, *args, **kwargs)

    @require_fresh_factor_for_posts
    def token_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make or revoke the API token. A new token is shown only in this response."""
        source, by = self._get_changeable_source(request, pk)
        token = ""
        if request.method == "POST" and "revoke" in request.POST:
            push_tokens.revoke_token(source, by)
            messages.success(request, _("The token is revoked. Anything sent with it is refused."))
            return HttpResponseRedirect(request.path)
        if request.method == "POST":
            token = push_tokens.create_token(source, by)
        push_url = f"{settings.STAFF_URL}{reverse('crimemap_api:push', args=[source.slug])}"
        context = self._page_context(request, source, _("API token of %(source)s") % {"source": source})
        return TemplateResponse(
            request, "admin/crimemap/push_token.html", context | {"token": token, "push_url": push_url}
        )

    @require_fresh_factor_for_posts
    def columns_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        source, by = self._get_changeable_source(request, pk)
        if source.profile != profiles.GENERIC:
            raise Http404
        context = self._page_context(request, source, _("Columns of %(source)s") % {"source": source})
        return columns_page.mapping_response(request, source, by, context)

    def _get_changeable_source(self, request: HttpRequest, pk: int) -> tuple[Source, Account]:
        source = Source.objects.filter(pk=pk).first()
        if not self.has_change_permission(request, source) or not isinstance(request.user, Account):
            raise PermissionDenied
        if source is None or SourceDraft.objects.filter(pk=source.pk).exists():
            raise Http404
        return source, request.user

    def _page_context(self, request: HttpRequest, source: Source, title: str) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "source": source, "title": title}
