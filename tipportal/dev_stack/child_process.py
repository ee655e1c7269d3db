"""A child process that does not outlive its parent, and that the next start can find and stop after kill -9.

Each child leads its own process group and holds a lock on its own file while it, or a process it forked, is alive. A free
lock proves that nothing is left running; a held lock proves that the group named in the file is ours, even if process ids
have been reused since.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class ProcessControlError(Exception):
    """A process does not start or does not stop. The message is a sentence that says what to do."""


class Child:
    """One process of a stack. `stop_signal` asks it to stop; after `stop_timeout_seconds` it is killed.

    It inherits the file descriptors in `descriptors`, under the same numbers.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        *,
        lock: Path,
        log: Path,
        environment: Mapping[str, str],
        folder: Path,
        stop_signal: signal.Signals = signal.SIGTERM,
        stop_timeout_seconds: float = 10,
        before_exec: Callable[[], None] | None = None,
        descriptors: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.argv = [str(argument) for argument in argv]
        self.lock = lock
        self.log = log
        self.environment = dict(environment)
        self.folder = folder
        self.stop_signal = stop_signal
        self.stop_timeout_seconds = stop_timeout_seconds
        self.before_exec = before_exec
        self.descriptors = tuple(descriptors)
        self.process: subprocess.Popen[bytes] | None = None
        self._log_flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self.process.poll() if self.process else None

    def start(self) -> None:
        """Start the process. Its output replaces the log; after a restart it is appended.

        Raises ProcessControlError if it does not start or an earlier one cannot be stopped.
        """
        stop_leftovers(self.lock, self.stop_signal, self.stop_timeout_seconds)
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with open(os.open(self.log, self._log_flags, 0o600), "ab") as log:
                self.process = subprocess.Popen(
                    self.argv,
                    cwd=self.folder,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=(descriptor, *self.descriptors),
                    preexec_fn=self._make_preexec(os.getpid(), descriptor),  # noqa: PLW1509  (two system calls)
                )
            self._log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        except (OSError, subprocess.SubprocessError) as error:
            raise ProcessControlError(
                f"{self.name} doesn't start: {getattr(error, 'strerror', None) or error}."
            ) from error
        finally:
            os.close(descriptor)

    def _make_preexec(self, parent: int, descriptor: int) -> Callable[[], None]:
        def prepare() -> None:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            if self.before_exec:
                self.before_exec()
            if _libc is not None:
                _libc.prctl(PR_SET_PDEATHSIG, int(self.stop_signal))
                if os.getppid() != parent:
                    os._exit(1)

        return prepare

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and to those it forked."""
        if self.process:
            _signal_group(self.process.pid, number)

    def ask_to_stop(self) -> None:
        """Ask the process to stop, waking it if it is frozen. It passes the request on to those it forked."""
        if self.process and self.is_alive:
            self.process.send_signal(self.stop_signal)
            self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask the process to stop, wait, then kill what is left of its group."""
        self.ask_to_stop()
        if self.process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.stop_timeout_seconds)
        self.kill()

    def kill(self) -> None:
        if self.process is None:
            return
        if self.is_alive:
            self.signal(signal.SIGKILL)
            self.process.wait()
        stop_leftovers(self.lock, signal.SIGKILL, self.stop_timeout_seconds)
        self.process = None


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says "not permitted" of a group of zombies
        return


def stop_leftovers(lock: Path, stop_signal: signal.Signals, stop_timeout_seconds: float) -> None:
    """Stop the process group that an earlier, killed parent left running under `lock`.

    Raises ProcessControlError if it survives.
    """
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        for number, timeout_seconds in ((stop_signal, stop_timeout_seconds), (signal.SIGKILL, 5.0)):
            if _acquire_lock(descriptor, 0.0):
                return
            group = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            if group.isdecimal() and int(group) > 1:
                _signal_group(int(group), number)
                _signal_group(int(group), signal.SIGCONT)
            if _acquire_lock(descriptor, timeout_seconds):
                return
    finally:
        os.close(descriptor)
    raise ProcessControlError(
        f"A process of an earlier start still uses {lock}. Stop it or restart this machine, then try again."
    )


def _acquire_lock(descriptor: int, timeout_seconds: float) -> bool:
    """Try to acquire the lock for `timeout_seconds`. It is released when the descriptor is closed."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True
