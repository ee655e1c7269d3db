"""The map as the server draws it: base map, shaded areas or the marks of the incidents, and the links that move it.

The query parameter `at` is the center and zoom of the map, with and without script: at=41.50000,-38.50000,14. Without it the
map shows the part of the city that the filter names, or all.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any, TypeVar

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crimemap import wording
from crimemap.geometry import METERS_PER_DEGREE
from crimemap.models import BaseMapBuild
from crimemap.pages import base_map_svg, map_marks
from crimemap.pages.area_shading import Shading, shade_areas
from crimemap.pages.base_map_svg import BaseMapRenderer, Box, MapDrawing, NamedLine
from crimemap.pages.map_marks import MAX_ZOOM
from crimemap.places import areas, base_map
from crimemap.snapshot.filters import Filter, FilterError, FilterProblem
from crimemap.snapshot.published_incidents import PublishedIncidents

ZOOMS = range(4, MAX_ZOOM + 1)
SPOT_ZOOM = 15
CACHED_DRAWINGS = 64  # in each process
SCALE_BAR_METERS = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)

Value = TypeVar("Value")
MapPosition = tuple[float, float, float]  # latitude, longitude, zoom in steps of one tenth


@dataclass(frozen=True, slots=True)
class DrawnAreas:
    """The shaded areas as SVG: the links with their outlines, and the texts that stand on them.

    They are written here because a template takes longer for a hundred areas than for the rest of the map.
    """

    links: SafeString
    texts: SafeString


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
    base_map: SafeString
    marks: SafeString
    areas: DrawnAreas
    shading: Shading | None
    move_links: list[MoveLink]
    circle: CircleOutline | None
    area_path: SafeString
    scale_bar_units: int
    scale_bar_text: str
    base_map_version: str
    city_box: Box
    first_box: Box
    area_outline: dict[str, Any] | None
    build: BaseMapBuild | None

    @property
    def fits_square(self) -> bool:
        """Return whether the middle square of the drawing has all of the filter's area: a phone can show that part larger."""
        return _fits_square(self.drawing, self.area_outline)

    @property
    def may_lose_sides(self) -> bool:
        """Return whether a phone can show the drawing as high as its screen: the filter names nothing that is at the sides."""
        is_moved = len(self.move_links) > 1  # other links lead to what is at the sides
        return is_moved or self.fits_square

    @property
    def ring_key(self) -> SafeString:
        """A ring as an example."""
        return map_marks.draw_key()

    # Attributes for the map with script, which takes the drawing's place

    @property
    def city_box_text(self) -> str:
        """The box of the whole city, without the ground that the drawing shows beside it."""
        return _format_box(self.city_box)

    @property
    def box_text(self) -> str:
        """The box that is shown first: on a screen of any shape, more fits around it."""
        return _format_box(self.first_box)

    @property
    def area_outline_json(self) -> str:
        """The outline of the filter's area as GeoJSON, or an empty string."""
        return json.dumps(self.area_outline, separators=(",", ":")) if self.area_outline else ""


def draw_map(published: PublishedIncidents, chosen: Filter, position_text: str) -> ServerMap:
    """Draw the map of a filter. `position_text` is the query parameter `at`, or empty.

    Raises FilterError with the nearest position that can be shown.
    """
    version = base_map.city_map_version()
    renderer = _renderer(version, published)
    full_box = renderer.full_box
    position = _parse_position(position_text, chosen, full_box)
    box = base_map_svg.box_around(*position) if position else _find_filter_box(chosen)
    drawing = _draw_cached(version, published, box)
    zoom = base_map_svg.zoom_of_box(drawing.box) if position is None else position[2]
    scale_bar_units, scale_bar_text = _choose_scale_bar(drawing)
    area_outline = areas.area_outline(*chosen.area) if chosen.area else None
    shading = _shade_if_whole(published, chosen, drawing, zoom, full_box)
    if map_marks.is_street_zoom(zoom, drawing.box[0]):
        marks = map_marks.build_symbols(published, chosen, drawing)
    else:
        is_small = area_outline is not None and not _fits_square(
            drawing, area_outline
        )  # on a phone, all of it is shown
        cell_units = map_marks.MIN_CELL_UNITS * (2 if is_small else 1)
        marks = [] if shading else map_marks.build_rings(published, chosen, drawing, zoom, cell_units)
    return ServerMap(
        drawing,
        _write_base_map(version, published, box, drawing),
        map_marks.draw_marks(marks),
        _draw_areas(shading, chosen, drawing, zoom),
        shading,
        _build_move_links(chosen, drawing, zoom, position, full_box),
        _circle_outline(chosen, drawing),
        _area_path(chosen, drawing),
        scale_bar_units,
        scale_bar_text,
        version,
        renderer.city_box,
        box or renderer.city_box,
        area_outline,
        base_map.current_build(),
    )


def _fits_square(drawing: MapDrawing, outline: dict[str, Any] | None) -> bool:
    """Return whether the middle square of a drawing has all of an outline; False without one."""
    if outline is None:
        return False
    margin = (drawing.width - drawing.height) / 2
    return all(
        margin <= drawing.project(latitude, longitude)[0] <= drawing.width - margin
        for longitude, latitude in base_map.positions(outline)
    )


def _format_box(box: Box) -> str:
    return ",".join(f"{edge:.5f}" for edge in box)


def _parse_position(text: str, chosen: Filter, full_box: Box) -> MapPosition | None:
    if not text:
        return None
    number = r"-?[0-9]{1,3}(?:\.[0-9]{1,15})?"
    match = re.fullmatch(rf"({number}),({number}),([0-9]{{1,2}}(?:\.[0-9])?)", text[:100])
    if match:
        latitude, longitude, zoom = float(match[1]), float(match[2]), float(match[3])
        nearest = *_clamp(latitude, longitude, full_box), min(max(zoom, ZOOMS[0]), ZOOMS[-1])
        if nearest == (latitude, longitude, zoom):
            return nearest
        message = _("This part of the map is outside the city.")
    else:
        nearest = (full_box[0] + full_box[2]) / 2, (full_box[1] + full_box[3]) / 2, base_map_svg.zoom_of_box(full_box)
        message = _("The map position must be latitude,longitude,zoom.")
    raise FilterError([FilterProblem("at", message, map_marks.format_position(*nearest))], chosen)


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


def find_streets(box: Box) -> Iterator[NamedLine]:
    """Yield the parts of named streets in a box of the base map."""
    version = base_map.base_map_version()
    return _renderer_of_version(version).find_streets(box) if version else iter(())


def draw_unkept(box: Box) -> MapDrawing | None:
    """Draw a box of the base map and keep nothing of it: for places that readers typed. None without a base map."""
    version = base_map.base_map_version()
    return _renderer_of_version(version).draw(box) if version else None


_drawings: dict[Any, MapDrawing] = {}
_written: dict[Any, SafeString] = {}
_paths: dict[Any, list[SafeString]] = {}


def _draw_cached(version: str, published: PublishedIncidents, box: Box | None) -> MapDrawing:
    """Draw a box of the base map through a cache, since most visitors see the same few boxes."""
    return _keep(_drawings, (version or published.version, box), lambda: _renderer(version, published).draw(box))


def _write_base_map(version: str, published: PublishedIncidents, box: Box | None, drawing: MapDrawing) -> SafeString:
    """Return the base map of a drawing as SVG, through a cache like that of drawings."""
    return _keep(
        _written,
        (version or published.version, box),
        lambda: render_to_string("crimemap/map/base_map.html", {"drawing": drawing, "key": "c"}),
    )


def _keep(kept: dict[Any, Value], key: Any, make: Callable[[], Value]) -> Value:
    """Return what is kept under a key, else make it and let it take the place of the oldest."""
    value = kept.get(key)
    if value is None:
        value = kept[key] = make()
        while len(kept) > CACHED_DRAWINGS:
            kept.pop(next(iter(kept)), None)
    return value


def _shade_if_whole(
    published: PublishedIncidents, chosen: Filter, drawing: MapDrawing, zoom: float, full_box: Box
) -> Shading | None:
    """Shade the areas while the map shows the whole city, or one step closer, and the filter names no part of it."""
    if chosen.area or chosen.circle or chosen.box:
        return None
    whole_zoom = math.log2(360 * base_map_svg.FRAME_PIXELS / (256 * (full_box[3] - full_box[1])))
    is_whole = zoom <= whole_zoom + 1 and not map_marks.is_street_zoom(zoom, drawing.box[0])
    return shade_areas(published, chosen) if is_whole else None


def _draw_areas(shading: Shading | None, chosen: Filter, drawing: MapDrawing, zoom: float) -> DrawnAreas:
    """Draw the shaded areas, each a link to the map closer to it; nothing without shading."""
    if shading is None:
        return DrawnAreas(SafeString(), SafeString())
    base_url = escape(f"{reverse('crimemap:map')}?{chosen.query_string()}")
    links, texts = [], []
    for each, path in zip(shading.areas, _outline_paths(shading, drawing), strict=True):
        at = map_marks.format_position(each.area.latitude, each.area.longitude, min(zoom + 2, ZOOMS[-1]))
        links.append(
            f'<a class="ar c{each.shade} {each.verdict}" href="{base_url}&amp;at={at}" aria-label="{escape(each.label)}">'
            f'<path d="{path}"/></a>'
        )
        x, y = drawing.project(each.area.latitude, each.area.longitude)
        texts.append(
            f'<g class="al" transform="translate({x} {y})"><text class="nm" y="-12">{escape(each.name)}</text>'
            f'<text class="ct" y="14">{wording.format_count(each.count)}</text><text class="ch" y="14">{escape(each.change)}</text></g>'
        )
    return DrawnAreas(mark_safe("".join(links)), mark_safe("".join(texts)))  # noqa: S308  (escaped; others are numbers)


def _outline_paths(shading: Shading, drawing: MapDrawing) -> list[SafeString]:
    """Return the outlines of the shaded areas as path data, through a cache like that of drawings."""
    return _keep(
        _paths,
        (shading.digest, drawing.box),
        lambda: [drawing.outline_path(each.area.outline) for each in shading.areas],
    )


def _build_move_links(
    chosen: Filter, drawing: MapDrawing, zoom: float, position: MapPosition | None, full_box: Box
) -> list[MoveLink]:
    south, west, north, east = drawing.box
    center_latitude, center_longitude = (south + north) / 2, (west + east) / 2
    base_url = f"{reverse('crimemap:map')}?{chosen.query_string()}"

    def map_url(latitude: float, longitude: float, zoom: float) -> str:
        return f"{base_url}&at={map_marks.format_position(*_clamp(latitude, longitude, full_box), zoom)}"

    half_height, half_width = (north - south) / 2, (east - west) / 2
    links = []
    if zoom < ZOOMS[-1]:
        links.append(MoveLink(_("Zoom in"), map_url(center_latitude, center_longitude, min(zoom + 1, ZOOMS[-1]))))
    if position is None:
        return links
    city_zoom = base_map_svg.zoom_of_box(full_box)
    zoom_out_url = map_url(center_latitude, center_longitude, zoom - 1) if zoom - 1 > city_zoom else f"{base_url}"
    return [
        *links,
        MoveLink(_("Zoom out"), zoom_out_url),
        MoveLink(_("Move north"), map_url(center_latitude + half_height, center_longitude, zoom)),
        MoveLink(_("Move south"), map_url(center_latitude - half_height, center_longitude, zoom)),
        MoveLink(_("Move west"), map_url(center_latitude, center_longitude - half_width, zoom)),
        MoveLink(_("Move east"), map_url(center_latitude, center_longitude + half_width, zoom)),
        MoveLink(_("Show everything"), f"{base_url}"),
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
