"""Which published rows a filter means: by the shorter way, through the rows of its days or through the rows of its places."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from crimemap.geometry import METERS_PER_DEGREE
from crimemap.snapshot import format
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.format import DEGREE, Array

Columns = Mapping[str, Array]
Box = tuple[float, float, float, float]  # south, west, north, east in degrees
EPOCH = date(1970, 1, 1)
PLACE_SCAN_COST = 3  # a row found through its place costs so many found through their time (measured)
SLICE_ROWS = 1 << 17  # rows looked at at once while one reads on, and of places that are read at once


@dataclass(frozen=True, slots=True)
class MatchedRows:
    """Rows that a filter means, in no order: their numbers by time (an array, or a slice where all of it matches)."""

    row: Array | slice
    time: Array
    category: Array

    def __len__(self) -> int:
        return len(self.time)


def match_rows(columns: Columns, chosen: Filter, places: Array | None) -> MatchedRows:
    """The rows of `chosen` at `places` (numbers in rising order; None: anywhere, mapped or not)."""
    low, high = row_range(columns, chosen)
    if places is not None:
        start, end = columns["place_start"][places], columns["place_start"][places + 1]
        if int((end - start).sum()) * PLACE_SCAN_COST < high - low:
            return _scan_by_place(columns, chosen, start, end)
    return scan_by_time(columns, chosen, places, low, high)


def scan_by_time(columns: Columns, chosen: Filter, places: Array | None, low: int, high: int) -> MatchedRows:
    """Those of the rows from `low` to `high` by time, which are within the filter's days."""
    time, category = columns["time"][low:high], columns["category"][low:high]
    right = included_categories(columns, chosen)[category] if chosen.categories else None
    if chosen.hours or chosen.weekdays:
        right = _combine_masks(right, included_slots(chosen)[format.hour_slots(time, columns["precision"][low:high])])
    if places is not None:
        there = np.zeros(len(columns["latitude"]), bool)
        there[places] = True
        right = _combine_masks(right, there[columns["place"][low:high]])
    if right is None:
        return MatchedRows(slice(low, high), time, category)
    found = np.flatnonzero(right)
    return MatchedRows(found + low, time[found], category[found])


def iterate_newest_first(
    columns: Columns, chosen: Filter, places: Array | None, low: int, high: int
) -> Iterator[Array]:
    """Numbers of the rows of `chosen` at `places` among those from `low` to `high`, the newest first, in arrays of SLICE
    at most: whoever stops reading stops the work, and whoever reads on needs no more memory."""
    if (
        places is not None
        and int((columns["place_start"][places + 1] - columns["place_start"][places]).sum()) <= SLICE_ROWS
    ):
        row = match_rows(columns, chosen, places).row
        numbers = np.sort(np.arange(row.start, row.stop) if isinstance(row, slice) else row)
        yield numbers[np.searchsorted(numbers, low) : np.searchsorted(numbers, high)][::-1]
        return
    size = SLICE_ROWS // 16
    while high > low:
        start = max(low, high - size)
        row = scan_by_time(columns, chosen, places, start, high).row
        yield (np.arange(row.start, row.stop) if isinstance(row, slice) else row)[::-1]
        high, size = start, min(size * 2, SLICE_ROWS)


def _scan_by_place(columns: Columns, chosen: Filter, start: Array, end: Array) -> MatchedRows:
    first, last = hour_range(chosen)
    length = end - start
    position = np.repeat(start - np.cumsum(length) + length, length) + np.arange(int(length.sum()))
    time, category = columns["place_time"][position], columns["place_category"][position]
    right = (time >= np.int32(first)) & (time < np.int32(last))
    if chosen.categories:
        right &= included_categories(columns, chosen)[category]
    position, time, category = position[right], time[right], category[right]
    row = columns["place_row"][position]
    if chosen.hours or chosen.weekdays:
        right = included_slots(chosen)[format.hour_slots(time, columns["precision"][row])]
        row, time, category = row[right], time[right], category[right]
    return MatchedRows(row, time, category)


def _combine_masks(left: Array | None, right: Array) -> Array:
    return right if left is None else left & right


def hour_range(chosen: Filter) -> tuple[int, int]:
    """Local hours since 1970: from the first, up to and without the second."""
    return (chosen.since - EPOCH).days * 24, ((chosen.until - EPOCH).days + 1) * 24


def row_range(columns: Columns, chosen: Filter) -> tuple[int, int]:
    # Numbers of the column's own type: others would make searchsorted cast all of it.
    low, high = np.searchsorted(columns["time"], np.array(hour_range(chosen), columns["time"].dtype)).tolist()
    return low, max(low, high)


def included_categories(columns: Columns, chosen: Filter) -> Array:
    """By number of the category, True where the filter takes it."""
    slugs = columns["category_slugs"].tolist()
    return np.array([not chosen.categories or slug in chosen.categories for slug in slugs] or [False])


def included_slots(chosen: Filter) -> Array:
    """By hour slot (layout.hour_slots), True where the filter takes it: an unknown hour is no hour."""
    right = np.zeros(format.HOUR_SLOTS, bool)
    for weekday in chosen.weekdays or range(7):
        for hour in chosen.hours or range(25):
            right[weekday * 25 + hour] = True
    right[-1] = not chosen.hours and not chosen.weekdays
    return right


# Places


def select_places(
    columns: Columns, codes: Mapping[str, list[str]], chosen: Filter, view: Box | None = None
) -> Array | None:
    """Numbers of the places that the filter's area, circle and box, and the view, leave; None when nothing restricts."""
    boxes = [box for box in (chosen.box, view) if box is not None]
    if not (chosen.area or chosen.circle or boxes):
        return None
    low, high = 0, len(columns["latitude"])
    if boxes or chosen.circle:
        boxes += [_bounding_box(chosen.circle)] if chosen.circle else []
        low, high = _curve_range_of_boxes(columns, boxes)
    right = np.ones(high - low, bool)
    latitude, longitude = columns["latitude"][low:high], columns["longitude"][low:high]
    for south, west, north, east in boxes:
        right &= (latitude >= _to_units(south)) & (latitude <= _to_units(north))
        right &= (longitude >= _to_units(west)) & (longitude <= _to_units(east))
    if chosen.area:
        layer, code = chosen.area
        known = codes.get(layer, [])
        right &= (columns[layer][low:high] == np.uint16(known.index(code))) if code in known else False
    found = np.flatnonzero(right) + low
    if chosen.circle:
        found = found[_distances_meters(columns, found, chosen.circle) <= chosen.circle[2]]
    return found


def _to_units(degrees: float) -> np.int32:
    return np.int32(round(degrees * DEGREE))


def _bounding_box(circle: tuple[float, float, float]) -> Box:
    """A box that holds the circle; a little more, for the rounding of its points."""
    latitude, longitude, radius = circle
    north = radius / METERS_PER_DEGREE * 1.01 + 2 / DEGREE
    east = north / max(0.01, math.cos(math.radians(min(89.0, abs(latitude) + north))))
    return (
        max(-90.0, latitude - north),
        max(-180.0, longitude - east),
        min(90.0, latitude + north),
        min(180.0, longitude + east),
    )


def _distances_meters(columns: Columns, places: Array, circle: tuple[float, float, float]) -> Array:
    """Distance of places from the middle, as crimemap.geometry.metres_between has it."""
    latitude, longitude = format.degrees(columns["latitude"][places]), format.degrees(columns["longitude"][places])
    east = (longitude - circle[1]) * np.cos(np.radians((latitude + circle[0]) / 2))
    result: Array = np.hypot(latitude - circle[0], east) * METERS_PER_DEGREE
    return result


def _curve_range_of_boxes(columns: Columns, boxes: list[Box]) -> tuple[int, int]:
    """The numbers that places in the boxes' common part can have."""
    south, west = max(box[0] for box in boxes), max(box[1] for box in boxes)
    north, east = min(box[2] for box in boxes), min(box[3] for box in boxes)
    if south > north or west > east:
        return 0, 0
    x, y = format.mercator(np.array([north, south]), np.array([west, east]))
    return curve_range(columns, x, y)


def curve_range(columns: Columns, x: Array, y: Array) -> tuple[int, int]:
    """The numbers (from, up to and without) that places between two corners can have: north-west first, as the curve runs."""
    first, last = format.curve(x, y)
    low, high = np.searchsorted(columns["curve"], first, "left"), np.searchsorted(columns["curve"], last, "right")
    return int(low), int(high)
