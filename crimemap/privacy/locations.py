"""Coarsening of points, so that none names a house. Import calls this before anything is stored."""

from __future__ import annotations

import math

from crimemap.geometry import METERS_PER_DEGREE

GRID_METERS = 250.0  # side of a cell of the fixed grid
Point = tuple[float, float]  # latitude, longitude in degrees


def coarsen_location(
    latitude: float | None, longitude: float | None, *, points_are_public: bool, block_point: Point | None
) -> tuple[float | None, float | None, str]:
    """Return the only point that may be stored of an incident: (latitude, longitude, kind), rounded to a meter.

    kind: "block" (`block_point`, the middle of its block in the agency's own layer), "published" (the point as given,
    because the publisher has already moved its points off the addresses: `points_are_public`), "grid" (the center of the
    fixed 250 m cell around the point), "none" (no usable point; both coordinates are None).

    The result depends on this incident alone, never on other incidents or chance: adding or moving one changes no other
    point, so versions cannot be compared to find the exact one.
    """
    if block_point is not None:
        return round(block_point[0], 5), round(block_point[1], 5), "block"
    if latitude is None or longitude is None or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None, None, "none"
    if points_are_public:
        return round(latitude, 5), round(longitude, 5), "published"
    return *grid_cell_center(latitude, longitude), "grid"


def grid_cell_center(latitude: float, longitude: float) -> Point:
    """Return the center of the grid cell around a point: rows of 250 m from the equator, columns as wide at mid-row."""
    height = GRID_METERS / METERS_PER_DEGREE
    row = (math.floor(latitude / height) + 0.5) * height
    width = height / max(0.01, math.cos(math.radians(row)))
    column = (math.floor(longitude / width) + 0.5) * width
    return round(row, 5), round(column, 5)
