"""The content of a layer's file, whatever its format: GeoJSON, a shapefile in a zip archive, or a table. Knows no Django."""

from __future__ import annotations

import csv
import io
import itertools
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import orjson
import shapely
from pyproj import CRS

from crimemap.layer_files import archives, coordinates, shapefiles
from crimemap.layer_files.features import Feature, LayerRefusedError, property_texts

MAX_FEATURES, MAX_POINTS = 500_000, 5_000_000


@dataclass(slots=True)
class LayerContent:
    """The contents of a file. kind: "geojson", "shapefile" or "table", whose features have no shapes.

    system: None if the file names none. layers: the names of all layers of an archive. unreadable: shapes that are none.
    """

    kind: str
    features: list[Feature]
    system: CRS | None = None
    layers: list[str] = field(default_factory=list)
    name: str = ""
    unreadable: int = 0
    has_index: bool = True
    has_system_file: bool = True


def read_content(file: BinaryIO, name: str, chosen_layer: str) -> LayerContent:
    """Read a file by what it holds; `name` only explains a refusal. Raises LayerRefusedError."""
    head = file.read(16)
    file.seek(0)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _read_archive(file, chosen_layer)
    _refuse_other_format(head, name)
    if head.startswith(b"\x1f\x8b"):
        content = archives.unpack_gzip(file)
    else:
        content = file.read(archives.MAX_UNPACKED_BYTES + 1)
        if len(content) > archives.MAX_UNPACKED_BYTES:
            raise LayerRefusedError("too-large")
    return _read_text(content)


def _refuse_other_format(head: bytes, name: str) -> None:
    if head.startswith(b"\x00\x00\x27\x0a"):
        raise LayerRefusedError("bare-shapefile")
    if head.startswith(b"SQLite format 3"):
        raise LayerRefusedError("geopackage")
    if other := archives.other_format(name):
        raise LayerRefusedError(other)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise LayerRefusedError("xml")
    if name.lower().endswith((".shx", ".dbf", ".prj", ".cpg")):
        raise LayerRefusedError("bare-shapefile")


def _read_archive(file: BinaryIO, chosen_layer: str) -> LayerContent:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError):
        raise LayerRefusedError("damaged-archive") from None
    with archive:
        packed = archives.list_layers(archive)
        names = [layer.name for layer in packed]
        chosen = next((layer for layer in packed if layer.name == chosen_layer), packed[0])
        if ".shp" not in chosen.files:
            member = next(name for end, name in chosen.files.items() if end in archives.TEXTS)
            content = _read_text(archives.read_member(archive, member))
        else:
            features, system_text = shapefiles.read_shapefile(archive, chosen)
            content = LayerContent("shapefile", _bounded(features), coordinates.parse_system(system_text))
            content.has_index, content.has_system_file = ".shx" in chosen.files, ".prj" in chosen.files
        content.layers, content.name = names, chosen.name
        return content


def _read_text(content: bytes) -> LayerContent:
    content = content.removeprefix(b"\xef\xbb\xbf")
    start = content[:200].lstrip(b" \t\r\n")[:1]
    if start in (b"{", b"["):
        return _read_geojson(content)
    if start == b"<":
        raise LayerRefusedError("xml")
    return _read_table(content)


def _read_geojson(content: bytes) -> LayerContent:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise LayerRefusedError("not-json") from None
    if isinstance(found, dict) and found.get("type") == "Feature":
        found = {"type": "FeatureCollection", "features": [found]}
    if isinstance(found, dict) and found.get("type") == "Topology":
        raise LayerRefusedError("topojson")
    if not isinstance(found, dict) or not isinstance(found.get("features"), list):
        raise LayerRefusedError("not-geojson")
    raw = _bounded(found["features"])
    geometries = [feature.get("geometry") if isinstance(feature, dict) else None for feature in raw]
    if any(isinstance(each, dict) and ("rings" in each or "paths" in each) for each in geometries[:100]):
        raise LayerRefusedError("esri-json")
    shapes = [_parse_geometry(geometry) for geometry in geometries]
    features = [
        Feature(number, _properties_of(feature), shape)
        for number, (feature, shape) in enumerate(zip(raw, shapes, strict=True), 1)
    ]
    unreadable = sum(bool(geometry) and shape is None for geometry, shape in zip(geometries, shapes, strict=True))
    return LayerContent("geojson", features, coordinates.system_of_geojson(found), unreadable=unreadable)


def _parse_geometry(geometry: Any) -> Any:
    """Return a shape, None if there is none or it cannot be read."""
    if not geometry:
        return None
    try:
        shape = shapely.force_2d(shapely.from_geojson(orjson.dumps(geometry)))
    except (shapely.GEOSException, ValueError, TypeError, orjson.JSONEncodeError):
        return None
    return None if shape is None or shape.is_empty else shape


def _properties_of(feature: Any) -> dict[str, str]:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    return property_texts(list(properties), list(properties.values())) if isinstance(properties, dict) else {}


def _read_table(content: bytes) -> LayerContent:
    """Read a table: a feature without a shape for each row. Raises LayerRefusedError."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=head.count)
    if not head.count(delimiter):
        raise LayerRefusedError("not-json")
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval="")
    return LayerContent("table", _bounded(_read_rows(reader)))


def _read_rows(reader: csv.DictReader[str]) -> Iterator[Feature]:
    try:
        for number, row in enumerate(reader, 1):
            cells = [(name, value) for name, value in row.items() if isinstance(name, str) and isinstance(value, str)]
            yield Feature(number, property_texts([name for name, _ in cells], [value for _, value in cells]), None)
    except csv.Error as error:
        raise LayerRefusedError("bad-row", row=str(reader.line_num), why=str(error)) from None


def _bounded(features: Any) -> list[Any]:
    found = list(itertools.islice(features, MAX_FEATURES + 1))
    if len(found) > MAX_FEATURES:
        raise LayerRefusedError("too-many-features")
    return found
