"""A confined process as its parent sees it: started, listened to, and killed when its time is over."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from file_cleaning.confinement.sandbox import SandboxLayers

_PROJECT = str(Path(__file__).resolve().parents[2])
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"}
_MAX_MESSAGE_BYTES = 1024 * 1024  # in all; the reply for a document of 200 pages has 30 kB


class ChildProcess:
    """One confined process. Its messages end up in `layers` and `reply`; the reply is not trusted before validation."""

    def __init__(self, bootstrap: str, arguments: list[str], folder: Path, source: int) -> None:
        """Start `bootstrap`, Python code that finds the project's folder and `arguments` in sys.argv, in `folder`.

        `source` is the descriptor of the untrusted file, the process's standard input.
        """
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", bootstrap, _PROJECT, *arguments],
            cwd=folder,
            env=_ENVIRONMENT,
            stdin=source,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.layers: SandboxLayers | None = None
        self.reply: dict[str, Any] = {}
        self.timed_out = self.closed_output = False

    def read_messages(self, timeout_seconds: float, report_progress: Callable[[int], None] | None) -> None:
        """Read lines until the process ends, its time is over or it has written more than it may."""
        deadline, byte_count, rest, percent = time.monotonic() + timeout_seconds, 0, b"", -1
        assert self.process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while byte_count < _MAX_MESSAGE_BYTES:
                if not selector.select(max(deadline - time.monotonic(), 0)):
                    self.timed_out = True
                    return
                chunk = os.read(self.process.stdout.fileno(), 65536)
                if not chunk:
                    self.closed_output = True
                    return
                byte_count += len(chunk)
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    new_percent = self._store_message(line)
                    if report_progress and new_percent is not None and percent < new_percent <= 100:
                        percent = new_percent
                        report_progress(percent)

    def _store_message(self, line: bytes) -> int | None:
        """Store a message in `layers` or `reply`. Returns the percentage of a progress message."""
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            return None
        if not isinstance(content, dict):
            return None
        if self.layers is None and isinstance(content.get("layers"), dict):
            layers = content["layers"]
            self.layers = SandboxLayers(**{name: layers.get(name) is True for name in SandboxLayers.__slots__})
        elif "percent" in content:
            return content["percent"] if type(content["percent"]) is int else None
        else:
            self.reply = content
        return None

    def terminate(self) -> None:
        """Kill the process and all that it started; nothing of its session is left."""
        if self.closed_output:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        with suppress(ProcessLookupError, PermissionError):  # macOS says "not permitted" of a group of zombies
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
