"""API tokens of sources, for systems that push files: shown once, stored as a hash, revoked at any time."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from django.db import transaction

from core import audit
from core.models import Account
from crimemap.models import Source

_TOKEN_BYTES = 32


class InvalidTokenError(Exception):
    """The token is missing, wrong or revoked."""


@transaction.atomic
def create_token(source: Source, by: Account) -> str:
    """Return a new token of the source; the previous one stops working."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    Source.objects.filter(pk=source.pk).update(api_token_hash=_hash(token))
    audit.record(by, "created an API token", f"source {source.slug}")
    return token


@transaction.atomic
def revoke_token(source: Source, by: Account) -> None:
    Source.objects.filter(pk=source.pk).update(api_token_hash=None)
    audit.record(by, "revoked an API token", f"source {source.slug}")


def authenticate_source(slug: str, authorization: str) -> Source:
    """Return the source if the header `Authorization: Bearer ...` has its token.

    Raises Source.DoesNotExist and InvalidTokenError.
    """
    source = Source.objects.get(slug=slug)
    kind, _space, token = authorization.partition(" ")
    expected = bytes(source.api_token_hash or b"")
    if kind.casefold() != "bearer" or not expected or not hmac.compare_digest(expected, _hash(token.strip())):
        raise InvalidTokenError
    return source


def _hash(token: str) -> bytes:
    """Hash with plain SHA-256: 32 random bytes cannot be guessed, however fast the hash."""
    return hashlib.sha256(token.encode(errors="replace")).digest()
