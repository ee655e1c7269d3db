"""Seals the secrets of second factors at rest (XChaCha20-Poly1305, libsodium), under keys that the staff side alone has.

FACTOR_KEY names a file of one or more keys of 32 bytes, the newest first: the first one seals, all of them open. A copy of the
database opens none. The sealed text is the id of its key, a dot, and nonce and ciphertext in base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path

from django.conf import settings
from nacl import bindings as sodium
from nacl.exceptions import CryptoError

KEY_BYTES = 32
_NONCE_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_CONTEXT = b"second factor 1"


class FactorKeyMissingError(Exception):
    """FACTOR_KEY is not set or its file is damaged. The message is a sentence that says what to do."""


class FactorSealError(Exception):
    """A sealed secret does not open: another key sealed it, or the stored text was changed."""


def seal_secret(secret: str) -> str:
    """Return the secret sealed with the newest key. Raises FactorKeyMissingError."""
    key = read_keys()[0]
    nonce = os.urandom(_NONCE_BYTES)
    sealed = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(secret.encode(), _CONTEXT, nonce, key)
    return f"{identify_key(key)}.{base64.b64encode(nonce + sealed).decode()}"


def open_secret(sealed: str) -> str:
    """Return the secret. Raises FactorSealError and FactorKeyMissingError."""
    key_id, _dot, text = sealed.partition(".")
    key = next((key for key in read_keys() if identify_key(key) == key_id), None)
    if key is None:
        raise FactorSealError(f"Key {key_id} isn't in FACTOR_KEY. Restore the file from your safe copy.")
    try:
        content = base64.b64decode(text, validate=True)
        opened = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
            content[_NONCE_BYTES:], _CONTEXT, content[:_NONCE_BYTES], key
        )
    except (CryptoError, ValueError, binascii.Error) as error:
        raise FactorSealError("A stored second factor was changed, so it can't be opened.") from error
    return bytes(opened).decode()


def seal_owner(account_id: int, material: str) -> str:
    """Return the proof that a factor made from this material is this account's, sealed so that only the staff side makes it."""
    return seal_secret(_digest(account_id, material))


def is_owner(account_id: int, material: str, proof: str) -> bool:
    """Return whether `seal_owner` made the proof for both: not for a factor that was written or copied into the database."""
    try:
        return hmac.compare_digest(open_secret(proof), _digest(account_id, material))
    except FactorSealError:
        return False


def _digest(account_id: int, material: str) -> str:
    return hashlib.blake2b(f"{account_id} {material}".encode(), digest_size=32, person=b"factor owner").hexdigest()


def read_keys() -> list[bytes]:
    """Return the keys, newest first. Raises FactorKeyMissingError."""
    path: Path | None = settings.FACTOR_KEY
    if path is None:
        raise FactorKeyMissingError("FACTOR_KEY isn't set on this machine, so nobody can sign in. Set it.")
    content = path.read_bytes() if path.is_file() else b""
    if not content or len(content) % KEY_BYTES:
        raise FactorKeyMissingError(f"{path} must have {KEY_BYTES} bytes. Restore it from your safe copy.")
    return [content[start : start + KEY_BYTES] for start in range(0, len(content), KEY_BYTES)]


def identify_key(key: bytes) -> str:
    """Return the public id of a key: 8 hex digits of its digest."""
    return hashlib.blake2b(key, digest_size=4, person=b"factor key id").hexdigest()
