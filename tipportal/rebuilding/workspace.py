"""A private folder in memory for the plaintext of one file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class NoRamFolderError(Exception):
    """This machine has no folder in memory. The message is a sentence that says what to do."""


def has_ram_folder() -> bool:
    """Whether RAM_FOLDER, or /dev/shm where it is not set, lies in memory (tmpfs or ramfs) and can be written."""
    raise NotImplementedError


@contextmanager
def workspace(*, allow_disk: bool = False) -> Iterator[Path]:
    """An empty folder in memory, mode 0700, emptied and removed whatever happens.

    What killed processes left is removed first. Raises NoRamFolderError where there is none, unless `allow_disk`
    (demonstration and development: then a folder on the disk).
    """
    raise NotImplementedError
    yield Path()


def sweep() -> None:
    """Remove the folders of processes that are gone; those of living ones stay."""
