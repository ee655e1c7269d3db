"""The salt of receipts, and the fingerprint by which the database knows it.

With another salt no receipt opens its tip, and tips that are sent meanwhile are lost once the right one is back. So the first
process that uses a salt with a database stores a fingerprint there, and any other salt is refused from then on.

The fingerprint is the hash of the look-up token that Argon2id derives from the salt and a label that is no receipt: it says
nothing about the salt, and a thief of the database who guesses at a salt pays as much for each guess as for a receipt.
"""

from __future__ import annotations

import hmac
from functools import cache

from django.apps import apps
from django.conf import settings

from tips import vault
from tips.vault import KeyMissingError

_LABEL = b"fingerprint of the salt"


class WrongSaltError(KeyMissingError):
    """The salt is not the one that this database's receipts were made with. The message is a sentence for the operator."""


@cache
def read_salt() -> bytes:
    """Return the salt of this node's receipts, compared with the database the first time.

    Raises KeyMissingError without a salt, WrongSaltError for another one, and DatabaseError.
    """
    salt = _read_file()
    fingerprint = vault.stretch_secret(_LABEL, salt).token_hash
    if not hmac.compare_digest(_find_or_store(fingerprint), fingerprint):
        raise WrongSaltError(
            f"{settings.RECEIPT_SALT} isn't the salt that this database's receipts were made with, so none would open its"
            " tip. Restore the file from your safe copy, or name the right database in DATABASE_URL."
        )
    return salt


def _read_file() -> bytes:
    if settings.RECEIPT_SALT is None:
        raise KeyMissingError("RECEIPT_SALT is not set on this node")
    try:
        salt: bytes = settings.RECEIPT_SALT.read_bytes()
    except OSError as error:
        raise KeyMissingError(f"{settings.RECEIPT_SALT} can't be read: {error.strerror}") from None
    if len(salt) != vault.SALT_BYTES:
        raise KeyMissingError(f"{settings.RECEIPT_SALT} must hold {vault.SALT_BYTES} bytes")
    return salt


def _find_or_store(fingerprint: bytes) -> bytes:
    """Return the fingerprint that the database has. It keeps the given one if it has none."""
    # By its name: gunicorn imports this module, through that of form tokens, before models can be.
    model = apps.get_model("tips", "SaltFingerprint")
    rows = model._default_manager.values_list("digest", flat=True)
    stored = rows.first()
    if stored is None:
        model._default_manager.bulk_create([model(digest=fingerprint)], ignore_conflicts=True)
        stored = rows.get()
    return bytes(stored)


__all__ = ["KeyMissingError", "WrongSaltError", "read_salt"]
