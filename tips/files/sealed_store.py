"""The store of sealed files: one flat folder, a file's name is its id, and no plaintext ever.

A sealed file is a sequence of chunks of the same size (tips/vault.py): the data, chunks of zeros that hide the length, and
a closing chunk with the length and the writer's description of the content, as JSON. The number of data chunks is rounded
up as Padmé does (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files", PETS 2019): at most 12 % more, and a
length gives away no more than its order of magnitude.

A file without a row in the database is an upload that was never sent, or belongs to a deleted tip: the media worker removes
it after an hour (tips/files/media_worker.py).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
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
PAGE_MARK_BYTES = 16  # at the beginning of a ticket's file: equal for the pending files of one page
# With less free space no more files are accepted, so that the database on the same disk can go on.
MIN_FREE_BYTES = 1024**3


class StoreFullError(Exception):
    """The disk has no room for more files. Texts still fit."""


class WriterBusyError(Exception):
    """Another request is writing this file."""


def file_path(file: UUID) -> Path:
    """Return the path of a sealed file. Raises FileNotFoundError when this node has no store."""
    return store_folder() / str(file)


def store_folder() -> Path:
    """Return the folder of the store. Raises FileNotFoundError when this node has none."""
    if settings.MEDIA_STORE is None:
        raise FileNotFoundError("MEDIA_STORE is not set")
    path: Path = settings.MEDIA_STORE
    return path


def file_mode() -> int:
    """Return the mode of files in the store: in a folder that gives its group to new files (setgid), the group reads them.

    The public, media and staff roles are different Unix users, and each opens what the others have sealed.
    """
    return 0o640 if store_folder().stat().st_mode & stat.S_ISGID else 0o600


class Writer:
    """A file of the store that is being written: sealed chunk by chunk, with at most 64 KiB of plaintext, in memory.

    On an existing file it continues after the last whole chunk: `offset` says where, and whole chunks stay untouched until
    the next write. `final_bytes`: how long the file is to become, if that is known.

    Raises WriterBusyError when the file has a writer already, and StoreFullError.
    """

    def __init__(self, file: UUID, key: bytes, final_bytes: int | None = None) -> None:
        self.file = file
        self._key = key
        self._pending = bytearray()
        self._is_untouched = True
        _refuse_when_full()
        descriptor = os.open(file_path(file), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._stream: BinaryIO = os.fdopen(descriptor, "r+b", buffering=0)
        try:
            _lock_stream(self._stream)
            os.fchmod(descriptor, file_mode())
            size = os.fstat(descriptor).st_size
            self._stream.truncate(size // SEALED_CHUNK_BYTES * SEALED_CHUNK_BYTES)
            self._chunks = _whole_chunks(size, final_bytes)
            self._stream.seek(self._chunks * SEALED_CHUNK_BYTES)
        except BaseException:
            self._stream.close()
            raise

    @property
    def offset(self) -> int:
        """Bytes written so far."""
        return self._chunks * CHUNK_BYTES + len(self._pending)

    def head(self) -> bytes:
        """Return the first 64 KiB written so far, or all of it if it is shorter."""
        if not self._chunks:
            return bytes(self._pending)
        sealed = os.pread(self._stream.fileno(), SEALED_CHUNK_BYTES, 0)
        return vault.open_chunk(self._key, sealed, self.file, 0, last=False)

    def read_back(self) -> Iterator[bytes]:
        """Yield all that was written so far, in pieces of 64 KiB."""
        for number in range(self._chunks):
            sealed = os.pread(self._stream.fileno(), SEALED_CHUNK_BYTES, number * SEALED_CHUNK_BYTES)
            yield vault.open_chunk(self._key, sealed, self.file, number, last=False)
        yield bytes(self._pending)

    def write(self, content: bytes | memoryview) -> None:
        """Append bytes. Raises StoreFullError: other files may have filled the disk meanwhile."""
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
        """Put whole chunks on the disk, drop the rest, close the file, and return the offset to go on from."""
        self._pending.clear()
        os.fsync(self._stream.fileno())
        flush_folder(store_folder())
        self._stream.close()
        return self.offset

    def finish(self, **content: Any) -> int:
        """Close the file and return its length in bytes; once this returns it is on the disk.

        `content` describes it, and is sealed in the closing chunk as JSON.
        """
        length = self.offset
        if self._pending:
            self._append(bytes(self._pending.ljust(CHUNK_BYTES, b"\0")))
            self._pending.clear()
        for _ in range(_pad_chunk_count(self._chunks) - self._chunks):
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
        """Close the file and remove it."""
        self._pending.clear()
        remove_files([self.file])
        self._stream.close()

    def _append(self, plain: bytes, *, last: bool = False) -> None:
        if self._is_untouched:
            self._stream.truncate(self._chunks * SEALED_CHUNK_BYTES)
            self._is_untouched = False
        sealed = memoryview(vault.seal_chunk(self._key, plain, self.file, self._chunks, last=last))
        while sealed:
            sealed = sealed[self._stream.write(sealed) :]
        self._chunks += 1


class Reader:
    """A finished file of the store, opened with its key. `content` is the writer's description, `length` in bytes.

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
            self.content: dict[str, Any] = json.loads(self._open_chunk(closing, last=True))
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
        """Yield the bytes from `start` to before `stop` in pieces of up to 64 KiB; only the chunks they lie in are opened."""
        stop = self.length if stop is None else min(stop, self.length)
        while start < stop:
            number, within = divmod(start, CHUNK_BYTES)
            piece = self._open_chunk(number)[within : within + stop - start]
            yield piece
            start += len(piece)

    def _open_chunk(self, number: int, *, last: bool = False) -> bytes:
        self._stream.seek(number * SEALED_CHUNK_BYTES)
        return vault.open_chunk(self._key, self._stream.read(SEALED_CHUNK_BYTES), self.file, number, last=last)


def remove_files(files: Collection[UUID]) -> None:
    """Remove sealed files and their tickets. Ignores files that are gone already."""
    for file in files:
        file_path(file).unlink(missing_ok=True)
        ticket_path(file).unlink(missing_ok=True)


def ticket_path(file: UUID) -> Path:
    """Return the path of a pending file's sealed key (tips/files/pending_files.py)."""
    return store_folder() / f"{file}.ticket"


def find_resume_offset(file: UUID, final_bytes: int) -> int:
    """Return the offset from which an unfinished file of `final_bytes` continues. Takes no lock: a writer is not disturbed."""
    try:
        return _whole_chunks(file_path(file).stat().st_size, final_bytes) * CHUNK_BYTES
    except FileNotFoundError:
        return 0


def _whole_chunks(size: int, final_bytes: int | None) -> int:
    """Return how many chunks of an unfinished file of `size` sealed bytes are complete.

    A process may have died while it closed the file: then the last data chunk and the padding are written again.
    """
    whole = size // SEALED_CHUNK_BYTES
    return whole if final_bytes is None else min(whole, max(final_bytes - 1, 0) // CHUNK_BYTES)


def touch(file: UUID) -> None:
    """Keep a file for another hour. Raises FileNotFoundError."""
    timestamp = _rounded_time()
    os.utime(file_path(file), (timestamp, timestamp))


def list_stale_files() -> list[UUID]:
    """Return the files that were not written to for an hour, nor any other pending file of their page.

    Without a row in the database they are abandoned.
    """
    written_at: dict[UUID, float] = {}
    pages: dict[UUID, bytes] = {}
    for entry in os.scandir(store_folder()):
        try:
            file, timestamp = UUID(entry.name.removesuffix(".ticket")), entry.stat().st_mtime
            if entry.name.endswith(".ticket"):
                pages[file] = Path(entry.path).read_bytes()[:PAGE_MARK_BYTES]
        except (ValueError, FileNotFoundError):
            continue
        written_at[file] = max(timestamp, written_at.get(file, 0))
    page_used_at: dict[bytes, float] = {}
    for file, page in pages.items():
        page_used_at[page] = max(written_at[file], page_used_at.get(page, 0))
    cutoff = time.time() - UNSENT_LIFETIME_SECONDS
    return sorted(
        file for file, timestamp in written_at.items() if page_used_at.get(pages.get(file, b""), timestamp) < cutoff
    )


def _refuse_when_full() -> None:
    if shutil.disk_usage(store_folder()).free < MIN_FREE_BYTES:
        raise StoreFullError


def _lock_stream(stream: BinaryIO) -> None:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WriterBusyError from None


def _pad_chunk_count(chunks: int) -> int:
    """Return `chunks` rounded up as Padmé does: all bits but the leading ones are zero."""
    if chunks < 2:
        return chunks
    exponent = chunks.bit_length() - 1
    free_bits = exponent - exponent.bit_length()
    step = 1 << max(free_bits, 0)
    return -(-chunks // step) * step


def _round_times(stream: BinaryIO) -> None:
    """Round the file's times down: no time of arrival in clear is finer than five minutes, in the file system neither."""
    timestamp = _rounded_time()
    os.utime(stream.fileno(), (timestamp, timestamp))


def _rounded_time() -> int:
    step = int(ROUNDING.total_seconds())
    return int(time.time()) // step * step
