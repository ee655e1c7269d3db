"""Pages about sessions: whether this one is open, locking it, and the list of an account's sessions, which it or others can end."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from core import audit
from core.models import Account, StaffSession
from core.sign_in import second_factor
from core.sign_in.fresh_factor import require_fresh_factor_for_posts
from core.sign_in.sessions import endings, screen_lock

ENDED = "ended the sessions of"


def urls(site: admin.AdminSite) -> list[URLPattern]:
    return [
        path("session/", session_state, name="session_state"),
        path("session/lock/", site.admin_view(lock_screen), name="session_lock"),
        path("session/unlock/", site.admin_view(leave_lock_page), name="session_unlock"),
        path("sessions/", site.admin_view(own_sessions), name="own_sessions"),
        path("sessions/<int:account_id>/", site.admin_view(sessions_of_other), name="sessions_of_other"),
    ]


@never_cache
def session_state(request: HttpRequest) -> HttpResponse:
    """Tell a page's script in how many seconds its screen locks. A post also says that its person is there."""
    row = screen_lock.read_row(request)
    if row is None or not second_factor.has_second_factor(request):
        return JsonResponse({"state": "ended"}, status=401)
    seconds = screen_lock.count_seconds_left(row)
    return JsonResponse({"state": "open", "account": row.account_id, "seconds": seconds})


@require_POST
def lock_screen(request: HttpRequest) -> HttpResponse:
    row = screen_lock.read_row(request)
    if row is not None:
        screen_lock.lock(row)
    return HttpResponseRedirect(reverse("admin:session_unlock"))


def leave_lock_page(_request: HttpRequest) -> HttpResponse:
    """Lead to the desk. A locked session gets the lock page at this address (core/sign_in/sessions/lock_middleware.py)."""
    return HttpResponseRedirect(reverse("admin:index"))


def own_sessions(request: HttpRequest) -> HttpResponseBase:
    """List where one is signed in; end one session, or all but this one."""
    account, row = request.user, screen_lock.read_row(request)
    assert isinstance(account, Account)
    assert row is not None
    if request.method == "POST":
        named = request.POST.get("session", "")
        if named and named != row.pk:
            endings.end_session(account, named)
            messages.success(request, _("Signed out there."))
        elif not named:
            count = endings.end_sessions(account, but=row.pk)
            messages.success(request, _describe_ended(count))
        return HttpResponseRedirect(request.get_full_path())
    return _render_list(request, account, _("Where you're signed in"), own=row)


@require_fresh_factor_for_posts
def sessions_of_other(request: HttpRequest, account_id: int) -> HttpResponseBase:
    """List where another account is signed in, and end its sessions: for those who change accounts. Recorded."""
    editor = request.user
    assert isinstance(editor, Account)
    if not editor.has_perm("core.change_account"):
        raise PermissionDenied
    account = get_object_or_404(Account, pk=account_id) if account_id < 2**63 else None
    if account is None:
        raise Http404
    if account == editor:
        return HttpResponseRedirect(reverse("admin:own_sessions"))
    if request.method == "POST":
        audit.record(editor, ENDED, f"account {account.get_username()}")
        messages.success(request, _describe_ended(endings.end_sessions(account)))
        return HttpResponseRedirect(request.get_full_path())
    title = _("Where %(name)s is signed in") % {"name": account.get_username()}
    return _render_list(request, account, title)


def _render_list(
    request: HttpRequest, account: Account, title: str, own: StaffSession | None = None
) -> HttpResponseBase:
    rows: list[dict[str, Any]] = [
        {
            "key": session.pk,
            "device": session.device or _("Unknown browser"),
            "began_at": session.began_at,
            "active_at": session.active_at,
            "is_locked": screen_lock.find_lock(session) is not None,
            "is_own": own is not None and session.pk == own.pk,
        }
        for session in endings.list_sessions(account)
    ]
    rows.sort(key=lambda row: not row["is_own"])
    context = {
        **admin.site.each_context(request),
        "title": title,
        "account": account,
        "rows": rows,
        "is_own_list": own is not None,
        "has_others": any(not row["is_own"] for row in rows),
    }
    return TemplateResponse(request, "admin/core/sessions.html", context)


def _describe_ended(count: int) -> str:
    if not count:
        return _("There was no other session to end.")
    return ngettext("Signed out in %(count)d place.", "Signed out in %(count)d places.", count) % {"count": count}
