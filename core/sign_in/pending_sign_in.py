"""A sign-in between the first step, a right password or the agency's identity provider, and the second factor.

Until the factor is proved, nobody is signed in: `request.user` stays anonymous, and the session holds only who has taken the
first step. It leads to the page that asks for the factor, or to enrolment, and to nothing else.
"""

from __future__ import annotations

import time
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth import login, logout
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from core import audit
from core.models import Account, ProviderIdentity
from core.sign_in import second_factor
from core.staff.sign_in import SIGNED_IN

LIFETIME_SECONDS = 10 * 60
BACKEND = "core.staff.sign_in.AuditedBackend"
_KEY = "pending_sign_in"


def begin(request: HttpRequest, account: Account, first_step: str = "") -> None:
    """Remember in a new session that this account's password was right. A session of any account ends.

    `first_step` names for the audit trail what was right instead of a password.
    """
    if request.user.is_authenticated:
        logout(request)
    request.session.cycle_key()
    proof = account.get_session_auth_hash()
    request.session[_KEY] = {"account": account.pk, "proof": proof, "at": time.time(), "first_step": first_step}


def find_account(request: HttpRequest) -> Account | None:
    """Return the account whose password was right; None after ten minutes, a new password, or when it was turned off."""
    pending = request.session.get(_KEY)
    if pending is None or not 0 <= time.time() - pending["at"] < LIFETIME_SECONDS:
        return None
    account = Account.objects.filter(pk=pending["account"], is_active=True).first()
    if account is None or not constant_time_compare(pending["proof"], account.get_session_auth_hash()):
        return None
    return account


def complete(request: HttpRequest, account: Account, authenticator: Authenticator, detail: str) -> None:
    """Sign the account in with the factor it has proved. `detail` names the factor in the audit trail."""
    detail = ", ".join(filter(None, [cancel(request), detail]))
    login(request, account, backend=BACKEND)
    second_factor.record(request, account, authenticator)
    audit.record(account, SIGNED_IN, detail=detail)


def complete_with_provider(request: HttpRequest, identity: ProviderIdentity, authenticated_at: float) -> None:
    """Sign in an account whose second factor the identity provider has asked for at `authenticated_at`."""
    detail = f"{cancel(request)}, factor of the provider"
    login(request, identity.account, backend=BACKEND)
    second_factor.record_provider(request, identity, authenticated_at)
    audit.record(identity.account, SIGNED_IN, detail=detail)


def cancel(request: HttpRequest) -> str:
    """Forget the first step; return its name."""
    pending: dict[str, Any] = request.session.pop(_KEY, {})
    return str(pending.get("first_step", ""))
