"""The only door of the tips to cryptography: libsodium through PyNaCl, no other primitive (core/keypairs.py has the
pairs of keys, which subscribers' addresses are sealed to as well).

- A tip's content is sealed under a random 32-byte key `K`; `K` is sealed to the agency and to the source (sealed boxes).
- Text: XChaCha20-Poly1305, padded to multiples of 512 bytes, bound by its associated data to tip, row, kind, author,
  position and field, so that whoever writes the database can neither move nor re-attribute a text.
- Files: chunks of 64 KiB, each under a random nonce and bound to file, number and whether it is the last, so that any
  range opens by itself and cutting, reordering or joining fails (tips/files/sealed_store.py lays the chunks out).
- Agency keys are files: `<number>-<id>.pub` on every node, `<number>-<id>.key` (mode 0600) where officers work. New tips
  are sealed to the highest number. The id is the first 16 hex digits of BLAKE2b of the public key.

Formats (tests/tips/vectors.json fixes each):
    text   0x01 | nonce (24) | ciphertext of the padded UTF-8 text and tag (16)
    key    crypto_box_seal of 32 bytes: 80 bytes
    box    nonce (24) | ciphertext and tag (16)
    chunk  nonce (24) | ciphertext of 65,536 bytes and tag (16): 65,576 bytes
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from uuid import UUID

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from core import keypairs
from core.keypairs import (
    KEY_BYTES,
    KeyFile,
    KeyMissingError,
    KeyStatus,
    SealError,
    Stored,
    create_key_pair,
    destroy_key_pair,
    key_files,
    write_secret,
)

FORMAT = b"\x01"
PADDING = 512
CHUNK_BYTES = 64 * 1024
NONCE_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
SEALED_CHUNK_BYTES = NONCE_BYTES + CHUNK_BYTES + sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES
SALT_BYTES = sodium.crypto_pwhash_SALTBYTES

# OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, 2 passes, 1 lane.
ARGON2_PASSES = 2
ARGON2_BYTES = 19 * 1024 * 1024

# What the tips seal to a pair is always a key: the agency's pair, and the media worker's.
seal_key_to_newest, seal_key_to, open_key_with = keypairs.seal_to_newest, keypairs.seal_to, keypairs.open_with


@dataclass(frozen=True, slots=True)
class SealContext:
    """Where a sealed text belongs; every part is authenticated with it."""

    tip: UUID
    row: UUID
    kind: str
    author: str
    position: int
    field: str

    def associated_data(self) -> bytes:
        parts = (str(self.kind), str(self.author), str(self.position), self.field)
        return FORMAT + self.tip.bytes + self.row.bytes + "\x00".join(parts).encode()


def generate_key() -> bytes:
    return os.urandom(KEY_BYTES)


# Text


def seal_text(key: bytes, text: str, place: SealContext) -> bytes:
    padded = sodium.sodium_pad(text.encode("utf-8"), PADDING)
    return FORMAT + _encrypt(key, padded, place.associated_data())


def open_text(key: bytes, sealed: Stored, place: SealContext) -> str:
    """The text sealed at `place`. Raises SealError for another key, another place, or changed bytes."""
    content = bytes(sealed)
    if content[:1] != FORMAT:
        raise SealError("unknown format")
    return sodium.sodium_unpad(_decrypt(key, content[1:], place.associated_data()), PADDING).decode("utf-8")


# Files


def seal_chunk(key: bytes, plain: bytes, file: UUID, number: int, *, last: bool) -> bytes:
    """`plain` is CHUNK_BYTES long. Sealed twice it takes two nonces: nothing is reused when a broken line goes on."""
    if len(plain) != CHUNK_BYTES:
        raise ValueError(f"a chunk of {len(plain)} bytes")
    return _encrypt(key, plain, _chunk_place(file, number, last))


def open_chunk(key: bytes, sealed: bytes, file: UUID, number: int, *, last: bool) -> bytes:
    """CHUNK_BYTES. Raises SealError for another key, file, number or end, and for changed bytes."""
    return _decrypt(key, sealed, _chunk_place(file, number, last))


def _chunk_place(file: UUID, number: int, last: bool) -> bytes:
    return FORMAT + b"chunk" + file.bytes + number.to_bytes(8, "big") + bytes([last])


# Small secrets that only servers see: form tokens, inbox seeds


def seal_box(key: bytes, plain: bytes, label: bytes) -> bytes:
    return _encrypt(key, plain, label)


def open_box(key: bytes, sealed: bytes, label: bytes) -> bytes:
    """Raises SealError for another key, another label, or changed bytes."""
    return _decrypt(key, sealed, label)


def _encrypt(key: bytes, plain: bytes, associated: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, associated, nonce, key)


def _decrypt(key: bytes, sealed: bytes, associated: bytes) -> bytes:
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    if len(nonce) != NONCE_BYTES:
        raise SealError("cut short")
    try:
        return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, associated, nonce, key)
    except (CryptoError, ValueError) as error:
        raise SealError("does not open") from error


# The source's side


@dataclass(frozen=True, slots=True)
class SourceSecret:
    """What a receipt stretches to: `token` finds the tip, `seed` opens it."""

    token: bytes
    seed: bytes

    @property
    def token_hash(self) -> bytes:
        return hashlib.sha256(self.token).digest()


def stretch_secret(secret: bytes, salt: bytes) -> SourceSecret:
    """Argon2id to 64 bytes. 25 ms and 19 MiB: callers wait in line (receipts.stretched)."""
    stretched = sodium.crypto_pwhash_alg(
        64, secret, salt, ARGON2_PASSES, ARGON2_BYTES, sodium.crypto_pwhash_ALG_ARGON2ID13
    )
    return SourceSecret(stretched[:32], stretched[32:])


def seal_key_to_source(key: bytes, seed: bytes) -> bytes:
    public, _ = sodium.crypto_box_seed_keypair(seed)
    return sodium.crypto_box_seal(key, public)


def open_key_as_source(sealed: Stored, seed: bytes) -> bytes:
    return keypairs.open_seal(sealed, *sodium.crypto_box_seed_keypair(seed))


__all__ = [
    "KEY_BYTES",
    "KeyFile",
    "KeyMissingError",
    "KeyStatus",
    "SealError",
    "Stored",
    "create_key_pair",
    "destroy_key_pair",
    "key_files",
    "open_key_with",
    "seal_key_to",
    "seal_key_to_newest",
    "write_secret",
]
