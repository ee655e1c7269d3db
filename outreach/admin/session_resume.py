"""Keeps a POST when the session has ended meanwhile: the sender signs in again on a page that carries the input.

The input is stored nowhere, neither on the server nor in the browser: the sign-in page holds it in hidden fields. After
signing in it is shown again and not carried out: on a shared computer a different person may have signed in.
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
    """Wrap an admin view so that a POST without a session leads to a sign-in page that carries the input."""
    admin_view: View = site.admin_view(view)

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" or request.user.is_authenticated:
            return admin_view(request, *args, **kwargs)
        is_signing_in = "_again" in request.POST
        form = SignInForm(request, data=request.POST if is_signing_in else None)
        if not (is_signing_in and form.is_valid()):
            hidden_fields = [
                (name, value)
                for name, values in request.POST.lists()
                if name not in _SIGN_IN_FIELDS
                for value in values
            ]
            context = {
                **site.each_context(request),
                "form": form,
                "hidden_fields": hidden_fields,
                "title": _("Sign in again"),
            }
            return TemplateResponse(
                request, "admin/outreach/sign_in.html", context, status=403 if is_signing_in else 401
            )
        login(request, form.get_user())
        request.resumed = True  # type: ignore[attr-defined]
        return admin_view(request, *args, **kwargs)

    return guarded


def is_resumed(request: HttpRequest) -> bool:
    """Return whether the sender has just signed in again, so that the input is to be shown and not carried out."""
    return getattr(request, "resumed", False)
