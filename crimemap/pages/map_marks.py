"""The marks of the drawn map at each zoom: rings of a few blocks by family, then one symbol for each incident.

A ring stands for the incidents of one grid cell, a symbol for a single incident, a pile for several at one point. All are
links: to the list of their incidents or, if the list would be long, to a map at a higher zoom. static/js/map draws the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crimemap import wording
from crimemap.offence_families import BY_SLUG, FAMILIES
from crimemap.pages import symbols
from crimemap.pages.base_map_svg import Box, MapDrawing
from crimemap.places import areas
from crimemap.snapshot import bubbles
from crimemap.snapshot.bubbles import Bubble
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.street_points import StreetPoint, street_points

MIN_CELL_UNITS = 96  # least width of a ring's cell, in units of the drawing
MAX_LISTED = 50  # incidents of a ring that fit on one page of the list
MAX_ZOOM = 17
STREET_METERS = 2.0  # a pixel of a closer map shows less, and there is room for each incident
GLOBE_METERS = 156_543.03392  # a pixel of zoom 0 shows, at the equator
SEGMENT_GAP = 1.5  # between two families of a ring, in percent of it
RING_RADIUS = 19
SYMBOL_REACH = 30  # as large as the page of an area draws them
RING_ROOM = 1.5  # of its radius, at least, from the middle of a ring to the edge of its cell or a name: small maps draw rings larger
CELL_MARGIN = 0.3  # of a cell's width, to each side of where the middle of its ring can be
NAME_UNITS = (9, 15)  # half of what a character of an area's name takes, and half of its height
KEY_COUNTS = {"people": 2, "theft": 6, "drugs": 1, "disorder": 3}
NAMED_LAYERS = ("neighbourhood", "district")  # a place is named by the first that is known

PlaceNames = tuple[str, str]  # the block of a place and its neighborhood, "" for what is not known


@dataclass(frozen=True, slots=True)
class Segment:
    """A family's part of a ring: its length and where it begins, in percent clockwise from the top."""

    family: str
    length: float
    start: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A ring (with segments), the symbol of one incident (with a category) or a pile (neither). Positions are in units."""

    x: int
    y: int
    text: str
    label: str
    url: str
    radius: int = 0
    segments: list[Segment] = field(default_factory=list)
    category: str = ""
    families: list[str] = field(default_factory=list)


def is_street_zoom(zoom: float, latitude: float) -> bool:
    """Return whether a map has room for each incident at this zoom."""
    return GLOBE_METERS * math.cos(math.radians(latitude)) / 2**zoom < STREET_METERS


def build_rings(
    published: PublishedIncidents, chosen: Filter, drawing: MapDrawing, zoom: float, cell_units: int
) -> list[Mark]:
    """Return the rings of a drawing, one for each cell of at least `cell_units`."""
    # A cell is a quarter of a tile wide, and 2 ** zoom tiles span the globe.
    grid_zoom = math.floor(math.log2(360 * drawing.scale[0] / cell_units)) - 2
    view = bubbles.view_of(drawing.box, grid_zoom)
    links = _MarkLinks(chosen, view.zoom, zoom)
    inside = []
    for bubble in bubbles.bubbles(published, chosen, view):
        x, y = drawing.project(bubble.latitude, bubble.longitude)
        if 0 <= x <= drawing.width and 0 <= y <= drawing.height:
            inside.append((bubble, *_find_room(drawing, links.cell_box(bubble), x, y, _ring_radius(bubble.count))))
    surroundings = describe_surroundings(name_places(published, [bubble.place for bubble, _x, _y in inside]))
    return [_ring(*each, links, where) for each, where in zip(inside, surroundings, strict=True)]


def _find_room(drawing: MapDrawing, cell: Box, x: int, y: int, radius: int) -> tuple[int, int]:
    """Return the middle of a ring: moved into its cell as far as it fits, so that none covers another, then off the names of areas."""
    south, west, north, east = cell
    left, bottom = drawing.project(south, west)
    right, top = drawing.project(north, east)
    reach = round(max(radius * RING_ROOM, (right - left) * CELL_MARGIN))
    x, y = (
        min(max(middle, low + margin), high - margin)
        for middle, low, high in ((x, left, right), (y, top, bottom))
        for margin in (min(reach, (high - low) // 2),)
    )
    return x, _leave_names(drawing, x, y, reach)


def _leave_names(drawing: MapDrawing, x: int, y: int, reach: int) -> int:
    """Return the height at which the middle of a mark covers no area's name. `reach`: of the mark, from its middle."""
    for label in drawing.labels:
        half_width, half_height = len(label.text) * NAME_UNITS[0] + reach, NAME_UNITS[1] + reach
        if label.css_class == "area" and abs(x - label.x) < half_width and abs(y - label.y) < half_height:
            y = label.y + (half_height if y >= label.y else -half_height)
    return y


def draw_key() -> SafeString:
    """Draw a ring for the map's explanation."""
    mark = Mark(0, 0, "12", "", "", _ring_radius(12), ring_segments(KEY_COUNTS))
    return format_html('<svg viewBox="-26 -26 52 52" aria-hidden="true">{}</svg>', _draw_mark(mark))


def build_symbols(published: PublishedIncidents, chosen: Filter, drawing: MapDrawing) -> list[Mark]:
    """Return the symbols and piles of a drawing."""
    links = _MarkLinks(chosen, 0, MAX_ZOOM)
    marks = []
    points = street_points(published, chosen, drawing.box)
    labels = describe_points(published, points, name_places(published, [point.place for point in points]))
    for point, label in zip(points, labels, strict=True):
        x, y = drawing.project(point.latitude, point.longitude)
        y = _leave_names(drawing, x, y, SYMBOL_REACH)
        by_family = count_by_family(published, point.categories)
        url = links.point_url(point.latitude, point.longitude)
        if point.count == 1:
            marks.append(Mark(x, y, "", label, url, category=next(iter(point.categories)), families=list(by_family)))
        else:
            marks.append(Mark(x, y, _short_count(point.count), label, url, families=list(by_family)))
    return marks


def count_by_family(published: PublishedIncidents, categories: Mapping[str, int]) -> dict[str, int]:
    """Return counts of categories by family, in the order of the legend."""
    counts = {family.slug: 0 for family in FAMILIES}
    for slug, count in categories.items():
        counts[published.families[slug]] += count
    return {slug: count for slug, count in counts.items() if count}


def ring_segments(families: Mapping[str, int]) -> list[Segment]:
    """Return the parts of a ring, clockwise from the top in the order of the legend."""
    total = sum(families.values())
    gap = SEGMENT_GAP if len(families) > 1 else 0.0
    start, result = 0.0, []
    for family in FAMILIES:
        share = families.get(family.slug, 0) / total * 100
        if share:
            result.append(Segment(family.slug, round(max(0.5, share - gap), 2), round(start + gap / 2, 2)))
        start += share
    return result


def draw_marks(marks: Sequence[Mark]) -> SafeString:
    """Return marks as SVG. It is written here because a template takes longer for them than for the rest of the map."""
    return format_html_join(
        "\n",
        '<a class="mk" href="{}" aria-label="{}"><g transform="translate({} {})">{}</g></a>',
        ((mark.url, mark.label, mark.x, mark.y, _draw_mark(mark)) for mark in marks),
    )


def _draw_mark(mark: Mark) -> SafeString:
    if mark.segments:
        circle = '<circle class="sg {}" r="{}" pathLength="100" stroke-dasharray="{} 100" stroke-dashoffset="-{}" transform="rotate(-90)"/>'
        ring = ((each.family, mark.radius - 5, f"{each.length:.2f}", f"{each.start:.2f}") for each in mark.segments)
        drawn = format_html_join("", circle, ring)
        return format_html('<circle class="hole" r="{}"/>{}<text class="n">{}</text>', mark.radius, drawn, mark.text)
    if mark.category:
        return symbols.draw_type(mark.category, mark.families[0])
    return format_html(
        '<path class="b2" d="M-12-20H21V13H-12z"/><path class="b1" d="M-17-15H16V18H-17z"/><text class="n p" y="2">{}</text>',
        mark.text,
    )


def describe_surroundings(places: Sequence[PlaceNames]) -> list[str]:
    """Name the surroundings of each place: "Old Town, near 400 block of Arden Street"; "" if nothing is known of it."""
    both, block_alone = _("%(area)s, near %(block)s"), _("near %(block)s")
    result = []
    for block, area in places:
        if block:
            result.append((both if area else block_alone) % {"area": area, "block": block})
        else:
            result.append(area)
    return result


def describe_families(families: Mapping[str, int]) -> str:
    """List counts by family: "Against people 1, Theft and burglary 6"."""
    return ", ".join(
        _("%(family)s %(count)s") % {"family": BY_SLUG[slug].name, "count": wording.format_count(families[slug])}
        for slug in (family.slug for family in FAMILIES)
        if families.get(slug)
    )


def describe_points(
    published: PublishedIncidents, points: Sequence[StreetPoint], places: Sequence[PlaceNames]
) -> list[str]:
    """Name symbols and piles by their places: "900 block of Mill Street, Millside: 2 incidents: Theft 2. Show them as a list"."""
    one = _("%(place)s: %(type)s. Show it")
    several = _("%(place)s: %(count)s incidents: %(types)s. Show them as a list")
    both, counted, unknown = _("%(block)s, %(area)s"), _("%(type)s %(count)s"), _("A point on the map")
    names, format_count = published.category_names, wording.format_count
    result = []
    for point, (block, area) in zip(points, places, strict=True):
        place = both % {"block": block, "area": area} if block and area else block or area or unknown
        if point.count == 1:
            result.append(one % {"place": place, "type": names[next(iter(point.categories))]})
            continue
        types = ", ".join(
            counted % {"type": names[slug], "count": format_count(count)} for slug, count in point.categories.items()
        )
        result.append(several % {"place": place, "count": format_count(point.count), "types": types})
    return result


def name_places(published: PublishedIncidents, places: Sequence[int]) -> list[PlaceNames]:
    """Return the block of each place and the name of its neighborhood, else of its district; "" for what is not known."""
    names: dict[int, str] = {}  # by the identity of the codes, which places of an area share
    layer_names = {layer: areas.area_names(layer) for layer in NAMED_LAYERS}
    result = []
    for block, codes in published.describe_places(places, NAMED_LAYERS):
        area = names.get(id(codes))
        if area is None:
            layer = next((layer for layer in NAMED_LAYERS if layer in codes), "")
            area = wording.area_name(layer, codes[layer], layer_names[layer]) if layer else ""
            names[id(codes)] = area
        result.append((block, area))
    return result


def _ring(bubble: Bubble, x: int, y: int, links: _MarkLinks, surroundings: str) -> Mark:
    counted = wording.format_count(bubble.count)
    is_listed = bubble.one_point or bubble.count <= MAX_LISTED or links.is_at_max_zoom
    values = {"place": surroundings or _("On the map"), "count": counted, "kinds": describe_families(bubble.families)}
    if is_listed:
        label = ngettext(
            "%(place)s: %(count)s incident: %(kinds)s. Show it in a list",
            "%(place)s: %(count)s incidents: %(kinds)s. Show them as a list",
            bubble.count,
        )
    else:
        label = ngettext(
            "%(place)s: %(count)s incident: %(kinds)s. Zoom in",
            "%(place)s: %(count)s incidents: %(kinds)s. Zoom in",
            bubble.count,
        )
    url = links.list_url(bubble) if is_listed else links.zoom_url(bubble)
    ring = ring_segments(bubble.families)
    return Mark(x, y, _short_count(bubble.count), label % values, url, _ring_radius(bubble.count), ring)


def _ring_radius(count: int) -> int:
    return RING_RADIUS + min(6, round(math.log2(count)))


def _short_count(count: int) -> str:
    if count < 10_000:
        return wording.format_count(count)
    return _("%(thousands)dk") % {"thousands": round(count / 1000)}


class _MarkLinks:
    """URLs of marks: the list of the incidents in a cell or at a point, or the map two zoom levels closer."""

    def __init__(self, chosen: Filter, grid_zoom: int, zoom: float) -> None:
        self.chosen, self.grid_zoom = chosen, grid_zoom
        self.zoom = min(zoom + 2, MAX_ZOOM)
        self.is_at_max_zoom = zoom >= MAX_ZOOM
        self.list_base = f"{reverse('crimemap:list')}?{replace(chosen, box=None).query_string()}"
        self.map_base = f"{reverse('crimemap:map')}?{chosen.query_string()}"

    def point_url(self, latitude: float, longitude: float) -> str:
        return self._box_url((latitude, longitude, latitude, longitude))

    def list_url(self, bubble: Bubble) -> str:
        if bubble.count == 1 or bubble.one_point:
            return self.point_url(bubble.latitude, bubble.longitude)
        return self._box_url(self.cell_box(bubble))

    def _box_url(self, box: Box) -> str:
        south, west, north, east = box
        if self.chosen.box:
            edges = self.chosen.box
            south, west = max(south, edges[0]), max(west, edges[1])
            north, east = min(north, edges[2]), min(east, edges[3])
        return f"{self.list_base}&box={south:.5f},{west:.5f},{north:.5f},{east:.5f}"

    def zoom_url(self, bubble: Bubble) -> str:
        position = format_position(bubble.latitude, bubble.longitude, self.zoom)
        return f"{self.map_base}&at={position}"

    def cell_box(self, bubble: Bubble) -> Box:
        """Return the box of a bubble's grid cell (crimemap.snapshot.format)."""
        latitude, longitude = bubble.latitude, bubble.longitude
        cells = 2 ** (self.grid_zoom + 2)
        x = math.floor((longitude + 180) / 360 * cells)
        sine = math.sin(math.radians(latitude))
        y = math.floor((0.5 - math.log((1 + sine) / (1 - sine)) / (4 * math.pi)) * cells)
        north, south = (math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * edge / cells)))) for edge in (y, y + 1))
        return south, x / cells * 360 - 180, north, (x + 1) / cells * 360 - 180


def format_position(latitude: float, longitude: float, zoom: float) -> str:
    """Format the query parameter `at`."""
    return f"{latitude:.5f},{longitude:.5f},{zoom:g}"
