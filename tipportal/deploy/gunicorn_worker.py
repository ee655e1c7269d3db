"""The worker of the web server: gunicorn's, with threads."""

from __future__ import annotations

import contextlib
from typing import Any

from gunicorn.http.errors import LimitRequestLine
from gunicorn.workers.gthread import ThreadWorker

TOO_LONG = b"""<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>The address is too long</title>
<h1>The address is too long</h1>
<p>We read addresses of up to 8,000 characters, and this one is longer. Nothing you sent was kept.</p>
<p><a href="/map/">Open the crime map</a> or <a href="/">the first page</a> and choose again.</p></html>
"""


class Worker(ThreadWorker):
    """Answers what is refused before Django sees it with a sentence where a person may have caused it."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        if not isinstance(exc, LimitRequestLine):
            return super().handle_error(req, client, addr, exc)  # type: ignore[no-any-return]
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: {len(TOO_LONG)}\r\n"
        head += "Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n"
        with contextlib.suppress(OSError):
            client.sendall(head.encode() + TOO_LONG)
        return None
