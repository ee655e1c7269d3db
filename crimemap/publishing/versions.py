"""TODO docstring."""

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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from core.atomic_files import PARTIAL_PREFIX, flush_folder, write_atomically
from crimemap.snapshot import format
from crimemap.snapshot.format import Array

KEPT = 2  # versions before the current one
KEPT_SECONDS = 24 * 3600.0  # and none of them longer than this after it was replaced
MAKING = ".making-"


class NoSnapshotFolderError(Exception):
    """INCIDENT_SNAPSHOTS names no folder that this process may write. The message says so."""


def set_current(folder: Path, version: str, freshness: list[dict[str, Any]]) -> None:
    pointer = {"version": version, "made_at": datetime.now(UTC).isoformat(timespec="seconds"), "sources": freshness}
    write_atomically(folder / format.CURRENT, json.dumps(pointer).encode())


def current_version(folder: Path) -> str:
    """The version that `current` names; empty when there is none."""
    try:
        return str(json.loads((folder / format.CURRENT).read_bytes())["version"])
    except FileNotFoundError:
        return ""


def write_columns(making: Path, columns: dict[str, Array], meta: dict[str, Any]) -> str:
    """All files, flushed to the disk; returns the version: a digest of all of them."""

    def put(item: tuple[str, Array]) -> tuple[str, str]:
        name, column = item
        column = np.ascontiguousarray(column)
        with (making / f"{name}.npy").open("wb") as file:
            np.save(file, column, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)  # web processes may be another user
        head = f"{column.dtype.str} {column.shape} "
        return name, head + hashlib.sha256(column.reshape(-1).view(np.uint8).data).hexdigest()

    with ThreadPoolExecutor(2) as pool:  # writing and hashing let go of the interpreter
        digests = dict(pool.map(put, columns.items()))
    text = json.dumps(meta, sort_keys=True, ensure_ascii=False).encode()
    write_atomically(making / format.META, text)
    flush_folder(making)
    return hashlib.blake2b(text + json.dumps(digests, sort_keys=True).encode(), digest_size=10).hexdigest()


@contextlib.contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """One publication at a time; the lock goes with the process that held it."""
    try:
        if not folder.exists():
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        lock = (folder / ".lock").open("wb")
    except OSError as error:
        raise NoSnapshotFolderError(f"{folder} cannot be written: {error.strerror}.") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remove_leftovers(folder: Path) -> None:
    """What a killed publication left: the lock is ours, so nobody is making any."""
    for left in (*folder.glob(f"{MAKING}*"), *folder.glob(f"{PARTIAL_PREFIX}*")):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def remove_old_versions(folder: Path, version: str) -> None:
    """Remove older versions, `KEPT` and those replaced a moment ago excepted."""
    others = [path for path in folder.iterdir() if path.is_dir() and path.name != version and path.name[0] != "."]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for number, path in enumerate(others):
        if number >= KEPT or time.time() - path.stat().st_mtime > KEPT_SECONDS:
            leaving = folder / f"{MAKING}{path.name}"  # renamed first: half a version is never found under its name
            path.rename(leaving)
            shutil.rmtree(leaving, ignore_errors=True)
