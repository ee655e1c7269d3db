"""The map of an agency without a base map: its city limits as land, the borders of its areas, and their names.

Of the layers, the one with the fewest areas is drawn, but at least two: districts rather than beats.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
import shapely

from crimemap.layer_files.outlines import mend
from crimemap.models import Area
from crimemap.places import area_index

_SIMPLIFIED_DEGREES = 0.00005  # about 5 meters
_MAX_LABELS, _DECIMALS = 40, 5
_LAYERS = (Area.Layer.DISTRICT, Area.Layer.NEIGHBOURHOOD, Area.Layer.BEAT)


def outline_version() -> str:
    """Return 16 hex digits that change with any area, "" without areas."""
    state = area_index.table_state()
    return hashlib.sha256(f"outlines {state}".encode()).hexdigest()[:16] if state != "None" else ""


def draw_outlines() -> list[dict[str, Any]]:
    """Return the layers of the map as base_map_json() has them; none if no area can be drawn."""
    shapes: dict[str, list[tuple[Area, Any]]] = {}
    for area in Area.objects.order_by("layer", "code"):
        shape = shapely.from_geojson(orjson.dumps(area.outline).decode(), on_invalid="ignore")
        if shape is not None and (mended := mend(shape)) is not None:
            shapes.setdefault(area.layer, []).append((area, mended))
    drawn = min(
        (layer for layer in _LAYERS if len(shapes.get(layer, [])) > 1), key=lambda each: len(shapes[each]), default=""
    )
    areas = shapes.get(drawn) or [each for layer in _LAYERS for each in shapes.get(layer, [])]
    land = shapely.union_all([shape for _area, shape in shapes.get(Area.Layer.CITY) or areas])
    if land.is_empty:
        return []
    layers = [_layer("land", [_feature(_simplify(land))])]
    if areas:
        borders = shapely.union_all([shape.boundary for _area, shape in areas])
        lines = shapely.line_merge(borders) if borders.geom_type == "MultiLineString" else borders
        layers.append(_layer("boundaries", [_feature(_simplify(lines))]))
    if 0 < len(areas) <= _MAX_LABELS:
        labels = [_feature(shapely.Point(area.longitude, area.latitude), area.name) for area, _shape in areas]
        layers.append(_layer("labels", labels))
    return layers


def _simplify(shape: Any) -> Any:
    """Return a shape with fewer points; common borders are one line each, so that they stay one."""
    return shapely.simplify(shape, _SIMPLIFIED_DEGREES)


def _feature(shape: Any, name: str = "") -> dict[str, Any]:
    rounded = shapely.transform(shape, lambda points: points.round(_DECIMALS))
    properties = {"name": name, "rank": "area"} if name else {}
    return {"type": "Feature", "properties": properties, "geometry": orjson.loads(shapely.to_geojson(rounded))}


def _layer(name: str, features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "features": features}
