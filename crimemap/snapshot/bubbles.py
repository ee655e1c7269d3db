"""Bubbles of the map: one for each cell of a fixed grid, so that they stay in place while the map is panned."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import compress

import numpy as np

from crimemap.snapshot import format, row_scan
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.format import DEGREE, Array
from crimemap.snapshot.period_sums import needs_rows
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.row_scan import Box, MatchedRows

MAX_VIEW_CELLS = 4096  # a larger view is answered at a smaller zoom
MIN_ZOOM = format.MONTH_ZOOMS.start
COORDINATES = ("latitude", "longitude")


@dataclass(slots=True)  # a frozen one takes three times as long to create
class Bubble:
    """The incidents of one cell: their number, also by family, and the mean of their points in degrees.

    one_point: all incidents of the cell, whatever the filter, are at one point. No zoom separates them, and
    PublishedIncidents.read_page_at_point lists them. place: the number of one place of the cell, the same for every filter;
    its block and areas say where the cell is.
    """

    latitude: float
    longitude: float
    count: int
    families: dict[str, int]
    one_point: bool
    place: int


@dataclass(frozen=True, slots=True)
class View:
    """The cells of 64 pixels that a map shows at a zoom: x from west to east, y from north to south, both ends included."""

    zoom: int
    west: int
    north: int
    east: int
    south: int


def view_of(box: Box, zoom: int) -> View:
    """Return the cells a box touches, at this zoom or the next smaller one with at most MAX_VIEW_CELLS.

    Boxes that touch the same cells have equal views, so that caches can share answers. Any numbers are safe.
    """
    south, west, north, east = np.nan_to_num(np.array(box, "f8")).tolist()
    zoom = max(MIN_ZOOM, min(zoom, format.DEEPEST))
    x, y = format.mercator(np.array([north, south]), np.clip(np.array([west, east]), -180, 180))
    while True:
        (left, right), (top, bottom) = format.cell(x, zoom).tolist(), format.cell(y, zoom).tolist()
        view = View(zoom, min(left, right), min(top, bottom), max(left, right), max(top, bottom))
        if (view.east - view.west + 1) * (view.south - view.north + 1) <= MAX_VIEW_CELLS:
            return view
        zoom -= 1


def box_of(view: View) -> Box:
    """Return the box of all cells of a view."""
    cells = float(1 << (view.zoom + 2))  # a cell is a quarter of a tile wide

    def latitude(y: int) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / cells))))

    def longitude(x: int) -> float:
        return x / cells * 360 - 180

    return latitude(view.south + 1), longitude(view.west), latitude(view.north), longitude(view.east + 1)


@dataclass(frozen=True, slots=True)
class CountedCells:
    """The bubbles of a view as arrays, one value for each: see Bubble. counts: by bubble and family, in the order of `families`."""

    latitude: Array
    longitude: Array
    families: list[str]
    counts: Array
    one_point: Array
    place: Array


def bubbles(published: PublishedIncidents, chosen: Filter, view: View) -> list[Bubble]:
    """Return the bubbles of a view, in the order of the grid. Rows without a mapped place are in none."""
    cells = count_cells(published, chosen, view)
    names = cells.families
    return [
        Bubble(north, east, sum(line), dict(zip(compress(names, line), filter(None, line), strict=True)), one, place)
        for north, east, line, one, place in zip(
            cells.latitude.tolist(), cells.longitude.tolist(), cells.counts.tolist(), cells.one_point.tolist(),
            cells.place.tolist(), strict=True,
        )
    ]  # fmt: skip


def count_cells(published: PublishedIncidents, chosen: Filter, view: View) -> CountedCells:
    """Return the same as arrays: for a program that reads them, objects would take longer than the counting."""
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
        if grid.row_count * row_scan.PLACE_SCAN_COST < (high - low) - (last - first):
            whole = range(0)  # the view has fewer rows than the partial periods at both ends
    if whole:
        grid.add_periods(period, whole)
        for start, end in ((low, first), (last, high)):
            if start < end:
                grid.add_rows(row_scan.scan_by_time(columns, chosen, None, start, end))
    elif len(grid.shown):
        among = row_scan.select_places(columns, published.areas, chosen)
        places = grid.select_places(among)
        if row_scan.is_shorter_by_place(columns, places, low, high):
            grid.add_rows(row_scan.scan_by_place(columns, chosen, places))
        else:  # the grid itself leaves out what is beside the view
            grid.add_rows(row_scan.scan_by_time(columns, chosen, None if among is None else places, low, high))
    return grid.count_families()


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of a zoom that contain places, in the order of the curve.

    x, y: grid position. first, end: range of place numbers. one_point: whether all places of the cell share one point.
    of_place: for each mapped place, the number of its cell.
    """

    x: Array
    y: Array
    of_place: Array
    first: Array
    end: Array
    one_point: Array


def _cells(published: PublishedIncidents, zoom: int) -> _Cells:
    """Return the cells of a zoom, built once for each version."""
    cached: _Cells | None = published.grid_cells.get(zoom)
    if cached is None:
        columns, mapped = published.columns, published.meta["mapped_places"]
        x, y = format.cell(columns["x"][:mapped], zoom), format.cell(columns["y"][:mapped], zoom)
        begins, same_point = np.ones(mapped, bool), np.ones(mapped, bool)
        begins[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
        for name in ("latitude", "longitude"):
            degrees = columns[name][:mapped]
            same_point[1:] &= degrees[1:] == degrees[:-1]
        first = np.flatnonzero(begins)
        one_point = np.logical_and.reduceat(same_point | begins, first) if mapped else same_point
        end = np.append(first[1:], mapped)
        cached = _Cells(x[first], y[first], (np.cumsum(begins) - 1).astype("i4"), first, end, one_point)
        published.grid_cells[zoom] = cached
    return cached


class _Grid:
    """The cells of a view that contain places, with counts by included category and sums of coordinates."""

    def __init__(self, published: PublishedIncidents, chosen: Filter, view: View) -> None:
        self.published, self.zoom = published, view.zoom
        self.all = _cells(published, view.zoom)
        self.shown = self._cells_in(view)
        is_included = row_scan.included_categories(published.columns, chosen)
        self.categories = np.flatnonzero(is_included)
        self.category_position = (np.cumsum(is_included) - 1).astype("i4")  # of each included category in `categories`
        self.counts = np.zeros((len(self.shown), len(self.categories)), "i8")
        self.sums = {name: np.zeros(len(self.shown), "i8") for name in COORDINATES}

    def _cells_in(self, view: View) -> Array:
        """Return the numbers of the cells in the view, ascending. Only the curve between its corners is searched."""
        side = format.WORLD - view.zoom - 2
        low, high = row_scan.curve_range(
            self.published.columns,
            np.array([view.west << side, ((view.east + 1) << side) - 1], "u4"),
            np.array([view.north << side, ((view.south + 1) << side) - 1], "u4"),
        )
        if low == high:
            return np.empty(0, "i8")
        first, last = int(self.all.of_place[low]), int(self.all.of_place[high - 1])
        x, y = self.all.x[first : last + 1], self.all.y[first : last + 1]
        inside = (x >= view.west) & (x <= view.east) & (y >= view.north) & (y <= view.south)
        return np.flatnonzero(inside) + first

    @property
    def row_count(self) -> int:
        """The number of rows in the view, whatever the filter."""
        start = self.published.columns["place_start"]
        return int((start[self.all.end[self.shown]] - start[self.all.first[self.shown]]).sum())

    def select_places(self, among: Array | None) -> Array:
        """Return the places in the view: all of them, or those of `among`."""
        if among is not None:
            among = among[among < len(self.all.of_place)]
            return among[self._shown_positions(self.all.of_place[among]) >= 0]
        first = self.all.first[self.shown]
        length = self.all.end[self.shown] - first
        return np.repeat(first - np.cumsum(length) + length, length) + np.arange(int(length.sum()))

    def _shown_positions(self, cells: Array) -> Array:
        """Return the positions of these cells among those shown, -1 for cells outside the view."""
        if not len(self.shown):
            return np.full(len(cells), -1, "i4")
        first, last = int(self.shown[0]), int(self.shown[-1])
        positions = np.full(last - first + 3, -1, "i4")  # one more at either end, for cells beyond it
        positions[self.shown - first + 1] = np.arange(len(self.shown))
        result: Array = positions[np.clip(cells - first, -1, last - first + 1) + 1]
        return result

    def add_periods(self, period: str, whole: range) -> None:
        """Add whole months or years from the prefix sums, whose cells are in the same order."""
        # Copying whole lines is faster than picking numbers.
        all_included = len(self.categories) == len(self.category_position)
        wanted = self.shown if all_included else np.ix_(self.shown, self.categories)

        def read(name: str) -> Array:
            table = self.published.columns[f"{period}_{name}_{self.zoom}"]
            difference: Array = table[whole.stop][wanted].astype("i8") - table[whole.start][wanted]
            return difference

        self.counts += read("count")
        for name in COORDINATES:
            self.sums[name] += read(name).sum(axis=1)

    def add_rows(self, found: MatchedRows) -> None:
        """Add rows of included categories; those beside the view are left out."""
        columns, cells = self.published.columns, len(self.shown)
        first, end = self._place_range()
        # Numbers from the view's first place on. Unsigned, those before it are beyond the last, too.
        place, category = (row_scan.read_places(columns, found) - np.int32(first)).view("u4"), found.category
        size = np.uint32(end - first)
        inside = place < size
        count = np.count_nonzero(inside)
        if not count:
            return
        if count < len(place) // 2 or size > len(place):
            place, category = place[inside], category[inside]
        else:  # one number for all places beyond: to leave many rows out takes longer than to count them
            place = np.minimum(place, size)
        if size > len(place):  # fewer rows than places: look up each row
            cell = self._shown_positions(self.all.of_place[first:end][place])
            cell[cell < 0] = cells
            for name in COORDINATES:
                self._add_coordinates(name, cell, columns[name][first:end][place])
        else:  # most places have several rows, so their cells and coordinates are looked up once
            of_place = np.full(size + 1, cells, "i4")
            of_place[:-1] = self._shown_positions(self.all.of_place[first:end])
            of_place[of_place < 0] = cells
            rows_of_place = np.bincount(place, minlength=size + 1)[:-1]
            for name in COORDINATES:
                self._add_coordinates(name, of_place[:-1], columns[name][first:end] * rows_of_place)
            cell = of_place[place]
        categories = len(self.categories)
        index = cell * np.int32(categories) + self.category_position[category]
        counted = np.bincount(index, minlength=(cells + 1) * categories)  # the last cell is all that is beside the view
        self.counts += counted[: cells * categories].reshape(cells, categories)

    def _place_range(self) -> tuple[int, int]:
        """Return the range of place numbers that has all places of the view, and others."""
        if not len(self.shown):
            return 0, 0
        return int(self.all.first[self.shown[0]]), int(self.all.end[self.shown[-1]])

    def _add_coordinates(self, name: str, position: Array, values: Array) -> None:
        cells = len(self.shown)
        self.sums[name] += np.bincount(position, values, minlength=cells + 1)[:cells].astype("i8")

    def count_families(self) -> CountedCells:
        count = self.counts
        families = np.array([each["family"] for each in self.published.meta["categories"]])[self.categories]
        names = list(dict.fromkeys(families.tolist()))
        by_family = np.stack([count[:, families == name].sum(axis=1) for name in names], axis=1) if names else count
        total = count.sum(axis=1)
        shown = np.flatnonzero(total)
        latitude, longitude = (self.sums[name][shown] / total[shown] / DEGREE for name in COORDINATES)
        cells = self.shown[shown]
        place = (self.all.first[cells] + self.all.end[cells]) // 2
        return CountedCells(latitude, longitude, names, by_family[shown], self.all.one_point[cells], place)
