"""What a file is, from its first bytes alone. Nothing is parsed here: the sandbox does that."""

from __future__ import annotations

from enum import StrEnum

HEAD_BYTES = 64 * 1024


class Kind(StrEnum):
    PHOTO = "photo"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"


def kind_of(head: bytes) -> Kind:
    """The kind that a file with these first bytes (up to HEAD_BYTES) is treated as.

    Raises RefusedError with a sentence that names what it is, where people do send such files.
    """
    raise NotImplementedError
