"""Files as residents send them, for tests of uploads: the first bytes are those of the format, the rest is noise."""

from __future__ import annotations

import io
import os
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from tips import vault
from tips.files import sealed_store
from tips.models import Attachment

# Start of image and of a frame of 640 x 480 in one color. Without the frame, one noise in 10,000 reads as a frame beyond the limit.
_JPEG_HEADER = bytes.fromhex("ffd8 ffc0 000b 08 01e0 0280 01 011100")


def photo(length: int = 1000) -> bytes:
    return _JPEG_HEADER + os.urandom(length - len(_JPEG_HEADER))


def video(length: int = 1000) -> bytes:
    return b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + os.urandom(length - 24)


def document(length: int = 1000) -> bytes:
    return b"%PDF-1.7\n" + os.urandom(length - 9)


def word() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")
    return stream.getvalue()


def form_file(content: bytes, name: str = "IMG_0042.JPG") -> SimpleUploadedFile:
    """Return a file as a browser puts it into a form."""
    return SimpleUploadedFile(name, content, "application/x-whatever")


def list_store() -> list[Path]:
    folder: Any = settings.MEDIA_STORE
    return sorted(folder.iterdir())


def open_as_worker(row: Attachment) -> bytes:
    assert row.key_for_worker is not None
    return _opened(row, vault.open_key_with(row.key_for_worker, row.worker_key, settings.MEDIA_PRIVATE_KEYS))


def open_as_agency(row: Attachment) -> bytes:
    return _opened(row, vault.open_key_with(row.key_for_agency, row.agency_key_id, settings.AGENCY_PRIVATE_KEYS))


def _opened(row: Attachment, key: bytes) -> bytes:
    assert isinstance(row.file, uuid.UUID)
    with sealed_store.Reader(row.file, key) as reader:
        return b"".join(reader.read())


def split_pieces(content: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    for start in range(0, len(content), size):
        yield start, content[start : start + size]


def ensure_worker_key(keys: dict[str, str]) -> None:
    """Create the media worker's first key pair where no worker has been started yet."""
    public = Path(keys["MEDIA_PUBLIC_KEYS"])
    if not vault.key_files(public, "pub"):
        vault.create_key_pair(public, Path(keys["MEDIA_PRIVATE_KEYS"]))
