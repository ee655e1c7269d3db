"""Local stand-ins for the agency's channels: a Mastodon server, a Bluesky server and a webhook receiver."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "canary-token-7Qx"


@dataclass
class Receiver:
    """`requests`: each request that arrived. `posts`: the posts a reader of the channel sees.

    `status` is the answer; None breaks the connection off without one, after the post was taken. `before` runs when a
    request has arrived and nothing is answered yet.
    """

    port: int = 0
    status: int | None = 200
    sign_in_status: int = 200  # Bluesky's
    requests: list[dict[str, Any]] = field(default_factory=list)
    posts: list[str] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    _by_key: dict[str, int] = field(default_factory=dict)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        content = json.loads(body) if body else {}
        self.requests.append({"path": path, "headers": headers, **content})
        if path.endswith("createSession"):
            return
        if self.status is not None and self.status >= 300:
            return
        key = headers.get("Idempotency-Key", "")
        if path == "/api/v1/statuses" and key in self._by_key:  # as Mastodon: the same post again
            return
        self._by_key[key] = len(self.posts)
        self.posts.append(content.get("status") or content.get("message") or content["record"]["text"])

    @property
    def mastodon(self) -> str:
        return f"mastodon://{TOKEN}@127.0.0.1:{self.port}"

    @property
    def bluesky(self) -> str:
        """Needs apprise's look-up of the account's server patched to `bluesky_account`."""
        return f"bsky://riverton.example@{TOKEN}"

    @property
    def bluesky_account(self) -> tuple[str, str]:
        return "did:plc:riverton", f"http://127.0.0.1:{self.port}"

    @property
    def webhook(self) -> str:
        return f"json://127.0.0.1:{self.port}/{TOKEN}"


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.take(self.path, dict(self.headers), body)
            receiver.before()
            signs_in = self.path.endswith("createSession")
            if receiver.status is None and not signs_in:
                self.close_connection = True
                return
            answer = b'{"accessJwt": "session"}' if signs_in else b"{}"
            self.send_response(receiver.sign_in_status if signs_in else receiver.status or 200)
            self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
