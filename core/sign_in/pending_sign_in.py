"""A sign-in between the right password and the second factor.

Until the factor is proved, nobody is signed in: `request.user` stays anonymous, and the session holds only whose password was
right. It leads to the page that asks for the factor, or to enrolment, and to nothing else.
"""

from __future__ import annotations

import time

from allauth.mfa.models import Authenticator
from django.contrib.auth import login, logout
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from core import audit
from core.models import Account
from core.sign_in import second_factor
from core.staff.sign_in import SIGNED_IN

LIFETIME_SECONDS = 10 * 60
BACKEND = "core.staff.sign_in.AuditedBackend"
_KEY = "pending_sign_in"


def begin(request: HttpRequest, account: Account) -> None:
    """Remember in a new session that this account's password was right. A session of any account ends."""
    if request.user.is_authenticated:
        logout(request)
    request.session.cycle_key()
    request.session[_KEY] = {"account": account.pk, "proof": account.get_session_auth_hash(), "at": time.time()}


def find_account(request: HttpRequest) -> Account | None:
    """Return the account whose password was right; None after ten minutes, a new password, or when it was turned off."""
    pending = request.session.get(_KEY)
    if pending is None or not 0 <= time.time() - pending["at"] < LIFETIME_SECONDS:
        return None
    account = Account.objects.filter(pk=pending["account"], is_active=True).first()
    if account is None or not constant_time_compare(pending["proof"], account.get_session_auth_hash()):
        return None
    return account


def cancel(request: HttpRequest) -> None:
    request.session.pop(_KEY, None)


def complete(request: HttpRequest, account: Account, authenticator: Authenticator, detail: str) -> None:
    """Sign the account in with the factor it has proved. `detail` names the factor in the audit trail."""
    cancel(request)
    login(request, account, backend=BACKEND)
    second_factor.record(request, account, authenticator)
    audit.record(account, SIGNED_IN, detail=detail)
