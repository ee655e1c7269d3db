"""Worker class of the web server: explains requests that gunicorn refuses."""

from __future__ import annotations

import contextlib
from typing import Any

from gunicorn.http.errors import LimitRequestLine
from gunicorn.workers.gthread import ThreadWorker

URL_TOO_LONG_PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>The address is too long</title>
<h1>The address is too long</h1>
<p>We read addresses of up to 8,000 characters, and this one is longer. Nothing you sent was kept.</p>
<p><a href="/map/">Open the crime map</a> or <a href="/">the first page</a> and choose again.</p></html>
"""


class ExplainingWorker(ThreadWorker):
    """gunicorn's threaded worker, with a page for the one early refusal that a person may cause: a URL that is too long."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        if not isinstance(exc, LimitRequestLine):
            return super().handle_error(req, client, addr, exc)  # type: ignore[no-any-return]
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: {len(URL_TOO_LONG_PAGE)}\r\n"
        head += "Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n"
        with contextlib.suppress(OSError):
            client.sendall(head.encode() + URL_TOO_LONG_PAGE)
        return None
