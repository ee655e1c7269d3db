from __future__ import annotations


class UnreadableFileError(Exception):
    """The file cannot be read; the message is a sentence for administrators."""
