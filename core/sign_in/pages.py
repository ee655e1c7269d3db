"""The pages of a sign-in: the second factor after a password, and enrolment for accounts that have none.

They stand outside `AdminSite.admin_view`: `pending_sign_in` decides who sees them.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from core.models import Account
from core.sign_in import fresh_factor, pending_sign_in, sign_in_steps
from core.sign_in.factors import factor_changes, passkeys, recovery_code_page
from core.sign_in.factors.app_form import APP_CODE_FIELD, AppForm, describe_new_app
from core.sign_in.factors.passkeys import NEW_PASSKEY_FIELD, PasskeyError
from core.sign_in.onward import find_onward, with_next
from core.sign_in.sessions.device_words import describe_device
from core.staff import known_browsers


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_for_factor(request: HttpRequest) -> HttpResponse:
    """Ask the account whose password was right for its second factor."""
    account = pending_sign_in.find_account(request)
    if account is None:
        return HttpResponseRedirect(with_next("admin:login", request))
    if not sign_in_steps.is_enrolled(account):
        return HttpResponseRedirect(with_next("admin:sign_in_set_up", request))
    step = sign_in_steps.first_step(request)
    if request.method == "POST":
        next_step = sign_in_steps.advance(request)
        if next_step is None:
            return welcome(request, find_onward(request))
        step = next_step
    context = {
        "step": step,
        "form": step.form,
        "title": _("Show that it's you"),
        "next": find_onward(request),
        "account": account,
    }
    return _render(request, "admin/core/sign_in_factor.html", context)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """Let an account without a second factor add its first one, straight after its password."""
    account = pending_sign_in.find_account(request)
    if account is None or sign_in_steps.is_enrolled(account):
        return HttpResponseRedirect(with_next("admin:sign_in_factor" if account else "admin:login", request))
    problem, form = "", AppForm(request.POST if request.method == "POST" and APP_CODE_FIELD in request.POST else None)
    authenticator = None
    with transaction.atomic():
        # One enrolment at a time: a password thief's and the owner's must not both become the first.
        Account.objects.select_for_update().get(pk=account.pk)
        if sign_in_steps.is_enrolled(account):
            return HttpResponseRedirect(with_next("admin:sign_in_factor", request))
        if answer := request.POST.get(NEW_PASSKEY_FIELD):
            try:
                authenticator = passkeys.add(account, answer, describe_device(request.META.get("HTTP_USER_AGENT", "")))
            except PasskeyError as error:
                problem = str(error)
        elif form.is_bound:
            authenticator = form.enroll(request, account)
        if authenticator is not None:
            factor_changes.report_first(account, authenticator)
    if authenticator is not None:
        pending_sign_in.complete(request, account, authenticator, factor_changes.describe(authenticator))
        recovery_code_page.allow(request)
        return welcome(request, with_next("admin:recovery_codes", request))
    context = {
        "form": form,
        "problem": problem,
        "title": _("Set up your second step"),
        "next": find_onward(request),
        "account": account,
        "offers_passkeys": passkeys.is_offered(request),
        **describe_new_app(request, account),
    }
    return _render(request, "admin/core/sign_in_set_up.html", context)


@never_cache
@require_POST
def passkey_options(_request: HttpRequest) -> JsonResponse:
    """Return what a browser needs to ask for a passkey. It tells nothing about accounts."""
    return JsonResponse(passkeys.begin_check())


@never_cache
@require_POST
def new_passkey_options(request: HttpRequest) -> JsonResponse:
    """Return what a browser needs to make a passkey, to an account that enrolls or has just proved its second factor."""
    account = pending_sign_in.find_account(request)
    if account is not None and sign_in_steps.is_enrolled(account):
        account = None
    if fresh_factor.is_fresh(request) and isinstance(request.user, Account):
        account = request.user
    if account is None:
        return JsonResponse({}, status=403)
    return JsonResponse(passkeys.begin_adding(account))


def welcome(request: HttpRequest, address: str) -> HttpResponse:
    """Return the redirect after a complete sign-in, which makes the browser a known one."""
    assert isinstance(request.user, Account)
    response = HttpResponseRedirect(address)
    known_browsers.remember(request, response, request.user)
    return response


def _render(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})
