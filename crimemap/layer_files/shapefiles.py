"""Shapefiles inside a zip archive: shapes, properties, encoding and coordinate system. Knows no Django."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import shapefile
import shapely

from crimemap.layer_files.archives import PackedLayer, read_member
from crimemap.layer_files.features import Feature, LayerRefusedError, property_texts

# Byte 29 of a .dbf file, where there is no .cpg: the languages of dBASE and Esri's additions.
_LANGUAGES = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x57: "cp1252", 0x58: "cp1252", 0x59: "cp1252", 0x64: "cp852",
    0x65: "cp866", 0x7B: "cp932", 0x7D: "cp1255", 0x7E: "cp1256", 0xC8: "cp1250", 0xC9: "cp1251", 0xCA: "cp1254", 0xCB: "cp1253",
}  # fmt: skip


def read_shapefile(archive: zipfile.ZipFile, layer: PackedLayer) -> tuple[list[Feature], str]:
    """Return the features of a layer, and the text of its .prj file, "" without one. Raises LayerRefusedError."""
    if ".dbf" not in layer.files:
        raise LayerRefusedError("no-dbf", name=layer.name)
    parts = {end: read_member(archive, name) for end, name in layer.files.items()}
    encoding = choose_encoding(parts.get(".cpg", b""), parts[".dbf"])
    try:
        # Without the index (.shx) shapes are read one after the other, as they lie in the file.
        reader = shapefile.Reader(
            shp=io.BytesIO(parts[".shp"]),
            dbf=io.BytesIO(parts[".dbf"]),
            shx=io.BytesIO(parts[".shx"]) if ".shx" in parts else None,
            encoding=encoding,
            encodingErrors="replace",
        )
        features = list(_read_features(reader))
    except MemoryError:
        raise
    except Exception as error:  # whatever the library makes of a damaged or hostile file
        raise LayerRefusedError("damaged-shapefile", name=layer.name) from error
    return features, parts.get(".prj", b"").decode("utf-8", "replace")


def _read_features(reader: Any) -> Iterator[Feature]:
    names = [field[0] for field in reader.fields if field[0] != "DeletionFlag"]
    for number, (shape, record) in enumerate(zip(reader.iterShapes(), reader.iterRecords(), strict=False), 1):
        yield Feature(number, property_texts(names, list(record)), _read_shape(shape))


def _read_shape(shape: Any) -> Any:
    """Return the shape, None for an empty one or one that is no geometry."""
    if shape is None or not getattr(shape, "points", None):
        return None
    try:
        found = shapely.force_2d(shapely.geometry.shape(shape.__geo_interface__))
    except MemoryError:
        raise
    except Exception:  # a ring of two points, a number that is none
        return None
    return None if found.is_empty else found


def choose_encoding(cpg: bytes, dbf: bytes) -> str:
    """Return the codec of the properties: by the .cpg file, by the .dbf file's mark, or by what its bytes allow."""
    named = cpg.decode("ascii", "ignore").strip().casefold()
    digits = re.sub(r"\D", "", named)
    for name in (named, f"cp{digits}" if digits else "", f"iso8859-{digits[4:]}" if digits.startswith("8859") else ""):
        if codec := _find_codec(name):
            return codec
    if len(dbf) > 29 and dbf[29] in _LANGUAGES:
        return _LANGUAGES[dbf[29]]
    try:
        dbf.decode("utf-8")
    except UnicodeDecodeError:
        # The header has bytes that are no text: what follows it decides.
        start = int.from_bytes(dbf[8:10], "little")
        try:
            dbf[start:].decode("utf-8")
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def _find_codec(name: str) -> str:
    try:
        found = codecs.lookup(name) if name else None
    except (LookupError, ValueError):
        return ""
    return found.name if found is not None and found._is_text_encoding else ""
