"""Measures uploads: see bench/README.md. Needs only the project's virtual environment."""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from bench.submissions import Client, cpu_seconds_of, is_answering
from tests.stack import ROOT, Stack, free_port, wait_until
from tips import vault

MB = 1_000_000
HEAD = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
NOISE = os.urandom(4 * MB)
SLOW_BYTES_PER_SECOND = 125_000  # 1 Mbit/s


def measure_sealing(seconds: float) -> None:
    key, file, plain = vault.generate_key(), uuid.uuid4(), NOISE[: vault.CHUNK_BYTES]
    start, sealed = time.process_time(), 0
    while time.process_time() - start < seconds:
        for number in range(100):
            vault.seal_chunk(key, plain, file, number, last=False)
        sealed += 100 * len(plain)
    print(f"sealing: {sealed / (time.process_time() - start) / MB:.0f} MB a second and core (target 500)")


def frame_form(fields: dict[str, str], name: str, length: int) -> tuple[bytes, bytes, int]:
    """Return the bytes before and after a file of `length` bytes in a form, and the length of the whole body."""
    before = "".join(
        f'--a-boundary-of-forms\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in fields.items()
    )
    before += f'--a-boundary-of-forms\r\nContent-Disposition: form-data; name="{name}"; filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\n'
    after = b"\r\n--a-boundary-of-forms--\r\n"
    return before.encode() + HEAD, after, len(before) + length + len(after)


def post_file(
    url: str, path: str, fields: dict[str, str], name: str, length: int, bytes_per_second: int | None = None
) -> str:
    """Send a form with a file, at full speed or at `bytes_per_second`. Returns the response as text."""
    before, after, total_length = frame_form(fields, name, length)
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=300) as line:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\nContent-Length: {total_length}\r\n"
        )
        line.sendall(f"{head}Content-Type: multipart/form-data; boundary=a-boundary-of-forms\r\n\r\n".encode() + before)
        left, begun, sent = length - len(HEAD), time.monotonic(), 0
        step = min(len(NOISE), bytes_per_second // 10 if bytes_per_second else len(NOISE))
        while left:
            part = memoryview(NOISE)[: min(left, step)]
            line.sendall(part)
            left -= len(part)
            sent += len(part)
            if bytes_per_second:
                time.sleep(max(0, begun + sent / bytes_per_second - time.monotonic()))
        line.sendall(after)
        answer = b""
        while part_ := line.recv(65536):
            answer += part_
    return answer.decode(errors="replace")


def fetch_form(url: str) -> dict[str, str]:
    _, page = Client(url).get("/tips/")
    found = {
        name: re.search(rf'name="{name}"[^>]*value="([^"]+)"', page.decode())
        for name in ("token", "ticket", "category")
    }
    return {name: match[1] for name, match in found.items() if match} | {"description": "Two men load boxes"}


@contextmanager
def plain_server(stack: Stack, folder: Path) -> Iterator[tuple[str, int]]:
    """Yield the URL and process id of the web server with the plain form."""
    folder.mkdir()
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": stack.database_url("owner"),
        "PYTHONPATH": str(ROOT),
        "MEDIA_ROOT": str(folder),
    }
    create = [sys.executable, "-c", "import bench.plain_files as p; p.create_table()"]
    subprocess.run(create, cwd=ROOT, env=environment, check=True)
    address = f"127.0.0.1:{port}"
    options = ["-b", address, "-w", "2", "-k", "gthread", "--threads", "32", "--log-level", "error"]
    command = [sys.executable, "-m", "gunicorn", "bench.plain_files:application", *options]
    server = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        wait_until(lambda: is_answering(f"http://{address}"), 30, "the plain form answers")
        yield f"http://{address}", server.pid
    finally:
        server.terminate()
        server.wait()


def measure_file(stack: Stack, plain: tuple[str, int], length: int, rounds: int) -> None:
    """Measure a file with a form, in turns with the plain form; the CPU is that of the web server's processes."""
    plain_url, plain_process = plain
    our_process = stack.children["web"].process.pid
    wall_ratios, cpu_ratios = [], []
    print(f"{length / MB:.0f} MB with a form, sealed and as a FileField in clear:")
    for _ in range(rounds):
        fields = fetch_form(stack.url)
        seconds, cpu = measure_post(our_process, stack.url, "/tips/", fields, "attachments", length, 'class="words"')
        for path in Path(stack.keys["MEDIA_STORE"]).iterdir():
            path.unlink()  # make room for the next file
        plain_seconds, plain_cpu = measure_post(
            plain_process, plain_url, "/", {"description": "Two men"}, "attachment", length, "Thank you"
        )
        wall_ratios.append(seconds / plain_seconds)
        cpu_ratios.append(cpu / plain_cpu)
        print(f"  {seconds:.2f} and {plain_seconds:.2f} s; CPU {cpu:.2f} and {plain_cpu:.2f} s")
    print(
        f"  medians of the ratios: {statistics.median(wall_ratios):.2f}, CPU {statistics.median(cpu_ratios):.2f}"
        " (target 1.2)"
    )


def measure_post(
    process: int, url: str, path: str, fields: dict[str, str], name: str, length: int, expected: str
) -> tuple[float, float]:
    """Return the seconds of a post with a file, and the CPU seconds of the server's processes meanwhile."""
    cpu, start = cpu_seconds_of(process), time.perf_counter()
    assert expected in post_file(url, path, fields, name, length)
    return time.perf_counter() - start, cpu_seconds_of(process) - cpu


class MemoryWatch:
    """Records the peak private memory of the web server's processes, relative to the start."""

    def __init__(self, parent: int) -> None:
        master = psutil.Process(parent)
        self.processes = [master, *master.children()]
        self.before = self.peak = self._now()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _now(self) -> int:
        return sum(process.memory_full_info().uss for process in self.processes)

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self.peak = max(self.peak, self._now())

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def growth(self) -> int:
        return self.peak - self.before


def measure_memory(stack: Stack, length: int) -> None:
    fields = fetch_form(stack.url)
    with MemoryWatch(stack.children["web"].process.pid) as watch:
        post_file(stack.url, "/tips/", fields, "attachments", length)
    print(f"growth of the web processes during {length / MB:.0f} MB: {watch.growth / MB:.1f} MB (target 64)")


def measure_slow_uploads(stack: Stack, uploads: int, seconds: int) -> None:
    """Measure the home page during `uploads` uploads of 1 Mbit/s that last longer than the web server's timeout."""
    fields = [fetch_form(stack.url) for _ in range(uploads)]
    accepted: list[bool] = []

    def upload(one: dict[str, str], number: int) -> None:
        # Stagger their ends, since each receipt takes 25 ms to compute.
        length = int(SLOW_BYTES_PER_SECOND * (seconds + 0.1 * number))
        page = post_file(stack.url, "/tips/", one, "attachments", length, SLOW_BYTES_PER_SECOND)
        accepted.append('class="words"' in page)

    threads = [threading.Thread(target=upload, args=[one, number]) for number, one in enumerate(fields)]
    for thread in threads:
        thread.start()
    times: list[float] = []
    until = time.monotonic() + seconds - 2
    while time.monotonic() < until:
        start = time.perf_counter()
        response, _ = Client(stack.url).get("/")  # a new connection each time, as for a new visitor
        assert response.status == 200
        times.append(time.perf_counter() - start)
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    ordered = sorted(times)
    print(
        f"home with {uploads} uploads of 1 Mbit/s under way for {seconds} s: p50 {1000 * statistics.median(ordered):.1f} ms,"
        f" p95 {1000 * ordered[int(len(ordered) * 0.95)]:.1f} ms (target 100), most {1000 * ordered[-1]:.0f} ms;"
        f" {sum(accepted)} of {uploads} were taken"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller files, for a shorter time")
    quick = parser.parse_args().quick
    measure_sealing(1 if quick else 5)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Stack(Path(folder), web=["all"], demo=True) as stack:
        vault.create_key_pair(Path(stack.keys["MEDIA_PUBLIC_KEYS"]), Path(stack.keys["MEDIA_PRIVATE_KEYS"]))
        length = 100 * MB if quick else 500 * MB
        with plain_server(stack, Path(folder) / "plain") as plain:
            measure_file(stack, plain, 30 * MB, 5 if quick else 15)
            measure_file(stack, plain, length, 2 if quick else 5)
        measure_memory(stack, length)
        measure_slow_uploads(stack, 50, 15 if quick else 75)


if __name__ == "__main__":
    main()
