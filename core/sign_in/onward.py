"""Where a sign-in leads: the address that was asked for, carried from page to page as `next`, and never another site."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme


def find_onward(request: HttpRequest) -> str:
    """Return the `next` of the form or of the address if it is on this site, else the desk."""
    onward = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(onward, {request.get_host()}, request.is_secure()):
        return onward
    return reverse("admin:index")


def with_next(name: str, request: HttpRequest) -> str:
    """Return the address of the named page, with the `next` of this request."""
    return f"{reverse(name)}?{urlencode({'next': find_onward(request)})}"
