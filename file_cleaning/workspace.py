"""A private folder in memory for the plaintext of one file.

Beside each folder lies a file that its process holds locked. A free lock proves that the process is gone, so that what a
killed one left can be removed, and a living one's is never touched.
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

DEFAULT = Path("/dev/shm")  # noqa: S108  (in memory on every Linux; the folder made in it is ours alone)


class NoRamFolderError(Exception):
    """This machine has no folder in memory. The message is a sentence that says what to do."""


def has_ram_folder() -> bool:
    """Whether RAM_FOLDER, or /dev/shm where it is not set, lies in memory (tmpfs or ramfs) and can be written."""
    folder = _chosen()
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK) and _file_system(folder) in ("tmpfs", "ramfs")


@contextmanager
def open_workspace(*, allow_disk: bool = False) -> Iterator[Path]:
    """An empty folder in memory, mode 0700, emptied and removed whatever happens.

    What killed processes left is removed first. Raises NoRamFolderError where there is none, unless `allow_disk`
    (demonstration and development: then a folder on the disk).
    """
    base = _base(allow_disk=allow_disk)
    _sweep(base)
    descriptor, lock = _locked_file(base)
    folder = lock.with_suffix("")
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _remove(folder, lock)
        os.close(descriptor)


def remove_abandoned_workspaces() -> None:
    """Remove the folders of processes that are gone; those of living ones stay."""
    with suppress(NoRamFolderError):
        _sweep(_base(allow_disk=True))


def _chosen() -> Path:
    return Path(os.environ.get("RAM_FOLDER") or DEFAULT)


def _base(*, allow_disk: bool) -> Path:
    """The folder of this account's workspaces. Nobody else may have made it or may look into it."""
    if has_ram_folder():
        parent = _chosen()
    elif allow_disk:
        parent = Path(tempfile.gettempdir())
    else:
        raise NoRamFolderError(
            f"{_chosen()} is no folder in memory, and residents' files are never put on a disk in clear. "
            "Set RAM_FOLDER to a folder on a tmpfs that this account may write."
        )
    base = parent / f"tipportal-{os.geteuid()}"
    with suppress(FileExistsError):
        base.mkdir(mode=0o700)
    found = base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise NoRamFolderError(
            f"{base} belongs to somebody else or others may look into it. Remove it, then start again."
        )
    return base


def _file_system(folder: Path) -> str:
    """The type of the file system a folder lies on, by its device number; empty where that cannot be known."""
    if sys.platform != "linux":
        return ""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split()
        if fields[2] == wanted:
            return fields[fields.index("-") + 1]
    return ""


def _locked_file(base: Path) -> tuple[int, Path]:
    while True:
        lock = base / f"{secrets.token_hex(8)}.lock"
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, lock
        os.close(descriptor)  # another process swept it between the two calls


def _sweep(base: Path) -> None:
    for lock in base.glob("*.lock"):
        with suppress(OSError):
            descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(lock.with_suffix(""), lock)
            finally:
                os.close(descriptor)


def _remove(folder: Path, lock: Path) -> None:
    """The folder first: a lock without folder is harmless, the reverse would never be found."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
    lock.unlink(missing_ok=True)
