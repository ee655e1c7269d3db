"""The inbox session: keep a source signed in for ten minutes, though neither side alone can open the tip.

The browser has a random key in a session cookie; the memory-only store has the source's secret sealed under that key.
Neither alone opens anything. Signing out deletes both.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from contextlib import suppress
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from core import ephemeral_store
from tips import conversation, receipts, vault
from tips.models import Tip

LIFETIME_SECONDS = 600
COOKIE = "__Host-inbox" if settings.HTTPS else "inbox"
_LABEL = b"inbox session"


@dataclass(frozen=True, slots=True)
class InboxSession:
    """A signed-in source: their tip, its key K, and the look-up token, which also deletes the tip."""

    tip: Tip
    key: bytes
    token: bytes

    def read(self) -> conversation.OpenedTip:
        return conversation.read_tip(self.tip, self.key)


def authenticate_source(receipt: str) -> vault.SourceSecret | None:
    """Return the source's secret if `receipt` (of receipts.parse_receipt) has a tip, else None after the same work.

    Raises receipts.ReceiptQueueFullError.
    """
    secret = receipts.stretch_for_sign_in(receipt)
    return secret if find_session(secret) else None


def start(response: HttpResponse, secret: vault.SourceSecret) -> None:
    """Sign the source in: store the sealed secret and set the cookie. Raises ephemeral_store.StoreDownError, with no cookie."""
    key = vault.generate_key()
    ephemeral_store.put(_store_name(key), vault.seal_box(key, secret.token + secret.seed, _LABEL), LIFETIME_SECONDS)
    response.set_cookie(
        COOKIE,
        base64.urlsafe_b64encode(key).decode(),
        path="/",
        httponly=True,
        secure=settings.HTTPS,
        samesite="Strict",
    )


def find_current(request: HttpRequest) -> InboxSession | None:
    """Return the session of this request, extended to ten more minutes; None without one, or if it has expired.

    Raises ephemeral_store.StoreDownError.
    """
    key = _read_cookie_key(request)
    if key is None:
        return None
    sealed = ephemeral_store.get_and_touch(_store_name(key), LIFETIME_SECONDS)
    if sealed is None:
        return None
    try:
        opened = vault.open_box(key, sealed, _LABEL)
    except vault.SealError:
        return None
    return find_session(vault.SourceSecret(opened[:32], opened[32:]))


def end(request: HttpRequest, response: HttpResponse) -> None:
    """Sign the source out: delete the sealed secret and the cookie. Works without the store, where the secret expires."""
    key = _read_cookie_key(request)
    if key is not None:
        with suppress(ephemeral_store.StoreDownError):
            ephemeral_store.forget(_store_name(key))
    response.delete_cookie(COOKIE, path="/", samesite="Strict")
    if COOKIE in response.cookies:
        response.cookies[COOKIE]["secure"] = settings.HTTPS


def find_session(secret: vault.SourceSecret) -> InboxSession | None:
    """Return the session of the tip that this secret finds; None if there is none, or its source deleted it."""
    tip = Tip.objects.filter(token_hash=secret.token_hash).select_related("category").first()
    if tip is None or tip.key_for_source is None:
        return None
    return InboxSession(tip, vault.open_key_as_source(tip.key_for_source, secret.seed), secret.token)


def _read_cookie_key(request: HttpRequest) -> bytes | None:
    try:
        key = base64.urlsafe_b64decode(request.COOKIES.get(COOKIE, ""))
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == vault.KEY_BYTES else None


def _store_name(key: bytes) -> str:
    return "inbox:" + hashlib.sha256(b"name" + key).hexdigest()[:32]
