"""The map of the page about a place: the base map, the circle or the area, and a symbol for each block with incidents."""

from __future__ import annotations

import math
from dataclasses import dataclass

from django.utils.safestring import SafeString

from crimemap.geometry import METERS_PER_DEGREE
from crimemap.near import street_labels
from crimemap.near.report import NearReport
from crimemap.pages import server_map
from crimemap.pages.base_map_svg import HEIGHT, WIDTH, Box, MapDrawing
from crimemap.places import areas, base_map
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import MAX_PAGE_ROWS, PublishedIncidents

MARGIN = 1.12  # from the middle of the map to its edge, in radii
FRAME_WIDTH = 860  # of the drawing, cut out of its middle: nearly square
LEFT = (WIDTH - FRAME_WIDTH) // 2


@dataclass(frozen=True, slots=True)
class BlockMarker:
    """A point with incidents, in units of the drawing: the type and family of a single one, else how many there are."""

    x: int
    y: int
    count: int
    category: str
    family: str


@dataclass(frozen=True, slots=True)
class NearMap:
    """The drawing with its markers. `radius` is 0 for an area, which has an outline; `left` and `width` are the part shown."""

    drawing: MapDrawing
    markers: list[BlockMarker]
    center: tuple[int, int]
    radius: int
    outline: SafeString
    left: int = LEFT
    width: int = FRAME_WIDTH


def draw_report(published: PublishedIncidents, report: NearReport) -> NearMap | None:
    """Draw the map of a report and keep nothing of it; None if the city has no base map, or an area no outline."""
    outline = areas.area_outline(*report.chosen.area) if report.chosen.area else None
    if report.chosen.area:
        if outline is None:
            return None
        points = base_map.positions(outline)
        box = (
            min(y for _x, y in points),
            min(x for x, _y in points),
            max(y for _x, y in points),
            max(x for x, _y in points),
        )
        box = _with_margin(box)
    else:
        assert report.chosen.circle  # a report is of an area or a circle
        latitude, longitude, meters = report.chosen.circle
        north = meters * MARGIN / METERS_PER_DEGREE
        east = north / max(0.01, math.cos(math.radians(latitude)))
        box = (latitude - north, longitude - east, latitude + north, longitude + east)
    drawing = server_map.draw_unkept(box)
    if drawing is None:
        return None
    radius = report.chosen.circle[2] if report.chosen.circle else 0
    markers = _place_markers(published, report.chosen, drawing)
    taken = [*((each.x, each.y) for each in markers), drawing.project(report.place.latitude, report.place.longitude)]
    if report.chosen.circle:  # an area has too many streets for the names of all
        streets = server_map.find_streets(drawing.box)
        drawing.labels.extend(street_labels.place_names(streets, drawing, LEFT, FRAME_WIDTH, taken))
    return NearMap(
        drawing=drawing,
        markers=markers,
        center=drawing.project(report.place.latitude, report.place.longitude),
        radius=round(radius / METERS_PER_DEGREE * drawing.scale[1]),
        outline=drawing.outline_path(outline) if outline else SafeString(),
    )


def _with_margin(box: Box) -> Box:
    """Widen the box so that its area fits into the part of the drawing that is shown."""
    south, west, north, east = box
    tall, wide = (north - south) * 0.06, (east - west) * ((WIDTH / FRAME_WIDTH - 1) / 2 + 0.06)
    return south - tall, west - wide, north + tall, east + wide


def _place_markers(published: PublishedIncidents, chosen: Filter, drawing: MapDrawing) -> list[BlockMarker]:
    """Return one marker for each published point, of the newest MAX_PAGE_ROWS incidents."""
    types: dict[tuple[int, int], list[str]] = {}
    for row in published.read_page(chosen, limit=MAX_PAGE_ROWS).rows:
        if row.latitude is not None and row.longitude is not None:
            point = drawing.project(row.latitude, row.longitude)
            if 0 <= point[1] <= HEIGHT:
                types.setdefault(point, []).append(row.category)
    return [
        BlockMarker(x, y, 1, found[0], published.families[found[0]])
        if len(found) == 1
        else BlockMarker(x, y, len(found), "", "")
        for (x, y), found in types.items()
    ]
