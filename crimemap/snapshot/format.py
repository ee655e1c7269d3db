"""Format of the published folder, and the grid of the map.

Written by crimemap/publishing/publisher.py, read by crimemap/snapshot/published_incidents.py.

    INCIDENT_SNAPSHOTS/
        current              JSON: the version, its time of publication, its sources with their age
        <version>/           never changes: columns as .npy files, meta.json

Places are numbered along a Z-order curve, so that a box on the map is a short range of numbers; places without a point
come last. Rows are stored twice: by time, and by place with the number of the row by time. Prefix sums over months or years
hold the counts of everything before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PRECISIONS = ("minute", "hour", "day", "month")
ID_CHARACTERS = 12  # of a public id
DEGREE = 100_000  # coordinates are integers of a hundred-thousandth degree: about a meter
NOWHERE = -(2**31)  # both coordinates of a place without a point

FORMAT = 2
CURRENT = "current"
META = "meta.json"

# Column name to type. One value per row, ordered by time, then by the scrambled public id.
BY_TIME = {
    "time": "i4",  # local hours since 1970-01-01
    "precision": "u1",  # 1 hour, 2 day, 3 month
    "category": "u1",  # position in meta["categories"]
    "source": "u1",  # position in meta["sources"]
    "place": "i4",
    "description": "i4",  # position in `texts`
    "outcome": "i4",
    "public_id": "S12",
}
# The same rows ordered by place, then time.
BY_PLACE = {"place_row": "i4", "place_time": "i4", "place_category": "u1"}
# One value per place: 1/DEGREE degrees, web-mercator units, codes. `place_start` has one value more, for the end.
PLACES = {
    "latitude": "i4",
    "longitude": "i4",
    "x": "u4",
    "y": "u4",
    "district": "u2",  # position in meta["areas"]["district"]
    "beat": "u2",
    "neighbourhood": "u2",
    "block": "i4",  # position in `texts`
    "place_start": "i8",  # its first row by place
}
# Re-classifications, ordered by id and day; an incident may have several.
CHANGES = {
    "change_id": "S12",
    "change_day": "i4",  # since 1970-01-01
    "change_before": "u1",  # position in meta["categories"]
    "change_after": "u1",
}
# `by_id`: row numbers ordered by scrambled public id. `withdrawn`: ids whose pages answer 410, sorted.
OTHERS = {"by_id": "i4", "withdrawn": "S12", "texts": "S"}
LAYERS = ("district", "beat", "neighbourhood")

# Prefix sums by map cell exist by month for zooms that show a city (by year if months are too many) and by year for the
# next ones; at deeper zooms a view has few rows.
MONTH_ZOOMS = range(4, 13)
YEAR_ZOOMS = range(13, 15)
DEEPEST = 18
HOUR_SLOTS = 7 * 25 + 1  # weekday x (24 hours + unknown hour), + unknown day
DAY_SLOTS = 4  # with a mapped place, without one; the same two again for rows whose day is unknown

WORLD = 32  # bits of a web-mercator coordinate


def mercator(latitude: Array, longitude: Array) -> tuple[Array, Array]:
    """Convert degrees to web-mercator coordinates (u4, x to the east, y to the south)."""
    sine = np.sin(np.radians(np.clip(latitude, -85.05, 85.05)))
    x = (longitude + 180) / 360
    y = 0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)
    world = 2.0**WORLD
    return tuple(np.clip(part * world, 0, world - 1).astype("u4") for part in (x, y))  # type: ignore[return-value]


def cell(coordinate: Array, zoom: int) -> Array:
    """Return the grid cell of a web-mercator coordinate: 64 pixels wide, 2 ** (zoom + 2) around the world."""
    return coordinate >> np.uint32(WORLD - zoom - 2)


def curve(x: Array, y: Array) -> Array:
    """Return the position on the Z-order curve (u8): the bits of x and y interleaved."""
    result: Array = _spread(x) | (_spread(y) << np.uint64(1))
    return result


def _spread(values: Array) -> Array:
    spread = values.astype("u8")
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        spread = (spread | (spread << np.uint64(shift))) & np.uint64(mask)
    return spread


def scramble(public_ids: Array) -> Array:
    """Mix each 12-character id to a number (u8) that reveals no order of the ids."""
    halves = np.ascontiguousarray(public_ids).view([("first", "<u8"), ("rest", "<u4")])
    mixed = halves["first"] ^ (halves["rest"].astype("u8") * np.uint64(0x9E3779B97F4A7C15))
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    result: Array = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
    return result


def degrees(units: Array) -> Array:
    return units / DEGREE


def months_of(time: Array) -> Array:
    """Convert local hours to months since 1970-01."""
    return _convert_by_table(time, "M")


def years_of(time: Array) -> Array:
    """Convert local hours to years since 1970."""
    return _convert_by_table(time, "Y")


def _convert_by_table(time: Array, unit: str) -> Array:
    if not len(time):
        return np.empty(0, "i4")
    days = time // 24
    first, last = int(days.min()), int(days.max())
    table = np.arange(first, last + 1).astype("datetime64[D]").astype(f"datetime64[{unit}]").astype("i4")
    result: Array = table[days - first]
    return result


def hour_slots(time: Array, precision: Array) -> Array:
    """Return weekday and hour as one number below HOUR_SLOTS; rows with unknown hour or day have slots of their own."""
    weekday = (time // 24 + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
    slot = weekday * 25 + np.where(precision >= 2, 24, time % 24)
    result: Array = np.where(precision >= 3, HOUR_SLOTS - 1, slot)
    return result


def day_slots(precision: Array, is_mapped: Array) -> Array:
    """Return whether a row's day and point are known as one number below DAY_SLOTS."""
    result: Array = np.where(precision >= PRECISIONS.index("month"), 2, 0) + np.where(is_mapped, 0, 1)
    return result
