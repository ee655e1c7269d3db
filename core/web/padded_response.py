"""Answers of equal size, so that a network's owner cannot tell from their length what they say.

TLS hides what an answer says and not how long it is: a look-up of each street would have a length of its own.
"""

from __future__ import annotations

import gzip
import re

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

# The form that is padded takes 8,400 bytes compressed and 38,000 as it is, so that all of its answers are one bucket long.
BUCKET_BYTES, PLAIN_BUCKET_BYTES = 16_384, 65_536
_GZIP = re.compile(r"\bgzip\b")
_HEADER_BYTES, _FLAGS_AT, _HAS_NAME = 10, 3, 8  # of a gzip file (RFC 1952)


def pad_page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Pad an HTML page as it travels: compressed to a multiple of BUCKET_BYTES, if the browser takes that, else of PLAIN_BUCKET_BYTES.

    Compression comes first, since padding would be squeezed away: filler in place of the file name of the gzip header has any
    length, and GZipMiddleware does the same with up to 100 bytes. It leaves a page alone that is compressed.
    """
    if _GZIP.search(request.headers.get("Accept-Encoding", "")):
        packed = gzip.compress(response.content, compresslevel=6, mtime=0)
        header = bytearray(packed[:_HEADER_BYTES])
        header[_FLAGS_AT] = _HAS_NAME
        filler = b"a" * (-(len(packed) + 1) % BUCKET_BYTES)
        response.content = bytes(header) + filler + b"\0" + packed[_HEADER_BYTES:]
        response.headers["Content-Encoding"] = "gzip"
    else:
        frame = b"<!--%s-->"
        response.content += frame % (b"a" * (-(len(response.content) + len(frame % b"")) % PLAIN_BUCKET_BYTES))
    patch_vary_headers(response, ("Accept-Encoding",))
    return response
