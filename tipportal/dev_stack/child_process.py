"""A child process that does not outlive its parent, and whose remains are found after a power cut or kill -9.

Each child holds a lock on a file of its own for as long as it or a process it forked lives, and leads a process group of
its own. So a free lock proves that nothing is left running, and a held one proves that the group named in the file is ours,
however often process ids were used again since.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER = 0x10000000
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class ChildError(Exception):
    """A process does not start or does not stop. The message is a sentence that says what to do."""


class Child:
    """One process of a stack. `stop_signal` asks it to finish; what is left after `patience` seconds is killed."""

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
        patience: float = 10,
        before_exec: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.argv = [str(argument) for argument in argv]
        self.lock = lock
        self.log = log
        self.environment = dict(environment)
        self.folder = folder
        self.stop_signal = stop_signal
        self.patience = patience
        self.before_exec = before_exec
        self.process: subprocess.Popen[bytes] | None = None
        self._log_flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self.process.poll() if self.process else None

    def start(self) -> None:
        """Start the process; its output replaces the log, at a restart it follows there. Raises ChildError when an earlier one cannot be stopped."""
        end_remains(self.lock, self.stop_signal, self.patience)
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
                    pass_fds=(descriptor,),
                    preexec_fn=self._in_child(os.getpid(), descriptor),  # noqa: PLW1509  (two system calls)
                )
            self._log_flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        except (OSError, subprocess.SubprocessError) as error:
            raise ChildError(f"{self.name} does not start: {getattr(error, 'strerror', None) or error}.") from error
        finally:
            os.close(descriptor)

    def _in_child(self, parent: int, descriptor: int) -> Callable[[], None]:
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
        """Send a signal to the process and what it forked."""
        if self.process:
            _signal_group(self.process.pid, number)

    def ask_to_stop(self) -> None:
        """Ask the process alone, waking it should it be frozen; it tells those it forked."""
        if self.process and self.alive:
            self.process.send_signal(self.stop_signal)
            self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ask, wait, then kill; nothing of the group is left afterwards."""
        self.ask_to_stop()
        if self.process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.patience)
        self.kill()

    def kill(self) -> None:
        if self.process is None:
            return
        if self.alive:
            self.signal(signal.SIGKILL)
            self.process.wait()
        end_remains(self.lock, signal.SIGKILL, self.patience)
        self.process = None


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says "not permitted" of a group of zombies
        return


def end_remains(lock: Path, stop_signal: signal.Signals, patience: float) -> None:
    """Stop what an earlier, killed parent left running under `lock`. Raises ChildError when it will not go."""
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        for number, seconds in ((stop_signal, patience), (signal.SIGKILL, 5.0)):
            if _locked(descriptor, 0.0):
                return
            group = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            if group.isdecimal() and int(group) > 1:
                _signal_group(int(group), number)
                _signal_group(int(group), signal.SIGCONT)
            if _locked(descriptor, seconds):
                return
    finally:
        os.close(descriptor)
    raise ChildError(
        f"A process of an earlier start still holds {lock}. Stop it or restart this machine, then try again."
    )


def _locked(descriptor: int, seconds: float) -> bool:
    """Whether the lock is free within `seconds`; it is given back with the descriptor."""
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.02)
        else:
            return True


# PostgreSQL refuses to run as root.


def plain_account() -> pwd.struct_passwd:
    """An account of this machine that is not root: PostgreSQL's own where there is one."""
    accounts = {account.pw_name: account for account in pwd.getpwall() if account.pw_uid > 0}
    return accounts.get("postgres") or accounts.get("nobody") or next(iter(accounts.values()))


def disguise_root(uid: int, gid: int) -> None:
    """Between fork and exec: go on in a user namespace where root bears the number `uid`.

    Files keep their owner on disk, nothing is created on the machine. Raises OSError where the host forbids namespaces.
    """
    root, group = os.geteuid(), os.getegid()
    if _libc is None or _libc.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "user namespaces are not available")
    for file, content in (
        ("uid_map", f"{uid} {root} 1"),
        ("setgroups", "deny"),
        ("gid_map", f"{gid} {group} 1"),
    ):
        descriptor = os.open(f"/proc/self/{file}", os.O_WRONLY)
        os.write(descriptor, content.encode())
        os.close(descriptor)


def namespaces_work() -> bool:
    """Whether root can be disguised here: tried in a child."""
    account = plain_account()
    pid = os.fork()
    if pid == 0:
        try:
            disguise_root(account.pw_uid, account.pw_gid)
            os._exit(0 if os.geteuid() == account.pw_uid else 1)
        except BaseException:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0
