"""The versions in the published folder: writing one, naming the current one, removing old ones and leftovers."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from core.atomic_files import PARTIAL_PREFIX, flush_folder, write_atomically
from crimemap.snapshot import format
from crimemap.snapshot.format import Array

OLD_VERSIONS_KEPT = 2  # besides the current one
OLD_VERSION_SECONDS = 24 * 3600.0  # from being replaced until it is removed in any case
MAX_PUBLICATION_AGE = timedelta(hours=1, minutes=30)  # incidents are published every hour
PARTIAL_FOLDER_PREFIX = ".making-"


class NoSnapshotFolderError(Exception):
    """INCIDENT_SNAPSHOTS is not set, or is not a folder this process can write. The message is a sentence about it."""


def set_current_version(folder: Path, version: str, freshness: list[dict[str, Any]]) -> None:
    """Replace the pointer file. freshness: the age of each source's data."""
    pointer = {"version": version, "made_at": datetime.now(UTC).isoformat(timespec="seconds"), "sources": freshness}
    write_atomically(folder / format.CURRENT, json.dumps(pointer).encode())


def last_publication_if_overdue(folder: Path) -> datetime | None:
    """Return when the pointer file was last written, if that is longer ago than the hourly publication takes; None if not.

    Each publication writes it, also one that changes nothing. None before the first publication.
    """
    try:
        last = datetime.fromisoformat(json.loads((folder / format.CURRENT).read_bytes())["made_at"])
    except (OSError, ValueError, KeyError):
        return None
    return last if datetime.now(UTC) - last > MAX_PUBLICATION_AGE else None


def current_version(folder: Path) -> str:
    """Return the version that the pointer file names, "" if there is none."""
    try:
        return str(json.loads((folder / format.CURRENT).read_bytes())["version"])
    except FileNotFoundError:
        return ""


def write_columns(folder: Path, columns: dict[str, Array], meta: dict[str, Any]) -> str:
    """Write and flush all files of a version to `folder`. Return the version: a digest of their content."""

    def write_column(item: tuple[str, Array]) -> tuple[str, str]:
        name, column = item
        column = np.ascontiguousarray(column)
        with (folder / f"{name}.npy").open("wb") as file:
            np.save(file, column, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)  # web processes may run as another user
        head = f"{column.dtype.str} {column.shape} "
        return name, head + hashlib.sha256(column.reshape(-1).view(np.uint8).data).hexdigest()

    with ThreadPoolExecutor(2) as pool:  # writing and hashing release the interpreter
        digests = dict(pool.map(write_column, columns.items()))
    text = json.dumps(meta, sort_keys=True, ensure_ascii=False).encode()
    write_atomically(folder / format.META, text)
    flush_folder(folder)
    return hashlib.blake2b(text + json.dumps(digests, sort_keys=True).encode(), digest_size=10).hexdigest()


@contextlib.contextmanager
def exclusive_lock(folder: Path, name: str = ".lock") -> Iterator[None]:
    """Hold the lock that allows one publication at a time, or another by its name; the system releases it if the process dies."""
    try:
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        lock = (folder / name).open("wb")
    except OSError as error:
        raise NoSnapshotFolderError(f"{folder} cannot be written: {error.strerror}.") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remove_leftovers(folder: Path) -> None:
    """Remove the partial folders and files of killed publications. Call it with the lock held."""
    for leftover in (*folder.glob(f"{PARTIAL_FOLDER_PREFIX}*"), *folder.glob(f"{PARTIAL_PREFIX}*")):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def remove_old_versions(folder: Path, version: str) -> None:
    """Remove all versions but this one and the OLD_VERSIONS_KEPT replaced last, if replaced within OLD_VERSION_SECONDS."""
    others = [path for path in folder.iterdir() if path.is_dir() and path.name != version and path.name[0] != "."]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for number, path in enumerate(others):
        if number >= OLD_VERSIONS_KEPT or time.time() - path.stat().st_mtime > OLD_VERSION_SECONDS:
            renamed = (
                folder / f"{PARTIAL_FOLDER_PREFIX}{path.name}"
            )  # so that half a version is never found under its name
            path.rename(renamed)
            shutil.rmtree(renamed, ignore_errors=True)
