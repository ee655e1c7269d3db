"""Subscribers' email addresses, for map alerts and event reminders: the only module that seals and opens them.

- The public side seals an address, with the secret of the links in the mails, to a key pair; it has only the public half.
  Only the bulk worker, which sends the mails, has the private half (`<number>-<id>.key`).
- The database recognizes an address by a keyed hash, and a link by a plain hash of its secret (32 random bytes). Neither hash
  can be reversed.

    contact = Contact(normalize_address(form_text), create_secret())  # raises EmailAddressError
    row.sealed_contact, row.address_hash = seal_contact(contact), hash_address(contact.address)
    row.link_hash = hash_secret(contact.secret)
    open_contact(row.sealed_contact)                                 # returns the Contact; bulk worker only

Format (tests/core/mail/test_subscriber_addresses.py fixes it):
    contact   labeled seal (core/keypairs.py) of secret (32) and address in ASCII, padded with zeros (256)
All are 345 bytes long. A pair is replaced by `manage.py addresses create-key` and `rotate` (core/mail/subscriber_keys.py).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.utils.translation import gettext as _

from core import keypairs
from core.keypairs import KEY_BYTES, KeyMissingError, KeyStatus, SealError, StoredBytes, read_key_id, seal_label
from core.mail import idn_domains

MAX_ADDRESS_LENGTH = 254  # characters (RFC 5321 4.5.3.1.3, less the brackets)
SECRET_BYTES = 32
HASH_BYTES = 32
_ADDRESS_BYTES = 256


class EmailAddressError(ValueError):
    """The text is not an address that mail can be sent to. The message is a sentence for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A mail recipient and the secret in the links of their mails; neither appears in a log or an error report."""

    address: str = field(repr=False)
    secret: bytes = field(repr=False)


class SealedContactField(models.BinaryField):
    """A column of contacts, or of other content sealed to the same pair. Key rotation finds the columns to reseal by this type."""


# Input


def normalize_address(text: str) -> str:
    """Return the address with its local part as typed and its domain in lower-case ASCII. Raises EmailAddressError."""
    local, at, domain = text.strip().rpartition("@")
    try:
        if not at or len(text) > 4 * MAX_ADDRESS_LENGTH:
            raise ValueError
        address = f"{local}@{idn_domains.encode_domain(domain)}"
        validate_email(address)
        if not address.isascii() or len(address) > MAX_ADDRESS_LENGTH or re.search(r'[\s"<>\[]', address):
            raise ValueError
    except (ValidationError, ValueError):
        raise EmailAddressError(
            _("We can't send to this email address. Check it: it should look like name@example.org.")
        ) from None
    return address


# Hashes and seals in the database


def hash_address(address: str) -> bytes:
    """Return a keyed hash of a normalized address, ignoring case. Raises KeyMissingError."""
    return hashlib.blake2b(address.lower().encode(), key=_hash_key(), digest_size=HASH_BYTES).digest()


def _hash_key() -> bytes:
    path = settings.ADDRESS_HASH_KEY
    if path is None:
        raise KeyMissingError("ADDRESS_HASH_KEY is not set on this node, so no address can be taken.")
    try:
        key: bytes = path.read_bytes()
    except OSError:
        key = b""
    if len(key) != KEY_BYTES:
        raise KeyMissingError(f"{path} must have {KEY_BYTES} bytes. Restore it from your safe copy.")
    return key


def seal_contact(contact: Contact) -> bytes:
    """Seal a contact to the newest pair. Raises KeyMissingError if this node has none."""
    content = contact.secret + contact.address.encode("ascii").ljust(_ADDRESS_BYTES, b"\0")
    if len(content) != SECRET_BYTES + _ADDRESS_BYTES:
        raise ValueError("not a secret and a normalised address")
    return keypairs.seal_labeled(content, settings.ADDRESS_PUBLIC_KEYS)


def open_contact(sealed: StoredBytes) -> Contact:
    """Open a sealed contact. Raises KeyMissingError on every node but the bulk worker's, SealError for changed bytes."""
    opened = keypairs.open_labeled(sealed, settings.ADDRESS_PRIVATE_KEYS)
    return Contact(opened[SECRET_BYTES:].rstrip(b"\0").decode("ascii"), opened[:SECRET_BYTES])


def reseal(sealed: StoredBytes) -> bytes:
    """Seal the content of a column of this type to the newest pair, whatever it is. Bulk worker only, as `open_contact`."""
    return keypairs.seal_labeled(
        keypairs.open_labeled(sealed, settings.ADDRESS_PRIVATE_KEYS), settings.ADDRESS_PUBLIC_KEYS
    )


# Links


def create_secret() -> bytes:
    return os.urandom(SECRET_BYTES)


def hash_secret(secret: bytes) -> bytes:
    """All that the database keeps of a link outside of the seal: sha256(secret), which its functions compute as well."""
    return hashlib.sha256(secret).digest()


def encode_secret(secret: bytes) -> str:
    """The secret as it is written in a link: 43 letters, digits, "-" and "_"."""
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def decode_secret(text: str) -> bytes | None:
    """Return the secret of a link, or None if the text cannot be one."""
    try:
        secret = base64.urlsafe_b64decode(text + "=") if re.fullmatch(r"[\w-]{43}", text, re.ASCII) else b""
    except (binascii.Error, ValueError):
        return None
    return secret if len(secret) == SECRET_BYTES else None


# The pair


def create_key_pair() -> str:
    """Create a pair in the folders of this node and return its id. Later contacts are sealed to it."""
    return keypairs.create_key_pair(*_folders())


def list_key_ids() -> list[str]:
    """Return the ids of the pairs whose private half is here, oldest first."""
    return [file.id for file in keypairs.key_files(settings.ADDRESS_PRIVATE_KEYS, "key")]


def newest_key_id() -> str:
    """Return the id of the pair that `seal_contact` uses; empty if there is none."""
    files = keypairs.key_files(settings.ADDRESS_PUBLIC_KEYS, "pub")
    return files[-1].id if files else ""


def destroy_key_pair(key_id: str) -> None:
    """Destroy a pair. Contacts still sealed to it can never be opened again."""
    keypairs.destroy_key_pair(key_id, *_folders())


def _folders() -> tuple[Path, Path]:
    public, private = settings.ADDRESS_PUBLIC_KEYS, settings.ADDRESS_PRIVATE_KEYS
    if public is None or private is None:
        raise KeyMissingError(
            "ADDRESS_PUBLIC_KEYS and ADDRESS_PRIVATE_KEYS must both be set: run this as the bulk role."
        )
    return public, private


__all__ = [
    "Contact", "EmailAddressError", "KeyMissingError", "KeyStatus", "SealError", "SealedContactField", "read_key_id", "seal_label",
]  # fmt: skip
