"""Key pairs in files, and sealing to them. Only four modules use this one: tips/vault.py, core/mail/subscriber_addresses.py,
tips/officer_alerts/channel_addresses.py and outreach/channels/channel_addresses.py.

A pair is `<number>-<id>.pub` on nodes that seal and `<number>-<id>.key` (mode 0600) on nodes that open. New content is
sealed to the pair with the highest number. The id is the first 16 hex digits of BLAKE2b of the public key.

A labeled seal names its pair (tests/core/mail/test_subscriber_addresses.py fixes the format):
    0x01 | id of the pair (8) | crypto_box_seal of the content
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from core.atomic_files import write_atomically

KEY_BYTES = 32
# Binary columns of the database arrive as either.
StoredBytes = bytes | memoryview

_LABELED = b"\x01"
_ID_BYTES = 8
_KEY_FILE = re.compile(r"(\d{4})-([0-9a-f]{16})\.(pub|key)")


class SealError(Exception):
    """A seal does not open: wrong key, or the stored bytes were changed, moved or cut."""


class KeyMissingError(Exception):
    """A key is missing on this node. The message says which and where it should be."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    number: int
    id: str
    path: Path


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One pair: whether new content is sealed to it, whether its private half is here, how many seals it holds."""

    id: str
    is_newest: bool
    has_private_half: bool
    seal_count: int


def key_files(folder: Path | None, suffix: str) -> list[KeyFile]:
    """Return the keys in `folder`, oldest first. `suffix` is "pub" or "key"."""
    if folder is None or not folder.is_dir():
        return []
    matches = ((_KEY_FILE.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted(
        (KeyFile(int(match[1]), match[2], path) for match, path in matches if match and match[3] == suffix),
        key=lambda file: file.number,
    )


def create_key_pair(
    public_folder: Path, private_folder: Path, before_public: Callable[[str], object] | None = None
) -> str:
    """Write a new pair and return its id. Later seals use it.

    The private half is written first; then `before_public` may make the id known; then comes the public half.
    """
    public_folder.mkdir(parents=True, exist_ok=True)
    private_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    public, private = sodium.crypto_box_keypair()
    known = key_files(public_folder, "pub") + key_files(private_folder, "key")
    number = 1 + max((file.number for file in known), default=0)
    key_id = _compute_key_id(public)
    write_secret(private_folder / f"{number:04}-{key_id}.key", private)
    if before_public is not None:
        before_public(key_id)
    write_secret(public_folder / f"{number:04}-{key_id}.pub", public, mode=0o644)
    return key_id


def destroy_key_pair(key_id: str, public_folder: Path, private_folder: Path) -> None:
    """Overwrite and remove both halves. On flash disks and copied file systems overwriting promises nothing: SECURITY.md."""
    for file in key_files(public_folder, "pub") + key_files(private_folder, "key"):
        if file.id == key_id:
            with file.path.open("r+b") as stream:
                stream.write(os.urandom(KEY_BYTES))
                stream.flush()
                os.fsync(stream.fileno())
            file.path.unlink()


def write_secret(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all, and never over an existing one."""
    write_atomically(path, content, mode=mode, overwrite=False)


def seal_to_newest(content: bytes, public_folder: Path | None) -> tuple[str, bytes]:
    """Return the id of the newest key in the folder, and `content` sealed to it. Raises KeyMissingError if there is none."""
    files = key_files(public_folder, "pub")
    if not files:
        raise KeyMissingError(
            f"There is no public key in {public_folder}. docs/installation.md says how to create one."
        )
    return files[-1].id, seal_to(content, files[-1])


def seal_to(content: bytes, file: KeyFile) -> bytes:
    return sodium.crypto_box_seal(content, _read_public(file.path, file.id))


@lru_cache(maxsize=16)
def _read_public(path: Path, key_id: str) -> bytes:
    public = path.read_bytes()
    if len(public) != KEY_BYTES or not hmac.compare_digest(_compute_key_id(public), key_id):
        raise KeyMissingError(f"{path} is damaged: its content doesn't match its name.")
    return public


def seal_labeled(content: bytes, public_folder: Path | None) -> bytes:
    """Seal `content` to the newest pair in the folder, in a labeled seal. Raises KeyMissingError if there is none."""
    key_id, sealed = seal_to_newest(content, public_folder)
    return seal_label(key_id) + sealed


def open_labeled(sealed: StoredBytes, private_folder: Path | None) -> bytes:
    """Open a labeled seal. Raises KeyMissingError and SealError as open_with_private_half() does."""
    return open_with_private_half(bytes(sealed)[len(_LABELED) + _ID_BYTES :], read_key_id(sealed), private_folder)


def read_key_id(sealed: StoredBytes) -> str:
    """Return the id of the pair of a labeled seal. Raises SealError."""
    content = bytes(sealed)
    if not content.startswith(_LABELED) or len(content) <= len(_LABELED) + _ID_BYTES:
        raise SealError("unknown format")
    return content[len(_LABELED) :][:_ID_BYTES].hex()


def seal_label(key_id: str) -> bytes:
    """Return the first bytes of each labeled seal to this pair."""
    return _LABELED + bytes.fromhex(key_id)


def open_with_private_half(sealed: StoredBytes, key_id: str, private_folder: Path | None) -> bytes:
    """Open content sealed to this pair. Raises KeyMissingError if its private half is not here, SealError if damaged."""
    return open_seal(sealed, *read_private_half(key_id, private_folder))


def read_private_half(key_id: str, private_folder: Path | None) -> tuple[bytes, bytes]:
    """Return the public and private half of a pair, to open many seals with open_seal(). Raises KeyMissingError."""
    for file in key_files(private_folder, "key"):
        if file.id == key_id:
            private = file.path.read_bytes()
            return sodium.crypto_scalarmult_base(private), private
    raise KeyMissingError(
        f"The private half of key {key_id} is not in {private_folder}. Restore it from your safe copy."
    )


def open_seal(sealed: StoredBytes, public: bytes, private: bytes) -> bytes:
    """Open content sealed to this public key. Raises SealError."""
    try:
        return sodium.crypto_box_seal_open(bytes(sealed), public, private)
    except (CryptoError, ValueError) as error:
        raise SealError("The sealed data can't be opened.") from error


def _compute_key_id(public: bytes) -> str:
    return hashlib.blake2b(public, digest_size=8).hexdigest()
