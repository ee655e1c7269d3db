"""The pages of a sign-in after the password: the second factor, enrolment, and the recovery codes.

They stand outside `AdminSite.admin_view`: `sign_in_steps` and `pending_sign_in` decide who sees them.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import segno
from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core import audit
from core.models import Account
from core.sign_in import pending_sign_in, sign_in_steps
from core.sign_in.factors import app_codes, recovery_codes
from core.sign_in.factors.factor_form import FactorForm
from core.staff import known_browsers

ADDED = "added a second factor to"
SHOW_CODES_SECONDS = 15 * 60
_CODES_UNTIL = "recovery_codes_until"


class AppForm(forms.Form):
    """Asks for a code to prove that the authenticator app works."""

    factor_code = forms.CharField(
        label=gettext_lazy("Code from the app"),
        max_length=20,
        widget=forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_for_factor(request: HttpRequest) -> HttpResponse:
    """Ask the account whose password was right for its second factor."""
    account = pending_sign_in.find_account(request)
    if account is None:
        return HttpResponseRedirect(with_next("admin:login", request))
    if not sign_in_steps.is_enrolled(account):
        return HttpResponseRedirect(with_next("admin:sign_in_set_up", request))
    form: Any = FactorForm(request, account)
    if request.method == "POST":
        form = sign_in_steps.advance(request)
        if form is None:
            return _welcome(request, account, find_onward(request))
    context = {"form": form, "title": _("Enter your code"), "next": find_onward(request), "account": account}
    return _render(request, "admin/core/sign_in_factor.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """Let an account without a second factor add its first one, straight after its password."""
    account = pending_sign_in.find_account(request)
    if account is None or sign_in_steps.is_enrolled(account):
        return HttpResponseRedirect(with_next("admin:sign_in_factor" if account else "admin:login", request))
    form = AppForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        authenticator = app_codes.enroll(request, account, "".join(form.cleaned_data["factor_code"].split()))
        if authenticator is not None:
            recovery_codes.renew(account)
            audit.record(account, ADDED, f"account {account.get_username()}", "authenticator app")
            pending_sign_in.complete(request, account, authenticator, "app code")
            request.session[_CODES_UNTIL] = time.time() + SHOW_CODES_SECONDS
            return _welcome(request, account, with_next("admin:recovery_codes", request))
        form.add_error("factor_code", _("This code is wrong. Wait until your app shows a new one, then enter that."))
    secret = app_codes.offer_secret(request)
    context = {
        "form": form,
        "title": _("Set up your second step"),
        "next": find_onward(request),
        "account": account,
        "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        "qr_code": segno.make(app_codes.build_address(account, secret), error="m").svg_data_uri(scale=5, border=4),
    }
    return _render(request, "admin/core/sign_in_set_up.html", context)


def show_recovery_codes(request: HttpRequest) -> HttpResponse:
    """Show the new recovery codes until the account says that it has saved them, and for a quarter of an hour at most."""
    if request.method == "POST":
        request.session.pop(_CODES_UNTIL, None)
        return HttpResponseRedirect(find_onward(request))
    if time.time() >= request.session.get(_CODES_UNTIL, 0):
        return HttpResponseRedirect(find_onward(request))
    assert isinstance(request.user, Account)
    context = {
        "codes": recovery_codes.list_unused(request.user),
        "title": _("Save your recovery codes"),
        "next": find_onward(request),
    }
    return _render(request, "admin/core/recovery_codes.html", context)


def find_onward(request: HttpRequest) -> str:
    """Return the address on this site to go to after signing in: the `next` of the form or of the address."""
    onward = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(onward, {request.get_host()}, request.is_secure()):
        return onward
    return reverse("admin:index")


def with_next(name: str, request: HttpRequest) -> str:
    return f"{reverse(name)}?{urlencode({'next': find_onward(request)})}"


def _welcome(request: HttpRequest, account: Account, address: str) -> HttpResponse:
    response = HttpResponseRedirect(address)
    known_browsers.remember(request, response, account)
    return response


def _render(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})
