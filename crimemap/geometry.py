"""Plane geometry on plain tuples: enough for a city's outlines, without a geometry library in production."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

Point = tuple[float, float]
Line = list[Point]

METERS_PER_DEGREE = 111_320.0


def meters_between(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the distance of two points in degrees, as on flat ground: within 0.1 % over a few kilometers."""
    east = (lon2 - lon1) * math.cos(math.radians((lat1 + lat2) / 2))
    return math.hypot(lat2 - lat1, east) * METERS_PER_DEGREE


def inside(point: Point, ring: Sequence[Point]) -> bool:
    """Return whether `point` lies in the ring (closed or not); even-odd rule."""
    x, y = point
    result = False
    for (x1, y1), (x2, y2) in edges(ring):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            result = not result
    return result


def edges(ring: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    yield from pairwise(ring)
    if ring[0] != ring[-1]:
        yield ring[-1], ring[0]
