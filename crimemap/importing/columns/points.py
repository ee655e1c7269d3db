"""The columns that say where an incident was on the map, and which of their points are mistakes.

A mistake costs a row its point, never the row: the report says how many rows have lost their point, and why.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from itertools import islice

from crimemap.importing.columns.bounded_memo import BoundedMemo
from crimemap.importing.columns.projections import Projection
from crimemap.importing.geocoder import Geocoder
from crimemap.importing.header import HeaderColumns
from crimemap.importing.readers import cells
from crimemap.importing.readers.cells import NoteQuirk
from crimemap.privacy.locations import Point

# The box of a source without one: around the median of its first points, by the median of their deviations from it.
MAX_FIRST_ROWS, MIN_BOX_POINTS, MIN_BOX_DEGREES, BOX_DEVIATIONS = 5_000, 3, 2.0, 20.0
# Of the first points: inside the agency's outline, which otherwise is not that of the whole city.
MIN_INSIDE_SHARE = 0.8

Row = list[str]  # cells
Box = tuple[float, float, float, float]  # south, west, north, east in degrees


class PointColumns:
    """Parses the points of one table's rows. `read_rows` starts from the first row each time."""

    def __init__(
        self,
        columns: HeaderColumns,
        *,
        box: Box | None,
        geocoder: Geocoder,
        note_quirk: NoteQuirk,
        read_rows: Callable[[], Iterable[Row]],
    ) -> None:
        self.profile, self.geocoder, self.note_quirk = columns.profile, geocoder, note_quirk
        system = self.profile.coordinate_system
        self.projection = Projection(system) if system else None
        # Latitude and longitude are in a column each, or together in one: its position, and its parsed cells.
        self.north, self.east, point = (columns.by_field.get(name, -1) for name in ("latitude", "longitude", "point"))
        self.pairs: tuple[int, BoundedMemo[str, tuple[str, str]]] | None = None
        if point >= 0 and min(self.north, self.east) < 0:
            self.pairs = point, BoundedMemo(cells.split_coordinate_pair)
        self.box: Box | None = box or self.profile.box
        self.keeps_to_outline = False
        has_columns = self.pairs is not None or min(self.north, self.east) >= 0
        if has_columns and (self.box is None or geocoder.has_outline):
            points = self._first_points(read_rows)
            self.keeps_to_outline = self._is_outline_of(points)
            self.box = self.box or (None if self.keeps_to_outline else _typical_box(points))

    def cells_of(self, row: Row) -> tuple[str, str]:
        """Return the cells of latitude (or northing) and longitude (or easting); blanks without such columns."""
        if self.pairs is None:
            return row[self.north], row[self.east]
        position, pairs = self.pairs
        return pairs[row[position]]

    def parse(self, latitude: str, longitude: str) -> tuple[Point | None, str]:
        """Return the row's point, None for blanks and mistakes, and the kind of mistake, "" for none."""
        point = self._parse_degrees(latitude, longitude, self.note_quirk)
        if point is None:
            return None, ""
        if cells.is_zero(*point):
            return None, "zero coordinates"
        if not self._is_inside(*point):
            return None, self._explain(*point)
        return cells.shift_point(*point), ""

    def _parse_degrees(self, latitude: str, longitude: str, note_quirk: NoteQuirk) -> Point | None:
        if self.projection is None:
            point = cells.parse_coordinates(latitude, longitude, self.box, note_quirk)
            return self._restore_signs(*point) if point and self.profile.lost_signs else point
        northing, easting = cells.parse_meters(latitude, note_quirk), cells.parse_meters(longitude, note_quirk)
        if northing is None or easting is None:
            return None
        if not northing or not easting:
            return 0.0, 0.0
        return self.projection.to_degrees(easting, northing) or (91.0, 181.0)

    def _restore_signs(self, latitude: float, longitude: float) -> Point:
        lost = self.profile.lost_signs
        return -abs(latitude) if "latitude" in lost else latitude, -abs(longitude) if "longitude" in lost else longitude

    def _is_inside(self, latitude: float, longitude: float) -> bool:
        south, west, north, east = self.box or (-90, -180, 90, 180)
        in_box = south <= latitude <= north and west <= longitude <= east
        return in_box and (not self.keeps_to_outline or self.geocoder.is_inside_outline(latitude, longitude))

    def _explain(self, latitude: float, longitude: float) -> str:
        """Return the kind of mistake of a point outside: what would put it inside says what happened."""
        if self._is_inside(longitude, latitude) and (self.box or self.keeps_to_outline):
            return "latitude and longitude swapped"
        signs = ((latitude, -longitude), (-latitude, longitude), (-latitude, -longitude))
        if (self.box or self.keeps_to_outline) and any(self._is_inside(*point) for point in signs):
            return "coordinates with a lost sign"
        return "points outside"

    def _first_points(self, read_rows: Callable[[], Iterable[Row]]) -> list[Point]:
        width = max(self.north, self.east) if self.pairs is None else self.pairs[0]
        rows = (row for row in islice(read_rows(), MAX_FIRST_ROWS) if len(row) > width)
        parsed = (self._parse_degrees(*self.cells_of(row), lambda _kind: None) for row in rows)
        return [
            point
            for point in parsed
            if point and not cells.is_zero(*point) and abs(point[0]) <= 90 and abs(point[1]) <= 180
        ]

    def _is_outline_of(self, points: list[Point]) -> bool:
        if not self.geocoder.has_outline or not points:
            return False
        inside = sum(self.geocoder.is_inside_outline(*point) for point in points)
        return inside >= len(points) * MIN_INSIDE_SHARE


def _typical_box(points: list[Point]) -> Box | None:
    """Return a wide box around most of the points, so that a lost sign puts no incident on another continent."""
    if len(points) < MIN_BOX_POINTS:
        return None
    middle = [statistics.median(values) for values in zip(*points, strict=True)]
    deviation = [statistics.median(abs(point[axis] - middle[axis]) for point in points) for axis in range(len(middle))]
    reach = [max(MIN_BOX_DEGREES, BOX_DEVIATIONS * each) for each in deviation]
    south, west = (middle[axis] - reach[axis] for axis in (0, 1))
    return max(-90.0, south), max(-180.0, west), min(90.0, middle[0] + reach[0]), min(180.0, middle[1] + reach[1])
