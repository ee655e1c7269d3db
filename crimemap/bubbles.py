"""Incidents on a map: one bubble for each cell of a fixed grid, so that bubbles do not dance while one pans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crimemap import layout, selecting
from crimemap.filtering import Filter
from crimemap.layout import Array
from crimemap.query import Published
from crimemap.records import DEGREE
from crimemap.selecting import Box, Matched

MOST_CELLS = 4096  # of a view: a wider one is answered at a smaller zoom
SHALLOWEST = layout.MONTH_ZOOMS.start
SUMS = ("count", "latitude", "longitude")


@dataclass(frozen=True, slots=True)
class Bubble:
    """Incidents of one cell: how many, by family, and the mean of their points.

    `one_point`: all incidents of the cell, whatever the filter, stand on one point: no zoom parts them, and
    Published.rows_at lists them.
    """

    latitude: float
    longitude: float
    count: int
    families: dict[str, int]
    one_point: bool


@dataclass(frozen=True, slots=True)
class View:
    """Cells of 64 pixels that a map shows at a zoom: x from `west` to `east`, y from `north` to `south`, both ends in it."""

    zoom: int
    west: int
    north: int
    east: int
    south: int


def view_of(box: Box, zoom: int) -> View:
    """The cells that a box touches, at the zoom asked for or the next where they are at most MOST_CELLS.

    Two boxes that touch the same cells have the same view, which a cache can hold. Any numbers are safe.
    """
    south, west, north, east = np.nan_to_num(np.array(box, "f8")).tolist()
    zoom = max(SHALLOWEST, min(zoom, layout.DEEPEST))
    x, y = layout.mercator(np.array([north, south]), np.clip(np.array([west, east]), -180, 180))
    while True:
        (left, right), (top, bottom) = layout.cell(x, zoom).tolist(), layout.cell(y, zoom).tolist()
        view = View(zoom, min(left, right), min(top, bottom), max(left, right), max(top, bottom))
        if (view.east - view.west + 1) * (view.south - view.north + 1) <= MOST_CELLS:
            return view
        zoom -= 1


def bubbles(published: Published, chosen: Filter, view: View) -> list[Bubble]:
    """The bubbles of a view, in the order of the grid. Rows without a mapped place are in none."""
    columns = published.columns
    grid = _Grid(published, view)
    period = "month" if view.zoom in layout.MONTH_ZOOMS else "year"
    low, high = selecting.row_range(columns, chosen)
    whole = range(0)
    if f"{period}_count_{view.zoom}" in columns and not (chosen.area or published.needs_rows(chosen)):
        whole = published.whole_periods(period, low, high)
    if whole:
        first, last = int(published.starts[period][whole.start]), int(published.starts[period][whole.stop])
        if grid.rows * selecting.BY_PLACE_COSTS < (high - low) - (last - first):
            whole = range(0)  # the view has fewer rows than the ends of the period
    if whole:
        grid.add_periods(period, whole)
        for start, end in ((low, first), (last, high)):
            if start < end:
                grid.add(selecting.through_time(columns, chosen, None, start, end))
    elif len(grid.places):
        places = selecting.places_of(columns, published.areas, chosen)
        places = grid.places if places is None else np.intersect1d(places, grid.places, assume_unique=True)
        grid.add(selecting.matched(columns, chosen, places))
    return grid.bubbles(chosen)


class _Grid:
    """The cells of a view that hold places, and what is counted of each by category."""

    def __init__(self, published: Published, view: View) -> None:
        self.published, self.view = published, view
        columns = published.columns
        side = layout.WORLD - view.zoom - 2
        low, high = selecting.curve_range(
            columns,
            np.array([view.west << side, ((view.east + 1) << side) - 1], "u4"),
            np.array([view.north << side, ((view.south + 1) << side) - 1], "u4"),
        )
        x, y = columns["x"][low:high], columns["y"][low:high]
        inside = np.flatnonzero(self._shown(layout.cell(x, view.zoom), layout.cell(y, view.zoom)))
        x, y = layout.cell(x[inside], view.zoom), layout.cell(y[inside], view.zoom)
        self.places = inside + low
        self.begins = np.ones(len(inside), bool)
        self.begins[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
        self.cells = int(np.count_nonzero(self.begins))
        start = columns["place_start"]
        self.rows = int((start[self.places + 1] - start[self.places]).sum())
        self.sums = {name: np.zeros((self.cells, len(published.families)), "i8") for name in SUMS}

    def _shown(self, x: Array, y: Array) -> Array:
        view = self.view
        result: Array = (x >= view.west) & (x <= view.east) & (y >= view.north) & (y <= view.south)
        return result

    def add_periods(self, period: str, whole: range) -> None:
        """What the prefix sums tell; their cells are in the same order."""
        columns, zoom = self.published.columns, self.view.zoom
        shown = self._shown(columns[f"cell_x_{zoom}"], columns[f"cell_y_{zoom}"])
        for name, sums in self.sums.items():
            table = columns[f"{period}_{name}_{zoom}"]
            sums += table[whole.stop][shown].astype("i8") - table[whole.start][shown]

    def add(self, found: Matched) -> None:
        columns, categories = self.published.columns, len(self.published.families)
        cell_of = np.full(len(columns["latitude"]), -1, "i4")
        cell_of[self.places] = np.cumsum(self.begins) - 1
        place = columns["place"][found.row]
        cell, category = cell_of[place], found.category
        if (cell < 0).any():
            shown = cell >= 0
            cell, category, place = cell[shown], category[shown], place[shown]
        index = cell * categories + category
        size, shape = self.cells * categories, (self.cells, categories)
        self.sums["count"] += np.bincount(index, minlength=size).reshape(shape)
        for name in ("latitude", "longitude"):
            self.sums[name] += np.bincount(index, columns[name][place], minlength=size).astype("i8").reshape(shape)

    def bubbles(self, chosen: Filter) -> list[Bubble]:
        right = selecting.category_is_right(self.published.columns, chosen)
        count, latitude, longitude = (self.sums[name][:, right] for name in SUMS)
        families = np.array(list(self.published.families.values()))[right]
        names = list(dict.fromkeys(families.tolist()))
        by_family = np.stack([count[:, families == name].sum(axis=1) for name in names], axis=1) if names else count
        total = count.sum(axis=1)
        shown = np.flatnonzero(total)
        means = [sums.sum(axis=1)[shown] / total[shown] / DEGREE for sums in (latitude, longitude)]
        return [
            Bubble(north, east, number, {name: n for name, n in zip(names, line, strict=True) if n}, one)
            for north, east, number, line, one in zip(
                means[0].tolist(),
                means[1].tolist(),
                total[shown].tolist(),
                by_family[shown].tolist(),
                self._on_one_point()[shown].tolist(),
                strict=True,
            )
        ]

    def _on_one_point(self) -> Array:
        """Of each cell, whether its places all stand on one point."""
        columns = self.published.columns
        first = np.flatnonzero(self.begins)
        if not len(first):
            return np.empty(0, bool)
        same = np.ones(len(self.places), bool)
        for name in ("latitude", "longitude"):
            column = columns[name][self.places]
            same[1:] &= column[1:] == column[:-1]
        same[first] = True
        result: Array = np.logical_and.reduceat(same, first)
        return result
