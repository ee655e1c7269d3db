"""The file of vector tiles: where it is stored, and answers to requests for parts of it (RFC 9110, section 14).

The command that builds it writes it, web processes read it. Its name is a digest of its content, so it never changes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from core.atomic_files import PARTIAL_PREFIX, write_atomically

SUFFIX = ".pmtiles"
PIECE_BYTES = 65_536
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


class UnsatisfiableRangeError(Exception):
    """The request asks for bytes beyond the end of the file, which has `size` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class FilePart:
    """The bytes that an answer holds: all of a file, or the range that was asked for."""

    span: ByteRange
    file_size: int
    is_partial: bool

    @property
    def content_range(self) -> str:
        return f"bytes {self.span.first}-{self.span.last}/{self.file_size}"


def path_of(digest: str) -> Path | None:
    """Return the file with this digest if it exists."""
    folder = settings.BASE_MAP
    path = folder / f"{digest}{SUFFIX}" if folder is not None and re.fullmatch(r"[0-9a-f]{16}", digest) else None
    return path if path is not None and path.is_file() else None


def store(folder: Path, content: bytes) -> str:
    """Write the file into the folder, made if need be, and return its digest. Raises OSError."""
    digest = hashlib.sha256(content).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # web processes run as other users
    path = folder / f"{digest}{SUFFIX}"
    if not path.is_file():
        write_atomically(path, content)
    return digest


def remove_others(folder: Path, digest: str) -> None:
    """Remove the files of earlier tiles and what a killed command left."""
    for path in (*folder.glob(f"*{SUFFIX}"), *folder.glob(f"{PARTIAL_PREFIX}*")):
        if path.name != f"{digest}{SUFFIX}":
            path.unlink(missing_ok=True)


def choose_part(path: Path, etag: str, *, range_header: str, if_range: str) -> FilePart:
    """Return the part of a file to answer with. Raises UnsatisfiableRangeError.

    `if_range`: only a reader that has parts of this very file is sent another; it names the file's etag or a date, and dates are
    never true here. An empty header is one that the request lacks.
    """
    size = path.stat().st_size
    wanted = parse_range(range_header, size) if if_range in ("", etag) else None
    return FilePart(wanted or ByteRange(0, size - 1), size, is_partial=wanted is not None)


def parse_range(header: str, size: int) -> ByteRange | None:
    """Return the single range that the header asks for, None to answer with the whole file. Raises UnsatisfiableRangeError.

    Several ranges, other units and anything malformed are answered with the whole file, as the standard allows.
    """
    match = _RANGE.fullmatch(header.strip().replace(" ", ""))
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:  # the last bytes
        first, last = max(0, size - int(match[2])), size - 1
        if not int(match[2]):
            raise UnsatisfiableRangeError(size)
        return ByteRange(first, last)
    first, last = int(match[1]), min(int(match[2]), size - 1) if match[2] else size - 1
    if match[2] and int(match[2]) < first:
        return None
    if first >= size:
        raise UnsatisfiableRangeError(size)
    return ByteRange(first, last)


def read_pieces(path: Path, wanted: ByteRange) -> Iterator[bytes]:
    """Yield the bytes of a range, a piece at a time."""
    with path.open("rb") as file:
        file.seek(wanted.first)
        left = wanted.size
        while left > 0 and (piece := file.read(min(left, PIECE_BYTES))):
            left -= len(piece)
            yield piece
