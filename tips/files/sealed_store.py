"""The store of sealed files: one flat folder, a file's name is its id, and no plaintext ever.

A sealed file is a row of chunks of the same size (tips/vault.py): the data, chunks of zeros that hide the length, and a
closing chunk with the length and whatever the writer says of the content, as JSON. The number of data chunks is rounded up
as Padmé does (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files", PETS 2019): at most 12 % more, and a
length gives away no more than its order of magnitude.

A file that nothing in the database names is an upload that was not sent, or what remains of a tip that was deleted: after
an hour `sweep` removes it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from uuid import UUID

from django.conf import settings

from core.atomic_files import flush_folder
from tips import vault
from tips.models import ROUNDING

CHUNK_BYTES = vault.CHUNK_BYTES
SEALED_CHUNK_BYTES = vault.SEALED_CHUNK_BYTES
UNSENT_LIFETIME_SECONDS = 3600
# Below this much room no more files are taken, so that the database beside them goes on.
MIN_FREE_BYTES = 1024**3


class StoreFullError(Exception):
    """No room for more files. Text still has some."""


class WriterBusyError(Exception):
    """Somebody else is writing this very file."""


def file_path(file: UUID) -> Path:
    return store_folder() / str(file)


def store_folder() -> Path:
    """Raises FileNotFoundError when this node has no store."""
    if settings.MEDIA_STORE is None:
        raise FileNotFoundError("MEDIA_STORE is not set")
    path: Path = settings.MEDIA_STORE
    return path


class Writer:
    """Seals into the store what is written to it, chunk by chunk. Plaintext is held in memory only, 64 KiB of it.

    Opened on an existing file it goes on after the last whole chunk: `offset` says where, and no whole chunk is touched
    before the next write. `longest`: how long the file is to become, if that is known. One writer a file at a time: raises WriterBusyError.
    Raises StoreFullError.
    """

    def __init__(self, file: UUID, key: bytes, longest: int | None = None) -> None:
        self.file = file
        self._key = key
        self._pending = bytearray()
        self._untouched = True
        _refuse_when_full()
        descriptor = os.open(file_path(file), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._stream: BinaryIO = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            _lock(self._stream)
            size = os.fstat(descriptor).st_size
            self._stream.truncate(size // SEALED_CHUNK_BYTES * SEALED_CHUNK_BYTES)
            self._chunks = _chunks_of(size, longest)
            self._stream.seek(self._chunks * SEALED_CHUNK_BYTES)
        except BaseException:
            self._stream.close()
            raise

    @property
    def offset(self) -> int:
        """Bytes written so far."""
        return self._chunks * CHUNK_BYTES + len(self._pending)

    def head(self) -> bytes:
        """The first 64 KiB of what was written so far, or all of it."""
        if not self._chunks:
            return bytes(self._pending)
        sealed = os.pread(self._stream.fileno(), SEALED_CHUNK_BYTES, 0)
        return vault.open_chunk(self._key, sealed, self.file, 0, last=False)

    def write(self, content: bytes | memoryview) -> None:
        """Raises StoreFullError too: other files arrive meanwhile."""
        self._pending += content
        whole = len(self._pending) // CHUNK_BYTES * CHUNK_BYTES
        if not whole:
            return
        _refuse_when_full()
        with memoryview(self._pending) as pending:
            for start in range(0, whole, CHUNK_BYTES):
                self._append(bytes(pending[start : start + CHUNK_BYTES]))
        del self._pending[:whole]

    def pause(self) -> int:
        """Put what is whole on the disk, forget the rest, and return the offset from which to go on."""
        self._pending.clear()
        os.fsync(self._stream.fileno())
        flush_folder(store_folder())
        self._stream.close()
        return self.offset

    def finish(self, **content: Any) -> int:
        """Close the file and return its length; once this returns it is on the disk. `content` is kept with it, sealed."""
        length = self.offset
        if self._pending:
            self._append(bytes(self._pending.ljust(CHUNK_BYTES, b"\0")))
            self._pending.clear()
        for _ in range(_padded(self._chunks) - self._chunks):
            self._append(bytes(CHUNK_BYTES))
        closing = json.dumps({"length": length, **content}).encode()
        if len(closing) > CHUNK_BYTES:
            raise ValueError(f"{len(closing)} bytes about a file's content")
        self._append(closing.ljust(CHUNK_BYTES, b" "), last=True)
        _round_times(self._stream)
        os.fsync(self._stream.fileno())
        flush_folder(store_folder())
        self._stream.close()
        return length

    def discard(self) -> None:
        """Remove what was written."""
        self._pending.clear()
        remove_files([self.file])
        self._stream.close()

    def _append(self, plain: bytes, *, last: bool = False) -> None:
        if self._untouched:
            self._stream.truncate(self._chunks * SEALED_CHUNK_BYTES)
            self._untouched = False
        sealed = memoryview(vault.seal_chunk(self._key, plain, self.file, self._chunks, last=last))
        while sealed:
            sealed = sealed[self._stream.write(sealed) :]
        self._chunks += 1


class Reader:
    """A finished file of the store, opened with its key. `content` is what the writer said of it.

    Raises FileNotFoundError, and vault.SealError for another key or bytes that were changed, moved or cut.
    """

    def __init__(self, file: UUID, key: bytes) -> None:
        self.file = file
        self._key = key
        self._stream = file_path(file).open("rb")
        try:
            size = os.fstat(self._stream.fileno()).st_size
            if size % SEALED_CHUNK_BYTES or not size:
                raise vault.SealError("cut short")
            closing = size // SEALED_CHUNK_BYTES - 1
            self.content: dict[str, Any] = json.loads(self._chunk(closing, last=True))
            self.length: int = self.content.pop("length")
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._stream.close()

    def read(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `stop`, in pieces of up to 64 KiB; only their chunks are opened."""
        stop = self.length if stop is None else min(stop, self.length)
        while start < stop:
            number, within = divmod(start, CHUNK_BYTES)
            piece = self._chunk(number)[within : within + stop - start]
            yield piece
            start += len(piece)

    def _chunk(self, number: int, *, last: bool = False) -> bytes:
        self._stream.seek(number * SEALED_CHUNK_BYTES)
        return vault.open_chunk(self._key, self._stream.read(SEALED_CHUNK_BYTES), self.file, number, last=last)


def remove_files(files: Collection[UUID]) -> None:
    """Remove sealed files and what stands beside them. Those already gone are no matter."""
    for file in files:
        file_path(file).unlink(missing_ok=True)
        ticket_path(file).unlink(missing_ok=True)


def ticket_path(file: UUID) -> Path:
    """Where the sealed key of a file stands that was sent ahead of its tip (tips/files/pending_files.py)."""
    return store_folder() / f"{file}.ticket"


def find_resume_offset(file: UUID, longest: int) -> int:
    """From where a file that is not finished goes on; it is to become `longest` bytes. Disturbs nobody who writes it."""
    try:
        return _chunks_of(file_path(file).stat().st_size, longest) * CHUNK_BYTES
    except FileNotFoundError:
        return 0


def _chunks_of(size: int, longest: int | None) -> int:
    """How many chunks of an unfinished file count. A process may have died while it closed the file: then the last chunk of
    the data, and what hides its length, are written again."""
    whole = size // SEALED_CHUNK_BYTES
    return whole if longest is None else min(whole, max(longest - 1, 0) // CHUNK_BYTES)


def touch(file: UUID) -> None:
    """Keep a file for another hour. Raises FileNotFoundError."""
    moment = _rounded_time()
    os.utime(file_path(file), (moment, moment))


def list_stale_files() -> list[UUID]:
    """Files that have not been written to for an hour, nor what stands beside them. Those that no attachment names are
    nobody's."""
    oldest = time.time() - UNSENT_LIFETIME_SECONDS
    written: dict[UUID, float] = {}
    for entry in os.scandir(store_folder()):
        try:
            file, moment = UUID(entry.name.removesuffix(".ticket")), entry.stat().st_mtime
        except (ValueError, FileNotFoundError):
            continue
        written[file] = max(moment, written.get(file, 0))
    return sorted(file for file, moment in written.items() if moment < oldest)


def _refuse_when_full() -> None:
    if shutil.disk_usage(store_folder()).free < MIN_FREE_BYTES:
        raise StoreFullError


def _lock(stream: BinaryIO) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WriterBusyError from None


def _padded(chunks: int) -> int:
    """`chunks` rounded up as Padmé does: only its leading bits may differ from zero."""
    if chunks < 2:
        return chunks
    exponent = chunks.bit_length() - 1
    free_bits = exponent - exponent.bit_length()
    step = 1 << max(free_bits, 0)
    return -(-chunks // step) * step


def _round_times(stream: BinaryIO) -> None:
    """The finest time of arrival in clear is five minutes, for the file system too."""
    moment = _rounded_time()
    os.utime(stream.fileno(), (moment, moment))


def _rounded_time() -> int:
    step = int(ROUNDING.total_seconds())
    return int(time.time()) // step * step
