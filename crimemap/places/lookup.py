"""Where something is: the door through which tips, events and pages ask for blocks, intersections, areas and the base map.

Plain functions and plain values. Works with an empty database: then nothing is found and there is no base map.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from core import page_cache
from crimemap import geometry, wording
from crimemap.models import Area, BaseLayer, Block, Intersection, Located
from crimemap.places import search as searching
from crimemap.snapshot import reader

NEAR = 200.0  # metres: a point farther from the middle of every block is at none


@dataclass(frozen=True, slots=True)
class Place:
    """`ref` names it for good ("block:12"); `district` is a name, or empty where none is known.

    `area` is what the map's filter calls an area, "district:4"; empty for the rest.
    """

    ref: str
    kind: str  # "block", "intersection" or "area"
    name: str
    latitude: float
    longitude: float
    district: str
    area: str = ""


@dataclass(frozen=True, slots=True)
class AreaOutline:
    """An area of one layer; `outline` is a GeoJSON geometry, the point is where its label stands."""

    code: str
    name: str
    latitude: float
    longitude: float
    outline: dict[str, Any]


def search(text: str, limit: int = 8) -> list[Place]:
    """Places that `text` may mean, best first: "412 arden", "400 block of Arden St", "arden & mill", "old town".

    Any input is safe; only its first 100 characters count. A slip in a name is forgiven where nothing is written so.
    """
    return _places(searching.search(text, limit))


def find(ref: str) -> Place | None:
    """The place that `ref` names, or None when there is none (any more)."""
    kind, _, number = ref[:40].partition(":")
    model = {"block": Block, "intersection": Intersection, "area": Area}.get(kind)
    if model is None or not re.fullmatch(r"[0-9]{1,18}", number):
        return None
    return next(iter(_places(model._default_manager.filter(pk=int(number)))), None)


def near(latitude: float, longitude: float) -> Place | None:
    """The block whose middle is nearest, within 200 metres."""
    if not _on_earth(latitude, longitude):
        return None
    north = NEAR / geometry.METRES_PER_DEGREE
    east = north / max(0.01, math.cos(math.radians(latitude)))
    box = Block.objects.filter(
        latitude__range=(latitude - north, latitude + north), longitude__range=(longitude - east, longitude + east)
    )

    def distance(block: Block) -> float:
        return geometry.metres_between(latitude, longitude, block.latitude, block.longitude)

    nearest = min(box, key=distance, default=None)
    return _places([nearest])[0] if nearest is not None and distance(nearest) <= NEAR else None


def in_city(latitude: float, longitude: float) -> bool:
    """Whether the point lies within the city limits; False where none are known."""
    limits = Area.objects.filter(layer=Area.Layer.CITY).values_list("outline", flat=True)
    return _on_earth(latitude, longitude) and any(_covers(outline, (longitude, latitude)) for outline in limits)


def incident(public_id: str) -> str:
    """What a published incident is, in words: "Burglary, 400 block of W 24th Pl, Nov. 3, 2026, about 6 p.m.".

    Empty when there is none (any more).
    """
    try:
        published = reader.current()
        row = published.incident(public_id)
    except (reader.NothingPublishedError, reader.UnknownIncidentError):
        return ""
    return ", ".join([published.names[row.category], wording.where(row), wording.when(row)])


def areas(layer: str) -> list[AreaOutline]:
    """All areas of a layer ("district", "beat", "neighbourhood", "city"), by code."""
    return [
        AreaOutline(area.code, area.name, area.latitude, area.longitude, area.outline)
        for area in Area.objects.filter(layer=layer).order_by("code")
    ]


def area_names(layer: str) -> dict[str, str]:
    """Code to name of all areas of a layer, none of one that is not known; at most a minute old."""
    if layer not in Area.Layer.values:  # of a stranger's address: nothing may be kept for it
        return {}
    return page_cache.kept(
        ("area names", layer), lambda: dict(Area.objects.filter(layer=layer).values_list("code", "name"))
    )


def contact(layer: str, code: str) -> str:
    """How to reach the officers of an area, in their own words; empty where nothing is written. At most a minute old."""
    found = Area.objects.filter(layer=layer, code=code).values_list("contact", flat=True)
    return page_cache.kept(("contact", layer, code), lambda: found.first() or "")


def outline(layer: str, code: str) -> dict[str, Any] | None:
    """The outline of one area as a GeoJSON geometry, where it is known; at most a minute old."""
    found = Area.objects.filter(layer=layer, code=code).values_list("outline", flat=True)
    return page_cache.kept(("outline", layer, code), found.first)


def areas_at(latitude: float, longitude: float) -> list[tuple[str, str]]:
    """The (layer, code) of each area that the point lies in, by layer and code."""
    if not _on_earth(latitude, longitude):
        return []
    rows = Area.objects.order_by("layer", "code").values_list("layer", "code", "outline")
    return [(layer, code) for layer, code, outline in rows if _covers(outline, (longitude, latitude))]


def base_map_version() -> str:
    """Changes with anything drawn on the base map; empty when there is none."""
    digests = BaseLayer.objects.order_by("order", "name").values_list("digest", flat=True)
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:16] if digests else ""


def base_map() -> bytes:
    """The base map as JSON in UTF-8: {"bounds": [[south, west], [north, east]], "layers": [{"name": ..., "features": [...]}]}.

    Layers come lowest first, features as GeoJSON. Bounds are those of the land. Empty when there is none.
    """
    version = base_map_version()
    return _base_map(version) if version else b""


@lru_cache(maxsize=2)
def _base_map(version: str) -> bytes:  # noqa: ARG001  (the key)
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
    """All (longitude, latitude) of a GeoJSON geometry."""
    pending, result = [shape.get("coordinates", [])], []
    while pending:
        item = pending.pop()
        if item and isinstance(item[0], (int, float)):
            result.append((float(item[0]), float(item[1])))
        else:
            pending.extend(reversed(item))
    return result


def _covers(outline: dict[str, Any], point: tuple[float, float]) -> bool:
    polygons = outline["coordinates"] if outline["type"] == "MultiPolygon" else [outline["coordinates"]]
    return any(
        geometry.inside(point, rings[0]) and not any(geometry.inside(point, hole) for hole in rings[1:])
        for rings in polygons
    )


def _on_earth(latitude: float, longitude: float) -> bool:
    return -90 <= latitude <= 90 and -180 <= longitude <= 180  # False for NaN, too


def _places(rows: Iterable[Located]) -> list[Place]:
    rows = list(rows)
    districts: dict[str, str] = {}
    if rows:
        districts = dict(Area.objects.filter(layer=Area.Layer.DISTRICT).values_list("code", "name"))
    return [_place(row, districts) for row in rows]


def _place(row: Any, districts: dict[str, str]) -> Place:
    kind = row._meta.model_name
    code = getattr(row, "areas", {}).get("district", "")
    if kind == "area" and row.layer == Area.Layer.DISTRICT:
        code = row.code
    area = f"{row.layer}:{row.code}" if kind == "area" else ""
    return Place(f"{kind}:{row.pk}", kind, str(row), row.latitude, row.longitude, districts.get(code, ""), area)
