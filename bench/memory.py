"""Growth of the public web process by kind of request: see bench/README.md.

    .venv/bin/python -m bench.memory [--requests 20000] [--clients 8] [--only map]

One process serves each kind in turn, and its private memory is read after each fifth of the requests. A cache that is filling
grows less with each fifth; a leak grows as much.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import psutil

from tests.journey import Visitor
from tests.stack import Stack
from tips import vault

MB = 1_000_000
FIFTHS = 5
PUBLISH = """
from pathlib import Path
from tests.crimemap import published_city
Path({folder!r}).mkdir(exist_ok=True)
published_city.write(Path({folder!r}))
"""


def make_kinds(receipt: str) -> dict[str, Callable[[], tuple[str, str, str]]]:
    """Return by kind what makes the next request: method, path, form."""
    pick = random.Random(7)
    counter = itertools.count()

    def days() -> str:
        last = pick.randrange(20, 300)
        return f"days={pick.choice([7, 30, 90, 365])}&to=2026-{1 + last % 10:02}-{1 + last % 28:02}"

    def at() -> str:
        return f"{41.485 + pick.random() * 0.03:.5f},{-38.52 + pick.random() * 0.04:.5f}"

    def view() -> str:
        north, east, half = 41.485 + pick.random() * 0.03, -38.52 + pick.random() * 0.04, pick.random() * 0.01 + 0.001
        return f"view={north - half:.5f},{east - half:.5f},{north + half:.5f},{east + half:.5f}"

    def get(path: str) -> tuple[str, str, str]:
        return "GET", path, ""

    return {
        "home": lambda: get("/"),
        "form": lambda: get("/tips/"),
        "stories": lambda: get(f"/stories/?q={pick.randrange(10**9)}"),
        "map": lambda: get(f"/map/?{days()}&at={at()},{pick.randrange(11, 18)}"),
        "list": lambda: get(f"/map/list/?{days()}"),
        "charts": lambda: get(f"/map/charts/?{days()}"),
        "bubbles": lambda: get(f"/map/data/bubbles.json?{days()}&{view()}&z={pick.randrange(10, 18)}"),
        "points": lambda: get(f"/map/data/points.json?{days()}&{view()}"),
        "areas": lambda: get(f"/map/data/areas.json?{days()}"),
        "near": lambda: (
            "POST",
            "/near/",
            urlencode({"q": f"{pick.randrange(1, 60) * 100} Arden Street {next(counter)}"}),
        ),
        "not found": lambda: get(f"/tips/nowhere/{next(counter)}?q={'x' * pick.randrange(3000)}"),
        "wrong receipt": lambda: ("POST", "/tips/inbox/", urlencode({"receipt": f"abacus {next(counter)}"})),
        "inbox": lambda: ("POST", "/tips/inbox/", urlencode({"receipt": receipt})),
    }


class Load:
    """Sends requests of one kind on as many connections as there are clients."""

    def __init__(self, stack: Stack, make: Callable[[], tuple[str, str, str]], clients: int) -> None:
        self.stack, self.make, self.clients = stack, make, clients
        self.answers: Counter[int] = Counter()
        self.lock = threading.Lock()

    def send(self, count: int) -> None:
        left = iter(range(count))
        threads = [threading.Thread(target=self._run, args=[left]) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _run(self, left: Iterator[int]) -> None:
        host = self.stack.public_url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=120)
        while True:
            with self.lock:
                if next(left, None) is None:
                    return
                method, path, form = self.make()
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "gzip"} if form else {}
            connection.request(method, path, form or None, headers)
            answer = connection.getresponse()
            answer.read()
            with self.lock:
                self.answers[answer.status] += 1


def send_tips(stack: Stack, count: int, clients: int, answers: Counter[int]) -> None:
    """Send tips as sources do, every third with a photo."""
    photo = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(300_000)
    left, lock = iter(range(count)), threading.Lock()

    def run() -> None:
        while True:
            with lock:
                number = next(left, None)
            if number is None:
                return
            visitor = Visitor(stack.public_url)
            fields = visitor.tip(f"Two men load boxes from a van, seen by number {number}")
            visitor.open("/tips/", fields, files=[photo] if number % 3 == 0 else [], timeout=120)
            with lock:
                answers[visitor.status] += 1

    threads = [threading.Thread(target=run) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def private_memory(stack: Stack) -> float:
    """Return the megabytes that the worker of the public web server has for itself."""
    (worker,) = psutil.Process(stack.children["web-public"].process.pid).children()
    return worker.memory_full_info().uss / MB


def count_threads(stack: Stack) -> int:
    (worker,) = psutil.Process(stack.children["web-public"].process.pid).children()
    return worker.num_threads()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--only")
    options = parser.parse_args()
    limits = str(Path(__file__).parent / "without_limits")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Stack(
            Path(folder), web=["public"], demo=True, variables={"WEB_CONCURRENCY": "1", "PYTHONPATH": limits}
        ) as stack,
    ):
        vault.create_key_pair(Path(stack.keys["MEDIA_PUBLIC_KEYS"]), Path(stack.keys["MEDIA_PRIVATE_KEYS"]))
        stack.run_manage("shell", "-c", PUBLISH.format(folder=stack.keys["INCIDENT_SNAPSHOTS"]), role="bulk")
        kinds = make_kinds(Visitor(stack.public_url).send("A first tip"))
        print(f"{'kind':<14} {'before':>7} MB, then after each fifth of {options.requests} requests", flush=True)
        for name, make in {**kinds, "tips": None}.items():
            if options.only and name not in options.only.split(","):
                continue
            count = options.requests // (10 if name in ("inbox", "tips") else 1)
            load = Load(stack, make, options.clients) if make else None
            answers: Counter[int] = load.answers if load else Counter()
            read, start = [private_memory(stack)], time.monotonic()
            for _ in range(FIFTHS):
                if load:
                    load.send(count // FIFTHS)
                else:
                    send_tips(stack, count // FIFTHS, options.clients, answers)
                read.append(private_memory(stack))
            steps = " ".join(f"{after - before:+7.2f}" for before, after in itertools.pairwise(read))
            print(
                f"{name:<14} {read[0]:7.1f} {steps}   {count} in {time.monotonic() - start:.0f} s,"
                f" {count_threads(stack)} threads, {json.dumps(dict(answers))}",
                flush=True,
            )


if __name__ == "__main__":
    main()
