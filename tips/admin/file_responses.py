"""Responses with a part of a rebuilt file: any byte range, one of our own media types, and inert wherever it is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from tips.files.rebuilt_file import FilePart, RebuiltFileReader

# The media types that the sandbox produces, with the extension of a downloaded copy.
EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "audio/mp4": "m4a",
    "application/pdf": "pdf",
}
_OTHER_TYPE = "application/octet-stream"
POLICY = "sandbox; default-src 'none'"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


class RangeNotSatisfiableError(Exception):
    """The byte range begins behind the end of the part."""


def parse_range(header: str, length: int) -> range | None:
    """Return the byte range of a Range header (RFC 9110, 14.1.2); None without one, for several, or for invalid syntax.

    Raises RangeNotSatisfiableError.
    """
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


def file_response(request: HttpRequest, reader: RebuiltFileReader, part: FilePart, name: str = "") -> HttpResponseBase:
    """Return the response to GET or HEAD, and close `reader`. With a `name` it is a download, always of the whole part."""
    is_whole = request.method == "HEAD" or name
    try:
        requested = None if is_whole else parse_range(request.headers.get("Range", ""), part.length)
    except RangeNotSatisfiableError:
        reader.close()
        return _make_inert(HttpResponse(status=416, headers={"Content-Range": f"bytes */{part.length}"}), part)
    sent_range = range(part.length) if requested is None else requested
    response: HttpResponseBase
    if request.method == "HEAD":
        reader.close()
        response = HttpResponse()
    else:
        response = StreamingHttpResponse(
            _stream_part(reader, part, sent_range), status=200 if requested is None else 206
        )
    response.headers["Content-Length"] = str(len(sent_range))
    if requested is not None:
        response.headers["Content-Range"] = f"bytes {sent_range.start}-{sent_range.stop - 1}/{part.length}"
    if name:
        extension = EXTENSIONS.get(part.type, "bin")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.{extension}"'
    else:
        response.headers["Accept-Ranges"] = "bytes"
        response.headers["Content-Disposition"] = "inline"
    # Compression makes a picture no smaller, and would break byte ranges.
    request.META.pop("HTTP_ACCEPT_ENCODING", None)
    return _make_inert(response, part)


def _stream_part(reader: RebuiltFileReader, part: FilePart, sent: range) -> Iterator[bytes]:
    with reader:
        yield from reader.read_part(part, sent.start, sent.stop)


def _make_inert(response: HttpResponseBase, part: FilePart) -> HttpResponseBase:
    response.headers["Content-Type"] = part.type if part.type in EXTENSIONS else _OTHER_TYPE
    response.headers["Content-Security-Policy"] = POLICY
    return response
