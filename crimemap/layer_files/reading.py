"""Reads a layer's file into lines of JSON, in the confined process: in degrees, mended and simplified. Knows no Django."""

from __future__ import annotations

from typing import Any, BinaryIO, Protocol

import numpy as np
import orjson
import shapely
from pyproj import Transformer

from crimemap.layer_files import coordinates, formats, outlines
from crimemap.layer_files.features import Feature, LayerRefusedError
from crimemap.layer_files.formats import LayerContent

_POLYGONS = ("Polygon", "MultiPolygon")


class _Target(Protocol):
    def write(self, data: bytes, /) -> Any: ...


def warm_up() -> None:
    """Open the register of coordinate systems."""
    Transformer.from_crs("EPSG:26910", "EPSG:4326", always_xy=True).transform(500_000, 5_400_000)


def read_layer(file: BinaryIO, target: _Target, name: str, chosen_layer: str, chosen_system: str) -> dict[str, Any]:
    """Write [number, properties, shape as GeoJSON or null] of each feature, a line each; return facts about the file.

    Raises LayerRefusedError.
    """
    content = formats.read_content(file, name, chosen_layer)
    if not content.features:
        raise LayerRefusedError("no-shapes")
    facts: dict[str, Any] = {
        "kind": content.kind, "layer": content.name, "layers": content.layers[:200], "features": len(content.features),
        "unreadable": content.unreadable, "has_index": content.has_index, "has_system_file": content.has_system_file,
        "system": "", "needs_system": False, "sample": [], "mended": 0, "off_map": 0, "points": 0, "points_left": 0,
    }  # fmt: skip
    shaped = [number for number, feature in enumerate(content.features) if feature.shape is not None]
    if content.kind != "table":
        if not shaped:
            raise LayerRefusedError("no-shapes")
        shapes = np.array([content.features[number].shape for number in shaped], object)
        facts["points"] = coordinates.count_points(shapes)
        if facts["points"] > formats.MAX_POINTS:
            raise LayerRefusedError("too-many-points")
        found = _prepare(shapes, content, chosen_system, facts)
        for number, shape in zip(shaped, found, strict=True):
            before = content.features[number]
            content.features[number] = Feature(before.number, before.properties, shape)
    for feature in content.features:
        shape = None if feature.shape is None else orjson.loads(shapely.to_geojson(feature.shape))
        target.write(orjson.dumps([feature.number, feature.properties, shape]) + b"\n")
    return facts


def _prepare(shapes: Any, content: LayerContent, chosen_system: str, facts: dict[str, Any]) -> list[Any]:
    """Return the shapes in degrees, None for those left out; as they are if their system has to be chosen first."""
    system = coordinates.parse_system(chosen_system) if chosen_system else content.system
    if system is None and not coordinates.are_degrees(shapes):
        return _ask_for_system(shapes, facts)
    projected = shapes
    if system is not None:
        try:
            projected = coordinates.to_degrees(shapes, system)
        except LayerRefusedError:
            return _ask_for_system(shapes, facts)
    facts["system"] = coordinates.describe(system)
    is_on_map = coordinates.are_on_map(projected)
    if not is_on_map.any():
        return _ask_for_system(shapes, facts)
    facts["off_map"] = int((~is_on_map).sum())
    mended = [_mend(shape, facts) if fits else None for shape, fits in zip(projected, is_on_map.tolist(), strict=True)]
    return _simplify(mended, facts)


def _ask_for_system(shapes: Any, facts: dict[str, Any]) -> list[Any]:
    facts |= {"needs_system": True, "sample": coordinates.sample_points(shapes)}
    return list(shapes)


def _mend(shape: Any, facts: dict[str, Any]) -> Any:
    """Return a valid shape. A polygon without surface becomes None."""
    if shape.geom_type not in (*_POLYGONS, "GeometryCollection"):
        return shape
    facts["mended"] += not shapely.is_valid(shape)
    return outlines.mend(shape)


def _simplify(shapes: list[Any], facts: dict[str, Any]) -> list[Any]:
    areas = [number for number, shape in enumerate(shapes) if shape is not None and shape.geom_type in _POLYGONS]
    if areas:
        for number, shape in zip(areas, outlines.simplify([shapes[number] for number in areas]), strict=True):
            shapes[number] = shape
    facts["points_left"] = coordinates.count_points([shape for shape in shapes if shape is not None])
    return shapes
