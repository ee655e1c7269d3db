"""Writes Riverton as an OpenStreetMap extract, of which `manage.py base_map` builds the demo's tiles.

    python -m crimemap.demo.osm_extract riverton.osm.pbf
    manage.py base_map tiles riverton.osm.pbf crimemap/demo/riverton.pmtiles

The portal's demo needs neither: the tiles are in the project.
"""

from __future__ import annotations

import math
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import osmium
from osmium.osm import mutable

from crimemap import geometry
from crimemap.demo import plan, plane_geometry
from crimemap.demo.riverton import HUNDRED, Riverton, Street
from crimemap.geometry import Line, Point

HOUSE_STEP, SETBACK = 24.0, 17.0  # meters between houses, and from the middle of the street to theirs
MARGIN = 2400.0  # meters of the extract around the city limits
_HIGHWAYS = {"major": "secondary", "minor": "residential"}
_TOUCH = 3.0  # meters from a street to a crossing on it


class ExtractWriter:
    """Numbers nodes and ways, and writes them in the order that the format wants."""

    def __init__(self) -> None:
        self._nodes: dict[Point, int] = {}
        self._tags: dict[int, dict[str, str]] = {}
        self._ways: list[tuple[list[int], dict[str, str]]] = []

    def add_node(self, point: Point, **tags: str) -> int:
        """Return the node at a point in meters; ways that have the same point share it."""
        place = _degrees(point)
        number = self._nodes.setdefault(place, len(self._nodes) + 1)
        self._tags.setdefault(number, {}).update(_restore_colons(tags))
        return number

    def add_way(self, points: Iterable[Point], **tags: str) -> None:
        self._ways.append(([self.add_node(point) for point in points], _restore_colons(tags)))

    def add_area(self, ring: Sequence[Point], **tags: str) -> None:
        self.add_way([*ring, ring[0]], **tags)

    def write(self, path: Path, corners: tuple[Point, Point]) -> None:
        """Write the file. corners: southwest and northeast of what it covers, in meters."""
        header = osmium.io.Header()
        header.add_box(osmium.osm.Box(*(osmium.osm.Location(*_degrees(corner)) for corner in corners)))
        path.unlink(missing_ok=True)
        with osmium.SimpleWriter(str(path), header=header) as writer:
            for place, number in self._nodes.items():
                writer.add_node(mutable.Node(id=number, location=place, tags=self._tags[number]))
            for number, (nodes, tags) in enumerate(self._ways, 1):
                writer.add_way(mutable.Way(id=number, nodes=nodes, tags=tags))


def write_extract(path: Path) -> None:
    """Write the whole city."""
    city, writer = Riverton(), ExtractWriter()
    writer.add_area(city.water, natural="water", name=plan.RIVER_NAME)
    writer.add_area(city.pond, natural="water")
    for name, ring in city.park_rings.items():
        writer.add_area(ring, leisure="park", name=name)
    for ring in [*city.riverside, city.island]:
        writer.add_area(ring, leisure="garden")
    parks = [*city.park_rings.values(), city.water]
    corners: dict[str, list[Point]] = defaultdict(list)
    for corner in city.corners:
        corners[corner.first].append(corner.point)
        corners[corner.second].append(corner.point)
    chance = random.Random(7)  # noqa: S311  (the same city each time)
    for street in city.streets:
        for piece in street.pieces:
            writer.add_way(_add_points(piece, corners[street.name]), highway=_HIGHWAYS[street.rank], name=street.name)
        _add_houses(writer, street, parks, chance)
    for bridge in city.bridges:
        writer.add_way([bridge.north, bridge.south], highway="secondary", bridge="yes", name=bridge.plan.name)
    writer.add_way(plane_geometry.spline(plan.RAIL, 6), railway="rail")
    for name, point in plan.STATIONS:
        writer.add_node(point, railway="station", name=name)
    for name, (key, value), place in plan.LANDMARKS:
        writer.add_node(place, **{key: value, "name": name})
    for area in city.areas:
        if area.layer == "neighbourhood":
            middle = plan.LABEL_POINTS.get(area.name) or plane_geometry.label_point(area.ring)
            writer.add_node(middle, place="suburb", name=area.name)
    xs, ys = zip(*city.limits, strict=True)
    writer.write(path, ((min(xs) - MARGIN, min(ys) - MARGIN), (max(xs) + MARGIN, max(ys) + MARGIN)))


def _add_points(line: Line, points: Iterable[Point]) -> Line:
    """Return the line with those of the points on it that lie at it, in their order."""
    at = sorted({(place, point) for point in points if (place := _place_on(line, point)) is not None})
    walked, corners = 0.0, [place for place, _point in at]
    for index, point in enumerate(line):
        walked += math.dist(line[index - 1], point) if index else 0.0
        if all(abs(place - walked) > _TOUCH for place in corners):
            at.append((walked, point))
    return [point for _place, point in sorted(at)]


def _place_on(line: Line, point: Point) -> float | None:
    """Return how far along the line a point lies, None if it is not on it."""
    walked = 0.0
    for (x1, y1), (x2, y2) in pairwise(line):
        size = math.dist((x1, y1), (x2, y2))
        along = ((point[0] - x1) * (x2 - x1) + (point[1] - y1) * (y2 - y1)) / size
        across = ((point[0] - x1) * (y2 - y1) - (point[1] - y1) * (x2 - x1)) / size
        if -_TOUCH <= along <= size + _TOUCH and abs(across) <= _TOUCH:
            return walked + min(size, max(0.0, along))
        walked += size
    return None


def _add_houses(writer: ExtractWriter, street: Street, parks: Sequence[Line], chance: random.Random) -> None:
    """Add buildings on both sides of a street, with numbers that rise along it: even ones on its left."""
    walked = street.before
    for index, piece in enumerate(street.pieces):
        if index:
            walked += math.dist(street.pieces[index - 1][-1], piece[0])
        whole = plane_geometry.length(piece)
        at = HOUSE_STEP
        while at < whole - HOUSE_STEP:
            (x1, y1), (x2, y2) = plane_geometry.cut_line(piece, at, min(whole, at + 1))[:2]
            size = math.dist((x1, y1), (x2, y2)) or 1.0
            along, left = ((x2 - x1) / size, (y2 - y1) / size), (-(y2 - y1) / size, (x2 - x1) / size)
            for side in (0, 1):
                number = (100 + int((walked + at) / HUNDRED * 100)) // 2 * 2 + side
                back = SETBACK * (1 if side == 0 else -1)
                house = (x1 + left[0] * back, y1 + left[1] * back)
                if chance.random() < 0.12 or any(geometry.inside(house, park) for park in parks):
                    continue
                width, depth = chance.uniform(6, 9), chance.uniform(5, 8)
                ring = [
                    (house[0] + along[0] * width * a + left[0] * depth * b, house[1] + along[1] * width * a + left[1] * depth * b)
                    for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
                ]  # fmt: skip
                writer.add_area(ring, building="yes", addr__housenumber=str(number), addr__street=street.name)
            at += HOUSE_STEP * chance.uniform(0.9, 1.3)
        walked += whole


def _restore_colons(tags: dict[str, str]) -> dict[str, str]:
    return {key.replace("__", ":"): value for key, value in tags.items()}


def _degrees(point: Point) -> Point:
    """Convert meters from the middle of the city to (longitude, latitude), rounded as OpenStreetMap does."""
    latitude, longitude = plan.MIDDLE
    east = point[0] / geometry.METERS_PER_DEGREE / math.cos(math.radians(latitude))
    return round(longitude + east, 7), round(latitude + point[1] / geometry.METERS_PER_DEGREE, 7)


if __name__ == "__main__":
    write_extract(Path(sys.argv[1]))
