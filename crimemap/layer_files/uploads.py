"""Uploaded layers while an administrator looks at them: kept in INCIDENT_UPLOADS, each for its account alone, and for a day.

remove_stray_folders() of the bulk worker removes what was left there.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.utils.translation import gettext as _

from crimemap.layer_files import layer_file
from crimemap.layer_files.layer_file import MAX_UPLOAD_BYTES, LayerFacts, LayerFile, LayerFileError

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_FILE, _STATE = "file", "upload.json"


class UploadGoneError(Exception):
    """There is no such upload of this account: it was used, or its day is over."""


class _IncomingFile(Protocol):
    @property
    def name(self) -> str | None: ...

    def chunks(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class KeptUpload:
    """An uploaded file and how it is read. kind: the layer that it is for, such as "district", or "blocks"."""

    secret: str
    account: int
    kind: str
    name: str
    size: int
    facts: LayerFacts
    layer: str = ""
    system: str = ""

    @property
    def folder(self) -> Path:
        return _uploads_folder() / f"layer-{self.secret}"


def _uploads_folder() -> Path:
    """Raises LayerFileError if the server has none."""
    uploads = settings.INCIDENT_UPLOADS
    if uploads is None or not uploads.is_dir():
        raise LayerFileError(
            _("This server has no folder for uploads. Set INCIDENT_UPLOADS, or import the layer by command.")
        )
    return Path(uploads)


def keep(file: _IncomingFile, kind: str, account: int) -> KeptUpload:
    """Store an uploaded file and read it. Raises LayerFileError; then nothing of it is kept."""
    secret = secrets.token_urlsafe(32)
    upload = KeptUpload(secret, account, kind, (file.name or "")[-150:], 0, LayerFacts())
    folder = upload.folder
    folder.mkdir(mode=0o700)
    try:
        size = 0
        with (folder / _FILE).open("wb") as copy:
            for chunk in file.chunks():
                size += len(chunk)
                if size > MAX_UPLOAD_BYTES:
                    raise LayerFileError(
                        _("The file is larger than %(most)d MB. Pack it with zip, or export the layer with fewer details.")
                        % {"most": MAX_UPLOAD_BYTES // 1_000_000}
                    )  # fmt: skip
                copy.write(chunk)
        return read_again(replace(upload, size=size))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def read_again(upload: KeptUpload, *, layer: str = "", system: str = "") -> KeptUpload:
    """Read the file with another layer of the archive, or in another coordinate system. Raises LayerFileError."""
    folder = upload.folder
    found = layer_file.read_layer_file(folder / _FILE, upload.name, folder, layer=layer, system=system)
    upload = replace(upload, facts=found.facts, layer=layer, system=system)
    (folder / _STATE).write_text(json.dumps(asdict(upload)))
    return upload


def find(secret: str, account: int, kinds: tuple[str, ...]) -> KeptUpload:
    """Return an upload of this account. Raises UploadGoneError."""
    if not _SECRET.fullmatch(secret):
        raise UploadGoneError
    try:
        state = json.loads((_uploads_folder() / f"layer-{secret}" / _STATE).read_bytes())
        upload = KeptUpload(**state | {"facts": LayerFacts.parse(state["facts"])})
    except (OSError, ValueError, TypeError, KeyError, LayerFileError):
        raise UploadGoneError from None
    if upload.account != account or upload.kind not in kinds:
        raise UploadGoneError
    return upload


def load(upload: KeptUpload) -> LayerFile:
    """Load the features of an upload. Raises LayerFileError."""
    return LayerFile(layer_file.load_features(upload.folder), upload.facts)


def remove(upload: KeptUpload) -> None:
    """Remove an upload that was used or given up."""
    shutil.rmtree(upload.folder, ignore_errors=True)
