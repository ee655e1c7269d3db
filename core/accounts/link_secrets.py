"""The secrets of sign-in links: made while a mail is composed, stored as a hash alone.

A thief of the database or of a backup gets no link that works, not even of a mail that waits: its secret does not exist yet.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from secrets import token_urlsafe

from django.conf import settings
from django.utils import timezone

from core.models import SignInLink

PATH = "/admin/set-up/"
LIFETIME = dt.timedelta(hours=72)
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def issue_address(link: SignInLink) -> str:
    """Give the link a new secret for 72 hours from now, and return its address. An earlier address no longer works.

    A mail that is sent a second time, after a worker was killed, so has the only address that works.
    """
    secret = token_urlsafe(32)
    link.secret_hash, link.expires_at = _hash(secret), timezone.now() + LIFETIME
    SignInLink.objects.filter(pk=link.pk).update(secret_hash=link.secret_hash, expires_at=link.expires_at)
    return f"{settings.STAFF_URL}{PATH}{secret}/"


def find_link(secret: str) -> SignInLink | None:
    """Return the link with this secret, None if it was used, replaced, withdrawn or has expired."""
    if not _SECRET.fullmatch(secret):
        return None
    return SignInLink.objects.filter(secret_hash=_hash(secret), expires_at__gt=timezone.now()).first()


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
