"""A small picture of the city with its areas shaded by count, for links to the map."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.utils.safestring import SafeString

from crimemap.pages.area_shading import shade_areas
from crimemap.pages.base_map_svg import MapDrawing
from crimemap.places import base_map
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents

SIDE = 160  # units of the longer side; no detail of an outline is finer


@dataclass(frozen=True, slots=True)
class CityPicture:
    """Size in units, and one (shade, SVG path data) for each area; shade as in area_shading."""

    width: int
    height: int
    areas: list[tuple[int, SafeString]]


def draw_city(published: PublishedIncidents, chosen: Filter) -> CityPicture | None:
    """Draw the areas that the map of the whole city shades; None if it shades none."""
    shading = shade_areas(published, chosen)
    if shading is None:
        return None
    points = [point for each in shading.areas for point in base_map.positions(each.area.outline)]
    west, east = min(x for x, _y in points), max(x for x, _y in points)
    south, north = min(y for _x, y in points), max(y for _x, y in points)
    squeeze = math.cos(math.radians((south + north) / 2))
    scale = SIDE / max(north - south, (east - west) * squeeze)
    drawing = MapDrawing((south, west, north, east), (scale * squeeze, scale))
    width, height = drawing.project(south, east)
    paths = [(each.shade, drawing.outline_path(each.area.outline)) for each in shading.areas]
    return CityPicture(width, height, paths)
