"""The pages on which signed-in staff see, add, rename and remove their own second steps."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import admin, messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from core.models import Account
from core.sign_in import second_factor
from core.sign_in.factors import factor_changes, passkeys, recovery_code_page, recovery_codes
from core.sign_in.factors.app_form import APP_CODE_FIELD, AppForm, describe_new_app
from core.sign_in.factors.passkeys import NEW_PASSKEY_FIELD, PasskeyError
from core.sign_in.factors.recovery_code_page import download_recovery_codes, show_recovery_codes
from core.sign_in.fresh_factor import require_fresh_factor, require_fresh_factor_for_posts
from core.sign_in.sessions.device_words import describe_device


def urls(site: admin.AdminSite) -> list[URLPattern]:
    """Return the addresses of these pages and of the recovery codes'. Each change asks for a fresh factor."""
    change = require_fresh_factor_for_posts
    return [
        path("sign-in/factors/", site.admin_view(show_factors), name="factors"),
        path(
            "sign-in/factors/add-passkey/",
            site.admin_view(require_fresh_factor(add_passkey)),
            name="factors_add_passkey",
        ),
        path("sign-in/factors/add-app/", site.admin_view(require_fresh_factor(add_app)), name="factors_add_app"),
        path("sign-in/factors/renew-codes/", site.admin_view(change(renew_codes)), name="factors_renew_codes"),
        path("sign-in/factors/<int:number>/", site.admin_view(change(change_factor)), name="factor_change"),
        path("sign-in/recovery-codes/", site.admin_view(show_recovery_codes), name="recovery_codes"),
        path(
            "sign-in/recovery-codes/download/", site.admin_view(download_recovery_codes), name="recovery_codes_download"
        ),
    ]


@require_http_methods(["GET", "HEAD"])
def show_factors(request: HttpRequest) -> HttpResponse:
    """List the account's passkeys, its app, and how many recovery codes are left."""
    account = _account(request)
    factors = factor_changes.list_main(account)
    context = {
        "title": _("How you sign in"),
        "passkeys": [each for each in factors if each.type == Authenticator.Type.WEBAUTHN],
        "apps": [each for each in factors if each.type == Authenticator.Type.TOTP],
        "codes_left": len(recovery_codes.list_unused(account)),
        "can_remove": len(factors) > 1,
        "offers_passkeys": passkeys.is_offered(request),
        "staff_url": settings.STAFF_URL,
    }
    return _render(request, "admin/core/factors.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Ask the device for a passkey, and add it."""
    account = _account(request)
    device = describe_device(request.META.get("HTTP_USER_AGENT", ""))
    if request.method != "POST":
        return _render(request, "admin/core/factor_passkey.html", {"title": _("Add a passkey"), "name": device})
    name = request.POST.get("name", "").strip() or device
    try:
        with transaction.atomic():
            authenticator = passkeys.add(account, request.POST.get(NEW_PASSKEY_FIELD, ""), name)
            factor_changes.report_added(account, authenticator)
    except PasskeyError as error:
        messages.error(request, str(error))
    else:
        second_factor.record(request, account, authenticator)
        messages.success(request, _("The passkey is added. You can sign in with it."))
    return HttpResponseRedirect(reverse("admin:factors"))


@require_http_methods(["GET", "HEAD", "POST"])
def add_app(request: HttpRequest) -> HttpResponse:
    """Add an authenticator app, in place of the one that the account has."""
    account = _account(request)
    form = AppForm(request.POST if request.method == "POST" and APP_CODE_FIELD in request.POST else None)
    if form.is_bound:
        with transaction.atomic():
            authenticator = form.enroll(request, account)
            if authenticator is not None:
                factor_changes.report_added(account, authenticator)
        if authenticator is not None:
            second_factor.record(request, account, authenticator)
            messages.success(request, _("The app is added. Sign in with its codes from now on."))
            return HttpResponseRedirect(reverse("admin:factors"))
    has_app = any(each.type == Authenticator.Type.TOTP for each in factor_changes.list_main(account))
    context = {
        "title": _("Add an authenticator app"),
        "form": form,
        "has_app": has_app,
        **describe_new_app(request, account),
    }
    return _render(request, "admin/core/factor_app.html", context)


@require_POST
def change_factor(request: HttpRequest, number: int) -> HttpResponse:
    """Rename one of the account's passkeys, or remove one of its factors."""
    account = _account(request)
    authenticator = next((each for each in factor_changes.list_main(account) if each.pk == number), None)
    if authenticator is None:
        raise Http404
    if "remove" in request.POST:
        if factor_changes.remove(account, authenticator):
            messages.success(request, _("It is removed. It no longer signs you in."))
        else:
            messages.error(request, _("This is your last one, so it stays. Add another one first."))
    elif authenticator.type == Authenticator.Type.WEBAUTHN:
        if name := request.POST.get("name", "").strip():
            passkeys.rename(authenticator, name)
            messages.success(request, _("The passkey has its new name."))
        else:
            messages.error(request, _("Enter a name for the passkey."))
    return HttpResponseRedirect(reverse("admin:factors"))


@require_POST
def renew_codes(request: HttpRequest) -> HttpResponse:
    """Make ten new recovery codes and show them."""
    authenticator = factor_changes.renew_codes(_account(request))
    second_factor.record(request, _account(request), authenticator)
    recovery_code_page.allow(request)
    return HttpResponseRedirect(f"{reverse('admin:recovery_codes')}?next={reverse('admin:factors')}")


def _account(request: HttpRequest) -> Account:
    assert isinstance(request.user, Account)
    return request.user


def _render(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})
