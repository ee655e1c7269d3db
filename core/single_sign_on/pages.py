"""The pages of single sign-on: to the provider, back from it, and one's own connection. Mounted only if there is a provider."""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core import audit
from core.models import Account
from core.sign_in import pending_sign_in, sign_in_steps
from core.sign_in.attempts import REFUSED
from core.sign_in.fresh_factor import require_fresh_factor_for_posts
from core.sign_in.onward import find_onward
from core.single_sign_on import id_tokens, identities, role_claims, round_trips
from core.single_sign_on.id_tokens import Claims, TokenRefusedError
from core.single_sign_on.provider import Provider
from core.single_sign_on.provider_requests import ProviderDownError
from core.single_sign_on.round_trips import Trip
from core.staff import known_browsers, tip_access

log = logging.getLogger(__name__)

FIRST_STEP = "single sign-on"  # in an audit entry's detail


@never_cache
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider to sign in."""
    if admin.site.has_permission(request):
        return HttpResponseRedirect(find_onward(request))
    return _travel(request, find_onward(request), None)


@require_fresh_factor_for_posts
@require_http_methods(["GET", "HEAD", "POST"])
def connection(request: HttpRequest) -> HttpResponse:
    """Show one's own connection; connect or disconnect it."""
    account, provider = request.user, _provider()
    assert isinstance(account, Account)
    own_page = reverse("single_sign_on_connection")
    if "connect" in request.POST:
        return _travel(request, own_page, account.pk)
    if "disconnect" in request.POST:
        if identities.disconnect(account, account):
            messages.success(
                request, _("Single sign-on is disconnected. Sign in with a passkey or your password from now on.")
            )
        return HttpResponseRedirect(own_page)
    context = {
        **admin.site.each_context(request),
        "title": _("Single sign-on"),
        "provider": provider,
        "identity": identities.find_of(provider, account),
    }
    return TemplateResponse(request, "admin/core/single_sign_on.html", context)


@never_cache
@require_GET
def come_back(request: HttpRequest) -> HttpResponse:
    """Sign in or connect the person whom the provider sends back."""
    provider, trip = _provider(), round_trips.take(request)
    if trip is None:
        return _refuse(
            request, _("This sign-in is over, or it began in another browser. Press the button to begin again.")
        )
    if "error" in request.GET:
        return _refuse(request, _("%(name)s didn't sign you in. Try again, or use your password."))
    try:
        claims = round_trips.finish(request, provider, trip)
    except ProviderDownError as error:
        return _refuse_unreachable(request, error)
    except TokenRefusedError as error:
        log.error("single sign-on: a token of the provider was refused (%s)", error)
        return _refuse(
            request,
            _(
                "The answer of %(name)s couldn't be checked, so nobody was signed in. Use your password, and tell an administrator."
            ),
        )
    return _sign_in(request, claims, trip) if trip.account is None else _connect(request, claims, trip)


def _travel(request: HttpRequest, onward: str, account: int | None) -> HttpResponse:
    try:
        return HttpResponseRedirect(round_trips.begin(request, _provider(), onward, account))
    except ProviderDownError as error:
        return _refuse_unreachable(request, error)


def _sign_in(request: HttpRequest, claims: Claims, trip: Trip) -> HttpResponse:
    provider = _provider()
    identity = identities.find(provider, claims.subject)
    if identity is None:
        audit.record(f"unknown identity {audit.fingerprint(claims.subject)}", REFUSED, detail=FIRST_STEP)
        return _refuse(
            request,
            _(
                "You're signed in at %(name)s, but no account here is connected to you there. Sign in with your password, then"
                " connect single sign-on."
            ),
        )
    account = identity.account
    if not sign_in_steps.is_enrolled(account):
        # Otherwise the people who run the provider could set up a factor for an account whose own was reset.
        audit.record(account, REFUSED, detail=f"{FIRST_STEP}, no second factor")
        return _refuse(
            request,
            _(
                "Your account has no passkey or app yet, so %(name)s can't sign you in. Sign in with your password, or with the"
                " link in your email, and set one up."
            ),
        )
    try:
        role_claims.apply(provider, account, claims)
    except role_claims.RolesMissingError:
        log.error("single sign-on: the ID token has no claim of roles")
        audit.record(account, REFUSED, detail=f"{FIRST_STEP}, no claim of roles")
        return _refuse(
            request,
            _("%(name)s didn't say which roles you have. Use your password, and tell an administrator."),
        )
    pending_sign_in.begin(request, account, first_step=FIRST_STEP)
    if id_tokens.proves_second_factor(provider, claims) and not tip_access.opens_tips(account):
        assert claims.authenticated_at is not None
        pending_sign_in.complete_with_provider(request, identity, claims.authenticated_at)
        response = HttpResponseRedirect(trip.onward)
        known_browsers.remember(request, response, account)
        return response
    return HttpResponseRedirect(f"{reverse('admin:sign_in_factor')}?{urlencode({'next': trip.onward})}")


def _connect(request: HttpRequest, claims: Claims, trip: Trip) -> HttpResponse:
    account, provider = request.user, _provider()
    if not isinstance(account, Account) or account.pk != trip.account or not admin.site.has_permission(request):
        return _refuse(request, _("You're no longer signed in, so nothing was connected. Sign in, then connect again."))
    try:
        identity = identities.connect(provider, account, claims)
    except identities.IdentityTakenError:
        messages.error(
            request,
            _("This person at %(name)s is connected to another account here, so nothing was changed.")
            % {"name": provider.name},
        )
    else:
        messages.success(
            request,
            _("Your account is connected to %(label)s at %(name)s. Is that you? If not, disconnect it now.")
            % {"label": identity.label, "name": provider.name},
        )
    return HttpResponseRedirect(trip.onward)


def _provider() -> Provider:
    assert settings.OIDC_PROVIDER is not None
    return settings.OIDC_PROVIDER


def _refuse_unreachable(request: HttpRequest, error: ProviderDownError) -> HttpResponse:
    log.error("single sign-on: the provider can't be used (%s)", error)
    return _refuse(
        request, _("%(name)s can't be reached now. Sign in with your password, or try again in a few minutes.")
    )


def _refuse(request: HttpRequest, sentence: str) -> HttpResponse:
    """Show the sentence on the sign-in page, or on one's own page to an account that is signed in."""
    messages.error(request, sentence % {"name": _provider().name})
    is_signed_in = admin.site.has_permission(request)
    return HttpResponseRedirect(reverse("single_sign_on_connection" if is_signed_in else "admin:login"))
