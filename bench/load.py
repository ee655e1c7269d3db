"""The evening after a publicized crime, at stated rates: see bench/README.md.

    .venv/bin/python -m bench.load [--minutes 30] [--scale 1.0]

Each minute 200 tips (a third with a photo), 2,000 readers of the map who look once (the page, its bubbles, its list), and 50 officers
who ask for news of the desk every 15 seconds and open the queue once a minute. Static files and tiles are the proxy's. Requests are sent
when they are due, whether or not earlier ones are answered, and their time counts from then. `--scale` multiplies all rates. In the end:
p95 of the whole evening, what saturates first, and how memory grew in its second half.
"""

from __future__ import annotations

import argparse
import http.client
import io
import itertools
import random
import statistics
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from PIL import Image

from tests.journey import Visitor
from tests.stack import Stack

PUBLISH = """
from pathlib import Path
from tests.crimemap import published_city
Path({folder!r}).mkdir(exist_ok=True)
published_city.write(Path({folder!r}))
"""
TIPS, READERS, OFFICERS = 200, 2_000, 50  # tips and readers a minute; officers at the desk
POLL_SECONDS, QUEUE_SECONDS = 15, 60
WRITING_SECONDS = 20
PATIENCE_SECONDS = 300
SESSIONS = 5  # signed-in browsers that the officers share
TAB = "00" * 8
MB = 1_000_000


class Evening:
    """Sends what is due and remembers seconds by kind, and what failed."""

    def __init__(self, stack: Stack, scale: float) -> None:
        self.stack, self.scale = stack, scale
        self.seconds: dict[str, list[float]] = defaultdict(list)  # since the last report
        self.all_seconds: dict[str, list[float]] = defaultdict(list)
        self.failures: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.pick = random.Random(5)
        # Pools of their own: readers who wait keep no source from coming.
        self.pools = {act: ThreadPoolExecutor(count) for act, count in ((self._send_tip, 300), (self._read_map, 400))}
        self.desk_pool = ThreadPoolExecutor(100)
        self.photos = [draw_photo(number) for number in range(12)]
        self.officers = [self._sign_in() for _ in range(SESSIONS)]
        self.numbers = itertools.count()

    def _sign_in(self) -> Visitor:
        officer = Visitor(self.stack.staff_url)
        officer.sign_in("officer", self.stack.staff["officer"], self.stack.next_code("officer"))
        return officer

    def run(self, minutes: float, report: Callable[[int], None]) -> None:
        kinds: list[tuple[float, Callable[[float], None]]] = [
            (60 / TIPS, self._send_tip),
            (60 / READERS, self._read_map),
            (
                POLL_SECONDS / OFFICERS,
                lambda due: self._ask_desk(due, "poll", f"/admin/tips/tip/live/?tab={TAB}&doing=reading"),
            ),
            (QUEUE_SECONDS / OFFICERS, lambda due: self._ask_desk(due, "queue", "/admin/tips/tip/")),
        ]
        begun, minute = time.monotonic(), 0
        due = [0.0] * len(kinds)
        while (passed := time.monotonic() - begun) < minutes * 60:
            for number, (interval, act) in enumerate(kinds):
                while due[number] <= passed:
                    self.pools.get(act, self.desk_pool).submit(act, begun + due[number])
                    due[number] += interval / self.scale
            if passed > (minute + 1) * 60:
                minute += 1
                report(minute)
            time.sleep(0.01)
        for pool in (*self.pools.values(), self.desk_pool):
            pool.shutdown(wait=True)

    def _note(self, kind: str, due: float, status: int) -> None:
        with self.lock:
            if status < 400:
                seconds = time.monotonic() - due
                self.seconds[kind].append(seconds)
                self.all_seconds[kind].append(seconds)
            else:
                self.failures[f"{kind}: {status}"] += 1

    def _get(self, kind: str, due: float, visitor: Visitor, path: str) -> None:
        try:
            visitor.open(path)
            self._note(kind, due, visitor.status)
        except (OSError, http.client.HTTPException) as error:
            with self.lock:
                self.failures[f"{kind}: {type(error).__name__}"] += 1

    def _read_map(self, due: float) -> None:
        north, east = 41.485 + self.pick.random() * 0.03, -38.52 + self.pick.random() * 0.04
        days = self.pick.choice([7, 30, 90])
        view = f"view={north - 0.01:.4f},{east - 0.01:.4f},{north + 0.01:.4f},{east + 0.01:.4f}"
        reader = Visitor(self.stack.public_url, **{"Accept-Encoding": "gzip"})
        self._get("map", due, reader, f"/map/?days={days}")
        self._get("bubbles", time.monotonic(), reader, f"/map/data/bubbles.json?days={days}&{view}&z=14")
        self._get("list", time.monotonic(), reader, f"/map/data/list.html?days={days}&{view}")

    def _ask_desk(self, due: float, kind: str, path: str) -> None:
        shared = self.officers[next(self.numbers) % SESSIONS]
        officer = Visitor(self.stack.staff_url, Accept="application/json" if kind == "poll" else "text/html")
        officer.cookies = shared.cookies
        self._get(kind, due, officer, path)

    def _send_tip(self, due: float) -> None:
        """Open the form, write, and send as often as the page asks for it. The writing doesn't count."""
        number = next(self.numbers)
        photos = [self.photos[number % len(self.photos)]] if number % 3 == 0 else []
        visitor, kind = Visitor(self.stack.public_url), "tip with photo" if photos else "tip"
        try:
            fields = visitor.tip(f"Two men ran to a white van near the mill, number {number}")
            self._note("form", due, visitor.status)
            time.sleep(WRITING_SECONDS)
            begun = time.monotonic()
            while time.monotonic() - begun < PATIENCE_SECONDS:
                visitor.open("/tips/", fields, files=photos, timeout=120)
                if visitor.status == 200:
                    visitor.receipt()
                    self._note(kind, begun, 200)
                    return
                with self.lock:
                    self.failures[f"{kind} asked to send again: {visitor.status}"] += 1
                fields["token"] = visitor.field("token")
                time.sleep(float(visitor.answer.get("Retry-After", "1")))
        except (OSError, http.client.HTTPException, AssertionError) as error:
            with self.lock:
                self.failures[f"{kind} LOST: {type(error).__name__}, after status {visitor.status}"] += 1


def draw_photo(number: int) -> bytes:
    stream = io.BytesIO()
    Image.effect_noise((800, 600), 40 + number % 30).convert("RGB").save(stream, "JPEG", quality=80)
    return stream.getvalue()


class Usage:
    """Processor time and private memory of each process since the last look."""

    def __init__(self, stack: Stack) -> None:
        servers = {"postgres": stack.servers.postgres, "valkey": stack.servers.valkey}
        self.parents = {name: psutil.Process(child.process.pid) for name, child in {**stack.children, **servers}.items() if child.process}  # fmt: skip
        self.before = {name: self._processor_seconds(parent) for name, parent in self.parents.items()}
        self.memory: dict[str, list[float]] = defaultdict(list)  # in MB, at each look
        self.first, self.begun = dict(self.before), time.monotonic()
        self.looked = self.begun
        psutil.cpu_percent()  # counts from here

    def _family(self, parent: psutil.Process) -> list[psutil.Process]:
        return [parent, *parent.children(recursive=True)]

    def _processor_seconds(self, parent: psutil.Process) -> float:
        return sum(map(_processor_seconds, self._family(parent)))

    def read(self) -> str:
        words, seconds = [], time.monotonic() - self.looked
        self.looked += seconds
        for name, parent in self.parents.items():
            now = self._processor_seconds(parent)
            memory = sum(map(_private_bytes, self._family(parent))) / MB
            words.append(f"{name} {100 * (now - self.before[name]) / seconds:.0f}% {memory:.0f} MB")
            self.before[name] = now
            self.memory[name].append(memory)
        return ", ".join(words)

    def describe_saturation(self) -> str:
        """Return how busy the processors were, and with which processes, the busiest first: those saturate first."""
        spent = sorted(((self.before[name] - first, name) for name, first in self.first.items()), reverse=True)
        words = (f"{name} {100 * seconds / (self.looked - self.begun):.0f}%" for seconds, name in spent)
        return f"{psutil.cpu_percent():.0f}% of {psutil.cpu_count()} processors busy; of one: {', '.join(words)}"

    def describe_growth(self) -> str:
        """Return the slope of each process's memory over the second half of the looks."""
        words = []
        for name, memory in self.memory.items():
            half = memory[len(memory) // 2 :]
            if len(half) > 1:
                words.append(f"{name} {statistics.linear_regression(range(len(half)), half).slope:+.2f}")
        return ", ".join(words)


def _processor_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # a process that cleaned a file
        return 0.0
    return float(times.user + times.system)


def _private_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.NoSuchProcess:
        return 0


def percentile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[int(len(seconds) * share)] if seconds else 0.0


def describe(seconds: dict[str, list[float]]) -> str:
    return "p95 in seconds: " + ", ".join(
        f"{kind} {percentile(each, 0.95):.2f} ({len(each)})" for kind, each in sorted(seconds.items())
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Stack(
            Path(folder), web=["public", "staff"], workers=["alerts", "bulk", "media"], beat=True, demo=True
        ) as stack,
    ):
        stack.run_manage("shell", "-c", PUBLISH.format(folder=stack.keys["INCIDENT_SNAPSHOTS"]), role="bulk")
        evening, usage = Evening(stack, options.scale), Usage(stack)

        def report(minute: int) -> None:
            with evening.lock:
                times = describe(evening.seconds)
                evening.seconds.clear()
            print(f"minute {minute}: {times}; {dict(evening.failures) or 'no failure'}", flush=True)
            print(f"   {usage.read()}", flush=True)

        evening.run(options.minutes, report)
        report(round(options.minutes))
        print(f"the evening: {describe(evening.all_seconds)}; {dict(evening.failures) or 'no failure'}")
        print(f"what saturates first: {usage.describe_saturation()}")
        print(f"growth in MB from look to look, in the second half: {usage.describe_growth()}")


if __name__ == "__main__":
    main()
