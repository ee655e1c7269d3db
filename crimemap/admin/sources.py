"""Data feeds in the admin: how their files are read, how often they are due, and the token for pushing them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
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
from crimemap.admin import column_mapping_page, source_deletion_page
from crimemap.importing import profiles
from crimemap.importing.arrival import feed_monitor, push_tokens
from crimemap.models import Source

_BOX_FIELDS = ("south", "west", "north", "east")


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
        """Lock the slug of an existing source: URLs, folders and commands refer to it."""
        return ("slug",) if obj else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Source | None = None) -> dict[str, Any]:  # noqa: ARG002
        return {} if obj else {"slug": ("name",)}

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"time_zone": settings.TIME_ZONE, **super().get_changeform_initial_data(request)}

    @admin.display(description=gettext_lazy("last import"), ordering="last_success_at")
    def last_import(self, source: Source) -> Any:
        return source.last_success_at or _("none yet")

    @admin.display(description=gettext_lazy("on time"))
    def lateness(self, source: Source) -> str | SafeString:
        if source.expected_interval is None:
            return ""
        late = feed_monitor.is_late(source)
        return format_html('<b class="chip chip-red">{}</b>', _("Late")) if late else _("yes")

    @admin.display(description=gettext_lazy("API"), boolean=True)
    def pushes(self, source: Source) -> bool:
        return source.api_token_hash is not None

    # Token and columns

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/token/", view(self.token_view), name="crimemap_source_token"),
            path("<int:pk>/columns/", view(self.columns_view), name="crimemap_source_columns"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        source = kwargs.get("obj")
        context["is_generic"] = source is not None and source.profile == profiles.GENERIC
        context["is_late"] = source is not None and feed_monitor.is_late(source)
        return super().render_change_form(request, context, *args, **kwargs)

    def response_add(self, request: HttpRequest, obj: Source, post_url_continue: str | None = None) -> HttpResponse:
        """After adding a source with the generic profile, go on to its columns: it cannot be imported without them."""
        if obj.profile == profiles.GENERIC and "_save" in request.POST:
            messages.success(request, _("The source is saved. Now say what each column of its files means."))
            return HttpResponseRedirect(reverse("admin:crimemap_source_columns", args=[obj.pk]))
        return super().response_add(request, obj, post_url_continue)

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
        return column_mapping_page.mapping_response(request, source, by, context)

    def _get_changeable_source(self, request: HttpRequest, pk: int) -> tuple[Source, Account]:
        source = Source.objects.filter(pk=pk).first()
        if not self.has_change_permission(request, source) or not isinstance(request.user, Account):
            raise PermissionDenied
        if source is None:
            raise Http404
        return source, request.user

    def _page_context(self, request: HttpRequest, source: Source, title: str) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, "source": source, "title": title}
