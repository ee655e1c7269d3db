"""Seals what an account has typed into a token that opens for that account alone (XChaCha20-Poly1305, libsodium).

The sign-in page that follows an ended session holds the token. A colleague may sign in there next: without this server's key they
can't read it, and the server opens it for its author only. Nothing is stored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os

from django.conf import settings
from nacl import bindings as sodium
from nacl.exceptions import CryptoError

_NONCE_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

Fields = list[tuple[str, list[str]]]


def seal(fields: Fields, account_id: int) -> str:
    """Return the fields, each a name with its values, as a token for this account."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        json.dumps(fields).encode(), _context(account_id), nonce, _key()
    )
    return base64.urlsafe_b64encode(nonce + sealed).decode()


def open_token(token: str, account_id: int) -> Fields | None:
    """Return the sealed fields, or None if the token is another account's, was changed, or comes from another server."""
    try:
        content = base64.urlsafe_b64decode(token.encode())
        opened = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
            content[_NONCE_BYTES:], _context(account_id), content[:_NONCE_BYTES], _key()
        )
    except (CryptoError, ValueError, TypeError, binascii.Error):
        return None
    return [(name, values) for name, values in json.loads(opened)]


def _context(account_id: int) -> bytes:
    return f"typed by account {account_id}".encode()


def _key() -> bytes:
    return hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"sealed posts").digest()
