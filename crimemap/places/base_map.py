"""The base map as one JSON document, drawn by Leaflet and by the server."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

from crimemap.models import BaseLayer


def base_map_version() -> str:
    """Return a digest of everything drawn on the base map, "" if there is no base map."""
    digests = BaseLayer.objects.order_by("order", "name").values_list("digest", flat=True)
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16] if digests else ""


def base_map_json() -> bytes:
    """Return the base map as JSON in UTF-8: {"bounds": [[south, west], [north, east]], "layers": [{"name": ..., "features": [...]}]}.

    Layers are ordered from the lowest up, features are GeoJSON, bounds are those of the land. Empty without a base map.
    """
    version = base_map_version()
    return _base_map(version) if version else b""


@lru_cache(maxsize=2)
def _base_map(version: str) -> bytes:  # noqa: ARG001  (the cache's key)
    layers = [
        {"name": layer.name, "features": layer.geojson.get("features", [])}
        for layer in BaseLayer.objects.order_by("order", "name")
    ]
    drawn = next((layer for layer in layers if layer["name"] == BaseLayer.Name.LAND), layers[0])
    points = [point for feature in drawn["features"] for point in positions(feature["geometry"])]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    content = {"bounds": [[south, west], [north, east]], "layers": layers}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


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
