"""Known browsers: a cookie that a successful sign-in leaves, so that strangers' guesses slow down strangers alone.

The cookie opens nothing by itself. Source: device cookies, https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies.
"""

from __future__ import annotations

import os

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare

from core.models import Account

COOKIE = "__Host-known" if settings.HTTPS else "known"
LIFETIME_SECONDS = 90 * 24 * 60 * 60
# Officers share machines; the cookie names those who signed in last.
MAX_ACCOUNTS = 20
_ID_BYTES = 8
_SALT = "known browser"


def remember(request: HttpRequest, response: HttpResponseBase, account: Account) -> None:
    """Make the browser that gets `response` a known one of `account`, until its password changes."""
    browser, known = _read(request)
    others = [proof for proof in known if proof[0] != account.pk]
    proofs = [(account.pk, _prove(account)), *others][:MAX_ACCOUNTS]
    response.set_cookie(
        COOKIE,
        signing.dumps([browser or os.urandom(_ID_BYTES).hex(), proofs], salt=_SALT, compress=True),
        max_age=LIFETIME_SECONDS,
        path="/",
        httponly=True,
        secure=settings.HTTPS,
        samesite="Strict",
    )


def find_id(request: HttpRequest, account: Account) -> str:
    """Return the id of the browser that sends `request` if this account has signed in from it, else ""."""
    browser, proofs = _read(request)
    is_known = any(pk == account.pk and constant_time_compare(proof, _prove(account)) for pk, proof in proofs)
    return browser if is_known else ""


def _prove(account: Account) -> str:
    """Return a keyed hash of the account's stored password."""
    return account.get_session_auth_hash()[:32]


def _read(request: HttpRequest) -> tuple[str, list[tuple[int, str]]]:
    """Return the browser's id and the proofs of the accounts it knows; "" and none if it has no cookie of ours."""
    try:
        content = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=LIFETIME_SECONDS)
    except signing.BadSignature:
        return "", []
    # Release 0.9.0 wrote the proofs alone.
    if not (len(content) == 2 and isinstance(content[0], str)):
        return "", []
    browser, proofs = content
    return browser, [(int(pk), str(proof)) for pk, proof in proofs]
