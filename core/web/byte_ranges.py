"""Answers with a file on disk or a range of it (RFC 9110, section 14), sent a piece at a time."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

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


class FilePieces:
    """The bytes of a range of an open file, a piece at a time; closes the file at the end or when it is closed itself."""

    def __init__(self, file: BinaryIO, span: ByteRange) -> None:
        self._file, self._left = file, span.size
        file.seek(span.first)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = b"" if self._file.closed else self._file.read(min(self._left, PIECE_BYTES))
        self._left -= len(piece)
        if not piece:
            self.close()
            raise StopIteration
        return piece

    def close(self) -> None:
        self._file.close()


def file_response(
    request: HttpRequest,
    path: Path,
    *,
    etag: str,
    media_type: str,
    cache_control: str,
    wrap: Callable[[Iterator[bytes]], Iterable[bytes]] = iter,
) -> HttpResponseBase:
    """Answer with a file or the range of it that the request asks for; `wrap` turns its pieces into those that are sent.

    The file is opened at once, so that its answer is complete even if it is removed meanwhile. Raises FileNotFoundError.
    """
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(path.open("rb"))
        size = os.fstat(file.fileno()).st_size
        try:
            part = choose_part(
                size, etag, range_header=request.headers.get("Range", ""), if_range=request.headers.get("If-Range", "")
            )
        except UnsatisfiableRangeError:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        pieces: Iterable[bytes] = ()
        if request.method == "GET":
            pieces = wrap(FilePieces(file, part.span))
            opened.pop_all()  # the response closes it
    response = StreamingHttpResponse(pieces, status=206 if part.is_partial else 200, content_type=media_type)
    if part.is_partial:
        response["Content-Range"] = part.content_range
    response["Content-Length"] = str(part.span.size)
    response["Accept-Ranges"] = "bytes"
    response["Content-Encoding"] = "identity"  # keeps GZipMiddleware away: ranges are of the file as it is
    response["ETag"] = etag
    response["Cache-Control"] = cache_control
    return response


def choose_part(size: int, etag: str, *, range_header: str, if_range: str) -> FilePart:
    """Return the part of a file of `size` bytes to answer with. Raises UnsatisfiableRangeError.

    `if_range`: only a reader that has parts of this very file is sent another; it names the file's etag or a date, and dates are
    never true here. An empty header is one that the request lacks.
    """
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
