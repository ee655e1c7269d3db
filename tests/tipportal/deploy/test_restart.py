"""A web process is replaced while people use it: no request fails, also on one node."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journey import Visitor
from tests.stack import ROOT, Stack, free_port, wait_until
from tests.tips.files import sample_uploads

pytestmark = pytest.mark.nightly

REQUESTS = 1_000
CLIENTS = 8
# As systemd does with a socket unit: the socket is descriptor 3, and the variables name the process that may use it. Some shells
# know no descriptor above 9.
AS_SYSTEMD = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("restart"), web=["public"]) as running:
        # No process starts without these.
        sample_uploads.ensure_worker_key(running.keys)
        for name in ("INCIDENT_SNAPSHOTS", "BASE_MAP"):
            Path(running.keys[name]).mkdir(exist_ok=True)
        yield running


class Readers:
    """Clients that ask for pages one after the other, and one that sends tips, until they have `count` answers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: Counter[str] = Counter()
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self._read, daemon=True) for _ in range(CLIENTS)]
        self.threads += [threading.Thread(target=self._send, daemon=True)]

    def __enter__(self) -> Readers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(60)

    def wait_for(self, count: int) -> None:
        wait_until(lambda: sum(self.answers.values()) >= count, 120, lambda: f"{count} answers, not {self.answers}")

    def _read(self) -> None:
        while not self.stopped.is_set():
            self._count(lambda: str(_open(self.url, "/").status))

    def _send(self) -> None:
        while not self.stopped.is_set():
            self._count(lambda: "tip" if Visitor(self.url).send("Two men load boxes") else "")

    def _count(self, act: object) -> None:
        try:
            self.answers[act()] += 1  # type: ignore[operator]
        except (OSError, http.client.HTTPException, AssertionError) as error:
            self.answers[repr(error)[:200]] += 1


def _open(url: str, path: str) -> Visitor:
    visitor = Visitor(url)
    visitor.open(path)
    return visitor


def find_failures(answers: Counter[str]) -> dict[str, int]:
    return {answer: count for answer, count in answers.items() if answer not in ("200", "tip")}


@contextmanager
def listening() -> Iterator[tuple[socket.socket, str]]:
    with socket.socket() as listener:
        port = free_port()
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
        yield listener, f"http://127.0.0.1:{port}"


def start(stack: Stack, listener: socket.socket, log: Path) -> subprocess.Popen[bytes]:
    unit = [sys.executable, "-m", "tipportal.deploy.processes", "web-public"]
    command = [sys.executable, "-S", "-c", AS_SYSTEMD, str(listener.fileno()), *unit]
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=stack.environment("public"),
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=output,
        )


def test_a_restart_behind_a_socket_of_systemd_fails_no_request(stack: Stack, tmp_path: Path) -> None:
    """The socket stays open: who connects meanwhile waits for the new server."""
    with listening() as (listener, url), Readers(url) as readers:
        server = start(stack, listener, tmp_path / "log")
        slowest = 0.0
        try:
            wait_until(lambda: server.poll() is not None or readers.answers, 120, "an answer")
            assert server.poll() is None, (tmp_path / "log").read_text()
            for turn in (1, 2, 3):
                readers.wait_for(turn * REQUESTS // 3)
                server.send_signal(signal.SIGTERM)
                server.wait(120)
                begun, so_far = time.monotonic(), sum(readers.answers.values())
                server = start(stack, listener, tmp_path / "log")
                readers.wait_for(so_far + 1)
                slowest = max(slowest, time.monotonic() - begun)
            readers.wait_for(REQUESTS)
            assert find_failures(readers.answers) == {}, (tmp_path / "log").read_text()
        finally:
            readers.stopped.set()
            server.send_signal(signal.SIGTERM)
            server.wait(120)
    print(f"the longest wait was {slowest:.1f} s, {dict(readers.answers)}, {os.cpu_count()} cores")
