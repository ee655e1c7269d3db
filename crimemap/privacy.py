"""The publication rule: what of an incident residents may see, where, and how exactly. Pure functions; nothing is read here.

SECURITY.md tells the rule in words. Visibility belongs to the agency's code, a category sets a minimum, the agency's file
(crimemap/publication.py) may be stricter. `snap` is used on import, so that exact points are never stored; the rest decides
at publication.
"""

from __future__ import annotations

import math

from crimemap.geometry import METRES_PER_DEGREE

GRID = 250.0  # metres: the side of a cell of the fixed grid

BLOCK, AREA, HIDDEN = "block", "area", "hidden"  # in rising strictness
HELD = "held"  # a code that nobody classified: not public until staff do
STRICTNESS = (BLOCK, AREA, HIDDEN)

Point = tuple[float, float]  # latitude, longitude in degrees


def snap(
    latitude: float | None, longitude: float | None, *, points_are_public: bool, block_point: Point | None
) -> tuple[float | None, float | None, str]:
    """The one point that may be kept of an incident: (latitude, longitude, kind), rounded to five decimals (a metre).

    kind says where it comes from: "block" (the middle of its block in the agency's own layer, given as `block_point`),
    "published" (the publisher has already moved its points off the address: `points_are_public`), "grid" (the centre of
    the fixed 250 m cell the point lies in), "none" (no usable point: both coordinates are None).
    No function of other incidents' points, no random: an incident that is added or moved changes no other point.
    """
    if block_point is not None:
        return round(block_point[0], 5), round(block_point[1], 5), "block"
    if latitude is None or longitude is None or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None, None, "none"
    if points_are_public:
        return round(latitude, 5), round(longitude, 5), "published"
    return *cell_centre(latitude, longitude), "grid"


def cell_centre(latitude: float, longitude: float) -> Point:
    """The centre of the grid cell that a point lies in: rows of 250 m from the equator, columns as wide at each row's middle."""
    height = GRID / METRES_PER_DEGREE
    row = (math.floor(latitude / height) + 0.5) * height
    width = height / max(0.01, math.cos(math.radians(row)))
    column = (math.floor(longitude / width) + 0.5) * width
    return round(row, 5), round(column, 5)


def strictest(*visibilities: str) -> str:
    """The strictest of some visibilities; BLOCK of none."""
    return max(visibilities, key=STRICTNESS.index, default=BLOCK)


def visibility_of(code: str | None, category: str | None, agency: str | None = None) -> str:
    """Of a row: its code's visibility, its category's least and the agency's own least for either, strictest first.

    HELD when nobody classified the code (`code` or `category` is None). Domestic rows are HIDDEN whatever this says.
    """
    if code is None or category is None:
        return HELD
    return strictest(code, category, agency or BLOCK)
