"""Measures the desk with 100,000 tips, beside Django's own change list over the same rows in clear: see bench/README.md.

.venv/bin/python -m bench.desk                   # three minutes
.venv/bin/python -m bench.desk --rows 5000       # one, to see that it works
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.journey import Visitor
from tests.stack import ROOT, Stack, free_port, wait_until


def fill(stack: Stack, rows: int) -> None:
    environment = stack.environment("all") | {
        "DATABASE_URL": stack.database_url("postgres"),
        "DJANGO_SETTINGS_MODULE": "tipportal.settings",
    }
    subprocess.run([sys.executable, "-m", "bench.desk_tips", str(rows)], cwd=ROOT, env=environment, check=True)


def measure(open_page: Callable[[], object], rounds: int) -> list[float]:
    """Return the milliseconds of each page."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        open_page()
        times.append((time.perf_counter() - started) * 1000)
    return times


def report(label: str, times: list[float]) -> None:
    p95 = statistics.quantiles(times, n=20)[18]
    print(f"{label:<42} p50 {statistics.median(times):7.1f} ms, p95 {p95:7.1f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), web=["all"], demo=True) as stack:
        started = time.perf_counter()
        fill(stack, options.rows)
        print(f"{options.rows:,} tips stored in {time.perf_counter() - started:.0f} s", flush=True)
        port = free_port()
        command = [
            "-m",
            "gunicorn",
            "bench.plain_list:application",
            "-b",
            f"127.0.0.1:{port}",
            "-w",
            "2",
            "-k",
            "gthread",
        ]
        environment = os.environ | {"DATABASE_URL": stack.database_url("postgres"), "PYTHONPATH": str(ROOT)}
        plain = subprocess.Popen([sys.executable, *command, "--log-level", "error"], cwd=ROOT, env=environment)
        try:
            compare(stack, f"http://127.0.0.1:{port}", options.rounds)
        finally:
            plain.terminate()
            plain.wait()


def compare(stack: Stack, plain_url: str, rounds: int) -> None:
    officer = Visitor(stack.staff_url)
    officer.sign_in("officer", stack.staff["officer"], stack.next_code("officer"))
    plain = Visitor(plain_url)

    def answers() -> bool:
        try:
            return "Two men" in plain.open("/")
        except OSError:
            return False

    wait_until(answers, 30, "the plain list answers")
    listed = officer.open("/admin/tips/tip/")
    assert "Two men" in listed, listed[:2000]
    address = re.findall(r'href="(/admin/tips/tip/[0-9a-f-]{36}/change/)', listed)[0]
    pages = {
        "Django's change list, in clear": lambda: plain.open("/"),
        "queue": lambda: officer.open("/admin/tips/tip/"),
        "queue, nobody has it": lambda: officer.open("/admin/tips/tip/?view=nobody"),
        "queue, closed": lambda: officer.open("/admin/tips/tip/?view=closed"),
        "home, with its counts": lambda: officer.open("/admin/"),
        "a tip's page": lambda: officer.open(address),
    }
    times: dict[str, list[float]] = {label: [] for label in pages}
    for _ in range(rounds):  # in turns: the machine is not always equally fast
        for label, open_page in pages.items():
            times[label] += measure(open_page, 1)
    for label, each in times.items():
        report(label, each)
    measure_under_load(stack, officer)


def measure_under_load(stack: Stack, officer: Visitor) -> None:
    """Ask for the queue from four tabs at once."""
    times: list[float] = []

    def tab() -> None:
        visitor = Visitor(stack.staff_url)
        visitor.cookies = officer.cookies
        times.extend(measure(lambda: visitor.open("/admin/tips/tip/"), 15))

    threads = [threading.Thread(target=tab) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report("queue, four at once", times)


if __name__ == "__main__":
    main()
