"""The only door of the tips to cryptography: libsodium through PyNaCl, no other primitive.

- A tip's content is sealed under a random 32-byte key `K`; `K` is sealed to the agency and to the source (sealed boxes).
- Text: XChaCha20-Poly1305, padded to multiples of 512 bytes, bound by its associated data to tip, row, kind, author,
  position and field, so that whoever writes the database can neither move nor re-attribute a text.
- Files: chunks of 64 KiB, each under a random nonce and bound to file, number and whether it is the last, so that any
  range opens by itself and cutting, reordering or joining fails (tips/store.py lays the chunks out).
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
import hmac
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

KEY_BYTES = 32
# A column of the database comes as either.
Stored = bytes | memoryview
FORMAT = b"\x01"
PADDING = 512
CHUNK_BYTES = 64 * 1024
NONCE_BYTES = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
SEALED_CHUNK_BYTES = NONCE_BYTES + CHUNK_BYTES + sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES
SALT_BYTES = sodium.crypto_pwhash_SALTBYTES

# OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, 2 passes, 1 lane.
ARGON2_PASSES = 2
ARGON2_BYTES = 19 * 1024 * 1024

_KEY_FILE = re.compile(r"(\d{4})-([0-9a-f]{16})\.(pub|key)")


class SealError(Exception):
    """A seal does not open: wrong key, or the stored bytes were changed, moved or cut."""


class KeyMissingError(Exception):
    """No agency key where one is needed. The message says which and where."""


@dataclass(frozen=True, slots=True)
class Place:
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


def random_key() -> bytes:
    return os.urandom(KEY_BYTES)


# Text


def seal_text(key: bytes, text: str, place: Place) -> bytes:
    padded = sodium.sodium_pad(text.encode("utf-8"), PADDING)
    return FORMAT + _encrypt(key, padded, place.associated_data())


def open_text(key: bytes, sealed: Stored, place: Place) -> str:
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


def stretch(secret: bytes, salt: bytes) -> SourceSecret:
    """Argon2id to 64 bytes. 25 ms and 19 MiB: callers wait in line (receipts.stretched)."""
    stretched = sodium.crypto_pwhash_alg(
        64, secret, salt, ARGON2_PASSES, ARGON2_BYTES, sodium.crypto_pwhash_ALG_ARGON2ID13
    )
    return SourceSecret(stretched[:32], stretched[32:])


def seal_key_to_source(key: bytes, seed: bytes) -> bytes:
    public, _ = sodium.crypto_box_seed_keypair(seed)
    return sodium.crypto_box_seal(key, public)


def open_key_as_source(sealed: Stored, seed: bytes) -> bytes:
    return _open_seal(sealed, *sodium.crypto_box_seed_keypair(seed))


def _open_seal(sealed: Stored, public: bytes, private: bytes) -> bytes:
    try:
        return sodium.crypto_box_seal_open(bytes(sealed), public, private)
    except (CryptoError, ValueError) as error:
        raise SealError("does not open") from error


# Pairs of keys in files: the agency's, and the media worker's


@dataclass(frozen=True, slots=True)
class KeyFile:
    number: int
    id: str
    path: Path


def key_files(folder: Path | None, suffix: str) -> list[KeyFile]:
    """Keys in `folder`, oldest first. `suffix` is "pub" or "key"."""
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
    """Write a new pair and return its id. What is sealed next is sealed to it.

    Private half first; then `before_public` may make the id known; then the public half, which intake reads.
    """
    public_folder.mkdir(parents=True, exist_ok=True)
    private_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    public, private = sodium.crypto_box_keypair()
    known = key_files(public_folder, "pub") + key_files(private_folder, "key")
    number = 1 + max((file.number for file in known), default=0)
    key_id = _id_of(public)
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
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.link(partial, path)
    partial.unlink()


def seal_key_to_newest(key: bytes, public_folder: Path | None) -> tuple[str, bytes]:
    """(id of the newest key in the folder, `key` sealed to it). Raises KeyMissingError when there is none."""
    files = key_files(public_folder, "pub")
    if not files:
        raise KeyMissingError(f"no public key in {public_folder}: docs/installation.md says how one is made")
    return files[-1].id, seal_key_to(key, files[-1])


def seal_key_to(key: bytes, file: KeyFile) -> bytes:
    return sodium.crypto_box_seal(key, _read_public(file.path, file.id))


@lru_cache(maxsize=16)
def _read_public(path: Path, key_id: str) -> bytes:
    public = path.read_bytes()
    if len(public) != KEY_BYTES or not hmac.compare_digest(_id_of(public), key_id):
        raise KeyMissingError(f"{path} is damaged: its content does not match its name")
    return public


def open_key_with(sealed: Stored, key_id: str, private_folder: Path | None) -> bytes:
    """Raises KeyMissingError when the private half is not on this node, SealError when the seal is damaged."""
    for file in key_files(private_folder, "key"):
        if file.id == key_id:
            private = file.path.read_bytes()
            return _open_seal(sealed, sodium.crypto_scalarmult_base(private), private)
    raise KeyMissingError(f"the private half of key {key_id} is not in {private_folder}")


def _id_of(public: bytes) -> str:
    return hashlib.blake2b(public, digest_size=8).hexdigest()
