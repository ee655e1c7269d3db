"""The layers inside a file: unpacked within bounds, and found among what else an archive holds. Knows no Django."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Protocol

from crimemap.layer_files.features import LayerRefusedError

MAX_UNPACKED_BYTES = 250_000_000  # the center lines of a large county are about 60 MB
MAX_MEMBERS = 5_000
_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_JSON, _TABLES = (".geojson", ".json"), (".csv",)
TEXTS = (*_JSON, *_TABLES)
# What agencies send instead, by the ends of names.
_OTHER_FORMATS = {
    ".gdbtable": "geodatabase", ".gpkg": "geopackage", ".kml": "kml", ".kmz": "kml", ".tab": "mapinfo", ".mif": "mapinfo",
    ".dwg": "drawing", ".dxf": "drawing", ".lyrx": "project", ".qgz": "project", ".mxd": "project",
}  # fmt: skip


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class PackedLayer:
    """A layer of an archive. files: its members by the end of their names, such as ".shp"."""

    name: str
    files: dict[str, str]


def unpack_gzip(file: BinaryIO) -> bytes:
    """Return the content of a gzip file. Raises LayerRefusedError."""
    try:
        with gzip.GzipFile(fileobj=file) as packed:
            return _read_bounded(packed)
    except (OSError, EOFError, zlib.error):
        raise LayerRefusedError("damaged-archive") from None


def _read_bounded(file: _Readable) -> bytes:
    content = io.BytesIO()
    while piece := file.read(1 << 20):
        content.write(piece)
        if content.tell() > MAX_UNPACKED_BYTES:
            raise LayerRefusedError("too-large")
    return content.getvalue()


def list_layers(archive: zipfile.ZipFile) -> list[PackedLayer]:
    """Return the layers of an archive by name. Raises LayerRefusedError if it has none, or unpacks to too much."""
    members = archive.infolist()
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise LayerRefusedError("too-large")
    found: dict[str, dict[str, str]] = {}
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if member.is_dir() or "__MACOSX" in path.parts or path.name.startswith("."):
            continue
        end = path.suffix.lower()
        if end in (*_PARTS, *_JSON, *_TABLES):
            found.setdefault(str(path.with_suffix("")), {})[end] = member.filename
    for wanted in ((".shp", *_JSON), _TABLES):  # a table beside a layer describes it
        layers = [
            PackedLayer(PurePosixPath(stem).name, files)
            for stem, files in sorted(found.items())
            if any(end in files for end in wanted)
        ]
        if layers:
            return layers
    raise LayerRefusedError(_name_missing(found, [member.filename for member in members]))


def _name_missing(found: dict[str, dict[str, str]], names: list[str]) -> str:
    if any(".dbf" in files or ".shx" in files for files in found.values()):
        return "no-shp"
    return next((other for name in names if (other := other_format(name))), "no-layer")


def other_format(name: str) -> str:
    """Return the format that a name ends in, if it is one that the portal does not read; else ""."""
    return _OTHER_FORMATS.get(PurePosixPath(name.replace("\\", "/")).suffix.lower(), "")


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return the content of a member. Raises LayerRefusedError."""
    try:
        with archive.open(name) as member:
            return _read_bounded(member)
    except RuntimeError:  # zipfile's error for a password
        raise LayerRefusedError("password") from None
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, zlib.error):
        raise LayerRefusedError("damaged-archive") from None
