"""A session that ended while somebody wrote: what they posted goes through a page where they sign in again.

Nothing is kept for it, neither here nor in the browser: the page holds the text in its own form. What was posted is then
shown again, not done: on a shared computer somebody else may be the one who signs in.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from core.staff.sign_in import SignInForm

View = Callable[..., HttpResponse]
_SIGN_IN_FIELDS = ("csrfmiddlewaretoken", "username", "password", "_again")


def keep_post_through_sign_in(site: AdminSite, view: View) -> View:
    """An admin view that loses no post when nobody is signed in any more."""
    inner: View = site.admin_view(view)

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" or request.user.is_authenticated:
            return inner(request, *args, **kwargs)
        again = "_again" in request.POST
        form = SignInForm(request, data=request.POST if again else None)
        if not (again and form.is_valid()):
            kept = [
                (name, value)
                for name, values in request.POST.lists()
                if name not in _SIGN_IN_FIELDS
                for value in values
            ]
            context = {**site.each_context(request), "form": form, "kept": kept, "title": _("Sign in again")}
            return TemplateResponse(request, "admin/outreach/sign_in.html", context, status=403 if again else 401)
        login(request, form.get_user())
        request.resumed = True  # type: ignore[attr-defined]
        return inner(request, *args, **kwargs)

    return guarded


def is_resumed(request: HttpRequest) -> bool:
    return getattr(request, "resumed", False)
