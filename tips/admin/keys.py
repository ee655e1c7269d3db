"""The page of the desk's keys, where each member of staff turns single-letter keys off or on for their account."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from core.models import Account
from tips.desk import permissions


def urls(site: admin.AdminSite) -> list[URLPattern]:
    return [path("keys/", site.admin_view(show_keys), name="tips_tip_keys")]


def show_keys(request: HttpRequest) -> HttpResponse:
    """Show the keys (GET), or turn single-letter keys off or on (POST). People who speak to their computer need them off."""
    account = request.user
    assert isinstance(account, Account)
    permissions.require(permissions.can_list(account))
    if request.method == "POST":
        account.letter_keys = request.POST.get("letters") == "on"
        account.save(update_fields=["letter_keys"])
        messages.success(
            request, _("Single-letter keys are on.") if account.letter_keys else _("Single-letter keys are off.")
        )
        return HttpResponseRedirect(request.path)
    context: dict[str, Any] = {**admin.site.each_context(request), "title": _("Keys")}
    return TemplateResponse(request, "admin/tips/desk/keys_page.html", context)
