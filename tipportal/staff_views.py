"""Pages of the staff side that belong to no app. Residents' pages import nothing of it (tipportal/views.py)."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from core.sign_in.sessions import lock_page, screen_lock
from core.staff import session_resume
from core.web import error_pages


def form_too_old(request: HttpRequest, reason: str = "") -> HttpResponseBase:  # noqa: ARG001
    """Answer a failed CSRF check in the admin, with what was typed. `reason` is for developers and is not shown."""
    row = screen_lock.read_row(request)
    if row is not None and screen_lock.find_lock(row) is not None and "Origin" in request.headers:
        return lock_page.render(request, row)
    if (answer := session_resume.keep_stale_post(admin.site, request)) is not None:
        return answer
    sentence = _(
        "This page was open too long, or your browser blocks cookies. Open the page again, then send it again."
    )
    return error_pages.render_error(request, 403, sentence)
