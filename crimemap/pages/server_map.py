"""The map as the server draws it: base map, incidents as bubbles and symbols, and the links that move it.

A bubble stands for the incidents of one grid cell, a symbol for a single incident. Both are links: to the list of their
incidents or, if the list would be long, to a map at a higher zoom. The query parameter `at` is the center and zoom of the map,
with and without script: at=41.50000,-38.50000,14. Without it the map shows the part of the city that the filter names, or all.
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
from crimemap.models import BaseMapBuild
from crimemap.offence_families import BY_SLUG
from crimemap.pages import base_map_svg
from crimemap.pages.base_map_svg import BaseMapRenderer, Box, MapDrawing
from crimemap.places import areas, base_map
from crimemap.snapshot import bubbles
from crimemap.snapshot.bubbles import Bubble
from crimemap.snapshot.filters import Filter, FilterError, FilterProblem
from crimemap.snapshot.published_incidents import PublishedIncidents

MIN_CELL_UNITS = 96  # least width of a grid cell, in units of the drawing
MAX_LISTED = 50  # incidents of a bubble that fit on one page of the list
ZOOMS = range(4, 18)
SPOT_ZOOM = 15
CACHED_DRAWINGS = 64  # in each process
SCALE_BAR_METERS = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)

MapPosition = tuple[float, float, float]  # latitude, longitude, zoom in steps of one half


@dataclass(frozen=True, slots=True)
class Marker:
    """A bubble, or with `radius` 0 a single incident drawn as its family's symbol. Positions are in units."""

    x: int
    y: int
    radius: int
    text: str
    family: str
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class MoveLink:
    """A link that moves or zooms the map."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class CircleOutline:
    """The filter's circle as an ellipse: its center and its radii, in units."""

    x: int
    y: int
    radius_x: int
    radius_y: int


@dataclass(frozen=True, slots=True)
class ServerMap:
    """A drawn map with its markers and links, and the figures that the live map starts from."""

    drawing: MapDrawing
    markers: list[Marker]
    move_links: list[MoveLink]
    circle: CircleOutline | None
    area_path: SafeString
    scale_bar_units: int
    scale_bar_text: str
    base_map_version: str
    full_box: Box
    area_outline: dict[str, Any] | None
    build: BaseMapBuild | None

    # Attributes for the map with script, which takes the drawing's place

    @property
    def full_box_text(self) -> str:
        """The box that the map cannot leave."""
        return _format_box(self.full_box)

    @property
    def box_text(self) -> str:
        """The box that is shown first."""
        return _format_box(self.drawing.box)

    @property
    def area_outline_json(self) -> str:
        """The outline of the filter's area as GeoJSON, or an empty string."""
        return json.dumps(self.area_outline, separators=(",", ":")) if self.area_outline else ""


def draw_map(published: PublishedIncidents, chosen: Filter, position_text: str) -> ServerMap:
    """Draw the map of a filter. `position_text` is the query parameter `at`, or empty.

    Raises FilterError with the nearest position that can be shown.
    """
    version = base_map.city_map_version()
    full_box = _renderer(version, published).full_box
    position = _parse_position(position_text, chosen, full_box)
    box = base_map_svg.box_around(*position) if position else _find_filter_box(chosen)
    drawing = _draw_cached(version, published, box)
    zoom = base_map_svg.zoom_of_box(drawing.box) if position is None else position[2]
    scale_bar_units, scale_bar_text = _choose_scale_bar(drawing)
    return ServerMap(
        drawing,
        _build_markers(published, chosen, drawing, zoom),
        _build_move_links(chosen, drawing, zoom, position, full_box),
        _circle_outline(chosen, drawing),
        _area_path(chosen, drawing),
        scale_bar_units,
        scale_bar_text,
        version,
        full_box,
        areas.area_outline(*chosen.area) if chosen.area else None,
        base_map.current_build(),
    )


def format_position(latitude: float, longitude: float, zoom: float) -> str:
    """Format the query parameter `at`."""
    return f"{latitude:.5f},{longitude:.5f},{zoom:g}"


def _format_box(box: Box) -> str:
    return ",".join(f"{edge:.5f}" for edge in box)


def _parse_position(text: str, chosen: Filter, full_box: Box) -> MapPosition | None:
    if not text:
        return None
    number = r"-?[0-9]{1,3}(?:\.[0-9]{1,15})?"
    match = re.fullmatch(rf"({number}),({number}),([0-9]{{1,2}}(?:\.5)?)", text[:100])
    if match:
        latitude, longitude, zoom = float(match[1]), float(match[2]), float(match[3])
        nearest = *_clamp(latitude, longitude, full_box), min(max(zoom, ZOOMS[0]), ZOOMS[-1])
        if nearest == (latitude, longitude, zoom):
            return nearest
        message = _("This part of the map is outside the city.")
    else:
        nearest = (full_box[0] + full_box[2]) / 2, (full_box[1] + full_box[3]) / 2, base_map_svg.zoom_of_box(full_box)
        message = _("The map position must be latitude,longitude,zoom.")
    raise FilterError([FilterProblem("at", message, format_position(*nearest))], chosen)


def _clamp(latitude: float, longitude: float, full_box: Box) -> tuple[float, float]:
    """Return the nearest point of the city. Its edges are rounded inward, so that a formatted position stays inside."""
    south, west, north, east = (
        *(math.ceil(edge * 1e5) / 1e5 for edge in full_box[:2]),
        *(math.floor(edge * 1e5) / 1e5 for edge in full_box[2:]),
    )
    return min(max(latitude, south), north), min(max(longitude, west), east)


def _find_filter_box(chosen: Filter) -> Box | None:
    """Return the box around the filter's circle, box or area, or None if it names no part of the city."""
    if chosen.circle:
        latitude, longitude, radius = chosen.circle
        north = radius * 1.2 / METERS_PER_DEGREE
        east = north / math.cos(math.radians(latitude))
        return latitude - north, longitude - east, latitude + north, longitude + east
    if chosen.box:
        return chosen.box
    outline = areas.area_outline(*chosen.area) if chosen.area else None
    if outline is None:
        return None
    points = base_map.positions(outline)
    east, north = max(x for x, _y in points), max(y for _x, y in points)
    west, south = min(x for x, _y in points), min(y for _x, y in points)
    margin = (north - south) * 0.1
    return south - margin, west - margin, north + margin, east + margin


@lru_cache(maxsize=2)
def _renderer_of_version(version: str) -> BaseMapRenderer:  # noqa: ARG001  (the key)
    return BaseMapRenderer(json.loads(base_map.city_map_json()))


def _renderer(version: str, published: PublishedIncidents) -> BaseMapRenderer:
    """Return the renderer of the base map; without one, of an empty map around all published incidents."""
    if version:
        return _renderer_of_version(version)
    south, west, north, east = published.bounds
    return BaseMapRenderer({"bounds": [[south, west], [north, east]], "layers": []})


@lru_cache(maxsize=64)
def draw_surroundings(version: str, latitude: float, longitude: float) -> MapDrawing:
    """Draw the streets around a point, without incidents."""
    return _renderer_of_version(version).draw(base_map_svg.box_around(latitude, longitude, SPOT_ZOOM))


def draw_unkept(box: Box) -> MapDrawing | None:
    """Draw a box of the base map and keep nothing of it: for places that readers typed. None without a base map."""
    version = base_map.base_map_version()
    return _renderer_of_version(version).draw(box) if version else None


_drawings: dict[Any, MapDrawing] = {}


def _draw_cached(version: str, published: PublishedIncidents, box: Box | None) -> MapDrawing:
    """Draw a box of the base map through a cache, since most visitors see the same few boxes."""
    key = version or published.version, box
    if key not in _drawings:
        while len(_drawings) >= CACHED_DRAWINGS:
            _drawings.pop(next(iter(_drawings)))
        _drawings[key] = _renderer(version, published).draw(box)
    return _drawings[key]


def _build_markers(published: PublishedIncidents, chosen: Filter, drawing: MapDrawing, zoom: float) -> list[Marker]:
    # A cell is a quarter of a tile wide, and 2 ** zoom tiles span the globe.
    grid_zoom = math.floor(math.log2(360 * drawing.scale[0] / MIN_CELL_UNITS)) - 2
    view = bubbles.view_of(drawing.box, grid_zoom)
    positioned = [
        (bubble, *drawing.project(bubble.latitude, bubble.longitude))
        for bubble in bubbles.bubbles(published, chosen, view)
    ]
    visible = [each for each in positioned if 0 <= each[1] <= drawing.width and 0 <= each[2] <= drawing.height]
    largest = max((bubble.count for bubble, _x, _y in visible), default=1)
    links = _MarkerLinks(chosen, view.zoom, zoom)
    return [_marker(bubble, x, y, largest, links) for bubble, x, y in visible]


def _marker(bubble: Bubble, x: int, y: int, largest: int, links: _MarkerLinks) -> Marker:
    if bubble.count == 1:
        family = next(iter(bubble.families))
        label = _("1 incident: %(family)s. Show it") % {"family": BY_SLUG[family].name}
        return Marker(x, y, 0, "", family, label, links.list_url(bubble))
    radius = 17 + round(21 * math.log(bubble.count) / math.log(max(largest, 20)))
    counted = number_format(bubble.count, force_grouping=True)
    text = counted if bubble.count < 10_000 else _("%(thousands)dk") % {"thousands": round(bubble.count / 1000)}
    if bubble.one_point or bubble.count <= MAX_LISTED or links.is_at_max_zoom:
        label = ngettext("%(count)s incident: show as a list", "%(count)s incidents: show as a list", bubble.count)
        return Marker(x, y, radius, text, "", label % {"count": counted}, links.list_url(bubble))
    label = ngettext("%(count)s incident: zoom in", "%(count)s incidents: zoom in", bubble.count)
    return Marker(x, y, radius, text, "", label % {"count": counted}, links.zoom_url(bubble))


class _MarkerLinks:
    """URLs of markers: the list of the incidents in a cell or at a point, or the map two zoom levels closer."""

    def __init__(self, chosen: Filter, grid_zoom: int, zoom: float) -> None:
        self.chosen, self.grid_zoom = chosen, grid_zoom
        self.zoom = min(zoom + 2, ZOOMS[-1])
        self.is_at_max_zoom = zoom >= ZOOMS[-1]
        self.list_base = f"{reverse('crimemap:list')}?{replace(chosen, box=None).query_string()}"
        self.map_base = f"{reverse('crimemap:map')}?{chosen.query_string()}"

    def list_url(self, bubble: Bubble) -> str:
        point = (bubble.latitude, bubble.longitude)
        south, west, north, east = (*point, *point) if bubble.count == 1 or bubble.one_point else self._cell_box(*point)
        if self.chosen.box:
            edges = self.chosen.box
            south, west = max(south, edges[0]), max(west, edges[1])
            north, east = min(north, edges[2]), min(east, edges[3])
        return f"{self.list_base}&box={south:.5f},{west:.5f},{north:.5f},{east:.5f}"

    def zoom_url(self, bubble: Bubble) -> str:
        return f"{self.map_base}&at={format_position(bubble.latitude, bubble.longitude, self.zoom)}#crime-map"

    def _cell_box(self, latitude: float, longitude: float) -> Box:
        """Return the box of the grid cell (crimemap.snapshot.format) around a point."""
        cells = 2 ** (self.grid_zoom + 2)
        x = math.floor((longitude + 180) / 360 * cells)
        sine = math.sin(math.radians(latitude))
        y = math.floor((0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)) * cells)
        north, south = (math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * edge / cells)))) for edge in (y, y + 1))
        return south, x / cells * 360 - 180, north, (x + 1) / cells * 360 - 180


def _build_move_links(
    chosen: Filter, drawing: MapDrawing, zoom: float, position: MapPosition | None, full_box: Box
) -> list[MoveLink]:
    south, west, north, east = drawing.box
    center_latitude, center_longitude = (south + north) / 2, (west + east) / 2
    base_url = f"{reverse('crimemap:map')}?{chosen.query_string()}"

    def map_url(latitude: float, longitude: float, zoom: float) -> str:
        return f"{base_url}&at={format_position(*_clamp(latitude, longitude, full_box), zoom)}#crime-map"

    half_height, half_width = (north - south) / 2, (east - west) / 2
    links = []
    if zoom < ZOOMS[-1]:
        links.append(MoveLink(_("Zoom in"), map_url(center_latitude, center_longitude, min(zoom + 1, ZOOMS[-1]))))
    if position is None:
        return links
    city_zoom = base_map_svg.zoom_of_box(full_box)
    zoom_out_url = (
        map_url(center_latitude, center_longitude, zoom - 1) if zoom - 1 > city_zoom else f"{base_url}#crime-map"
    )
    return [
        *links,
        MoveLink(_("Zoom out"), zoom_out_url),
        MoveLink(_("Move north"), map_url(center_latitude + half_height, center_longitude, zoom)),
        MoveLink(_("Move south"), map_url(center_latitude - half_height, center_longitude, zoom)),
        MoveLink(_("Move west"), map_url(center_latitude, center_longitude - half_width, zoom)),
        MoveLink(_("Move east"), map_url(center_latitude, center_longitude + half_width, zoom)),
        MoveLink(_("Show everything"), f"{base_url}#crime-map"),
    ]


def _circle_outline(chosen: Filter, drawing: MapDrawing) -> CircleOutline | None:
    if not chosen.circle:
        return None
    latitude, longitude, radius = chosen.circle
    north = radius / METERS_PER_DEGREE
    east = north / math.cos(math.radians(latitude))
    return CircleOutline(
        *drawing.project(latitude, longitude), round(east * drawing.scale[0]), round(north * drawing.scale[1])
    )


def _area_path(chosen: Filter, drawing: MapDrawing) -> SafeString:
    outline = areas.area_outline(*chosen.area) if chosen.area else None
    return drawing.outline_path(outline) if outline else SafeString()


def _choose_scale_bar(drawing: MapDrawing) -> tuple[int, str]:
    """Return the length of the scale bar in units, at most 200, and its text."""
    unit_meters = METERS_PER_DEGREE / drawing.scale[1]
    meters = max((each for each in SCALE_BAR_METERS if each / unit_meters <= 200), default=SCALE_BAR_METERS[0])
    return round(meters / unit_meters), wording.format_distance(meters)
