"""Free space of the disk that a folder is on."""

from __future__ import annotations

import shutil
from pathlib import Path

_MIN_FREE_SHARE, _MIN_FREE_BYTES = 0.05, 1024**3


def count_free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def is_almost_full(folder: Path) -> bool:
    """Return whether less than a twentieth of the disk, or less than a gibibyte, is free."""
    usage = shutil.disk_usage(folder)
    return usage.free < max(_MIN_FREE_SHARE * usage.total, _MIN_FREE_BYTES)


def find_free_percent(folder: Path | None) -> int | None:
    """Return the free share of the folder's disk in whole percent, None without a folder."""
    if folder is None or not folder.is_dir():
        return None
    usage = shutil.disk_usage(folder)
    return usage.free * 100 // usage.total
