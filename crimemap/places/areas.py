"""Names, outlines and contacts of the city's areas, by layer."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import orjson

from core.web import page_cache
from crimemap.models import Area
from crimemap.places.base_map import is_drawable


@dataclass(frozen=True, slots=True)
class AreaOutline:
    """An area of one layer: its outline as a GeoJSON geometry, and the point of its label in degrees."""

    code: str
    name: str
    latitude: float
    longitude: float
    outline: dict[str, Any]


def area_outlines(layer: str) -> list[AreaOutline]:
    """Return all areas of a layer ("district", "beat", "neighbourhood", "city"), ordered by code."""
    return [
        AreaOutline(area.code, area.name, area.latitude, area.longitude, area.outline)
        for area in Area.objects.filter(layer=layer).order_by("code")
    ]


def layer_geojson(layer: str) -> bytes:
    """Return the areas of a layer as a GeoJSON file with the properties `code` and `name`."""
    features = [
        {"type": "Feature", "properties": {"code": area.code, "name": area.name}, "geometry": area.outline}
        for area in area_outlines(layer)
    ]
    return orjson.dumps({"type": "FeatureCollection", "features": features})


def area_names(layer: str) -> dict[str, str]:
    """Return the names of all areas of a layer by code, at most a minute old; {} for an unknown layer."""
    if layer not in Area.Layer.values:  # from a visitor's URL: must not fill the cache
        return {}
    return page_cache.get_or_build(
        ("area names", layer), lambda: dict(Area.objects.filter(layer=layer).values_list("code", "name"))
    )


def area_contact(layer: str, code: str) -> str:
    """Return the contact text of an area's officers, at most a minute old; "" if there is none."""
    found = Area.objects.filter(layer=layer, code=code).values_list("contact", flat=True)
    return page_cache.get_or_build(("contact", layer, code), lambda: found.first() or "")


def area_outline(layer: str, code: str) -> dict[str, Any] | None:
    """Return the outline of an area as a GeoJSON geometry, at most a minute old; None if there is none to draw."""

    def read() -> dict[str, Any] | None:
        outline = Area.objects.filter(layer=layer, code=code).values_list("outline", flat=True).first()
        return outline if is_drawable(outline) else None

    return page_cache.get_or_build(("outline", layer, code), read)


@dataclass(frozen=True, slots=True)
class ShadedLayer:
    """The layer of areas that the map of the whole city shades. digest: of the outlines, for addresses cached for ever."""

    layer: str
    areas: list[AreaOutline]
    digest: str


SHADED_LAYERS = ("neighbourhood", "district", "beat")  # the first with outlines is shaded
LEAST_SHADED = 2


def shaded_layer() -> ShadedLayer | None:
    """Return the layer to shade, at most a minute old; None if no layer has outlines to draw."""
    return page_cache.get_or_build(("shaded layer",), _find_shaded_layer)


def _find_shaded_layer() -> ShadedLayer | None:
    for layer in SHADED_LAYERS:
        drawable = [area for area in area_outlines(layer) if is_drawable(area.outline)]
        if len(drawable) >= LEAST_SHADED:
            content = json.dumps([[area.code, area.name, area.outline] for area in drawable])
            return ShadedLayer(layer, drawable, hashlib.sha256(content.encode()).hexdigest()[:16])
    return None
