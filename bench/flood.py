"""Measures how long a real source waits for a receipt during a flood of 200 posts a second.

    .venv/bin/python -m bench.flood [--seconds 60] [--rate 200] [--forms 400]

The bots run no script. Some post garbage, some the same form again and again, some fetch a form and post it at once. The
source opens the form, writes for ten seconds, sends, and follows the page's instructions. Bots and source share one IP address,
as over Tor. Before that, bots with 400 forms fetched in advance post them all. For comparison, the same source is measured
without a flood.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import http.client
import tempfile
import threading
import time
from pathlib import Path

from tests.journey import Visitor
from tests.stack import Stack

WRITING_SECONDS = 10
TIMEOUT_SECONDS = 120


class Bots:
    """Posts at a constant rate from many threads until stopped; counts the responses by status."""

    def __init__(self, url: str, rate: int) -> None:
        self.url, self.rate = url, rate
        self.answers: collections.Counter[str] = collections.Counter()
        self.stopped = threading.Event()
        self.permits = threading.Semaphore(0)
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(64)]

    def __enter__(self) -> Bots:
        for thread in [*self.threads, threading.Thread(target=self.clock, daemon=True)]:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for _thread in self.threads:
            self.permits.release()
        for thread in self.threads:
            thread.join(70)

    def clock(self) -> None:
        start, released = time.monotonic(), 0
        while not self.stopped.is_set():
            due = int((time.monotonic() - start) * self.rate)
            for _ in range(due - released):
                self.permits.release()
            released = max(released, due)
            time.sleep(0.01)

    def run(self, number: int) -> None:
        visitor = Visitor(self.url)
        fields = {"token": "rubbish", "category": "drugs", "description": "flood " * 50}
        try:
            if number % 4 == 1:
                fields = visitor.tip("flood " * 50)
        except (OSError, http.client.HTTPException, AssertionError):
            pass
        while self.permits.acquire() and not self.stopped.is_set():
            try:
                if number % 4 >= 2:
                    fields = visitor.tip("flood " * 50)
                visitor.open("/tips/", fields)
                self.answers[str(visitor.status)] += 1
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.answers[type(error).__name__] += 1


def submit_as_source(url: str) -> tuple[float, int]:
    """Return the seconds from opening the form to the receipt, without the writing time, and how often Send was pressed."""
    start, presses = time.monotonic(), 0
    visitor = Visitor(url)
    fields = visitor.tip("Two men load boxes from a white van")
    time.sleep(WRITING_SECONDS)
    while time.monotonic() - start < TIMEOUT_SECONDS:
        visitor.open("/tips/", fields)
        presses += 1
        if visitor.status == 200:
            visitor.receipt()
            return time.monotonic() - start - WRITING_SECONDS, presses
        fields["token"] = visitor.field("token")
        time.sleep(int(visitor.answer.get("Retry-After", "1")))
    raise AssertionError(f"no receipt within {TIMEOUT_SECONDS} s")


class PreparedBots:
    """Bots that fetched forms in advance and post each until it is accepted, as often as the page tells them to."""

    def __init__(self, url: str, count: int) -> None:
        self.forms = [Visitor(url).tip("flood " * 50) for _ in range(count)]
        self.url, self.accepted = url, 0
        self.lock, self.stopped = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run, args=[form]) for form in self.forms]

    def __enter__(self) -> PreparedBots:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def run(self, form: dict[str, str]) -> None:
        while not self.stopped.is_set():
            visitor = Visitor(self.url)
            wait = 1.0
            with contextlib.suppress(OSError, http.client.HTTPException):
                visitor.open("/tips/", form)
                if visitor.status == 200:
                    with self.lock:
                        self.accepted += 1
                    return
                wait = float(visitor.answer.get("Retry-After", "1"))
            self.stopped.wait(wait)


def measure_prepared_forms(stack: Stack, count: int, seconds: int) -> None:
    with PreparedBots(stack.url, count) as bots:
        until, waits = time.monotonic() + seconds, []
        while time.monotonic() < until:
            waits.append(submit_as_source(stack.url))
        accepted = bots.accepted
    for took, presses in waits:
        print(f"{count} prepared forms: receipt after {took:.1f} s, Send pressed {presses} times")
    mails = collections.Counter(address for recipients in stack.mails.recipients for address in recipients)
    print(
        f"accepted of the bots in {seconds} s: {accepted}; most mails to one officer: {max(mails.values(), default=0)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--forms", type=int, default=400)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Stack(Path(folder), web=["all"], workers=["alerts"], demo=True) as stack,
    ):
        took, presses = submit_as_source(stack.url)
        print(f"no flood: receipt after {took:.1f} s, Send pressed {presses} times")
        measure_prepared_forms(stack, options.forms, options.seconds)
        with Bots(stack.url, options.rate) as bots:
            until = time.monotonic() + options.seconds
            while time.monotonic() < until:
                took, presses = submit_as_source(stack.url)
                answered = sum(bots.answers.values())
                print(
                    f"flood: receipt after {took:.1f} s, Send pressed {presses} times ({answered} bots' posts answered)"
                )
        print("answers to bots:", dict(bots.answers))


if __name__ == "__main__":
    main()
