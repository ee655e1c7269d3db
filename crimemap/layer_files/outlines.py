"""The outlines of areas for storage: mended where they cross themselves, and no finer than a page needs. Knows no Django."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

# Degrees of latitude, about 1, 2, 5, 10 and 20 meters: the first that leaves few enough points for all pages.
TOLERANCES = (0.00001, 0.00002, 0.00005, 0.0001, 0.0002)
MAX_POINTS = 150_000
_DECIMALS = 6  # about 10 centimeters


def mend(shape: Any) -> Any:
    """Return the polygons of a shape, valid, as one; None if it has no surface."""
    valid = shape if shapely.is_valid(shape) else shapely.make_valid(shape)
    parts = [part for part in shapely.get_parts(shapely.get_parts(valid)) if part.geom_type == "Polygon"]
    parts = [part for part in parts if part.area > 0]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)


def simplify(shapes: list[Any]) -> list[Any]:
    """Return the shapes with fewer points. Neighbors keep a common border; a shape that would vanish stays as it is."""
    given = np.array(shapes, object)
    found = given
    is_coverage = bool(shapely.coverage_is_valid(given))
    for tolerance in TOLERANCES:
        found = shapely.coverage_simplify(given, tolerance) if is_coverage else shapely.simplify(given, tolerance)
        if int(shapely.get_num_coordinates(found).sum()) <= MAX_POINTS:
            break
    return [_rounded(small, before) for small, before in zip(found, shapes, strict=True)]


def _rounded(small: Any, before: Any) -> Any:
    rounded = shapely.transform(small, lambda points: np.round(points, _DECIMALS))
    for shape in (rounded, small):
        if shapely.is_valid(shape) and not shape.is_empty and shape.area > 0:
            return shape
    return before
