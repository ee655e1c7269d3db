"""TODO docstring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.web import page_cache
from crimemap.models import Area


@dataclass(frozen=True, slots=True)
class AreaOutline:
    """An area of one layer; `outline` is a GeoJSON geometry, the point is where its label stands."""

    code: str
    name: str
    latitude: float
    longitude: float
    outline: dict[str, Any]


def area_outlines(layer: str) -> list[AreaOutline]:
    """All areas of a layer ("district", "beat", "neighbourhood", "city"), by code."""
    return [
        AreaOutline(area.code, area.name, area.latitude, area.longitude, area.outline)
        for area in Area.objects.filter(layer=layer).order_by("code")
    ]


def area_names(layer: str) -> dict[str, str]:
    """Code to name of all areas of a layer, none of one that is not known; at most a minute old."""
    if layer not in Area.Layer.values:  # of a stranger's address: nothing may be kept for it
        return {}
    return page_cache.get_or_build(
        ("area names", layer), lambda: dict(Area.objects.filter(layer=layer).values_list("code", "name"))
    )


def contact(layer: str, code: str) -> str:
    """How to reach the officers of an area, in their own words; empty where nothing is written. At most a minute old."""
    found = Area.objects.filter(layer=layer, code=code).values_list("contact", flat=True)
    return page_cache.get_or_build(("contact", layer, code), lambda: found.first() or "")


def outline(layer: str, code: str) -> dict[str, Any] | None:
    """The outline of one area as a GeoJSON geometry, where it is known; at most a minute old."""
    found = Area.objects.filter(layer=layer, code=code).values_list("outline", flat=True)
    return page_cache.get_or_build(("outline", layer, code), found.first)
