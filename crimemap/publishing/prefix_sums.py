"""Prefix sums of the published rows, by day, month and year, so that counts of long periods need two look-ups.

One table each by area and category, by category and hour slot, by category and day, and by map cell and category. crimemap/snapshot/period_sums.py
and crimemap/snapshot/bubbles.py read them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from crimemap.snapshot import format
from crimemap.snapshot.format import NOWHERE, Array

MAX_CUBE_NUMBERS = 2_000_000  # in one table of prefix sums: 40 MB with its sums of coordinates
MAX_NUMBERS_PER_ROW = 1


def build_cubes(
    columns: dict[str, Array], categories: int, codes: dict[str, list[str]]
) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the tables by name, and the months and years they span as plain values.

    A table holds the counts of everything before each period, and one line more for the end.
    """
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
        if _is_worthwhile(shape, columns):
            cubes[f"by_{layer}"] = _sum_before(
                _count_combinations(shape, month, columns[layer][columns["place"]], columns["category"])
            )
    slots = format.hour_slots(columns["time"], columns["precision"])
    shape = (spans["months"], categories, format.HOUR_SLOTS)
    if _is_worthwhile(shape, columns):
        cubes["by_hour"] = _sum_before(_count_combinations(shape, month, columns["category"], slots))
    cubes |= _build_day_cubes(columns, categories, codes)
    cubes |= _build_cell_cubes(
        columns, categories, month, name="month", periods=spans["months"], zooms=format.MONTH_ZOOMS
    )
    deepest = max(
        (zoom for zoom in format.MONTH_ZOOMS if f"month_count_{zoom}" in cubes), default=format.MONTH_ZOOMS.start
    )
    zooms = range(deepest + 1, format.YEAR_ZOOMS.stop)  # including those with too many cells by month
    cubes |= _build_cell_cubes(columns, categories, year, name="year", periods=spans["years"], zooms=zooms)
    return cubes, spans


def _build_day_cubes(columns: dict[str, Array], categories: int, codes: dict[str, list[str]]) -> dict[str, Array]:
    """Return the counts by day from the first row's day on, of those tables that are affordable.

    Those by source and by area tell when one came or went (crimemap/snapshot/period_counts.py).
    """
    if not len(columns["time"]):
        return {}
    day = columns["time"] // 24
    day -= day[0]
    days = int(day[-1]) + 1
    cubes: dict[str, Array] = {}
    shape = (days, categories, format.DAY_SLOTS)
    if _is_worthwhile(shape, columns):
        slots = format.day_slots(columns["precision"], columns["latitude"][columns["place"]] != NOWHERE)
        cubes["by_day"] = _sum_before(_count_combinations(shape, day, columns["category"], slots))
    sizes = {"source": int(columns["source"].max()) + 1} | {layer: len(codes[layer]) for layer in format.LAYERS}
    for name, size in sizes.items():
        if _is_worthwhile((days, size, 1), columns):
            values = columns["source"] if name == "source" else columns[name][columns["place"]]
            counts = np.bincount(day * size + values, minlength=days * size)
            cubes[f"{name}_by_day"] = _sum_before(counts.reshape(days, size))
    return cubes


def _is_worthwhile(shape: tuple[int, int, int], columns: dict[str, Array]) -> bool:
    """Return whether a table of this shape is affordable and not larger than the rows it saves scanning."""
    return (shape[0] + 1) * shape[1] * shape[2] <= min(MAX_CUBE_NUMBERS, len(columns["time"]) * MAX_NUMBERS_PER_ROW)


def _build_cell_cubes(
    columns: dict[str, Array], categories: int, period: Array, *, name: str, periods: int, zooms: range
) -> dict[str, Array]:
    """Return counts and coordinate sums by cell, for each zoom whose table is affordable.

    Only the deepest zoom is counted; the others add up its cells, which lie next to each other on the Z-order curve.
    """
    mapped = columns["latitude"] != NOWHERE
    places = int(np.count_nonzero(mapped))
    x, y = columns["x"][:places], columns["y"][:places]
    cubes: dict[str, Array] = {}
    finer: tuple[Array, Array, Array, Array] | None = None
    for zoom in reversed(zooms):
        cx, cy = format.cell(x, zoom), format.cell(y, zoom)
        begins = np.ones(places, bool)
        begins[1:] = (cx[1:] != cx[:-1]) | (cy[1:] != cy[:-1])
        cells = int(np.count_nonzero(begins))
        if not places or not _is_worthwhile((periods, cells, categories), columns):
            continue
        first = np.flatnonzero(begins)
        if finer is None:
            tables = _count_by_cell(columns, categories, period, periods, (np.cumsum(begins) - 1).astype("i4"))
        else:
            first_finer = np.searchsorted(finer[0], first)
            tables = tuple(np.add.reduceat(table, first_finer, axis=1) for table in finer[1:])  # type: ignore[assignment]
        finer = (first, *tables)
        for quantity, table, dtype in zip(("count", "latitude", "longitude"), tables, ("u4", "i8", "i8"), strict=True):
            cubes[f"{name}_{quantity}_{zoom}"] = _sum_before(table, dtype)
    return cubes


def _count_by_cell(
    columns: dict[str, Array], categories: int, period: Array, periods: int, cell_of: Array
) -> tuple[Array, Array, Array]:
    cells = int(cell_of[-1]) + 1
    is_mapped = columns["place"] < len(cell_of)
    place, category, when = columns["place"], columns["category"], period
    if not is_mapped.all():
        place, category, when = place[is_mapped], category[is_mapped], when[is_mapped]
    index = (when * cells + cell_of[place]) * categories + category  # i4: MAX_CUBE_NUMBERS keeps it small enough
    size, shape = periods * cells * categories, (periods, cells, categories)
    count = np.bincount(index, minlength=size).reshape(shape)
    # bincount adds doubles, which are exact for integers below 2 ** 53.
    sums = [
        np.bincount(index, columns[name][place], minlength=size).astype("i8").reshape(shape)
        for name in ("latitude", "longitude")
    ]
    return count, sums[0], sums[1]


def _count_combinations(shape: tuple[int, int, int], first: Array, second: Array, third: Array) -> Array:
    index = (first * shape[1] + second) * shape[2] + third  # i4: MAX_CUBE_NUMBERS keeps it small enough
    return np.bincount(index, minlength=shape[0] * shape[1] * shape[2]).reshape(shape)


def _sum_before(table: Array, dtype: str = "u4") -> Array:
    """Return the sums of everything before each line along the first axis, with one line more for the end."""
    sums = np.zeros((len(table) + 1, *table.shape[1:]), dtype)
    np.cumsum(table, axis=0, out=sums[1:])
    return sums
