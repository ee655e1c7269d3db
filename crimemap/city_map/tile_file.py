"""The file of vector tiles: where it is stored.

The command that builds it writes it, web processes read it. Its name is a digest of its content, so it never changes.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from django.conf import settings

from core.atomic_files import PARTIAL_PREFIX, write_atomically

SUFFIX = ".pmtiles"


def path_of(digest: str) -> Path | None:
    """Return the file with this digest if it exists."""
    folder = settings.BASE_MAP
    path = folder / f"{digest}{SUFFIX}" if folder is not None and re.fullmatch(r"[0-9a-f]{16}", digest) else None
    return path if path is not None and path.is_file() else None


def store(folder: Path, content: bytes) -> str:
    """Write the file into the folder, made if need be, and return its digest. Raises OSError."""
    digest = hashlib.sha256(content).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # web processes run as other users
    path = folder / f"{digest}{SUFFIX}"
    if not path.is_file():
        write_atomically(path, content)
    return digest


def remove_others(folder: Path, digest: str) -> None:
    """Remove the files of earlier tiles and what a killed command left."""
    for path in (*folder.glob(f"*{SUFFIX}"), *folder.glob(f"{PARTIAL_PREFIX}*")):
        if path.name != f"{digest}{SUFFIX}":
            path.unlink(missing_ok=True)
