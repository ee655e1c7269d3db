"""The folder that backups are in: its lock, and what is deleted from it."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.atomic_files import PARTIAL_PREFIX
from tipportal.backup import manifests
from tipportal.backup.errors import BackupError, explain

_SIGNATURE_BYTES = 64


def parts_folder(folder: Path) -> Path:
    return folder / "parts"


def sets_folder(folder: Path) -> Path:
    return folder / "sets"


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Prepare a folder, and let no other process write to it. Raises BackupError."""
    try:
        for each in (folder, parts_folder(folder), sets_folder(folder)):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise explain(error, folder) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another backup to {folder} is running. Wait until it has ended.") from None
        yield


def delete_expired(folder: Path, today: dt.date) -> int:
    """Delete backups whose lifetime is over, except the newest, and parts that belong to none. Returns the number of backups."""
    sets = sets_folder(folder)
    expired = 0
    for name in manifests.list_names(sets)[:-1]:
        stated = _read_unproven(sets / name)
        if stated and dt.date.fromisoformat(stated["expires_on"]) < today:
            (sets / name).unlink()
            expired += 1
    _delete_stray_parts(folder)
    return expired


def _delete_stray_parts(folder: Path) -> None:
    """Delete parts of killed and deleted backups. None while a manifest can't be read: its parts are unknown."""
    sets = sets_folder(folder)
    for partial in sets.glob(f"{PARTIAL_PREFIX}*"):
        partial.unlink(missing_ok=True)
    used = set()
    for name in manifests.list_names(sets):
        stated = _read_unproven(sets / name)
        if stated is None:
            return
        used |= {part["id"] for part in (stated["database"], stated["index"], *stated["packs"])}
    for path in parts_folder(folder).iterdir():
        if path.name not in used:
            path.unlink(missing_ok=True)


def _read_unproven(path: Path) -> dict[str, Any] | None:
    """Return a manifest's values without a look at its signature: those of lost keys count too. None if they can't be read."""
    try:
        stated = json.loads(path.read_bytes()[_SIGNATURE_BYTES:])
        return stated if {"expires_on", "database", "index", "packs"} <= set(stated) else None
    except (OSError, ValueError, TypeError):
        return None
