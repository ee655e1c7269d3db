"""Works out a city's blocks and crossings from its streets and addresses in an extract of OpenStreetMap.

A block's point is the middle of a stretch of street between crossings, never the place of a house.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import shapely

from crimemap.city_map.osm_extract import Address, CityExtract, StreetPiece
from crimemap.geometry import METERS_PER_DEGREE
from crimemap.places.block_import import MAX_HOUSE_NUMBER, MAX_STREET_CHARACTERS, BlockPoint, NumberedLine, place_blocks
from crimemap.street_names import normalize_name

MAX_METERS_TO_STREET = 150.0  # from a house to the middle of its street
CROSSING_METERS = 80.0  # two crossings of the same streets that are closer are one: lanes of each direction cross apart


def find_blocks(city: CityExtract) -> list[BlockPoint]:
    """Return the hundreds of streets with house numbers. A street without any has none."""
    pieces: dict[str, list[StreetPiece]] = defaultdict(list)
    for piece in city.pieces:
        pieces[normalize_name(piece.name)].append(piece)
    addresses: dict[str, list[Address]] = defaultdict(list)
    for address in city.addresses:
        if 0 < address.number < MAX_HOUSE_NUMBER and (key := normalize_name(address.street)) in pieces:
            addresses[key].append(address)
    lines = [line for key, known in sorted(addresses.items()) for line in _number_pieces(pieces[key], known)]
    return place_blocks(lines)


def _number_pieces(pieces: Sequence[StreetPiece], addresses: Sequence[Address]) -> Iterator[NumberedLine]:
    """Yield the pieces of one street that houses stand at, with the numbers at both ends as far as houses show them."""
    # Degrees of longitude are shorter than those of latitude: stretched, both measure distance alike.
    squeeze = math.cos(math.radians(pieces[0].line.coords[0][1]))
    tree = shapely.STRtree([_squeeze(piece.line, squeeze) for piece in pieces])
    houses = [(number, _squeeze(shape, squeeze)) for address in addresses for number, shape in _ends(address)]
    nearest, distances = tree.query_nearest(
        [shape for _number, shape in houses], return_distance=True, all_matches=False
    )
    known: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for (house, piece), distance in zip(nearest.T, distances, strict=True):
        if distance * METERS_PER_DEGREE <= MAX_METERS_TO_STREET:
            number, shape = houses[house]
            line: Any = tree.geometries[piece]
            known[int(piece)].append((shapely.line_locate_point(line, shape, normalized=True), number))
    for index, found in sorted(known.items()):
        numbers = [number for _at, number in found]
        low, high = min(numbers), max(numbers)
        piece = pieces[index]
        start, end = (low, high) if _rises(found) else (high, low)
        yield NumberedLine(piece.name[:MAX_STREET_CHARACTERS], start, end, piece.line)


def _ends(address: Address) -> Iterator[tuple[int, Any]]:
    """Yield an address, or both ends of a row of houses as addresses of their own."""
    if address.shape.geom_type == "Point":
        yield address.number, address.shape
    else:
        yield address.number, shapely.Point(address.shape.coords[0])
        yield address.last, shapely.Point(address.shape.coords[-1])


def _rises(found: Sequence[tuple[float, int]]) -> bool:
    """Return whether house numbers rise along a piece: the sign of the slope of the line of least squares."""
    at, numbers = np.array(found, dtype=float).T
    return bool(((at - at.mean()) * (numbers - numbers.mean())).sum() >= 0)


def _squeeze(shape: Any, factor: float) -> Any:
    return shapely.transform(shape, lambda points: points * [factor, 1.0])


def find_crossings(city: CityExtract) -> list[tuple[str, str, float, float]]:
    """Return (first street, second street, longitude, latitude), names in alphabetical order, each crossing once."""
    by_names: dict[tuple[str, str], list[shapely.Point]] = defaultdict(list)
    for one, two, point in city.crossings:
        first, second = sorted((one[:MAX_STREET_CHARACTERS], two[:MAX_STREET_CHARACTERS]))
        if normalize_name(first) != normalize_name(second):
            by_names[first, second].append(point)
    return [
        (*names, round(middle.x, 6), round(middle.y, 6))
        for names, points in sorted(by_names.items())
        for middle in _merge_near(points)
    ]


def _merge_near(points: Sequence[shapely.Point]) -> list[shapely.Point]:
    """Return the middle of each group of points that lie closer together than one crossing is wide."""
    if len(points) == 1:
        return list(points)
    squeeze = math.cos(math.radians(points[0].y))
    circles = shapely.buffer(
        [_squeeze(point, squeeze) for point in points], CROSSING_METERS / 2 / METERS_PER_DEGREE, quad_segs=4
    )
    groups = shapely.get_parts(shapely.union_all(circles))
    middles = []
    for group in groups:
        inside = [point for point in points if group.intersects(_squeeze(point, squeeze))]
        middles.append(shapely.MultiPoint(inside).centroid)
    return sorted(middles, key=lambda point: (point.x, point.y))
