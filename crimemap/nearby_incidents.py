"""The published incidents around a point, as a list and a small drawn map, for the page of a tip.

Only what residents see as well: blocks, not houses. Nothing of the point is kept: no cache, and no link that would carry it to
the server of residents' pages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from django.utils.formats import date_format

from crimemap import wording
from crimemap.geometry import METERS_PER_DEGREE, meters_between
from crimemap.pages import server_map
from crimemap.pages.base_map_svg import MapDrawing
from crimemap.snapshot import published_incidents, reader
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import IncidentRow

RADIUS_METERS = 300
DAYS = 30
MAX_LISTED = 8
MAX_ROWS = 200
# Of the circle's radius, from its middle to the upper edge of the map: wide frames cut a fifth of its height off.
_MARGIN = 1.5


@dataclass(frozen=True, slots=True)
class NearbyIncident:
    """An incident near a point: what it was, its family's slug, when in words, and its distance in words."""

    name: str
    family: str
    day: str
    distance: str


@dataclass(frozen=True, slots=True)
class NearbyMarker:
    """The symbol of a block with incidents, in units of the drawing."""

    family: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class NearbyIncidents:
    """The incidents around a point. `count` is of all, `incidents` the newest; no `drawing` where the city has no base map."""

    count: int
    incidents: list[NearbyIncident]
    days: str
    distance: str
    drawing: MapDrawing | None
    markers: list[NearbyMarker]
    center: tuple[int, int]
    radius: int

    @property
    def more(self) -> int:
        """Return the number of incidents that are not listed."""
        return self.count - len(self.incidents)


def find_around(latitude: float, longitude: float) -> NearbyIncidents | None:
    """Return the newest 30 published days within 300 m of a point; None if nothing is published on this machine."""
    try:
        published = reader.current()
    except published_incidents.NothingPublishedError:
        return None
    radius = max(RADIUS_METERS, published.least_radius)
    last = published.until
    chosen = Filter(last - timedelta(DAYS - 1), last, DAYS, circle=(latitude, longitude, radius))
    page = published.read_page(chosen, limit=MAX_ROWS)
    drawing = _draw(latitude, longitude, radius)
    return NearbyIncidents(
        count=page.total,
        incidents=[_describe(row, published, latitude, longitude) for row in page.rows[:MAX_LISTED]],
        days=wording.format_published_days(chosen, published),
        distance=wording.format_distance(radius),
        drawing=drawing,
        markers=_place_markers(page.rows, published, drawing) if drawing else [],
        center=drawing.project(latitude, longitude) if drawing else (0, 0),
        radius=round(radius / METERS_PER_DEGREE * drawing.scale[1]) if drawing else 0,
    )


def _describe(row: IncidentRow, published: PublishedIncidents, latitude: float, longitude: float) -> NearbyIncident:
    assert row.latitude is not None  # a row without a point is in no circle
    assert row.longitude is not None
    meters = round(meters_between(latitude, longitude, row.latitude, row.longitude), -1)
    return NearbyIncident(
        name=published.category_names[row.category],
        family=published.families[row.category],
        day=date_format(row.at, "F" if row.precision == "month" else "N j"),
        distance=wording.format_distance(meters),
    )


def _draw(latitude: float, longitude: float, radius: float) -> MapDrawing | None:
    north = radius * _MARGIN / METERS_PER_DEGREE
    east = north / max(0.01, math.cos(math.radians(latitude)))
    return server_map.draw_unkept((latitude - north, longitude - east, latitude + north, longitude + east))


def _place_markers(rows: list[IncidentRow], published: PublishedIncidents, drawing: MapDrawing) -> list[NearbyMarker]:
    """Return one symbol a block, of its newest incident."""
    markers: dict[tuple[int, int], NearbyMarker] = {}
    for row in rows:
        if row.latitude is not None and row.longitude is not None:
            x, y = drawing.project(row.latitude, row.longitude)
            markers.setdefault((x, y), NearbyMarker(published.families[row.category], x, y))
    return list(markers.values())
