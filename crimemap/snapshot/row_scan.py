"""Scans the published rows for those a filter matches, by time or by place, whichever means fewer rows to look at."""

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
PLACE_SCAN_COST = 3  # a row scanned by place costs as much as this many scanned by time (measured)
SLICE_ROWS = 1 << 17  # rows scanned at a time while a caller reads on


@dataclass(frozen=True, slots=True)
class MatchedRows:
    """Rows that match a filter, in no order.

    row: their numbers by time, as an array or as a slice if all in it match. place: None if the scan did not pass it
    (read_places).
    """

    row: Array | slice
    time: Array
    category: Array
    place: Array | None = None

    def __len__(self) -> int:
        return len(self.time)


def match_rows(columns: Columns, chosen: Filter, places: Array | None) -> MatchedRows:
    """Return the rows of `chosen` at `places` (ascending place numbers; None: anywhere, mapped or not)."""
    low, high = row_range(columns, chosen)
    if places is not None and is_shorter_by_place(columns, places, low, high):
        return scan_by_place(columns, chosen, places)
    return scan_by_time(columns, chosen, places, low, high)


def is_shorter_by_place(columns: Columns, places: Array, low: int, high: int) -> bool:
    """Return whether it takes less time to look at all rows of these places than at the rows numbered low..high."""
    rows = int((columns["place_start"][places + 1] - columns["place_start"][places]).sum())
    return rows * PLACE_SCAN_COST < high - low


def read_places(columns: Columns, found: MatchedRows) -> Array:
    """Return the number of each row's place."""
    return columns["place"][found.row] if found.place is None else found.place


def scan_by_time(columns: Columns, chosen: Filter, places: Array | None, low: int, high: int) -> MatchedRows:
    """Return the matching rows among those numbered low..high, all of which are within the filter's days."""
    time, category = columns["time"][low:high], columns["category"][low:high]
    is_match = included_categories(columns, chosen)[category] if chosen.categories else None
    if chosen.hours or chosen.weekdays:
        is_match = _combine_masks(
            is_match, included_slots(chosen)[format.hour_slots(time, columns["precision"][low:high])]
        )
    if places is not None:
        is_wanted_place = np.zeros(len(columns["latitude"]), bool)
        is_wanted_place[places] = True
        is_match = _combine_masks(is_match, is_wanted_place[columns["place"][low:high]])
    if is_match is None:
        return MatchedRows(slice(low, high), time, category)
    found = np.flatnonzero(is_match)
    return MatchedRows(found + low, time[found], category[found])


def iterate_newest_first(
    columns: Columns, chosen: Filter, places: Array | None, low: int, high: int
) -> Iterator[Array]:
    """Yield the numbers of matching rows among low..high, newest first, in arrays of at most SLICE_ROWS.

    A caller that stops reading stops the work, and one that reads on needs no more memory.
    """
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


def scan_by_place(columns: Columns, chosen: Filter, places: Array) -> MatchedRows:
    """Return the matching rows of these places (ascending), looking at all that they have."""
    first, last = hour_range(chosen)
    start, end = columns["place_start"][places], columns["place_start"][places + 1]
    length = end - start
    # Places beside each other have rows beside each other: to copy a run of them takes a third of the time of picking each.
    begins = np.append(True, start[1:] != end[:-1])[: len(places)]
    runs = list(zip(start[begins].tolist(), end[np.append(begins[1:], True)[: len(places)]].tolist(), strict=True))
    time = _copy_runs(columns["place_time"], runs)
    is_match = (time >= np.int32(first)) & (time < np.int32(last))
    category = _copy_runs(columns["place_category"], runs)
    if chosen.categories:
        is_match &= included_categories(columns, chosen)[category]
    row, place = _copy_runs(columns["place_row"], runs), np.repeat(places.astype("i4"), length)
    row, time, category, place = row[is_match], time[is_match], category[is_match], place[is_match]
    if chosen.hours or chosen.weekdays:
        is_match = included_slots(chosen)[format.hour_slots(time, columns["precision"][row])]
        row, time, category, place = row[is_match], time[is_match], category[is_match], place[is_match]
    return MatchedRows(row, time, category, place)


def _copy_runs(column: Array, runs: list[tuple[int, int]]) -> Array:
    return np.concatenate([column[start:end] for start, end in runs] or [column[:0]])


def _combine_masks(left: Array | None, right: Array) -> Array:
    return right if left is None else left & right


def day_range(chosen: Filter) -> tuple[int, int]:
    """Return the filter's days as numbers since 1970: first included, second excluded."""
    return (chosen.since - EPOCH).days, (chosen.until - EPOCH).days + 1


def hour_range(chosen: Filter) -> tuple[int, int]:
    """Return the filter's days as local hours since 1970: first included, second excluded."""
    first, end = day_range(chosen)
    return first * 24, end * 24


def row_range(columns: Columns, chosen: Filter) -> tuple[int, int]:
    """Return the row numbers of the filter's days: first included, second excluded."""
    # In the column's own type: for any other, searchsorted would cast the whole column.
    low, high = np.searchsorted(columns["time"], np.array(hour_range(chosen), columns["time"].dtype)).tolist()
    return low, max(low, high)


def included_categories(columns: Columns, chosen: Filter) -> Array:
    """Return a mask over category numbers: whether the filter includes each."""
    slugs = columns["category_slugs"].tolist()
    return np.array([not chosen.categories or slug in chosen.categories for slug in slugs] or [False])


def included_slots(chosen: Filter) -> Array:
    """Return a mask over hour slots (format.hour_slots): whether the filter includes each. An unknown hour matches no hour."""
    is_included = np.zeros(format.HOUR_SLOTS, bool)
    for weekday in chosen.weekdays or range(7):
        for hour in chosen.hours or range(25):
            is_included[weekday * 25 + hour] = True
    is_included[-1] = not chosen.hours and not chosen.weekdays
    return is_included


# Places


def select_places(
    columns: Columns, codes: Mapping[str, list[str]], chosen: Filter, view: Box | None = None
) -> Array | None:
    """Return the numbers of the places within the filter's area, circle and box and the view; None if there is no limit."""
    boxes = [box for box in (chosen.box, view) if box is not None]
    if not (chosen.area or chosen.circle or boxes):
        return None
    low, high = 0, len(columns["latitude"])
    if boxes or chosen.circle:
        boxes += [_bounding_box(chosen.circle)] if chosen.circle else []
        low, high = _curve_range_of_boxes(columns, boxes)
    is_match = np.ones(high - low, bool)
    latitude, longitude = columns["latitude"][low:high], columns["longitude"][low:high]
    for south, west, north, east in boxes:
        is_match &= (latitude >= _to_units(south)) & (latitude <= _to_units(north))
        is_match &= (longitude >= _to_units(west)) & (longitude <= _to_units(east))
    if chosen.area:
        layer, code = chosen.area
        known = codes.get(layer, [])
        is_match &= (columns[layer][low:high] == np.uint16(known.index(code))) if code in known else False
    found = np.flatnonzero(is_match) + low
    if chosen.circle:
        found = found[_distances_meters(columns, found, chosen.circle) <= chosen.circle[2]]
    return found


def _to_units(degrees: float) -> np.int32:
    return np.int32(round(degrees * DEGREE))


def _bounding_box(circle: tuple[float, float, float]) -> Box:
    """Return a box that contains the circle, slightly enlarged because points are rounded."""
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
    """Return the distances of places from the center in meters, by the formula of crimemap.geometry.meters_between."""
    latitude, longitude = format.degrees(columns["latitude"][places]), format.degrees(columns["longitude"][places])
    east = (longitude - circle[1]) * np.cos(np.radians((latitude + circle[0]) / 2))
    result: Array = np.hypot(latitude - circle[0], east) * METERS_PER_DEGREE
    return result


def _curve_range_of_boxes(columns: Columns, boxes: list[Box]) -> tuple[int, int]:
    """Return the range of numbers that places in the intersection of the boxes can have."""
    south, west = max(box[0] for box in boxes), max(box[1] for box in boxes)
    north, east = min(box[2] for box in boxes), min(box[3] for box in boxes)
    if south > north or west > east:
        return 0, 0
    x, y = format.mercator(np.array([north, south]), np.array([west, east]))
    return curve_range(columns, x, y)


def curve_range(columns: Columns, x: Array, y: Array) -> tuple[int, int]:
    """Return the range of numbers of places between two corners, the north-western one first, as the curve runs."""
    first, last = format.curve(x, y)
    low, high = np.searchsorted(columns["curve"], first, "left"), np.searchsorted(columns["curve"], last, "right")
    return int(low), int(high)
