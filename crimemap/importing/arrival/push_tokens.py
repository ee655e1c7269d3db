"""The key with which an agency's system pushes files of one source: shown once, kept as a hash, revoked at any time."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from django.db import transaction

from core import audit
from core.models import Account
from crimemap.models import Source

_BYTES = 32


class InvalidTokenError(Exception):
    """The token is missing, wrong or revoked."""


@transaction.atomic
def create_token(source: Source, by: Account) -> str:
    """A new token of the source; the one before, if any, no longer works."""
    token = secrets.token_urlsafe(_BYTES)
    Source.objects.filter(pk=source.pk).update(api_token_hash=_hash(token))
    audit.record(by, "made an API token", f"source {source.slug}")
    return token


@transaction.atomic
def revoke_token(source: Source, by: Account) -> None:
    Source.objects.filter(pk=source.pk).update(api_token_hash=None)
    audit.record(by, "revoked an API token", f"source {source.slug}")


def authenticate_source(slug: str, authorization: str) -> Source:
    """The source that `Authorization: Bearer ...` opens. Raises Source.DoesNotExist and NotAllowedError."""
    source = Source.objects.get(slug=slug)
    kind, _space, token = authorization.partition(" ")
    known = bytes(source.api_token_hash or b"")
    if kind.casefold() != "bearer" or not known or not hmac.compare_digest(known, _hash(token.strip())):
        raise InvalidTokenError
    return source


def _hash(token: str) -> bytes:
    """Plain SHA-256: a token of 32 random bytes cannot be guessed, however fast one hashes."""
    return hashlib.sha256(token.encode(errors="replace")).digest()
