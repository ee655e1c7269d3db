"""The map as the server draws it: base map, incidents as bubbles and symbols, and the links that move it.

In the picture one bubble stands for the incidents of a cell, a symbol for a single incident. Both are links: to the list of
what stands there, or, where that would be long, nearer. `at` in the address of the page is the middle and zoom of what is
shown, the same as for the map with script: at=41.50000,-38.50000,14. Without it the whole city is, or what the filter means.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crimemap import wording
from crimemap.geometry import METERS_PER_DEGREE
from crimemap.offence_families import BY_SLUG
from crimemap.pages import base_map_svg
from crimemap.pages.base_map_svg import Box, Picture, Plan
from crimemap.places import areas, base_map
from crimemap.snapshot import bubbles
from crimemap.snapshot.bubbles import Bubble
from crimemap.snapshot.filters import Filter, FilterError, FilterProblem
from crimemap.snapshot.reader import PublishedIncidents

CELL = 96  # units of the picture that a cell is wide, at least
LONG = 50  # incidents of a bubble that a page of the list still holds
ZOOMS = range(4, 18)
SPOT_ZOOM = 15
PICTURES = 64  # kept a process
LENGTHS = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)  # metres that a scale bar may have

At = tuple[float, float, float]  # latitude, longitude, zoom in halves


@dataclass(frozen=True, slots=True)
class Marker:
    """`radius` is 0 for a single incident, drawn as its family's symbol."""

    x: int
    y: int
    radius: int
    text: str
    family: str
    label: str
    address: str


@dataclass(frozen=True, slots=True)
class Move:
    """A link that moves the map."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Around:
    """The filter's circle, in units of the picture."""

    x: int
    y: int
    across: int
    down: int


@dataclass(frozen=True, slots=True)
class Shown:
    picture: Picture
    markers: list[Marker]
    moves: list[Move]
    circle: Around | None
    outline: SafeString
    scale: int
    scale_words: str
    base_version: str
    whole: Box
    area: dict[str, Any] | None

    # For the map with script

    @property
    def whole_text(self) -> str:
        """All that may be shown."""
        return _edges(self.whole)

    @property
    def box_text(self) -> str:
        """What is shown first."""
        return _edges(self.picture.box)

    @property
    def area_json(self) -> str:
        """The outline of the filter's area, or nothing."""
        return json.dumps(self.area, separators=(",", ":")) if self.area else ""


def shown(published: PublishedIncidents, chosen: Filter, text: str) -> Shown:
    """The map of a filter; `text` is the address's `at`. Raises FilterError with the nearest place that can be shown."""
    version = base_map.base_map_version()
    whole = _plan(version, published).whole
    at = _read(text, chosen, whole)
    box = base_map_svg.around(*at) if at else _box_of(chosen)
    picture = _picture(version, published, box)
    zoom = base_map_svg.zoom_of(picture.box) if at is None else at[2]
    scale, words = _scale(picture)
    return Shown(
        picture,
        _markers(published, chosen, picture, zoom),
        _moves(chosen, picture, zoom, at, whole),
        _circle(chosen, picture),
        _outline(chosen, picture),
        scale,
        words,
        version,
        whole,
        areas.outline(*chosen.area) if chosen.area else None,
    )


def written(latitude: float, longitude: float, zoom: float) -> str:
    """What `at` says."""
    return f"{latitude:.5f},{longitude:.5f},{zoom:g}"


def _edges(box: Box) -> str:
    return ",".join(f"{edge:.5f}" for edge in box)


def _read(text: str, chosen: Filter, whole: Box) -> At | None:
    if not text:
        return None
    number = r"-?[0-9]{1,3}(?:\.[0-9]{1,15})?"
    found = re.fullmatch(rf"({number}),({number}),([0-9]{{1,2}}(?:\.5)?)", text[:100])
    if found:
        latitude, longitude, zoom = float(found[1]), float(found[2]), float(found[3])
        nearest = *_inside(latitude, longitude, whole), min(max(zoom, ZOOMS[0]), ZOOMS[-1])
        if nearest == (latitude, longitude, zoom):
            return nearest
        message = _("This part of the map is not in the city.")
    else:
        nearest = (whole[0] + whole[2]) / 2, (whole[1] + whole[3]) / 2, base_map_svg.zoom_of(whole)
        message = _("A part of the map is latitude,longitude,zoom.")
    raise FilterError([FilterProblem("at", message, written(*nearest))], chosen)


def _inside(latitude: float, longitude: float, whole: Box) -> tuple[float, float]:
    """The nearest place in the city; its edges are rounded to what an address can say, so that it stays inside."""
    south, west, north, east = (
        *(math.ceil(edge * 1e5) / 1e5 for edge in whole[:2]),
        *(math.floor(edge * 1e5) / 1e5 for edge in whole[2:]),
    )
    return min(max(latitude, south), north), min(max(longitude, west), east)


def _box_of(chosen: Filter) -> Box | None:
    """What shows all that the filter means, where it means a part of the city."""
    if chosen.circle:
        latitude, longitude, radius = chosen.circle
        north = radius * 1.2 / METERS_PER_DEGREE
        east = north / math.cos(math.radians(latitude))
        return latitude - north, longitude - east, latitude + north, longitude + east
    if chosen.box:
        return chosen.box
    outline = areas.outline(*chosen.area) if chosen.area else None
    if outline is None:
        return None
    points = base_map.positions(outline)
    east, north = max(x for x, _y in points), max(y for _x, y in points)
    west, south = min(x for x, _y in points), min(y for _x, y in points)
    more = (north - south) * 0.1
    return south - more, west - more, north + more, east + more


@lru_cache(maxsize=2)
def _plan_of(version: str) -> Plan:  # noqa: ARG001  (the key)
    return Plan(json.loads(base_map.base_map_json()))


def _plan(version: str, published: PublishedIncidents) -> Plan:
    """The base map; where there is none, an empty one as large as the incidents are spread."""
    if version:
        return _plan_of(version)
    south, west, north, east = published.bounds
    return Plan({"bounds": [[south, west], [north, east]], "layers": []})


@lru_cache(maxsize=64)
def spot(version: str, latitude: float, longitude: float) -> Picture:
    """The base map of this version around a point, without incidents: some streets in each direction."""
    return _plan_of(version).picture(base_map_svg.around(latitude, longitude, SPOT_ZOOM))


_pictures: dict[Any, Picture] = {}


def _picture(version: str, published: PublishedIncidents, box: Box | None) -> Picture:
    """Kept, because most visitors see the same few."""
    key = version or published.version, box
    if key not in _pictures:
        while len(_pictures) >= PICTURES:
            _pictures.pop(next(iter(_pictures)))
        _pictures[key] = _plan(version, published).picture(box)
    return _pictures[key]


def _markers(published: PublishedIncidents, chosen: Filter, picture: Picture, zoom: float) -> list[Marker]:
    grid = (
        math.floor(math.log2(360 * picture.scale[0] / CELL)) - 2
    )  # a cell is a quarter of a tile, which are 2 ** zoom
    view = bubbles.view_of(picture.box, grid)
    placed = [
        (bubble, *picture.point(bubble.latitude, bubble.longitude))
        for bubble in bubbles.bubbles(published, chosen, view)
    ]
    inside = [each for each in placed if 0 <= each[1] <= picture.width and 0 <= each[2] <= picture.height]
    largest = max((bubble.count for bubble, _x, _y in inside), default=1)
    links = _Links(chosen, view.zoom, zoom)
    return [_marker(bubble, x, y, largest, links) for bubble, x, y in inside]


def _marker(bubble: Bubble, x: int, y: int, largest: int, links: _Links) -> Marker:
    if bubble.count == 1:
        family = next(iter(bubble.families))
        label = _("1 incident: %(family)s") % {"family": BY_SLUG[family].name}
        return Marker(x, y, 0, "", family, label, links.to_list(bubble))
    radius = 17 + round(21 * math.log(bubble.count) / math.log(max(largest, 20)))
    counted = number_format(bubble.count, force_grouping=True)
    text = counted if bubble.count < 10_000 else _("%(thousands)dk") % {"thousands": bubble.count // 1000}
    if bubble.one_point or bubble.count <= LONG or links.deepest:
        label = ngettext("%(count)s incident: list", "%(count)s incidents: list", bubble.count)
        return Marker(x, y, radius, text, "", label % {"count": counted}, links.to_list(bubble))
    label = ngettext("%(count)s incident: zoom in", "%(count)s incidents: zoom in", bubble.count)
    return Marker(x, y, radius, text, "", label % {"count": counted}, links.nearer(bubble))


class _Links:
    """Where a bubble leads: to the list of its cell (or point), or two zooms nearer."""

    def __init__(self, chosen: Filter, grid: int, zoom: float) -> None:
        self.chosen, self.grid = chosen, grid
        self.zoom = min(zoom + 2, ZOOMS[-1])
        self.deepest = zoom >= ZOOMS[-1]
        self.list = f"{reverse('crimemap:list')}?{replace(chosen, box=None).query_string()}"
        self.map = f"{reverse('crimemap:map')}?{chosen.query_string()}"

    def to_list(self, bubble: Bubble) -> str:
        point = (bubble.latitude, bubble.longitude)
        south, west, north, east = (*point, *point) if bubble.count == 1 or bubble.one_point else self._cell(*point)
        if self.chosen.box:
            edges = self.chosen.box
            south, west = max(south, edges[0]), max(west, edges[1])
            north, east = min(north, edges[2]), min(east, edges[3])
        return f"{self.list}&box={south:.5f},{west:.5f},{north:.5f},{east:.5f}"

    def nearer(self, bubble: Bubble) -> str:
        return f"{self.map}&at={written(bubble.latitude, bubble.longitude, self.zoom)}#crime-map"

    def _cell(self, latitude: float, longitude: float) -> Box:
        """The edges of the cell (crimemap.snapshot.format) around a point."""
        cells = 2 ** (self.grid + 2)
        x = math.floor((longitude + 180) / 360 * cells)
        sine = math.sin(math.radians(latitude))
        y = math.floor((0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)) * cells)
        north, south = (math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * edge / cells)))) for edge in (y, y + 1))
        return south, x / cells * 360 - 180, north, (x + 1) / cells * 360 - 180


def _moves(chosen: Filter, picture: Picture, zoom: float, at: At | None, whole: Box) -> list[Move]:
    south, west, north, east = picture.box
    middle, centre = (south + north) / 2, (west + east) / 2
    address = f"{reverse('crimemap:map')}?{chosen.query_string()}"

    def to(latitude: float, longitude: float, zoom: float) -> str:
        return f"{address}&at={written(*_inside(latitude, longitude, whole), zoom)}#crime-map"

    up, across = (north - south) / 2, (east - west) / 2
    moves = []
    if zoom < ZOOMS[-1]:
        moves.append(Move(_("Zoom in"), to(middle, centre, min(zoom + 1, ZOOMS[-1]))))
    if at is None:
        return moves
    city = base_map_svg.zoom_of(whole)
    out = to(middle, centre, zoom - 1) if zoom - 1 > city else f"{address}#crime-map"
    return [
        *moves,
        Move(_("Zoom out"), out),
        Move(_("North"), to(middle + up, centre, zoom)),
        Move(_("South"), to(middle - up, centre, zoom)),
        Move(_("West"), to(middle, centre - across, zoom)),
        Move(_("East"), to(middle, centre + across, zoom)),
        Move(_("Whole selection"), f"{address}#crime-map"),
    ]


def _circle(chosen: Filter, picture: Picture) -> Around | None:
    if not chosen.circle:
        return None
    latitude, longitude, radius = chosen.circle
    down = radius / METERS_PER_DEGREE
    across = down / math.cos(math.radians(latitude))
    return Around(*picture.point(latitude, longitude), round(across * picture.scale[0]), round(down * picture.scale[1]))


def _outline(chosen: Filter, picture: Picture) -> SafeString:
    outline = areas.outline(*chosen.area) if chosen.area else None
    return picture.outline(outline) if outline else SafeString()


def _scale(picture: Picture) -> tuple[int, str]:
    """A length of at most 200 units, and its words."""
    unit = METERS_PER_DEGREE / picture.scale[1]  # metres
    metres = max((each for each in LENGTHS if each / unit <= 200), default=LENGTHS[0])
    return round(metres / unit), wording.distance(metres)
