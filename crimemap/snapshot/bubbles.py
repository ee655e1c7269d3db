"""Incidents on a map: one bubble for each cell of a fixed grid, so that bubbles do not dance while one pans."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

import numpy as np

from crimemap.snapshot import format, row_scan
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.format import DEGREE, Array
from crimemap.snapshot.period_sums import needs_rows
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.row_scan import Box, MatchedRows

MOST_CELLS = 4096  # of a view: a wider one is answered at a smaller zoom
SHALLOWEST = format.MONTH_ZOOMS.start
SUMS = ("count", "latitude", "longitude")


@dataclass(slots=True)  # a frozen one takes three times as long to make, hundreds of times an answer
class Bubble:
    """Incidents of one cell: how many, by family, and the mean of their points.

    `one_point`: all incidents of the cell, whatever the filter, stand on one point: no zoom parts them, and
    PublishedIncidents.read_page_at_point lists them.
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
    zoom = max(SHALLOWEST, min(zoom, format.DEEPEST))
    x, y = format.mercator(np.array([north, south]), np.clip(np.array([west, east]), -180, 180))
    while True:
        (left, right), (top, bottom) = format.cell(x, zoom).tolist(), format.cell(y, zoom).tolist()
        view = View(zoom, min(left, right), min(top, bottom), max(left, right), max(top, bottom))
        if (view.east - view.west + 1) * (view.south - view.north + 1) <= MOST_CELLS:
            return view
        zoom -= 1


def bubbles(published: PublishedIncidents, chosen: Filter, view: View) -> list[Bubble]:
    """The bubbles of a view, in the order of the grid. Rows without a mapped place are in none."""
    columns = published.columns
    grid = _Grid(published, chosen, view)
    period = "month" if f"month_count_{view.zoom}" in columns else "year"
    low, high = row_scan.row_range(columns, chosen)
    whole = range(0)
    if f"{period}_count_{view.zoom}" in columns and not (chosen.area or needs_rows(chosen)):
        whole = published.period_sums.whole_periods(period, low, high)
    if whole:
        first, last = (
            int(published.period_sums.starts[period][whole.start]),
            int(published.period_sums.starts[period][whole.stop]),
        )
        if grid.rows * row_scan.PLACE_SCAN_COST < (high - low) - (last - first):
            whole = range(0)  # the view has fewer rows than the ends of the period
    if whole:
        grid.add_periods(period, whole)
        for start, end in ((low, first), (last, high)):
            if start < end:
                grid.add(row_scan.scan_by_time(columns, chosen, None, start, end))
    elif len(grid.shown):
        places = grid.places(row_scan.select_places(columns, published.areas, chosen))
        grid.add(row_scan.match_rows(columns, chosen, places))
    return grid.bubbles()


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of a zoom that hold places, in the order of the curve; `of` each place with a point, the number of its cell."""

    x: Array
    y: Array
    of: Array
    first: Array
    end: Array
    one_point: Array


def _cells(published: PublishedIncidents, zoom: int) -> _Cells:
    """Made once a version and zoom."""
    known: _Cells | None = published.grid_cells.get(zoom)
    if known is None:
        columns, mapped = published.columns, published.meta["mapped_places"]
        x, y = format.cell(columns["x"][:mapped], zoom), format.cell(columns["y"][:mapped], zoom)
        begins, same = np.ones(mapped, bool), np.ones(mapped, bool)
        begins[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
        for name in ("latitude", "longitude"):
            same[1:] &= columns[name][1:mapped] == columns[name][: mapped - 1]
        first = np.flatnonzero(begins)
        one_point = np.logical_and.reduceat(same | begins, first) if mapped else same
        end = np.append(first[1:], mapped)
        known = _Cells(x[first], y[first], (np.cumsum(begins) - 1).astype("i4"), first, end, one_point)
        published.grid_cells[zoom] = known
    return known


class _Grid:
    """The cells of a view that hold places, and what is counted of each by those categories that are asked for."""

    def __init__(self, published: PublishedIncidents, chosen: Filter, view: View) -> None:
        self.published, self.zoom = published, view.zoom
        self.all = _cells(published, view.zoom)
        self.shown = self._shown(view)
        is_right = row_scan.included_categories(published.columns, chosen)
        self.right = np.flatnonzero(is_right)
        self.line = np.cumsum(is_right) - 1  # of a category that is asked for, its number among them
        self.sums = {name: np.zeros((len(self.shown), len(self.right)), "i8") for name in SUMS}

    def _shown(self, view: View) -> Array:
        """The cells in the view, in rising order: only the curve between its corners is looked at."""
        side = format.WORLD - view.zoom - 2
        low, high = row_scan.curve_range(
            self.published.columns,
            np.array([view.west << side, ((view.east + 1) << side) - 1], "u4"),
            np.array([view.north << side, ((view.south + 1) << side) - 1], "u4"),
        )
        if low == high:
            return np.empty(0, "i8")
        first, last = int(self.all.of[low]), int(self.all.of[high - 1])
        x, y = self.all.x[first : last + 1], self.all.y[first : last + 1]
        inside = (x >= view.west) & (x <= view.east) & (y >= view.north) & (y <= view.south)
        return np.flatnonzero(inside) + first

    @property
    def rows(self) -> int:
        """How many rows stand in the view."""
        start = self.published.columns["place_start"]
        return int((start[self.all.end[self.shown]] - start[self.all.first[self.shown]]).sum())

    def places(self, among: Array | None) -> Array:
        """The places in the view: all of them, or of those given."""
        if among is not None:
            among = among[among < len(self.all.of)]
            return among[self._numbers(self.all.of[among]) >= 0]
        first = self.all.first[self.shown]
        length = self.all.end[self.shown] - first
        return np.repeat(first - np.cumsum(length) + length, length) + np.arange(int(length.sum()))

    def _numbers(self, cells: Array) -> Array:
        """Of cells of the zoom their numbers among those shown; -1 for the others."""
        if not len(self.shown):
            return np.full(len(cells), -1, "i4")
        first, last = int(self.shown[0]), int(self.shown[-1])
        numbers = np.full(last - first + 3, -1, "i4")  # one more at either end, for all that is beyond
        numbers[self.shown - first + 1] = np.arange(len(self.shown))
        result: Array = numbers[np.clip(cells - first, -1, last - first + 1) + 1]
        return result

    def add_periods(self, period: str, whole: range) -> None:
        """What the prefix sums tell; their cells are in the same order."""
        # Whole lines are copied faster than numbers here and there.
        asked = self.shown if len(self.right) == len(self.line) else np.ix_(self.shown, self.right)
        for name in SUMS:
            table = self.published.columns[f"{period}_{name}_{self.zoom}"]
            self.sums[name] += table[whole.stop][asked].astype("i8") - table[whole.start][asked]

    def add(self, found: MatchedRows) -> None:
        """Rows, all of them of categories that are asked for."""
        columns = self.published.columns
        place, category = columns["place"][found.row], self.line[found.category]
        mapped = place < len(self.all.of)
        if not mapped.all():
            place, category = place[mapped], category[mapped]
        cell = self._numbers(self.all.of[place])
        if (cell < 0).any():
            shown = cell >= 0
            cell, category, place = cell[shown], category[shown], place[shown]
        shape = self.sums["count"].shape
        index = cell * shape[1] + category
        size = shape[0] * shape[1]
        self.sums["count"] += np.bincount(index, minlength=size).reshape(shape)
        for name in ("latitude", "longitude"):
            self.sums[name] += np.bincount(index, columns[name][place], minlength=size).astype("i8").reshape(shape)

    def bubbles(self) -> list[Bubble]:
        count, latitude, longitude = (self.sums[name] for name in SUMS)
        families = np.array([each["family"] for each in self.published.meta["categories"]])[self.right]
        names = list(dict.fromkeys(families.tolist()))
        by_family = np.stack([count[:, families == name].sum(axis=1) for name in names], axis=1) if names else count
        total = count.sum(axis=1)
        shown = np.flatnonzero(total)
        means = [sums.sum(axis=1)[shown] / total[shown] / DEGREE for sums in (latitude, longitude)]
        return [
            Bubble(north, east, number, dict(zip(compress(names, line), filter(None, line), strict=True)), one)
            for north, east, number, line, one in zip(
                means[0].tolist(),
                means[1].tolist(),
                total[shown].tolist(),
                by_family[shown].tolist(),
                self.all.one_point[self.shown][shown].tolist(),
                strict=True,
            )
        ]
