"""A part of a rebuilt file as an answer: any range of it, under a type of ours, and inert wherever it ends up."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from tips.files.rebuilt_file import FilePart, RebuiltFileReader

# What the sandbox makes, and how a copy on an officer's disk is called.
EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "audio/mp4": "m4a",
    "application/pdf": "pdf",
}
_UNKNOWN = "application/octet-stream"
POLICY = "sandbox; default-src 'none'"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


class RangeNotSatisfiableError(Exception):
    """The range lies behind the end."""


def parse_range(header: str, length: int) -> range | None:
    """The bytes that a Range header asks for (RFC 9110, 14.1.2). None for all of them: no header, more than one range, or
    one that cannot be read. Raises UnsatisfiableError."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first and last and int(first) > int(last):
        return None
    start = int(first) if first else max(length - int(last), 0)
    stop = min(int(last) + 1, length) if first and last else length
    if start >= stop:
        raise RangeNotSatisfiableError
    return range(start, stop)


def file_response(
    request: HttpRequest, container: RebuiltFileReader, part: FilePart, name: str = ""
) -> HttpResponseBase:
    """The answer to GET and HEAD; closes `container`. With a `name` it is to be saved under that, and always whole."""
    whole = request.method == "HEAD" or name
    try:
        wanted = None if whole else parse_range(request.headers.get("Range", ""), part.length)
    except RangeNotSatisfiableError:
        container.close()
        return _inert(HttpResponse(status=416, headers={"Content-Range": f"bytes */{part.length}"}), part)
    sent = range(part.length) if wanted is None else wanted
    response: HttpResponseBase
    if request.method == "HEAD":
        container.close()
        response = HttpResponse()
    else:
        response = StreamingHttpResponse(_pieces(container, part, sent), status=200 if wanted is None else 206)
    response.headers["Content-Length"] = str(len(sent))
    if wanted is not None:
        response.headers["Content-Range"] = f"bytes {sent.start}-{sent.stop - 1}/{part.length}"
    if name:
        extension = EXTENSIONS.get(part.type, "bin")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.{extension}"'
    else:
        response.headers["Accept-Ranges"] = "bytes"
        response.headers["Content-Disposition"] = "inline"
    # Compressed again a picture gets no smaller, and a range would no longer be one.
    request.META.pop("HTTP_ACCEPT_ENCODING", None)
    return _inert(response, part)


def _pieces(container: RebuiltFileReader, part: FilePart, sent: range) -> Iterator[bytes]:
    with container:
        yield from container.read_part(part, sent.start, sent.stop)


def _inert(response: HttpResponseBase, part: FilePart) -> HttpResponseBase:
    response.headers["Content-Type"] = part.type if part.type in EXTENSIONS else _UNKNOWN
    response.headers["Content-Security-Policy"] = POLICY
    return response
