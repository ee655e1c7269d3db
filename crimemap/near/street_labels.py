"""Names of streets on the map of the page about a place: along a straight stretch, where they cover no symbol and no other name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from crimemap.pages.base_map_svg import MapDrawing, MapLabel, NamedLine
from crimemap.snapshot.format import Array

CHARACTER_WIDTH = 13.5  # units, of letters 28 units high, as on a phone; wider screens need less
HALF_HEIGHT = 16
CLEARANCE = 38  # units from the middle of a name to that of a symbol
SHARES = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9, 0.05, 0.95)  # of the street, tried in this order
LEAST_STRAIGHT = 0.97  # of a stretch: its ends are at least so far apart, in parts of its length
SAMPLE_UNITS = 20

Point = tuple[float, float]


def place_names(
    lines: Iterable[NamedLine], drawing: MapDrawing, left: int, width: int, taken: Sequence[Point]
) -> list[MapLabel]:
    """Return at most one label for each street, within the part of the drawing from `left` on. `taken`: where symbols are."""
    labels, covered, named = [], [*taken, *((label.x, label.y) for label in drawing.labels)], set()
    for name, degrees in sorted(lines, key=lambda line: -len(line[1])):
        if name in named:
            continue
        points = drawing.to_units(degrees).astype("f8")
        length = len(name) * CHARACTER_WIDTH
        for share in SHARES:
            ends = _stretch(points, share, length)
            if ends is None or not _is_inside(ends, left, width, drawing.height):
                continue
            samples = _sample(ends, length)
            if any(math.dist(each, other) < CLEARANCE for each in samples for other in covered):
                continue
            (x1, y1), (x2, y2) = sorted(ends)
            angle = math.degrees(math.atan2(y2 - y1, x2 - x1))
            labels.append(MapLabel("street", name, round((x1 + x2) / 2), round((y1 + y2) / 2), round(angle)))
            covered += samples
            named.add(name)
            break
    return labels


def _stretch(points: Array, share: float, length: float) -> tuple[Point, Point] | None:
    """Return the ends of a straight stretch of this length around a share of the line; None if there is none."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate(([0.0], np.cumsum(steps)))
    middle = share * along[-1]
    at = np.array([middle - length / 2, middle + length / 2])
    if at[0] < 0 or at[1] > along[-1]:
        return None
    x, y = (np.interp(at, along, points[:, axis]).tolist() for axis in (0, 1))
    ends = (x[0], y[0]), (x[1], y[1])
    return ends if math.dist(*ends) >= LEAST_STRAIGHT * length else None


def _is_inside(ends: tuple[Point, Point], left: int, width: int, height: int) -> bool:
    return all(
        left + HALF_HEIGHT < x < left + width - HALF_HEIGHT and HALF_HEIGHT < y < height - HALF_HEIGHT for x, y in ends
    )


def _sample(ends: tuple[Point, Point], length: float) -> list[Point]:
    """Return points along a stretch, its ends among them."""
    (x1, y1), (x2, y2) = ends
    parts = [number / max(1, round(length / SAMPLE_UNITS)) for number in range(round(length / SAMPLE_UNITS) + 1)]
    return [(x1 + (x2 - x1) * part, y1 + (y2 - y1) * part) for part in parts]
