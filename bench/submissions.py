"""Measures submissions: see bench/README.md. Needs only the project's virtual environment."""

from __future__ import annotations

import argparse
import gzip
import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from tests.stack import ROOT, Stack, free_port, wait_until
from tips import vault
from tips.source import throttle

TEXT = "Two men load boxes from a white van behind the closed bakery most nights. Plate starts with 4KT. " * 4


@dataclass
class LoadResult:
    """`times`: seconds of each request; `seconds`: total duration; `cpu`: CPU seconds of the server's processes."""

    times: list[float]
    seconds: float
    cpu: float

    def row(self, name: str, clients: int) -> str:
        ordered = sorted(self.times)
        p95 = ordered[int(len(ordered) * 0.95)]
        return (
            f"{name:<12} {clients:>7} {len(ordered) / self.seconds:>8.1f} {1000 * statistics.median(ordered):>8.1f}"
            f" {1000 * p95:>8.1f} {1000 * self.cpu / len(ordered):>12.1f}"
        )


class Client:
    """One keep-alive connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def get(self, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        self.connection.request("GET", path, headers=headers)
        response = self.connection.getresponse()
        return response, response.read()

    def post(self, path: str, fields: dict[str, str]) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self.connection.request("POST", path, urlencode(fields), headers)
        response = self.connection.getresponse()
        return response.status, response.read()


def cpu_seconds_of(parent: int) -> float:
    """Return the CPU seconds used so far by a process and its children (Linux)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if parent in (int(stat.parent.name), int(fields[1])):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def post_all(url: str, parent: int, jobs: list[dict[str, str]], path: str, clients: int, expected: str) -> LoadResult:
    """Post all jobs from `clients` connections at once. Raises AssertionError for a response without `expected`."""
    waiting, times, lock = list(jobs), [], threading.Lock()

    def work() -> None:
        client = Client(url)
        while True:
            with lock:
                if not waiting:
                    return
                job = waiting.pop()
            start = time.perf_counter()
            status, body = client.post(path, job)
            duration = time.perf_counter() - start
            assert status == 200, (status, body[:300])
            assert expected in body.decode(), body[:300]
            with lock:
                times.append(duration)

    before, start = cpu_seconds_of(parent), time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == len(jobs), f"{len(times)} of {len(jobs)} were taken"
    return LoadResult(times, time.perf_counter() - start, cpu_seconds_of(parent) - before)


def prepare_tips(url: str, count: int) -> list[dict[str, str]]:
    """Return the fields of `count` tips, each from its own form that is old enough to be accepted during a flood."""
    client, jobs = Client(url), []
    for _ in range(count):
        _, page = client.get("/tips/")
        token = re.search(r'name="token"[^>]*value="([^"]+)"', page.decode())
        category = re.search(r'name="category"[^>]*value="([^"]+)"', page.decode())
        assert token
        assert category
        jobs.append({"token": token[1], "category": category[1], "description": TEXT, "place": "Mill Street"})
    time.sleep(throttle.RIPE_SECONDS + 1)
    return jobs


def measure_submissions(stack: Stack, count: int) -> None:
    parent, staff = (stack.children[name].process.pid for name in ("web-public", "web-staff"))
    port = free_port()
    environment = os.environ | {"DATABASE_URL": stack.database_url("owner"), "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-c", "import bench.plain as p; p.create_table()"], cwd=ROOT, env=environment, check=True
    )
    command = [
        "-m",
        "gunicorn",
        "bench.plain:application",
        "-b",
        f"127.0.0.1:{port}",
        "-w",
        "2",
        "-k",
        "gthread",
        "--threads",
        "32",
    ]
    plain = subprocess.Popen([sys.executable, *command, "--log-level", "error"], cwd=ROOT, env=environment)
    try:
        wait_until(lambda: is_answering(f"http://127.0.0.1:{port}"), 30, "the plain form answers")
        print(f"{'':<12} {'clients':>7} {'a second':>8} {'p50 ms':>8} {'p95 ms':>8} {'CPU ms each':>12}")
        cpu_each = []
        staff_cpu = -cpu_seconds_of(staff)
        for clients in (1, 4, 16):
            ours = post_all(stack.url, parent, prepare_tips(stack.url, count), "/tips/", clients, 'class="words"')
            cpu_each.append(1000 * ours.cpu / count)
            print(ours.row("sealed", clients))
            job = {"category": "drugs", "description": TEXT, "place": "Mill Street"}
            print(
                post_all(f"http://127.0.0.1:{port}", plain.pid, [job] * count, "/", clients, "Thank you").row(
                    "in clear", clients
                )
            )
        wait_until(lambda: has_no_arrivals(stack), 60, "all tips are compared with the names of staff")
        staff_cpu += cpu_seconds_of(staff)
    finally:
        plain.terminate()
        plain.wait()
    argon2 = median_cpu_ms(lambda: vault.stretch_secret(b"amber kettle violin harvest otter maple zebra", bytes(16)))
    total = statistics.median(cpu_each)
    print(
        f"\nCPU of a submission: {total:.1f} ms (target 50) = Argon2id {argon2:.1f} ms + the rest {total - argon2:.1f} ms (target 7)"
    )
    print(f"CPU of the staff side meanwhile, for each tip: {1000 * staff_cpu / (3 * count):.1f} ms\n")


def has_no_arrivals(stack: Stack) -> bool:
    """Tell whether every tip has been compared with the names of staff."""
    with closing(stack.connect("owner")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT NOT EXISTS (SELECT FROM tips_arrival)")
        return bool(cursor.fetchone()[0])


def median_cpu_ms(act: Callable[[], object]) -> float:
    """Return the median CPU milliseconds of 40 calls."""
    samples = []
    for _ in range(40):
        start = time.process_time()
        act()
        samples.append(time.process_time() - start)
    return 1000 * statistics.median(samples)


def is_answering(url: str) -> bool:
    try:
        return Client(url).get("/")[0].status == 200
    except OSError:
        return False


def measure_alerts(stack: Stack, count: int, busy: bool) -> None:
    """Measure the time from posting a tip until the mail server has its alert."""
    jobs, times, client = prepare_tips(stack.url, count), [], Client(stack.url)
    stop = threading.Event()
    worker = threading.Thread(target=keep_bulk_busy, args=(stack, stop))
    if busy:
        worker.start()
    for job in jobs:
        stack.mails.clear()
        start = time.monotonic()
        assert client.post("/tips/", job)[0] == 200
        stack.mails.wait(1)
        times.append(stack.mails.arrived[0] - start)
    stop.set()
    if busy:
        worker.join()
    ordered = sorted(times)
    print(
        f"alert, bulk worker {'busy' if busy else 'idle'}: p50 {statistics.median(ordered):.2f} s,"
        f" p95 {ordered[int(len(ordered) * 0.95)]:.2f} s (target 2)"
    )


def keep_bulk_busy(stack: Stack, stop: threading.Event) -> None:
    script = "from tipportal.celery import app\nimport sys\nfor _ in range(200): app.send_task('tips.bulk.expire')\n"
    while not stop.is_set():
        subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=stack.environment("bulk"), check=True)


def measure_pages(stack: Stack, count: int) -> None:
    client = Client(stack.url)
    for path in ("/", "/tips/"):
        client.get(path)
        times = []
        for _ in range(count):
            start = time.perf_counter()
            client.get(path, **{"Accept-Encoding": "gzip"})
            times.append(time.perf_counter() - start)
        ordered = sorted(times)
        print(
            f"{path:<8} p50 {1000 * statistics.median(ordered):.1f} ms, p95 {1000 * ordered[int(count * 0.95)]:.1f} ms (target 10)"
        )


def measure_form_size(stack: Stack) -> None:
    """Measure the compressed size of the tip form with everything it loads before the map is opened."""
    client = Client(stack.url)
    _, page = client.get("/tips/")
    sizes = {"/tips/": len(gzip.compress(page))}
    waiting = re.findall(r'<(?:link|script)[^>]+(?:href|src)="(/static/[^"]+)"', page.decode())
    while waiting:
        path = waiting.pop()
        if path in sizes:
            continue
        response, body = client.get(path, **{"Accept-Encoding": "gzip"})
        sizes[path] = len(body)
        text = gzip.decompress(body).decode() if response.headers.get("Content-Encoding") == "gzip" else ""
        folder = path.rpartition("/")[0]
        for found in re.findall(r'url\("?([^)"]+)"?\)|from\s*"(\./[^"]+)"', text):
            name = found[0] or found[1]
            if not name.startswith("data:"):
                waiting.append(os.path.normpath(f"{folder}/{name}"))
    for path, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"  {size:>7,} {path}")
    print(f"tip form: {sum(sizes.values()) / 1000:.1f} kB compressed in all (target 60)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    quick = parser.parse_args().quick
    os.environ["PYTHONPATH"] = str(ROOT / "bench" / "without_limits")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Stack(Path(folder), web=["public", "staff"], workers=["alerts", "bulk"], demo=True) as stack,
    ):
        measure_submissions(stack, 30 if quick else 300)
        for busy in (False, True):
            measure_alerts(stack, 8 if quick else 60, busy)
        measure_pages(stack, 50 if quick else 500)
        measure_form_size(stack)


if __name__ == "__main__":
    main()
