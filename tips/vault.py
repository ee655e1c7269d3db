"""Seal and open tips and their files: the only door of the tips to cryptography.

libsodium through PyNaCl, no other primitive. Key pairs are in core/keypairs.py, which subscribers' addresses use as well.

- A tip's content is sealed under a random 32-byte key `K`; `K` is sealed to the agency and to the source (sealed boxes).
- Text: XChaCha20-Poly1305, padded to multiples of 512 bytes, bound by its associated data to tip, row, kind, author,
  position and field, so that an attacker who writes the database can neither move nor re-attribute a text.
- Files: chunks of 64 KiB, each under a random nonce and bound to file, chunk number and whether it is the last, so that any
  range opens by itself and cutting, reordering or joining fails (tips/files/sealed_store.py lays the chunks out).
- Agency keys are files: `<number>-<id>.pub` on every node, `<number>-<id>.key` (mode 0600) where officers work. New tips
  are sealed to the highest number. The id is the first 16 hex digits of BLAKE2b of the public key.

Formats (tests/tips/vectors.json fixes each):
    text   0x01 | nonce (24) | ciphertext of the padded UTF-8 text and tag (16)
    key    crypto_box_seal of 32 bytes: 80 bytes
    box    nonce (24) | ciphertext and tag (16)
    signed Ed25519 signature of label and content (64) | content
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
    StoredBytes,
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

# Tips seal only keys to a key pair, the agency's or the media worker's; hence the names.
seal_key_to_newest, seal_key_to, open_key_with = (
    keypairs.seal_to_newest,
    keypairs.seal_to,
    keypairs.open_with_private_half,
)
read_private_half, open_key_seal = keypairs.read_private_half, keypairs.open_seal


@dataclass(frozen=True, slots=True)
class SealContext:
    """The place a sealed text belongs to. Every field is authenticated with the text."""

    tip: UUID
    row: UUID
    kind: str
    author: str
    position: int
    field: str

    def associated_data(self) -> bytes:
        parts = (str(self.kind), str(self.author), str(self.position), self.field)
        return FORMAT + self.tip.bytes + self.row.bytes + "\x00".join(parts).encode()


# The contexts of a tip's texts. "source" and "staff" are values of models.Author, whose module loads the database.


def report_context(tip_id: UUID) -> SealContext:
    return SealContext(tip=tip_id, row=tip_id, kind="report", author="source", position=0, field="report")


def message_context(tip_id: UUID, row_id: UUID, author: str, position: int) -> SealContext:
    return SealContext(tip=tip_id, row=row_id, kind="message", author=author, position=position, field="body")


def note_context(tip_id: UUID, row_id: UUID, position: int) -> SealContext:
    return SealContext(tip=tip_id, row=row_id, kind="note", author="staff", position=position, field="body")


def generate_key() -> bytes:
    return os.urandom(KEY_BYTES)


# Text


def seal_text(key: bytes, text: str, context: SealContext) -> bytes:
    """Return `text` sealed under the 32-byte `key`, padded to a multiple of 512 bytes and bound to its context."""
    padded = sodium.sodium_pad(text.encode("utf-8"), PADDING)
    return FORMAT + _encrypt(key, padded, context.associated_data())


def open_text(key: bytes, sealed: StoredBytes, context: SealContext) -> str:
    """Return the text sealed in `context`. Raises SealError for another key, another context, or changed bytes."""
    content = bytes(sealed)
    if content[:1] != FORMAT:
        raise SealError("unknown format")
    return sodium.sodium_unpad(_decrypt(key, content[1:], context.associated_data()), PADDING).decode("utf-8")


# Files


def seal_chunk(key: bytes, plain: bytes, file: UUID, number: int, *, last: bool) -> bytes:
    """Seal CHUNK_BYTES of a file. A chunk sealed again gets a new nonce, so an interrupted upload may repeat it safely."""
    if len(plain) != CHUNK_BYTES:
        raise ValueError(f"a chunk of {len(plain)} bytes")
    return _encrypt(key, plain, _chunk_context(file, number, last))


def open_chunk(key: bytes, sealed: bytes, file: UUID, number: int, *, last: bool) -> bytes:
    """Return the CHUNK_BYTES of a chunk. Raises SealError for another key, file, number or `last`, and for changed bytes."""
    return _decrypt(key, sealed, _chunk_context(file, number, last))


def _chunk_context(file: UUID, number: int, last: bool) -> bytes:
    return FORMAT + b"chunk" + file.bytes + number.to_bytes(8, "big") + bytes([last])


# Small secrets that only servers see: form tokens, inbox sessions, tickets


def seal_box(key: bytes, plain: bytes, label: bytes) -> bytes:
    """Return `plain` sealed under `key` and bound to `label`, which keeps one use of a key apart from another."""
    return _encrypt(key, plain, label)


def open_box(key: bytes, sealed: bytes, label: bytes) -> bytes:
    """Return the content of a box. Raises SealError for another key, another label, or changed bytes."""
    return _decrypt(key, sealed, label)


# Signatures: marks of forms for callers


def signing_public_half(seed: bytes) -> bytes:
    """Return the public half of the Ed25519 pair that a seed of 32 bytes determines."""
    public: bytes = sodium.crypto_sign_seed_keypair(seed)[0]
    return public


def sign(seed: bytes, content: bytes, label: bytes) -> bytes:
    """Return signature (64 bytes) and content. The signature covers `label`, which keeps one use of a key apart from another."""
    private = sodium.crypto_sign_seed_keypair(seed)[1]
    signature: bytes = sodium.crypto_sign(label + content, private)[: sodium.crypto_sign_BYTES]
    return signature + content


def open_signed(public: bytes, signed: bytes, label: bytes) -> bytes:
    """Return the content of `sign`. Raises SealError for another key or label, and for changed bytes."""
    signature, content = signed[: sodium.crypto_sign_BYTES], signed[sodium.crypto_sign_BYTES :]
    try:
        sodium.crypto_sign_open(signature + label + content, public)
    except (CryptoError, ValueError) as error:
        raise SealError("The signature is not of this key.") from error
    return content


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
        raise SealError("The sealed data can't be opened.") from error


# Receipts


@dataclass(frozen=True, slots=True)
class SourceSecret:
    """The two secrets that a receipt stretches to: `token` finds the tip, `seed` opens it; 32 bytes each."""

    token: bytes
    seed: bytes

    @property
    def token_hash(self) -> bytes:
        return hashlib.sha256(self.token).digest()


def stretch_secret(secret: bytes, salt: bytes) -> SourceSecret:
    """Stretch a receipt with Argon2id. 25 ms and 19 MiB a call: use receipts.stretch_receipt, which waits in a queue."""
    stretched = sodium.crypto_pwhash_alg(
        64, secret, salt, ARGON2_PASSES, ARGON2_BYTES, sodium.crypto_pwhash_ALG_ARGON2ID13
    )
    return SourceSecret(stretched[:32], stretched[32:])


def seal_key_to_source(key: bytes, seed: bytes) -> bytes:
    """Return `key` sealed to the key pair that the source's seed determines: 80 bytes."""
    public, _ = sodium.crypto_box_seed_keypair(seed)
    return sodium.crypto_box_seal(key, public)


def open_key_as_source(sealed: StoredBytes, seed: bytes) -> bytes:
    """Return the key sealed by seal_key_to_source. Raises SealError."""
    return keypairs.open_seal(sealed, *sodium.crypto_box_seed_keypair(seed))


__all__ = [
    "KEY_BYTES",
    "KeyFile",
    "KeyMissingError",
    "KeyStatus",
    "SealError",
    "StoredBytes",
    "create_key_pair",
    "destroy_key_pair",
    "key_files",
    "open_key_seal",
    "open_key_with",
    "read_private_half",
    "seal_key_to",
    "seal_key_to_newest",
    "write_secret",
]
