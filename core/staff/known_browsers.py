"""Known browsers: a cookie that a successful sign-in leaves, so that strangers' guesses slow down strangers alone.

The cookie opens nothing by itself. Source: device cookies, https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies.
"""

from __future__ import annotations

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import constant_time_compare

from core.models import Account

COOKIE = "__Host-known" if settings.HTTPS else "known"
LIFETIME_SECONDS = 90 * 24 * 60 * 60
# Officers share machines; the cookie names those who signed in last.
MAX_ACCOUNTS = 20
_SALT = "known browser"


def remember(request: HttpRequest, response: HttpResponseBase, account: Account) -> None:
    """Make the browser that gets `response` a known one of `account`, until its password changes."""
    others = [proof for proof in _read_proofs(request) if proof[0] != account.pk]
    proofs = [(account.pk, _prove(account)), *others][:MAX_ACCOUNTS]
    response.set_cookie(
        COOKIE,
        signing.dumps(proofs, salt=_SALT, compress=True),
        max_age=LIFETIME_SECONDS,
        path="/",
        httponly=True,
        secure=settings.HTTPS,
        samesite="Strict",
    )


def is_known(request: HttpRequest | None, account: Account) -> bool:
    """Return whether this account has signed in from the browser that sends `request`."""
    proofs = _read_proofs(request) if request is not None else []
    return any(pk == account.pk and constant_time_compare(proof, _prove(account)) for pk, proof in proofs)


def _prove(account: Account) -> str:
    """Return a keyed hash of the account's stored password."""
    return account.get_session_auth_hash()[:32]


def _read_proofs(request: HttpRequest) -> list[tuple[int, str]]:
    try:
        proofs = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=LIFETIME_SECONDS)
    except signing.BadSignature:
        return []
    return [(int(pk), str(proof)) for pk, proof in proofs]
