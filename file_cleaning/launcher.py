"""A file goes into a fresh, confined process; what that says is checked before anybody believes it."""

from __future__ import annotations

import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from file_cleaning import limits
from file_cleaning.detection import detect_format, detect_kind
from file_cleaning.formats import HEAD_BYTES, MediaKind
from file_cleaning.refusals import FileRefusedError, RefusalReason
from file_cleaning.results import OutputPart, RebuiltFile, checked, checked_for_pages
from file_cleaning.sandbox import SandboxLayers
from file_cleaning.workspace import open_workspace

logger = logging.getLogger("file_cleaning")

# Isolated mode (-I) leaves the project's folder off the path; the worker needs no more of it than this package.
_START = """
import sys
sys.path.append(sys.argv.pop(1))
from file_cleaning.worker import main
main()
"""
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"}
_MOST_SAID = 1024 * 1024  # a result of 200 pages has 30 kB


Made = TypeVar("Made")


class SandboxError(Exception):
    """It is this machine, not the file: no room in memory, a library missing, a process killed from outside.

    The file is to be kept and tried again. The message is a sentence for the administrator.
    """


def rebuild(source: Path, into: Path, progress: Callable[[int], None] | None = None) -> RebuiltFile:
    """Make a clean file out of a stranger's.

    `source`: its plaintext in a workspace (/proc/self/fd/N is fine); `into`: an empty folder in the same, where the parts
    end up. `progress` gets 0 to 100. Raises RefusedError for the file's fault, SandboxError for the machine's.
    """
    return _confined("rebuild", source, into, checked, progress)


def make_web_images(source: Path, into: Path) -> list[OutputPart]:
    """Make a picture for residents' pages, in several widths (limits.WEB_IMAGE_WIDTHS): WebP and JPEG by turns.

    As `rebuild` otherwise; what is no picture is refused.
    """
    with source.open("rb") as stream:
        if detect_kind(stream.read(HEAD_BYTES)) is not MediaKind.PHOTO:
            raise FileRefusedError(RefusalReason.UNSUPPORTED)
    return _confined("make_web_images", source, into, checked_for_pages)


def _confined(
    make: str,
    source: Path,
    into: Path,
    check: Callable[[Any, Path], Made],
    progress: Callable[[int], None] | None = None,
) -> Made:
    into = into.resolve(strict=True)
    with source.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        kind, found = detect_kind(head), detect_format(head)
        stream.seek(0)
        child = _Child([make, kind, found, str(into)], into, stream.fileno())
        try:
            child.listen(limits.PROCESS_LIMITS[kind].seconds, progress)
        finally:
            child.end()
    return _result(child, kind, into, check)


def probe_sandbox() -> SandboxLayers:
    """Which layers of the sandbox hold on this machine, found out by a process that confines itself.

    Raises SandboxError when it does not start.
    """
    with open_workspace(allow_disk=True) as folder:
        child = _Child(["probe", str(folder)], folder, subprocess.DEVNULL)
        try:
            child.listen(30, None)
        finally:
            child.end()
    if child.held is None:
        raise SandboxError("The process that rebuilds files does not start; its error stands above in the log.")
    return child.held


class _Child:
    """One confined process. `held` and `outcome` are what it said; nothing of it is believed before `checked`."""

    def __init__(self, arguments: list[str], folder: Path, source: int) -> None:
        project = str(Path(__file__).resolve().parent.parent)
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", _START, project, *arguments],
            cwd=folder,
            env=_ENVIRONMENT,
            stdin=source,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.held: SandboxLayers | None = None
        self.outcome: dict[str, Any] = {}
        self.timed_out = self.fell_silent = False

    def listen(self, seconds: float, progress: Callable[[int], None] | None) -> None:
        """Read lines until the process ends, its time is over or it says more than it may."""
        until, said, rest, percent = time.monotonic() + seconds, 0, b"", -1
        assert self.process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while said < _MOST_SAID:
                if not selector.select(max(until - time.monotonic(), 0)):
                    self.timed_out = True
                    return
                read = os.read(self.process.stdout.fileno(), 65536)
                if not read:
                    self.fell_silent = True
                    return
                said += len(read)
                *lines, rest = (rest + read).split(b"\n")
                for line in lines:
                    now = self._take(line)
                    if progress and now is not None and percent < now <= 100:
                        percent = now
                        progress(percent)

    def _take(self, line: bytes) -> int | None:
        """Keep what a line says. Returns a percentage, if it is one."""
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            return None
        if not isinstance(content, dict):
            return None
        if self.held is None and isinstance(content.get("held"), dict):
            self.held = SandboxLayers(**{name: content["held"].get(name) is True for name in SandboxLayers.__slots__})
        elif "percent" in content:
            return content["percent"] if type(content["percent"]) is int else None
        else:
            self.outcome = content
        return None

    def end(self) -> None:
        """Kill it and all it started; afterwards nothing of the session is left."""
        if self.fell_silent:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        with suppress(ProcessLookupError, PermissionError):  # macOS says "not permitted" of a group of zombies
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


def _result(child: _Child, kind: MediaKind, into: Path, check: Callable[[Any, Path], Made]) -> Made:
    code = child.process.returncode
    if child.held is None:
        raise SandboxError("The process that rebuilds files does not start; its error stands above in the log.")
    _tell(child.held)
    if "made" in child.outcome and not child.timed_out:
        try:
            return check(child.outcome["made"], into)
        except ValueError:
            raise FileRefusedError(RefusalReason.DAMAGED) from None
    room = os.statvfs(into)
    if room.f_bavail * room.f_frsize < limits.MIB:
        raise SandboxError("The folder in memory is full. Give it more room (RAM_FOLDER), or start fewer workers.")
    if child.timed_out:
        raise FileRefusedError(
            RefusalReason.TOO_LONG if kind in (MediaKind.VIDEO, MediaKind.AUDIO) else RefusalReason.TOO_LARGE
        )
    if code == -signal.SIGKILL and child.fell_silent:
        raise SandboxError(
            "The process that rebuilds files was killed: by the system when memory was short, or by hand."
        )
    if code in (-signal.SIGXCPU, -signal.SIGXFSZ):
        raise FileRefusedError(RefusalReason.TOO_LARGE)
    with suppress(ValueError):
        raise FileRefusedError(RefusalReason(str(child.outcome.get("refused"))))
    raise FileRefusedError(RefusalReason.DAMAGED)


_told: set[SandboxLayers] = set()


def _tell(held: SandboxLayers) -> None:
    """Say once a process which layers are missing. Without a barrier to the network on Linux it is an error."""
    if held in _told:
        return
    _told.add(held)
    if sys.platform == "linux" and not held.network_closed:
        logger.error(
            "Strangers' files are rebuilt WITHOUT a barrier to the network: neither user namespaces nor seccomp work here. See docs/media.md."
        )
    missing = [name for name in SandboxLayers.__slots__ if not getattr(held, name)]
    if missing:
        logger.warning("The sandbox for strangers' files lacks here: %s. See docs/media.md.", ", ".join(missing))
