"""Decides whether a session has proved a second factor. Every address of the staff side asks here.

The session names the factors that were used in it (allauth's record of authentication methods, which is bound to the account).
Those from before an account enrolled name none, and a factor that has been removed or reset since no longer counts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY, get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase

from core.models import Account, ProviderIdentity
from core.staff import tip_access

METHOD, PROVIDER_METHOD = "mfa", "provider"
# Each confirmation adds a record to the session; more than these are of no use.
MAX_RECORDS = 10

View = Callable[..., HttpResponseBase]


def record(request: HttpRequest, account: Account, authenticator: Authenticator) -> None:
    """Write into the session that this account has just proved this factor."""
    record_authentication(request, account, METHOD, id=authenticator.pk, type=authenticator.type)
    records = request.session[AUTHENTICATION_METHODS_SESSION_KEY]
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = records[-MAX_RECORDS:]


def record_provider(request: HttpRequest, identity: ProviderIdentity, authenticated_at: float) -> None:
    """Write into the session that the identity provider has asked this account for a factor that the environment names."""
    record_authentication(request, identity.account, PROVIDER_METHOD, id=identity.pk)
    # The record says when the factor was asked for, not when the browser came back.
    request.session[AUTHENTICATION_METHODS_SESSION_KEY][-1]["at"] = authenticated_at
    request.session.modified = True


def has_second_factor(request: HttpRequest) -> bool:
    """Return whether the signed-in account has proved, in this session, a second factor that it still has."""
    account = request.user
    if not isinstance(account, Account) or not account.is_active:
        return False
    records = get_authentication_records(request, account)
    proved = [each["id"] for each in records if each.get("method") == METHOD]
    provided = [each["id"] for each in records if each.get("method") == PROVIDER_METHOD]
    if not proved and not provided:
        return False
    # Asked several times in each request.
    key = (account.pk, tuple(proved), tuple(provided))
    if getattr(request, "factor_key", None) != key:
        request.factor_key = key  # type: ignore[attr-defined]
        request.factor_found = (  # type: ignore[attr-defined]
            bool(proved) and Authenticator.objects.filter(user=account, pk__in=proved).exists()
        ) or _is_provided(account, provided)
    return bool(request.factor_found)  # type: ignore[attr-defined]


def _is_provided(account: Account, identities: list[int]) -> bool:
    """Return whether the provider's factor counts: its identity is still connected, and the account opens no tip."""
    return (
        bool(identities)
        and ProviderIdentity.objects.filter(account=account, pk__in=identities).exists()
        and not tip_access.opens_tips(account)
    )


def require_second_factor(view: View) -> View:
    """Send to the sign-in page without calling the view, unless `has_second_factor`: for staff addresses outside the admin."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not has_second_factor(request):
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return guarded
