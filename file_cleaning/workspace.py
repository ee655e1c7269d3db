"""A private folder in memory for the plaintext of one file.

Beside each folder lies a lock file, locked by the process that uses the folder. A free lock proves that the process is
gone: folders of killed processes can be removed, and those of running ones are never touched.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DEFAULT_FOLDER = Path("/dev/shm")  # noqa: S108  (in memory on every Linux; the folder made in it is ours alone)


class NoRamFolderError(Exception):
    """There is no usable folder in memory. The message is a sentence that says what to do."""


def has_ram_folder() -> bool:
    """Return whether RAM_FOLDER (by default /dev/shm) lies in memory (tmpfs or ramfs) and is writable."""
    folder = _configured_folder()
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) and _file_system_type(folder) in ("tmpfs", "ramfs")


@contextmanager
def open_workspace(*, allow_disk: bool = False) -> Iterator[Path]:
    """Yield an empty folder in memory, mode 0700, and remove it with its content afterwards.

    Folders of killed processes are removed first. If there is no folder in memory, raises NoRamFolderError, or uses the disk
    if `allow_disk` (for demonstration and development).
    """
    base = _prepare_base(allow_disk=allow_disk)
    _remove_unlocked(base)
    descriptor, lock = _create_lock(base)
    folder = lock.with_suffix("")
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _remove(folder, lock)
        os.close(descriptor)


def remove_abandoned_workspaces() -> None:
    """Remove the folders of processes that are gone."""
    with suppress(NoRamFolderError):
        _remove_unlocked(_prepare_base(allow_disk=True))


def _configured_folder() -> Path:
    return Path(os.environ.get("RAM_FOLDER") or DEFAULT_FOLDER)


def _prepare_base(*, allow_disk: bool) -> Path:
    """Return the folder of this account's workspaces. It must belong to this account and be closed to all others."""
    if has_ram_folder():
        parent = _configured_folder()
    elif allow_disk:
        parent = Path(tempfile.gettempdir())
    else:
        raise NoRamFolderError(
            f"{_configured_folder()} is no folder in memory, and residents' files are never put on a disk in clear. "
            "Set RAM_FOLDER to a folder on a tmpfs that this account may write."
        )
    base = parent / f"tipportal-{os.geteuid()}"
    with suppress(FileExistsError):
        base.mkdir(mode=0o700)
    status = base.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise NoRamFolderError(
            f"{base} belongs to another user, or other users can read it. Remove it, then start again."
        )
    return base


def _file_system_type(folder: Path) -> str:
    """Return the type of the file system that holds a folder, by its device number; empty if unknown."""
    if sys.platform != "linux":
        return ""
    device = folder.stat().st_dev
    device_number = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split()
        if fields[2] == device_number:
            return fields[fields.index("-") + 1]
    return ""


def _create_lock(base: Path) -> tuple[int, Path]:
    """Return the descriptor and the path of a new, locked file."""
    while True:
        lock = base / f"{secrets.token_hex(8)}.lock"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, lock
        os.close(descriptor)  # another process removed the file between the two calls


def _remove_unlocked(base: Path) -> None:
    for lock in base.glob("*.lock"):
        with suppress(OSError):
            descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(lock.with_suffix(""), lock)
            finally:
                os.close(descriptor)


def _remove(folder: Path, lock: Path) -> None:
    """Remove the folder before its lock: a lock without a folder is harmless, a folder without a lock is never found."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
    lock.unlink(missing_ok=True)
