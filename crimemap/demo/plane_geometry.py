"""Lines and rings in the plane, in meters: cutting, crossing, smoothing and offsetting them, to draw the demo city."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import shapely

from crimemap import geometry


def cross_segments(
    a: geometry.Point, b: geometry.Point, c: geometry.Point, d: geometry.Point
) -> tuple[float, float] | None:
    """Return where the segments ab and cd cross, as fractions of each; None if they do not cross or are parallel."""
    rx, ry, sx, sy = b[0] - a[0], b[1] - a[1], d[0] - c[0], d[1] - c[1]
    denominator = rx * sy - ry * sx
    if abs(denominator) < 1e-9:
        return None
    t = ((c[0] - a[0]) * sy - (c[1] - a[1]) * sx) / denominator
    u = ((c[0] - a[0]) * ry - (c[1] - a[1]) * rx) / denominator
    return (t, u) if 0 <= t <= 1 and 0 <= u <= 1 else None


def interpolate(a: geometry.Point, b: geometry.Point, fraction: float) -> geometry.Point:
    return a[0] + (b[0] - a[0]) * fraction, a[1] + (b[1] - a[1]) * fraction


def length(line: Sequence[geometry.Point]) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(line))


def cut_line(line: Sequence[geometry.Point], start: float, end: float) -> geometry.Line:
    """Return the piece of `line` between two distances from its first point."""
    result: geometry.Line = []
    walked = 0.0
    for a, b in pairwise(line):
        step = math.dist(a, b)
        if step and walked + step > start and walked < end:
            if not result:
                result.append(interpolate(a, b, max(0.0, (start - walked) / step)))
            result.append(interpolate(a, b, min(1.0, (end - walked) / step)))
        walked += step
    return result


def crossings(line: Sequence[geometry.Point], other: Sequence[geometry.Point]) -> list[tuple[float, float]]:
    """Return where two lines cross as (distance along `line`, distance along `other`), ordered by the first."""
    if not boxes_touch(line, other):
        return []
    found = []
    walked = 0.0
    for a, b in pairwise(line):
        step, passed = math.dist(a, b), 0.0
        for c, d in pairwise(other):
            stride = math.dist(c, d)
            hit = cross_segments(a, b, c, d)
            if hit:
                found.append((walked + hit[0] * step, passed + hit[1] * stride))
            passed += stride
        walked += step
    return sorted(found)


def boxes_touch(line: Sequence[geometry.Point], other: Sequence[geometry.Point]) -> bool:
    return all(
        min(p[axis] for p in line) <= max(p[axis] for p in other)
        and min(p[axis] for p in other) <= max(p[axis] for p in line)
        for axis in (0, 1)
    )


def split(ring: geometry.Line, line: geometry.Line) -> tuple[geometry.Line, geometry.Line]:
    """Split an open ring into the parts left and right of `line`. Raises ValueError unless it crosses exactly twice."""
    closed = [*ring, ring[0]]
    hits = crossings(line, closed)
    if len(hits) != 2:
        raise ValueError(f"the line crosses the ring {len(hits)} times, not twice")
    (enter, first), (leave, second) = hits
    whole = length(closed)
    cut = cut_line(line, enter, leave)

    def around(start: float, end: float) -> geometry.Line:
        if start <= end:
            return cut_line(closed, start, end)
        return cut_line(closed, start, whole) + cut_line(closed, 0, end)[1:]

    one = cut + around(second, first)[1:-1]
    two = cut[::-1] + around(first, second)[1:-1]
    return (one, two) if signed_area(one) > 0 else (two, one)


def signed_area(ring: Sequence[geometry.Point]) -> float:
    """Return the area of a ring, positive if it runs counter-clockwise."""
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in geometry.edges(ring)) / 2


def distance_to_edge(point: geometry.Point, ring: Sequence[geometry.Point]) -> float:
    """Return the distance from a point to the nearest edge."""
    return min(_to_segment(point, a, b) for a, b in geometry.edges(ring))


def _to_segment(point: geometry.Point, a: geometry.Point, b: geometry.Point) -> float:
    span = (b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2
    along = ((point[0] - a[0]) * (b[0] - a[0]) + (point[1] - a[1]) * (b[1] - a[1])) / span if span else 0.0
    return math.dist(point, interpolate(a, b, min(1.0, max(0.0, along))))


def label_point(ring: Sequence[geometry.Point]) -> geometry.Point:
    """Return the inner point farthest from the edges, to a 24th of the ring's size."""
    polygon = shapely.Polygon(ring)
    west, south, east, north = polygon.bounds
    grid = [
        (west + (east - west) * i / 24, south + (north - south) * j / 24) for i in range(1, 24) for j in range(1, 24)
    ]
    points = shapely.points(grid)
    # Outer points count as if they lay on an edge.
    distances = shapely.distance(polygon.exterior, points) * shapely.contains(polygon, points)
    return grid[int(distances.argmax())]


def spline(points: Sequence[geometry.Point], steps: int, closed: bool = False) -> geometry.Line:
    """Return a smooth line through `points` (Catmull-Rom) with `steps` pieces between two of them."""
    count = len(points)
    spans = count if closed else count - 1

    def at(index: int) -> geometry.Point:
        return points[index % count] if closed else points[min(max(index, 0), count - 1)]

    result = []
    for span in range(spans):
        p0, p1, p2, p3 = (at(span + offset) for offset in (-1, 0, 1, 2))
        for step in range(steps):
            t = step / steps
            result.append((_catmull(p0[0], p1[0], p2[0], p3[0], t), _catmull(p0[1], p1[1], p2[1], p3[1], t)))
    return result if closed else [*result, points[-1]]


def _catmull(a: float, b: float, c: float, d: float, t: float) -> float:
    return b + (c - a) * t / 2 + (2 * a - 5 * b + 4 * c - d) * t**2 / 2 + (3 * b - a - 3 * c + d) * t**3 / 2


def offset_line(line: Sequence[geometry.Point], distance: Sequence[float]) -> geometry.Line:
    """Return `line` moved to its left by a distance for each point; negative moves right."""
    result = []
    for index, (x, y) in enumerate(line):
        (x1, y1), (x2, y2) = line[max(index - 1, 0)], line[min(index + 1, len(line) - 1)]
        size = math.dist((x1, y1), (x2, y2))
        result.append((x - (y2 - y1) / size * distance[index], y + (x2 - x1) / size * distance[index]))
    return result
