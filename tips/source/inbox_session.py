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
_LABEL, _WORDS_LABEL = b"inbox session", b"words to come"


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
    secret = _read_secret(request)
    return None if secret is None else find_session(secret)


def has_lost_tip(request: HttpRequest) -> bool:
    """Return whether the session of this request goes on, and its receipt no longer opens a tip. Raises StoreDownError."""
    secret = _read_secret(request)
    return secret is not None and find_session(secret) is None


def _read_secret(request: HttpRequest) -> vault.SourceSecret | None:
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
    return vault.SourceSecret(opened[:32], opened[32:])


def change_secret(request: HttpRequest, secret: vault.SourceSecret) -> None:
    """Let the session of this request go on with another receipt's secret. Raises ephemeral_store.StoreDownError."""
    key = _read_cookie_key(request)
    if key is not None:
        ephemeral_store.put(_store_name(key), vault.seal_box(key, secret.token + secret.seed, _LABEL), LIFETIME_SECONDS)
        ephemeral_store.forget(_words_name(key))


def keep_words(request: HttpRequest, words: str) -> str:
    """Keep these words for the session of this request, unless it has some; return its words. Raises StoreDownError."""
    key = _read_cookie_key(request)
    if key is None:
        return words
    sealed = ephemeral_store.get_and_touch(_words_name(key), LIFETIME_SECONDS) or ephemeral_store.put_once(
        _words_name(key), vault.seal_box(key, words.encode(), _WORDS_LABEL), LIFETIME_SECONDS
    )
    return vault.open_box(key, sealed, _WORDS_LABEL).decode()


def end(request: HttpRequest, response: HttpResponse) -> None:
    """Sign the source out: delete the sealed secret and the cookie. Works without the store, where the secret expires."""
    key = _read_cookie_key(request)
    if key is not None:
        with suppress(ephemeral_store.StoreDownError):
            ephemeral_store.forget(_store_name(key))
            ephemeral_store.forget(_words_name(key))
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


def _words_name(key: bytes) -> str:
    return "inbox-words:" + hashlib.sha256(b"words" + key).hexdigest()[:32]
