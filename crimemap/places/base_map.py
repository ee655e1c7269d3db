"""The base map as one JSON document, drawn by Leaflet and by the server. What cannot be drawn is left out of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from core.web import page_cache
from crimemap.city_map import tile_file
from crimemap.models import BaseLayer, BaseMapBuild
from crimemap.places import outline_map

# How deep the positions of a GeoJSON geometry lie in lists.
_DEPTHS = {"Point": 0, "LineString": 1, "Polygon": 2, "MultiLineString": 2, "MultiPolygon": 3}
MAX_LATITUDE = 85.0  # of a map in Mercator's projection
OSM = "OpenStreetMap"  # the attribution of a map whose data come from there


def current_build() -> BaseMapBuild | None:
    """Return the build whose data are drawn, without `tiles` if their file is not on this machine; None if there is none."""
    return page_cache.get_or_build(("base map build",), _read_build)


def _read_build() -> BaseMapBuild | None:
    build = BaseMapBuild.objects.order_by("-built_at").first()
    if build is not None and tile_file.path_of(build.tiles) is None:
        build.tiles = ""
    return build


def base_map_source() -> str:
    """Return a sentence that says whose data the base map is drawn from, "" if nobody has to be named."""
    build = current_build()
    if build is None or not build.attribution:
        return ""
    source = (
        "OpenStreetMap contributors, openstreetmap.org/copyright" if build.attribution == OSM else build.attribution
    )
    return _("Map data: %(source)s") % {"source": source}


def base_map_version() -> str:
    """Return a digest of everything drawn on the base map, "" if there is nothing to draw."""
    digests = BaseLayer.objects.order_by("order", "name").values_list("digest", flat=True)
    version = hashlib.sha256("".join(digests).encode()).hexdigest()[:16] if digests else ""
    return version if version and _base_map(version) else ""


def base_map_json() -> bytes:
    """Return the base map as JSON in UTF-8: {"bounds": [[south, west], [north, east]], "layers": [{"name": ..., "features": [...]}]}.

    Layers are ordered from the lowest up, features are GeoJSON, bounds are those of the land. Empty without a base map.
    """
    version = base_map_version()
    return _base_map(version) if version else b""


def city_map_version() -> str:
    """Return a digest of what is drawn below incidents: of the base map or, without one, of the agency's own outlines."""
    return base_map_version() or _drawable_outline_version()


def city_map_json() -> bytes:
    """Return what is drawn below incidents, in the format of base_map_json()."""
    version = _drawable_outline_version()
    return base_map_json() or (_outline_map(version) if version else b"")


def _drawable_outline_version() -> str:
    version = outline_map.outline_version()
    return version if version and _outline_map(version) else ""


@lru_cache(maxsize=2)
def _outline_map(version: str) -> bytes:  # noqa: ARG001  (the cache's key)
    return _as_json(
        [layer | {"features": list(drawable_features(layer, layer["name"]))} for layer in outline_map.draw_outlines()]
    )


@lru_cache(maxsize=2)
def _base_map(version: str) -> bytes:  # noqa: ARG001  (the cache's key)
    """Return the document, b"" if no layer has anything to draw: a broken layer must not break the public map."""
    stored = BaseLayer.objects.order_by("order", "name")
    layers: list[dict[str, Any]] = [
        {"name": layer.name, "features": list(drawable_features(layer.geojson, layer.name))} for layer in stored
    ]
    return _as_json(layers)


def _as_json(layers: list[dict[str, Any]]) -> bytes:
    layers = [layer for layer in layers if layer["features"]]
    if not layers:
        return b""
    drawn = next((layer for layer in layers if layer["name"] == BaseLayer.Name.LAND), layers[0])
    points = [point for feature in drawn["features"] for point in positions(feature["geometry"])]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    content = {"bounds": [[south, west], [north, east]], "layers": layers}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def drawable_features(geojson: Any, layer: str) -> Iterator[dict[str, Any]]:
    """Yield the features of a base map layer that have a shape in degrees: points for labels, lines and polygons for others."""
    features = geojson.get("features") if isinstance(geojson, dict) else None
    for feature in features if isinstance(features, list) else ():
        shape: Any = feature.get("geometry") if isinstance(feature, dict) else None
        if is_drawable(shape) and (shape["type"] == "Point") == (layer == BaseLayer.Name.LABELS):
            properties = feature.get("properties")
            yield feature | {"properties": _clean_properties(properties if isinstance(properties, dict) else {})}


def _clean_properties(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the properties that are drawn, in the types that drawing needs."""
    cleaned = {name: properties[name] for name in ("name", "rank") if isinstance(properties.get(name), str)}
    turn = properties.get("turn")
    return cleaned | ({"turn": turn} if isinstance(turn, int | float) and abs(turn) <= 360 else {})


def is_drawable(shape: Any) -> bool:
    """Return whether a value is a GeoJSON geometry with positions in degrees, in lists as deep as its type has them."""
    depth = (
        _DEPTHS.get(shape.get("type", "")) if isinstance(shape, dict) and isinstance(shape.get("type"), str) else None
    )
    return depth is not None and _has_positions(shape.get("coordinates"), depth)


def _has_positions(coordinates: Any, depth: int) -> bool:
    if not isinstance(coordinates, list) or not coordinates:
        return False
    if depth:
        is_line = depth == 1
        return len(coordinates) > int(is_line) and all(_has_positions(item, depth - 1) for item in coordinates)
    numbers = coordinates[:2]
    if len(numbers) < 2 or not all(isinstance(number, int | float) for number in numbers):
        return False
    longitude, latitude = map(float, numbers)
    return -180 <= longitude <= 180 and -MAX_LATITUDE <= latitude <= MAX_LATITUDE


def positions(shape: dict[str, Any]) -> list[tuple[float, float]]:
    """Return every (longitude, latitude) of a GeoJSON geometry."""
    pending, result = [shape.get("coordinates", [])], []
    while pending:
        item = pending.pop()
        if item and isinstance(item[0], (int, float)):
            result.append((float(item[0]), float(item[1])))
        else:
            pending.extend(reversed(item))
    return result
