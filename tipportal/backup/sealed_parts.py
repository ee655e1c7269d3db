"""Parts: streams sealed in chunks under a key of their own, which is sealed to the backup key.

A part has the layout of a sealed file (tips/files/sealed_store.py): chunks of data, chunks of zeros up to a coarse step, and a
closing chunk with the length. Cutting, reordering and joining fail, and memory stays at a few chunks.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

from core.atomic_files import flush_folder
from tipportal.backup.errors import BackupError
from tips import vault

CHUNK_BYTES = vault.CHUNK_BYTES
SEALED_CHUNK_BYTES = vault.SEALED_CHUNK_BYTES
_DIGEST_BYTES = 32
_READ_BYTES = 1024**2


@dataclass(frozen=True, slots=True)
class Part:
    """A finished part: length in bytes and BLAKE2b of the sealed stream, and its key, sealed to the backup key `key_id`."""

    id: str
    bytes: int
    digest: str
    key_id: str
    sealed_key: str


class PartWriter:
    """A part that is being written. `step_bytes`: its length is rounded up to this, or to a sixteenth if that is more.

    A part that is not finished is removed at the end of the `with` statement, and by the next backup if this process is killed.
    """

    def __init__(self, folder: Path, step_bytes: int) -> None:
        self.id = uuid4()
        self.key = vault.generate_key()
        self.length = 0
        self._path = folder / str(self.id)
        self._step_chunks = max(1, step_bytes // CHUNK_BYTES)
        self._pending = bytearray()
        self._chunks = 0
        self._digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        self._stream = open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")  # noqa: SIM115
        self._is_finished = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_finished:
            self._path.unlink(missing_ok=True)
            self._stream.close()

    def write(self, content: bytes) -> None:
        self.length += len(content)
        self._pending += content
        whole = len(self._pending) // CHUNK_BYTES * CHUNK_BYTES
        with memoryview(self._pending) as pending:
            for start in range(0, whole, CHUNK_BYTES):
                self._append(bytes(pending[start : start + CHUNK_BYTES]))
        del self._pending[:whole]

    def finish(self, public: vault.KeyFile) -> Part:
        """Close the part; once this returns it is on the disk."""
        if self._pending:
            self._append(bytes(self._pending.ljust(CHUNK_BYTES, b"\0")))
        step = max(self._step_chunks, 1 << max(0, self._chunks.bit_length() - 5))
        for _ in range(-self._chunks % step if self._chunks else step):
            self._append(bytes(CHUNK_BYTES))
        self._append(json.dumps({"length": self.length}).encode().ljust(CHUNK_BYTES), last=True)
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        flush_folder(self._path.parent)
        self._is_finished = True
        sealed_key = vault.seal_key_to(self.key, public).hex()
        return Part(str(self.id), self._chunks * SEALED_CHUNK_BYTES, self._digest.hexdigest(), public.id, sealed_key)

    def _append(self, plain: bytes, *, last: bool = False) -> None:
        sealed = vault.seal_chunk(self.key, plain, self.id, self._chunks, last=last)
        self._digest.update(sealed)
        self._stream.write(sealed)
        self._chunks += 1


class PartReader:
    """A part opened with its key. Raises BackupError if it is cut, changed, or another one."""

    def __init__(self, folder: Path, part: Part, key: bytes) -> None:
        self._part, self._key = part, key
        self._id = UUID(part.id)
        try:
            self._stream = (folder / part.id).open("rb")
        except OSError as error:
            raise _missing(part) from error
        closing = part.bytes // SEALED_CHUNK_BYTES - 1
        self.length: int = json.loads(self._open_chunk(closing, last=True))["length"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `stop` in pieces of up to 64 KiB."""
        stop = self.length if stop is None else stop
        while start < stop:
            number, within = divmod(start, CHUNK_BYTES)
            piece = self._open_chunk(number)[within : within + stop - start]
            yield piece
            start += len(piece)

    def _open_chunk(self, number: int, *, last: bool = False) -> bytes:
        self._stream.seek(number * SEALED_CHUNK_BYTES)
        try:
            return vault.open_chunk(self._key, self._stream.read(SEALED_CHUNK_BYTES), self._id, number, last=last)
        except vault.SealError as error:
            raise _damaged(self._part) from error


def check_part(folder: Path, part: Part) -> None:
    """Compare a part's length and digest with the manifest's. Raises BackupError."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    size = 0
    try:
        with (folder / part.id).open("rb") as stream:
            while piece := stream.read(_READ_BYTES):
                digest.update(piece)
                size += len(piece)
    except FileNotFoundError as error:
        raise _missing(part) from error
    if size != part.bytes or not hmac.compare_digest(digest.hexdigest(), part.digest):
        raise _damaged(part)


def _missing(part: Part) -> BackupError:
    return BackupError(
        f"The part {part.id} of this backup is missing. Restore another backup or another copy of this one."
    )


def _damaged(part: Part) -> BackupError:
    return BackupError(
        f"The part {part.id} of this backup is cut short or was changed. Restore another backup or another copy of this one."
    )
