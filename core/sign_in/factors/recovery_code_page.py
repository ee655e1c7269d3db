"""Shows new recovery codes once: to the session that made them, until its owner says that they are saved."""

from __future__ import annotations

import time

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from core.models import Account
from core.sign_in.factors import recovery_codes
from core.sign_in.onward import find_onward

LIFETIME_SECONDS = 15 * 60
_UNTIL = "recovery_codes_until"


def allow(request: HttpRequest) -> None:
    """Let this session see the codes for a quarter of an hour."""
    request.session[_UNTIL] = time.time() + LIFETIME_SECONDS


@require_http_methods(["GET", "HEAD", "POST"])
def show_recovery_codes(request: HttpRequest) -> HttpResponse:
    """Show the codes; the button ends it."""
    if request.method == "POST":
        request.session.pop(_UNTIL, None)
        return HttpResponseRedirect(find_onward(request))
    if not _is_allowed(request):
        return HttpResponseRedirect(find_onward(request))
    assert isinstance(request.user, Account)
    context = {
        **admin.site.each_context(request),
        "codes": recovery_codes.list_unused(request.user),
        "title": _("Save your recovery codes"),
        "next": find_onward(request),
    }
    return TemplateResponse(request, "admin/core/recovery_codes.html", context)


@require_safe
def download_recovery_codes(request: HttpRequest) -> HttpResponse:
    """Send the codes as a text file, while they are shown."""
    if not _is_allowed(request):
        return HttpResponseRedirect(find_onward(request))
    assert isinstance(request.user, Account)
    head = _("Recovery codes of %(name)s for %(address)s. Each signs in once. Keep them apart from your phone.") % {
        "name": request.user.get_username(),
        "address": settings.STAFF_URL + "/admin/",
    }
    text = "\r\n".join([head, "", *recovery_codes.list_unused(request.user), ""])
    headers = {"Content-Disposition": 'attachment; filename="recovery-codes.txt"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


def _is_allowed(request: HttpRequest) -> bool:
    return bool(time.time() < request.session.get(_UNTIL, 0))
