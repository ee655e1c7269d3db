"""Layers as files, for tests: read in this process, as the confined one does it."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import shapefile

from crimemap.layer_files import layer_file, process, reading
from crimemap.layer_files.features import LayerRefusedError
from crimemap.layer_files.layer_file import LayerFacts, LayerFile, LayerFileError, refusal_sentence
from crimemap.models import Area
from crimemap.places import area_import
from crimemap.places.area_import import LayerImportResult

SQUARE = [[0, 0], [0, 2], [2, 2], [2, 0], [0, 0]]
EAST = [[2, 0], [2, 2], [4, 2], [4, 0], [2, 0]]


def feature(geometry: dict[str, Any] | None, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def polygon(ring: list[list[float]], **properties: Any) -> dict[str, Any]:
    return feature({"type": "Polygon", "coordinates": [ring]}, **properties)


def file_of(*features: dict[str, Any]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def read(content: bytes, name: str = "", layer: str = "", system: str = "") -> LayerFile:
    """Raises LayerFileError."""
    with tempfile.TemporaryDirectory() as folder:
        with gzip.open(Path(folder) / process.FEATURES_FILE, "wb") as target:
            try:
                facts = reading.read_layer(io.BytesIO(content), target, name, layer, system)
            except LayerRefusedError as refusal:
                raise LayerFileError(refusal_sentence(refusal.reason, refusal.details)) from None
        return LayerFile(layer_file.load_features(Path(folder)), LayerFacts.parse(facts))


def replace(layer: str, content: bytes, successors: dict[str, str] | None = None, **columns: Any) -> LayerImportResult:
    features = read(content).features
    plan = area_import.plan_layer(layer, features, area_import.choose_columns(features, layer, **columns))
    return area_import.replace_layer(plan, successors)


def codes(layer: str = "district") -> list[str]:
    return list(Area.objects.filter(layer=layer).order_by("code").values_list("code", flat=True))


def shapefile_parts(
    shapes: list[tuple[Any, ...]],
    prj: str = "",
    cpg: str = "UTF-8",
    encoding: str = "utf-8",
    kind: int = shapefile.POLYGON,
) -> dict[str, bytes]:
    """Write (rings or None, code, name) as the files of a shapefile, by the ends of their names."""
    files = {end: io.BytesIO() for end in ("shp", "shx", "dbf")}
    with shapefile.Writer(**files, shapeType=kind, encoding=encoding) as writer:
        writer.field("DIST_NUM", "N", 5, 0)
        writer.field("NAME", "C", 60)
        for rings, code, name in shapes:
            if rings is None:
                writer.null()
            else:
                writer.poly(rings) if kind == shapefile.POLYGON else writer.line(rings)
            writer.record(code, name)
    parts = {end: stream.getvalue() for end, stream in files.items()}
    return parts | {"prj": prj.encode(), "cpg": cpg.encode()}


def pack(parts: dict[str, bytes], stem: str = "districts", *, without: str = "") -> bytes:
    """Pack the files of a shapefile in one zip archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for end, content in parts.items():
            if content and end not in without.split():
                archive.writestr(f"{stem}.{end}", content)
    return target.getvalue()
