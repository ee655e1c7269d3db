"""Reads what a base map shows from an OpenStreetMap extract (.osm.pbf), with osmium.

    city = read_extract(Path("city.osm.pbf"), box)     # box: west, south, east, north in degrees

Tags are those of the OpenStreetMap wiki, "Map features". Shapes are cut at the box, in WGS 84 degrees, longitude first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import osmium
import shapely
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

Box = tuple[float, float, float, float]

# Kinds of street, from the widest down.
STREET_KINDS = {
    "motorway": "motorway", "motorway_link": "motorway", "trunk": "motorway", "trunk_link": "motorway",
    "primary": "major", "primary_link": "major", "secondary": "major", "secondary_link": "major", "tertiary": "medium",
    "tertiary_link": "medium", "residential": "minor", "unclassified": "minor", "living_street": "minor", "road": "minor",
    "pedestrian": "minor", "service": "service", "footway": "path", "path": "path", "cycleway": "path", "steps": "path",
    "bridleway": "path", "track": "path",
}  # fmt: skip
ADDRESSED_KINDS = ("motorway", "major", "medium", "minor", "service")
_RAILS = ("rail", "light_rail", "subway", "tram", "narrow_gauge")
_STREAMS = ("river", "canal", "stream")
_GREEN = {
    "leisure": ("park", "garden", "nature_reserve", "golf_course", "recreation_ground", "playground", "dog_park", "common"),
    "landuse": ("forest", "grass", "cemetery", "recreation_ground", "meadow", "village_green"),
    "natural": ("wood", "scrub", "grassland", "heath"),
}  # fmt: skip
_WATER = {"natural": ("water", "bay", "strait"), "waterway": ("riverbank", "dock"), "landuse": ("basin", "reservoir")}
_PLACES = {
    "city": "city",
    "town": "city",
    "suburb": "area",
    "quarter": "area",
    "neighbourhood": "area",
    "village": "area",
}
# Kinds of landmark by tag, in the words of crimemap.models.Landmark.Kind.
_LANDMARKS = {
    ("amenity", "school"): "school", ("amenity", "kindergarten"): "school", ("amenity", "college"): "school",
    ("amenity", "university"): "school", ("amenity", "library"): "library", ("amenity", "hospital"): "hospital",
    ("amenity", "clinic"): "hospital", ("amenity", "police"): "police", ("amenity", "fire_station"): "fire_station",
    ("amenity", "townhall"): "public_building", ("amenity", "courthouse"): "public_building",
    ("amenity", "community_centre"): "public_building", ("tourism", "museum"): "public_building",
    ("railway", "station"): "station", ("railway", "halt"): "station", ("railway", "tram_stop"): "station",
    ("amenity", "bus_station"): "station", ("amenity", "ferry_terminal"): "station", ("leisure", "park"): "park",
    ("leisure", "stadium"): "sports", ("leisure", "sports_centre"): "sports", ("shop", "mall"): "shopping",
    ("amenity", "marketplace"): "shopping",
}  # fmt: skip
_KEYS = (
    "highway",
    "railway",
    "waterway",
    "natural",
    "leisure",
    "landuse",
    "building",
    "place",
    "amenity",
    "tourism",
    "shop",
)
_ADDRESS = ("addr:housenumber", "addr:street", "addr:interpolation")


class ExtractError(Exception):
    """No base map can be built of this file. The message is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A shape of the base map. kind: of a street (STREET_KINDS) or a label, "" elsewhere."""

    shape: BaseGeometry
    name: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class StreetPiece:
    """The part of a named street between two of its crossings."""

    name: str
    kind: str
    line: shapely.LineString


@dataclass(frozen=True, slots=True)
class Address:
    """A house number of a street and its point, or both ends of a row of houses whose numbers lie between `number` and `last`."""

    street: str
    number: int
    last: int
    shape: BaseGeometry


@dataclass(frozen=True, slots=True)
class FoundLandmark:
    name: str
    kind: str
    longitude: float
    latitude: float


@dataclass(slots=True)
class CityExtract:
    """The content of an extract within its box. crossings: the names of two streets and a point that both go through."""

    box: Box
    streets: list[Drawn] = field(default_factory=list)
    water: list[Drawn] = field(default_factory=list)
    parks: list[Drawn] = field(default_factory=list)
    rails: list[Drawn] = field(default_factory=list)
    buildings: list[Drawn] = field(default_factory=list)
    labels: list[Drawn] = field(default_factory=list)
    landmarks: list[FoundLandmark] = field(default_factory=list)
    pieces: list[StreetPiece] = field(default_factory=list)
    addresses: list[Address] = field(default_factory=list)
    crossings: list[tuple[str, str, shapely.Point]] = field(default_factory=list)


def read_bounds(path: Path) -> Box | None:
    """Return the box that the file says it covers, None if it does not say. Raises ExtractError."""
    try:
        with osmium.io.Reader(str(path), osmium.osm.osm_entity_bits.NOTHING) as reader:
            box = reader.header().box()
    except (RuntimeError, OSError):
        raise ExtractError(_("This is not an OpenStreetMap extract. Choose a file that ends in .osm.pbf.")) from None
    if not box.valid():
        return None
    return box.bottom_left.lon, box.bottom_left.lat, box.top_right.lon, box.top_right.lat


def read_extract(path: Path, box: Box) -> CityExtract:
    """Read what lies in the box. Raises ExtractError for a file that is no extract, or one without streets there."""
    reader = _Reader(box)
    try:
        keys = osmium.filter.KeyFilter(*_KEYS, *_ADDRESS)
        # Relations are needed for water and parks with holes; their ways are read before.
        for item in osmium.FileProcessor(str(path)).with_areas(osmium.filter.KeyFilter(*_KEYS)).with_filter(keys):
            reader.take(item)
    except RuntimeError:
        raise ExtractError(
            _("This file can't be read as an OpenStreetMap extract, or it ends too early. Download it again.")
        ) from None
    city = reader.finish()
    if not city.streets:
        raise ExtractError(_("This extract has no streets there. Check that it is of your city."))
    return city


class _Reader:
    def __init__(self, box: Box) -> None:
        self.city = CityExtract(box)
        self.box = shapely.box(*box)
        self.factory = osmium.geom.WKBFactory()
        self.coasts: list[BaseGeometry] = []
        # Named streets as the ids and points of their nodes, and the names at each node, for crossings.
        self.ways: list[tuple[str, str, list[int], list[tuple[float, float]]]] = []
        self.names_at: dict[int, set[str]] = defaultdict(set)
        self.numbers_at: dict[int, tuple[str, int]] = {}  # of address nodes, for rows of houses between two of them

    def take(self, item: Any) -> None:
        tags = dict(item.tags)
        if item.is_node():
            self._take_node(item, tags)
        elif item.is_way():
            self._take_way(item, tags)
        elif item.is_area():
            self._take_area(item, tags)

    def _take_node(self, node: Any, tags: dict[str, str]) -> None:
        point = shapely.Point(node.lon, node.lat)
        if not self.box.covers(point):
            return
        name = tags.get("name", "").strip()
        if name and (kind := _PLACES.get(tags.get("place", ""))):
            self.city.labels.append(Drawn(point, name, kind))
        self._add_landmark(tags, name, point)
        if address := self._add_address(tags, point):
            self.numbers_at[node.id] = address

    def _take_way(self, way: Any, tags: dict[str, str]) -> None:
        try:
            nodes = [(node.ref, (node.lon, node.lat)) for node in way.nodes]
        except osmium.InvalidLocationError:
            return  # cut off where the extract ends
        if len(nodes) < 2:
            return
        line = shapely.LineString([point for _id, point in nodes])
        if not self.box.intersects(line):
            return
        kind = STREET_KINDS.get(tags.get("highway", ""))
        if kind and tags.get("area") != "yes":
            self._add_street(tags.get("name", "").strip(), kind, nodes, line)
        elif tags.get("railway") in _RAILS:
            self._add(self.city.rails, line, tags)
        elif tags.get("waterway") in _STREAMS:
            self._add(self.city.water, line, tags)
        elif tags.get("natural") == "coastline":
            self.coasts.append(line)
        if "addr:interpolation" in tags:
            self._add_row_of_houses(nodes, line)

    def _take_area(self, area: Any, tags: dict[str, str]) -> None:
        try:
            shape = shapely.from_wkb(self.factory.create_multipolygon(area))
        except (RuntimeError, shapely.GEOSException):
            return  # a broken outline
        if not shape.intersects(self.box):
            return
        name = tags.get("name", "").strip()
        if _is_tagged(tags, _WATER):
            self._add(self.city.water, shape, tags)
        elif _is_tagged(tags, _GREEN):
            self._add(self.city.parks, shape, tags)
        if tags.get("building", "no") != "no":
            self._add(self.city.buildings, shape, {})
        middle = shape.representative_point()
        if self.box.covers(middle):
            self._add_landmark(tags, name, middle)
            self._add_address(tags, middle)

    def _add(self, drawn: list[Drawn], shape: BaseGeometry, tags: dict[str, str], kind: str = "") -> None:
        cut = shapely.clip_by_rect(shapely.make_valid(shape), *self.city.box)
        if not cut.is_empty:
            drawn.append(Drawn(cut, tags.get("name", "").strip(), kind))

    def _add_street(
        self, name: str, kind: str, nodes: list[tuple[int, tuple[float, float]]], line: BaseGeometry
    ) -> None:
        self._add(self.city.streets, line, {"name": name}, kind)
        if name and kind in ADDRESSED_KINDS:
            ids, points = [number for number, _point in nodes], [point for _number, point in nodes]
            self.ways.append((name, kind, ids, points))
            for number in ids:
                self.names_at[number].add(name)

    def _add_landmark(self, tags: dict[str, str], name: str, point: BaseGeometry) -> None:
        kind = next((kind for (key, value), kind in _LANDMARKS.items() if tags.get(key) == value), None)
        if name and kind:
            self.city.landmarks.append(FoundLandmark(name, kind, round(point.x, 6), round(point.y, 6)))

    def _add_address(self, tags: dict[str, str], point: BaseGeometry) -> tuple[str, int] | None:
        street, number = tags.get("addr:street", "").strip(), _first_number(tags.get("addr:housenumber", ""))
        if not street or number is None:
            return None
        self.city.addresses.append(Address(street, number, number, point))
        return street, number

    def _add_row_of_houses(self, nodes: list[tuple[int, tuple[float, float]]], line: BaseGeometry) -> None:
        ends = [self.numbers_at[number] for number, _point in nodes if number in self.numbers_at]
        for (street, first), (other, last) in pairwise(ends):
            if street == other:
                self.city.addresses.append(Address(street, first, last, line))

    def finish(self) -> CityExtract:
        for name, kind, ids, points in self.ways:
            self.city.pieces.extend(
                _split_at_crossings(name, kind, points, [len(self.names_at[number]) > 1 for number in ids])
            )
        self.city.crossings = list(self._crossings())
        self.city.water.extend(Drawn(shape) for shape in draw_sea(self.coasts, self.city.box))
        return self.city

    def _crossings(self) -> Iterator[tuple[str, str, shapely.Point]]:
        seen: set[int] = set()
        for _name, _kind, ids, points in self.ways:
            for number, point in zip(ids, points, strict=True):
                names = sorted(self.names_at[number])
                if len(names) > 1 and number not in seen and self.box.covers(shapely.Point(point)):
                    seen.add(number)
                    yield from (
                        (one, two, shapely.Point(point)) for i, one in enumerate(names) for two in names[i + 1 :]
                    )


def _is_tagged(tags: dict[str, str], wanted: dict[str, tuple[str, ...]]) -> bool:
    return any(tags.get(key) in values for key, values in wanted.items())


def _first_number(text: str) -> int | None:
    """Return the whole number that a house number begins with: 12 of "12a", of "12-16" and of "12;14"."""
    digits = "".join(character for character in text.strip()[:8].split("-")[0].split(";")[0] if "0" <= character <= "9")
    return int(digits) if digits and text.strip()[0] == digits[0] else None


def _split_at_crossings(
    name: str, kind: str, points: list[tuple[float, float]], is_crossing: list[bool]
) -> Iterator[StreetPiece]:
    begin = 0
    for end in range(1, len(points)):
        if is_crossing[end] or end == len(points) - 1:
            yield StreetPiece(name, kind, shapely.LineString(points[begin : end + 1]))
            begin = end


def draw_sea(coasts: list[BaseGeometry], box: Box) -> list[BaseGeometry]:
    """Return the faces of the box that lie to the right of the coast, which is where OpenStreetMap's water is."""
    cut = [shapely.clip_by_rect(coast, *box) for coast in coasts]
    lines = [part for shape in cut for part in shapely.get_parts(shape) if part.geom_type == "LineString"]
    if not lines:
        return []
    merged = list(shapely.get_parts(shapely.line_merge(shapely.MultiLineString(lines), directed=True)))
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all([shapely.box(*box).exterior, *merged])]))
    tree = shapely.STRtree(faces)
    sea: set[int] = set()
    for line in merged:
        # A point just to the right of the middle of the coast's longest stretch.
        (x1, y1), (x2, y2) = max(pairwise(line.coords), key=lambda pair: shapely.LineString(pair).length)
        length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5 or 1.0
        step = min(length / 10, 1e-6)
        beside = shapely.Point((x1 + x2) / 2 + (y2 - y1) / length * step, (y1 + y2) / 2 - (x2 - x1) / length * step)
        sea.update(int(number) for number in tree.query(beside, predicate="within"))
    return [faces[number] for number in sorted(sea)]
