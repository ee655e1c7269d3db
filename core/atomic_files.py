"""Write files that a reader finds complete or not at all, even after a power failure: written under another name, flushed, renamed."""

from __future__ import annotations

import os
from pathlib import Path

PARTIAL_PREFIX = ".partial-"  # of the name of a file that is being written


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644, overwrite: bool = True) -> None:
    """Write a file, so that readers find the old content or the new; on return it is on the disk.

    The mode is set whatever the umask says. Raises FileExistsError for an existing file unless `overwrite`.
    """
    partial = path.with_name(f"{PARTIAL_PREFIX}{path.name}.{os.getpid()}")
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode)
        if overwrite:
            partial.rename(path)
        else:
            os.link(partial, path)  # a rename would replace an existing file
    finally:
        partial.unlink(missing_ok=True)
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk: without it a new or renamed file may be gone after a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
