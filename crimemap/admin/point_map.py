"""Drawn maps over the agency's city, on which administrators see whether points and outlines lie where they should."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from crimemap.geometry import meters_between
from crimemap.models import Area
from crimemap.pages.base_map_svg import HEIGHT, WIDTH, BaseMapRenderer, Box, MapDrawing, widen_to_aspect_ratio
from crimemap.places import area_index, base_map
from crimemap.privacy.locations import Point

_MARGIN_SHARE, _MIN_DEGREES = 0.15, 0.02  # around the points
_FAR_METERS = 100_000.0


@dataclass(frozen=True, slots=True)
class PointMap:
    """A drawing of the base map, the outlines of the agency's areas, and the points on it in its units."""

    drawing: MapDrawing
    outlines: list[SafeString]
    points: list[tuple[int, int]]


def draw_points(points: Sequence[Point]) -> PointMap | None:
    """Draw points over all areas of the agency, wherever the points are; None without points."""
    if not points:
        return None
    areas = list(Area.objects.values_list("outline", flat=True))
    shown = [*points, *((y, x) for outline in areas for x, y in base_map.positions(outline))]
    box = _box_of(shown)
    drawing = _draw_base_map(box)
    return PointMap(
        drawing,
        [drawing.outline_path(outline) for outline in areas],
        [drawing.project(*point) for point in points],
    )


@dataclass(frozen=True, slots=True)
class OutlineMap:
    """A drawing of the base map with the outlines of a layer as it is and as a file would make it."""

    drawing: MapDrawing
    before: list[SafeString]
    after: list[SafeString]


def draw_outlines(before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]) -> OutlineMap:
    """Draw the outlines, GeoJSON polygons in degrees, over each other. `after` has at least one."""
    box = _box_of([(y, x) for outline in (*before, *after) for x, y in base_map.positions(outline)])
    drawing = _draw_base_map(box)
    return OutlineMap(
        drawing,
        [drawing.outline_path(outline) for outline in before],
        [drawing.outline_path(outline) for outline in after],
    )


def warn_if_far(points: Sequence[Point]) -> str:
    """Return a sentence if the middle of a layer's points lies far from the agency's areas; "" if it doesn't or none are known."""
    return _warn(
        points,
        _(
            "This layer lies %(distance)d km from the middle of your city. Check the file: it may be of another city, or its coordinates may be swapped or in another system."
        ),
    )


def warn_if_incidents_are_far(points: Sequence[Point]) -> str:
    """Return the same about the points of incidents."""
    return _warn(
        points,
        _(
            "These points are about %(distance)d km from your areas. Check the columns of latitude and longitude and the coordinate system. If the file is of another city, import that city's areas first."
        ),
    )


def _warn(points: Sequence[Point], sentence: str) -> str:
    kilometers = _kilometers_from_city(points)
    return sentence % {"distance": kilometers} if kilometers else ""


def _kilometers_from_city(points: Sequence[Point]) -> int:
    """Return how far the median of points is from the middle of the agency's areas; 0 if it is near, or none are known."""
    city = area_index.middle_of(area_index.area_indexes().values())
    if city is None or not points:
        return 0
    latitude, longitude = (statistics.median(values) for values in zip(*points, strict=True))
    distance = meters_between(latitude, longitude, *city)
    return 0 if distance < _FAR_METERS else round(distance / 1000)


def _draw_base_map(box: Box) -> MapDrawing:
    version = base_map.base_map_version()
    return _renderer(version).draw(box) if version else _empty_drawing(box)


def _box_of(points: Sequence[Point]) -> Box:
    latitudes, longitudes = zip(*points, strict=True)
    south, north, west, east = min(latitudes), max(latitudes), min(longitudes), max(longitudes)
    margin = max(_MIN_DEGREES, (north - south) * _MARGIN_SHARE, (east - west) * _MARGIN_SHARE)
    return south - margin, west - margin, north + margin, east + margin


def _empty_drawing(box: Box) -> MapDrawing:
    south, west, north, east = wide = widen_to_aspect_ratio(box)
    return MapDrawing(wide, (WIDTH / (east - west), HEIGHT / (north - south)))


@lru_cache(maxsize=1)
def _renderer(version: str) -> BaseMapRenderer:  # noqa: ARG001  (the key)
    return BaseMapRenderer(json.loads(base_map.base_map_json()))
