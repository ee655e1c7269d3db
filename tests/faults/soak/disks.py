"""Small disks of their own for the file store and PostgreSQL's data, so that they can be full, and searched as raw images.

Each is an ext4 file system in a file, mounted through a loop device: Linux, root. `can_mount()` says whether this machine has that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

MB = 1024 * 1024


class Disk:
    """A disk of `megabytes` below `folder`, with what was in the folder. Its image is `image`."""

    def __init__(self, folder: Path, image: Path, megabytes: int) -> None:
        self.folder, self.image, self.megabytes = folder, image, megabytes
        self.filler = folder / "filler-of-the-soak"

    def __enter__(self) -> Self:
        before = self.folder.with_name(f"{self.folder.name}.before")
        owner = self.folder.stat()
        self.folder.rename(before)
        self.folder.mkdir()
        with self.image.open("wb") as image:
            image.truncate(self.megabytes * MB)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", self.image)
        _run("mount", "-o", "loop", self.image, self.folder)
        (self.folder / "lost+found").rmdir()
        _run("cp", "-a", f"{before}/.", self.folder)
        os.chown(self.folder, owner.st_uid, owner.st_gid)
        self.folder.chmod(owner.st_mode & 0o7777)
        shutil.rmtree(before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _run("umount", "--lazy", self.folder)

    def fill(self) -> None:
        """Leave no block free."""
        left = os.statvfs(self.folder)
        with self.filler.open("ab") as filler:
            os.posix_fallocate(filler.fileno(), 0, max(1, left.f_bavail * left.f_frsize - MB))
            for length in (65536, 4096):
                _append_until_full(filler.fileno(), length)

    def empty(self) -> None:
        self.filler.unlink(missing_ok=True)


def can_mount(folder: Path) -> bool:
    """Return whether a disk can be made here, by making a small one."""
    place = folder / "probe"
    place.mkdir()
    try:
        with Disk(place, folder / "probe.ext4", 4):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def _append_until_full(descriptor: int, length: int) -> None:
    try:
        os.lseek(descriptor, 0, os.SEEK_END)
        while os.write(descriptor, bytes(length)):
            pass
    except OSError:
        return


def _run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
