"""The page that a locked session gets in place of every other: it asks for a factor and gives the page back.

Without script the page stands at the address that was asked for. What a post held is carried in it, sealed for its author
(core/staff/session_resume.py shows it again before anything is carried out). With script (static/js/screen-lock.js) it covers
the page, whose text stays in the page's memory.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from core.models import Account, StaffSession
from core.sign_in import factor_prompt, sign_in_steps
from core.sign_in.sessions import screen_lock
from core.sign_in.sessions.screen_lock import LockReason
from core.staff import session_resume

URL_NAME = "admin:session_unlock"
_ANSWER = "_unlock"
TEMPLATE = "admin/core/locked.html"


def is_answered(request: HttpRequest) -> bool:
    """Return whether the request is a post of the lock page."""
    return request.method == "POST" and _ANSWER in request.POST


def check_answer(request: HttpRequest, row: StaffSession) -> HttpResponseBase | None:
    """Open the session if the factor is right, and lead back; None lets a carried post pass on to its page."""
    reason = screen_lock.find_lock(row)
    # Another tab may have opened it meanwhile.
    if reason is not None:
        form = factor_prompt.prove(request, asks_password=reason is LockReason.LONG)
        if form is not None:
            return render(request, row, form)
    if "application/json" in request.headers.get("Accept", ""):
        return HttpResponse(status=204)
    if session_resume.is_carried(request):
        return None
    return HttpResponseRedirect(_find_way_back(request))


def render(request: HttpRequest, row: StaffSession, form: factor_prompt.PromptForm | None = None) -> HttpResponseBase:
    """Return the lock page; a session that has no factor to open it with ends."""
    account = request.user
    if not isinstance(account, Account) or not sign_in_steps.is_enrolled(account):
        logout(request)
        return HttpResponseRedirect(reverse("admin:login"))
    reason = screen_lock.find_lock(row)
    context = {
        **admin.site.each_context(request),
        "title": _("Locked"),
        "form": form or factor_prompt.PromptForm(request, asks_password=reason is LockReason.LONG),
        "carried": _carry(request, account),
        "reason": reason,
        "minutes": settings.STAFF_LOCK_MINUTES,
        "account": account,
    }
    return TemplateResponse(request, TEMPLATE, context, status=403 if form else 401)


def _carry(request: HttpRequest, account: Account) -> str:
    """Return what the request posted, sealed for its author; "" if it posted nothing but an answer to the lock page."""
    holds_input = request.method == "POST" and (session_resume.is_carried(request) or not is_answered(request))
    return session_resume.carry(request, account) if holds_input else ""


def _find_way_back(request: HttpRequest) -> str:
    """Return the address that the lock page stood in for; the desk's if it stood at its own."""
    match = request.resolver_match
    is_own = match is not None and match.view_name == URL_NAME
    return reverse("admin:index") if is_own else request.get_full_path()
