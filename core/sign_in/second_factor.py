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

from core.models import Account

METHOD = "mfa"
# Each confirmation adds a record to the session; more than these are of no use.
MAX_RECORDS = 10

View = Callable[..., HttpResponseBase]


def record(request: HttpRequest, account: Account, authenticator: Authenticator) -> None:
    """Write into the session that this account has just proved this factor."""
    record_authentication(request, account, METHOD, id=authenticator.pk, type=authenticator.type)
    records = request.session[AUTHENTICATION_METHODS_SESSION_KEY]
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = records[-MAX_RECORDS:]


def has_second_factor(request: HttpRequest) -> bool:
    """Return whether the signed-in account has proved, in this session, a second factor that it still has."""
    account = request.user
    if not isinstance(account, Account) or not account.is_active:
        return False
    proved = [each["id"] for each in get_authentication_records(request, account) if each.get("method") == METHOD]
    if not proved:
        return False
    # Asked several times in each request.
    key = (account.pk, tuple(proved))
    if getattr(request, "factor_key", None) != key:
        request.factor_key = key  # type: ignore[attr-defined]
        request.factor_found = Authenticator.objects.filter(user=account, pk__in=proved).exists()  # type: ignore[attr-defined]
    return bool(request.factor_found)  # type: ignore[attr-defined]


def require_second_factor(view: View) -> View:
    """Send to the sign-in page without calling the view, unless `has_second_factor`: for staff addresses outside the admin."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not has_second_factor(request):
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return guarded
