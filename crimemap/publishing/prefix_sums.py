"""TODO docstring."""

from __future__ import annotations

from typing import Any

import numpy as np

from crimemap.snapshot import format
from crimemap.snapshot.format import NOWHERE, Array

CUBE_SIZE = 2_000_000  # numbers of one table of prefix sums at most: 40 MB with its sums of points
CUBE_SHARE = 1  # and numbers a row


def build_cubes(
    columns: dict[str, Array], categories: int, codes: dict[str, list[str]]
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Counts of everything before each month or year, by cell, area or hour, and by category."""
    month, year = format.months_of(columns["time"]), format.years_of(columns["time"])
    spans: dict[str, Any] = {}
    for name, period in (("month", month), ("year", year)):
        spans[f"first_{name}"] = int(period[0]) if len(period) else 0
        spans[f"{name}s"] = int(period[-1] - period[0] + 1) if len(period) else 0
    month -= spans["first_month"]
    year -= spans["first_year"]
    cubes: dict[str, Array] = {}
    for layer in format.LAYERS:
        shape = (spans["months"], len(codes[layer]), categories)
        if _pays(shape, columns):
            cubes[f"by_{layer}"] = _prefix(_count(shape, month, columns[layer][columns["place"]], columns["category"]))
    slots = format.hour_slots(columns["time"], columns["precision"])
    shape = (spans["months"], categories, format.HOUR_SLOTS)
    if _pays(shape, columns):
        cubes["by_hour"] = _prefix(_count(shape, month, columns["category"], slots))
    cubes |= _cell_cubes(columns, categories, month, name="month", periods=spans["months"], zooms=format.MONTH_ZOOMS)
    deepest = max(
        (zoom for zoom in format.MONTH_ZOOMS if f"month_count_{zoom}" in cubes), default=format.MONTH_ZOOMS.start
    )
    zooms = range(deepest + 1, format.YEAR_ZOOMS.stop)  # also those that are too many by month
    cubes |= _cell_cubes(columns, categories, year, name="year", periods=spans["years"], zooms=zooms)
    return cubes, spans


def _pays(shape: tuple[int, int, int], columns: dict[str, Array]) -> bool:
    """Whether prefix sums are of bearable size, and not larger than the rows that they save looking at."""
    return (shape[0] + 1) * shape[1] * shape[2] <= min(CUBE_SIZE, len(columns["time"]) * CUBE_SHARE)


def _cell_cubes(
    columns: dict[str, Array], categories: int, period: Array, *, name: str, periods: int, zooms: range
) -> dict[str, Array]:
    """Counts and sums of points of every cell, for the zooms whose tables are of bearable size: the deepest is counted, the
    others are sums of its cells, which the Z-order keeps together."""
    mapped = columns["latitude"] != NOWHERE
    places = int(np.count_nonzero(mapped))
    x, y = columns["x"][:places], columns["y"][:places]
    made: dict[str, Array] = {}
    finer: tuple[Array, Array, Array, Array] | None = None
    for zoom in reversed(zooms):
        cx, cy = format.cell(x, zoom), format.cell(y, zoom)
        begins = np.ones(places, bool)
        begins[1:] = (cx[1:] != cx[:-1]) | (cy[1:] != cy[:-1])
        cells = int(np.count_nonzero(begins))
        if not places or not _pays((periods, cells, categories), columns):
            continue
        first = np.flatnonzero(begins)
        if finer is None:
            tables = _cell_tables(columns, categories, period, periods, (np.cumsum(begins) - 1).astype("i4"))
        else:
            joined = np.searchsorted(finer[0], first)
            tables = tuple(np.add.reduceat(table, joined, axis=1) for table in finer[1:])  # type: ignore[assignment]
        finer = (first, *tables)
        for what, table, kind in zip(("count", "latitude", "longitude"), tables, ("u4", "i8", "i8"), strict=True):
            made[f"{name}_{what}_{zoom}"] = _prefix(table, kind)
    return made


def _cell_tables(
    columns: dict[str, Array], categories: int, period: Array, periods: int, cell_of: Array
) -> tuple[Array, Array, Array]:
    cells = int(cell_of[-1]) + 1
    there = columns["place"] < len(cell_of)
    place, category, when = columns["place"], columns["category"], period
    if not there.all():
        place, category, when = place[there], category[there], when[there]
    index = (when * cells + cell_of[place]) * categories + category  # i4: CUBE_SIZE sees to it
    size, shape = periods * cells * categories, (periods, cells, categories)
    count = np.bincount(index, minlength=size).reshape(shape)
    # Sums of whole numbers stay exact in doubles below 2 ** 53.
    sums = [
        np.bincount(index, columns[name][place], minlength=size).astype("i8").reshape(shape)
        for name in ("latitude", "longitude")
    ]
    return count, sums[0], sums[1]


def _count(shape: tuple[int, int, int], first: Array, second: Array, third: Array) -> Array:
    index = (first * shape[1] + second) * shape[2] + third  # i4: CUBE_SIZE sees to it
    return np.bincount(index, minlength=shape[0] * shape[1] * shape[2]).reshape(shape)


def _prefix(table: Array, kind: str = "u4") -> Array:
    """Sums of everything before, along the first axis: one line more."""
    sums = np.zeros((len(table) + 1, *table.shape[1:]), kind)
    np.cumsum(table, axis=0, out=sums[1:])
    return sums
