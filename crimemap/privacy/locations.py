"""Coarsening of locations, so that no published point or text names a house.

Import calls this before anything is stored; publication generalizes block texts once more.
"""

from __future__ import annotations

import math
import re

import polars as pl

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


_UNIT_WORDS = ("apt", "apartment", "unit", "suite", "ste", "flat", "room", "rm", "floor", "fl", "#")
_UNIT = re.compile(rf"[\s,]*(?:\b(?:{'|'.join(_UNIT_WORDS[:-1])})\b\.?\s*#?|#)\s*[\w-]*\d[\w-]*", re.I)
_NUMBER = re.compile(r"^0*(\d+)[A-Za-z]?(?:\s*[-/&]\s*\d+[A-Za-z]?)*\s+(block\b(?:\s+of\b)?)?\s*(?=\S)", re.I)
_MASKED = re.compile(r"^0*(\d*)X{2}(?=\s)", re.I)


def generalize_address(text: str) -> str:
    """Replace house and unit numbers by the block: "412 Arden St Apt 3" becomes "400 block of Arden St".

    This is a second barrier: the importer already writes block names, which are returned unchanged.
    """
    low = text.lower()
    if any(word in low for word in _UNIT_WORDS):
        text = _UNIT.sub("", text)
    parts = []
    for part in text.split(","):
        stripped = part.strip()
        if "xx" in low:
            stripped = _MASKED.sub(lambda match: f"{match[1] or '0'}00", stripped)
        number = _NUMBER.match(stripped)
        if number:
            hundred = int(number[1][-9:]) // 100 * 100
            stripped = f"{hundred} {number[2] or 'block of'} {stripped[number.end() :].strip()}"
        parts.append(stripped)
    return ", ".join(part for part in parts if part)[:80]


# Texts that generalize_address returns unchanged: no number or a whole hundred, one part, no unit, nothing masked.
_LABEL = r"^(?:(?:[1-9][0-9]{0,6}00|0) block of [^,\s]|[^\d,\s])(?:[^,]*[^,\s])?$"
_NO_LABEL = rf"(?i){_UNIT.pattern}|xx|[\x1c-\x1f]"  # the last range is white space to Python but not to polars


def generalize_addresses(texts: list[str]) -> list[str]:
    """Generalize many addresses, five times as fast as one by one: nearly all are block names already."""
    series = pl.Series(texts, dtype=pl.String)
    is_label = series.str.contains(_LABEL) & ~series.str.contains(_NO_LABEL) & (series.str.len_chars() <= 80)
    return [text if label else generalize_address(text) for text, label in zip(texts, is_label.to_list(), strict=True)]
