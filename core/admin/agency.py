"""The page of the agency's settings in the admin: groups of fields, a preview of the colors, and changes that wait for consent."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from core.accounts import consent
from core.admin import consents
from core.agency import brand_colors, changes, current_settings
from core.agency.brand_colors import BrandColors
from core.agency.settings_form import COLORS, GROUPS, GUARDED, Changes, SettingsForm
from core.models import Account, AgencySettings, ConsentRequest
from core.sign_in.fresh_factor import require_fresh_factor_for_posts
from core.staff import tip_access
from core.staff.admin_site import ReadOnlyAdmin

_PAGE = "admin:core_agencysettings_changelist"


@admin.register(AgencySettings)
class AgencySettingsAdmin(ReadOnlyAdmin):
    """One page for the newest edition. Editions have no pages of their own."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        page = require_http_methods(["GET", "HEAD", "POST"])(settings_view)
        return [
            path("", wrap(page), name="core_agencysettings_changelist"),
            path("preview.css", wrap(preview_styles_view), name="core_agencysettings_preview"),
        ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return isinstance(request.user, Account) and request.user.has_perm("core.change_account")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)


@require_fresh_factor_for_posts
def settings_view(request: HttpRequest) -> HttpResponse:
    """Show the settings, preview colors, and save: at once what is harmless, with consent what sources rely on."""
    by = _require_manager(request)
    newest = AgencySettings.objects.values_list("pk", "stored").last()
    edition, stored = newest or (0, {})
    form = SettingsForm(stored, request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        is_valid = form.is_valid()
        if request.POST.get("edition") != str(edition):
            messages.error(
                request,
                _("Nothing was saved: someone changed the settings meanwhile. Compare, and save again."),
            )
            status = 409
        elif is_valid and "preview" not in request.POST:
            _save(request, by, form.list_changes())
            return HttpResponseRedirect(reverse(_PAGE))
        elif "preview" not in request.POST:
            status = 422
    return _respond(request, form, edition, status=status)


@require_safe
def preview_styles_view(request: HttpRequest) -> HttpResponse:
    """Send the tokens of the colors in the address for the two samples, readable or not."""
    _require_manager(request)
    colors = BrandColors(*(_read_color(request.GET.get(name, "")) for name in COLORS))
    return HttpResponse(brand_colors.render_samples(colors), content_type="text/css; charset=utf-8")


def _save(request: HttpRequest, by: Account, changed: Changes) -> None:
    """Store what needs no consent, ask for the rest, and say which is which."""
    free = {name: pair for name, pair in changed.items() if name not in GUARDED}
    guarded = {name: pair for name, pair in changed.items() if name in GUARDED}
    try:
        if free:
            changes.store(by, free)
            messages.success(request, _("Saved. Pages show it within seconds."))
        if guarded:
            consents.ask(request, ConsentRequest.Kind.AGENCY, details=guarded)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    if not changed:
        messages.info(request, _("Nothing was changed."))


def _respond(request: HttpRequest, form: SettingsForm, edition: int, *, status: int) -> HttpResponse:
    shown = {name: str(form[name].value() or "").lower() for name in COLORS}
    waiting = ConsentRequest.objects.open().filter(kind=ConsentRequest.Kind.AGENCY).select_related("asked_by")
    context = {
        **admin.site.each_context(request),
        "title": _("Agency settings"),
        "form": form,
        "edition": edition,
        "groups": [(group, [(form[name], name in GUARDED) for name in group.names]) for group in GROUPS],
        "has_errors": bool(form.errors),
        "waiting": [(each, consent.describe_changes(each), consent.name_account(each.asked_by)) for each in waiting],
        "is_administrator": isinstance(request.user, Account) and tip_access.is_administrator(request.user),
        "supervisors": tip_access.name_supervisors(),
        "agency_now": current_settings.current(),
        "color_problems": [(form[name].label, problem) for name in COLORS for problem in form.errors.get(name, [])],
        "colors_query": urlencode({name: _read_color(color) for name, color in shown.items()}),
    }
    return TemplateResponse(request, "admin/core/agency.html", context, status=status)


def _read_color(text: str) -> str:
    color = text.lower()
    return color if brand_colors.is_color(color) else ""


def _require_manager(request: HttpRequest) -> Account:
    by = request.user
    if not isinstance(by, Account) or not by.has_perm("core.change_account"):
        raise PermissionDenied
    return by
