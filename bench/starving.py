"""A thousand hostile connections, and what a source notices of them: see bench/README.md.

    .venv/bin/python -m bench.starving [--connections 1000] [--seconds 45] [--only guesses]

`guesses` post made-up receipts as fast as they are answered, `tips` post junk: made-up tokens, forms fetched just before, and
old forms again and again. The slow kinds open as many connections and then send, or read, a
byte every 20 seconds: half a request line, half a header, half a form, an upload that stops after 200 kB, and a reader of
our largest script. Beside each: the same visits without an attack, on the same machine and in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import random
import socket
import statistics
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from tests.journey import Visitor
from tests.stack import Stack
from tips import receipts, vault
from tips.source import throttle

DRIP_SECONDS = 20.0
PHOTO = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(500_000)
FORM = "application/x-www-form-urlencoded"


def guess() -> bytes:
    body = urlencode({"receipt": receipts.spell_receipt(receipts.draw_positions())})
    head = f"POST /tips/inbox/ HTTP/1.1\r\nHost: {{host}}\r\nOrigin: http://{{host}}\r\nContent-Type: {FORM}\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


def beginning(kind: str, host: str, script: str) -> bytes:
    """Return what a slow connection sends at once."""
    head = f"Host: {host}\r\n"
    file = '--x\r\nContent-Disposition: form-data; name="attachments"; filename="a"\r\n\r\n' + "a" * 200_000
    return {
        "request lines": "GET /ti",
        "headers": f"GET / HTTP/1.1\r\n{head}X-Half",
        "bodies": f"POST /tips/ HTTP/1.1\r\n{head}Content-Type: {FORM}\r\nContent-Length: 5000\r\n\r\ntoken=a",
        "uploads": f"POST /tips/ HTTP/1.1\r\n{head}Content-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: 90000000\r\n\r\n{file}",
        "readers": f"GET {script} HTTP/1.1\r\n{head}\r\n",
    }[kind].encode()


def junk_tip(token: str) -> bytes:
    body = urlencode({"token": token, "category": "drugs", "description": "flood " * 50})
    head = f"POST /tips/ HTTP/1.1\r\nHost: {{host}}\r\nOrigin: http://{{host}}\r\nContent-Type: {FORM}\r\n"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


def junk_maker(stack: Stack) -> Callable[[], bytes]:
    """Return what makes the next junk tip: a third each with a rubbish token, a fresh one, and one of ten old ones."""
    old = [Visitor(stack.url).tip("flood")["token"] for _ in range(10)]
    time.sleep(throttle.RIPE_SECONDS + 1)
    fresh = itertools.cycle([Visitor(stack.url).tip("flood")["token"] for _ in range(200)])
    time.sleep(1)  # forms of one second share their turns
    kinds = itertools.cycle([lambda: "rubbish", lambda: next(fresh), lambda: random.choice(old)])
    return lambda: junk_tip(next(kinds)())


SLOW_KINDS = ["request lines", "headers", "bodies", "uploads", "readers"]


@contextmanager
def posters(stack: Stack, count: int, make: Callable[[], bytes]) -> Iterator[Counter[str]]:
    """Keep `count` connections posting what `make` returns; counts the answers by status."""
    answers: Counter[str] = Counter()
    host, port = "127.0.0.1", stack.ports["all"]
    stopped = threading.Event()

    async def one() -> None:
        while not stopped.is_set():
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection(host, port)
                try:
                    writer.write(make().replace(b"{host}", f"{host}:{port}".encode()))
                    status = await reader.read(12)
                    answers[status[9:].decode() or "closed"] += 1
                    while await reader.read(65536):
                        pass
                finally:
                    writer.close()

    async def run() -> None:
        tasks = [asyncio.create_task(one()) for _ in range(count)]
        while not stopped.is_set():
            await asyncio.sleep(0.1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=asyncio.run, args=[run()])
    thread.start()
    try:
        yield answers
    finally:
        stopped.set()
        thread.join()


@contextmanager
def slow_lines(stack: Stack, kind: str, count: int, script: str) -> Iterator[None]:
    stopped, lines = threading.Event(), []
    address = ("127.0.0.1", stack.ports["all"])
    content = beginning(kind, "{}:{}".format(*address), script)
    for _ in range(count):
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        line.connect(address)
        line.setblocking(False)
        with suppress(OSError):
            line.send(content)
        lines.append(line)

    def drip() -> None:
        while not stopped.wait(DRIP_SECONDS):
            for line in lines:
                with suppress(OSError):
                    line.recv(1) if kind == "readers" else line.send(b"a")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
        for line in lines:
            line.close()


class Visits:
    """The seconds of visits of each kind, and those that were not served."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.seconds: dict[str, list[float]] = {}
        self.refused: Counter[str] = Counter()

    def visit(self, name: str, act: Callable[[Visitor], object]) -> None:
        start = time.monotonic()
        try:
            act(Visitor(self.stack.url))
        except (OSError, http.client.HTTPException, AssertionError) as error:
            self.refused[f"{name}: {type(error).__name__}"] += 1
        self.seconds.setdefault(name, []).append(time.monotonic() - start)

    def go_on(self, seconds: float, receipt: str) -> None:
        forms: deque[tuple[float, dict[str, str]]] = deque()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.visit("home", lambda visitor: served(visitor.open("/"), visitor))
            self.visit("form", lambda visitor: forms.append((time.monotonic(), visitor.tip("Two men load boxes"))))
            # Forms that people had time to fill in; a flood makes younger ones wait.
            for name, files in (("tip", []), ("tip with a file", [PHOTO])):
                if forms and time.monotonic() - forms[0][0] > throttle.RIPE_SECONDS:
                    self.visit(name, partial(send_tip, forms.popleft()[1], files))
            self.visit("sign-in", lambda visitor: visitor.enter_inbox(receipt))
            time.sleep(0.5)

    def show(self, title: str) -> None:
        figures = ", ".join(
            f"{name} {statistics.median(seconds):.2f} (most {max(seconds):.2f})"
            for name, seconds in self.seconds.items()
        )
        print(f"{title:<24} {figures}; not served: {dict(self.refused) or 'none'}", flush=True)


def send_tip(fields: dict[str, str], files: list[bytes], visitor: Visitor) -> None:
    """Send a tip as often as the pages ask for it."""
    while True:
        visitor.open("/tips/", fields, files=files, timeout=130)
        if visitor.status == 200:
            visitor.receipt()
            return
        assert visitor.status in (429, 503), visitor.status
        time.sleep(float(visitor.answer.get("Retry-After", "1")))
        fields["token"] = visitor.field("token")


def served(_page: str, visitor: Visitor) -> None:
    assert visitor.status == 200, visitor.status


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=45)
    parser.add_argument("--only", choices=["guesses", "tips", *SLOW_KINDS])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Stack(Path(folder), web=["all"]) as stack:
        vault.create_key_pair(Path(stack.keys["MEDIA_PUBLIC_KEYS"]), Path(stack.keys["MEDIA_PRIVATE_KEYS"]))
        static = Path(stack.extra_variables["STATIC_ROOT"])
        largest = max(static.rglob("*.js"), key=lambda path: path.stat().st_size)
        script = f"/static/{largest.relative_to(static)}"
        receipt = Visitor(stack.url).send("A first tip")
        print("seconds, median (and most)")
        for kind in [options.only] if options.only else ["guesses", "tips", *SLOW_KINDS]:
            calm, attacked = Visits(stack), Visits(stack)
            calm.go_on(min(20, options.seconds), receipt)
            calm.show(f"before {kind}")
            if kind in ("guesses", "tips"):
                make = guess if kind == "guesses" else junk_maker(stack)
                with posters(stack, options.connections, make) as answers:
                    attacked.go_on(options.seconds, receipt)
                attacked.show(f"{options.connections} {kind}")
                print("   answers to the attackers:", dict(answers), flush=True)
            else:
                with slow_lines(stack, kind, options.connections, script):
                    attacked.go_on(options.seconds, receipt)
                attacked.show(f"{options.connections} slow {kind}")


if __name__ == "__main__":
    main()
