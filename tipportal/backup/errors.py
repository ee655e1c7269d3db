"""The exception of all modules here."""

from __future__ import annotations

import errno


class BackupError(Exception):
    """A backup can't be made, read or restored. The message is a sentence for the operator."""


def explain(error: OSError, folder: object) -> BackupError:
    """Return the sentence about a folder that can't be written or read."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BackupError(
            f"The disk of {folder} is full. Free some space, then start again. The earlier backups are untouched."
        )
    return BackupError(f"{error.filename or folder} can't be used: {error.strerror}. Check its owner, mode and disk.")
