"""Parses a row of a file into an incident, by a profile. Personal data ends here: unnamed columns are never looked at.

Cells repeat (dates, blocks, codes), so each distinct cell is parsed once and remembered, in bounded memory.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from itertools import islice
from operator import itemgetter
from typing import Generic, TypeVar

from django.utils.translation import gettext as _

from crimemap.geometry import meters_between
from crimemap.importing import parsed_rows
from crimemap.importing.geocoder import Geocoder
from crimemap.importing.header import HeaderColumns
from crimemap.importing.parsed_rows import ParsedIncident, ParsedRow, RowLocation
from crimemap.importing.profiles.base import DATE_PARTS, JOINER, Profile, normalize_header
from crimemap.importing.readers import cells, datetimes
from crimemap.importing.readers.cells import LOST_ID, CellError, NoteQuirk
from crimemap.importing.readers.datetimes import DatetimeParser, Moment
from crimemap.privacy import public_words
from crimemap.privacy.locations import coarsen_location

MAX_REMEMBERED = 200_000  # cells of a column
MAX_LENGTHS = {"code": 160, "label": 200, "location_description": 120, "outcome": 120}
MAX_ID_LENGTH = 100
MAX_BLOCK_METERS = 2_000.0  # from a row's point to the middle of its block in the agency's layer
# The box of a source without one: around the median of its first points, by the median of their deviations from it.
MAX_BOX_ROWS, MIN_BOX_POINTS, MIN_BOX_DEGREES, BOX_DEVIATIONS = 5_000, 3, 2.0, 20.0

Row = list[str]  # cells
Box = tuple[float, float, float, float]  # south, west, north, east in degrees
Input = TypeVar("Input")
Output = TypeVar("Output")


class BoundedMemo(dict[Input, Output], Generic[Input, Output]):
    """Remembers a function's results; starts afresh when it is full."""

    def __init__(self, function: Callable[[Input], Output]) -> None:
        self.function = function

    def __missing__(self, key: Input) -> Output:
        result = self.function(key)
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[key] = result
        return result


class RowParser:
    """Parses the rows of one table. Calls `note_quirk` the first time that a cell shows an oddity."""

    def __init__(
        self,
        header: list[str],
        profile: Profile,
        *,
        time_zone: str,
        box: Box | None,
        geocoder: Geocoder,
        note_quirk: NoteQuirk,
        read_rows: Callable[[], Iterable[Row]],
    ) -> None:
        """`read_rows` starts from the first row each time: all rows may have to tell days from months."""
        self.profile, self.note_quirk, self.box = profile, note_quirk, box or profile.box
        self.geocoder, self.time_zone, self.header = geocoder, time_zone, header
        self.columns = HeaderColumns(header, profile)
        self.width = len(header)
        self.read_rows = read_rows
        self.unknown_values: set[tuple[str, str]] = set()  # kinds of place and outcomes, as (field, text)
        self._prepare_times()
        self._prepare_codes()
        self._prepare_texts()
        self._prepare_places()
        position = self.columns.by_field.get
        self.id_position = position("external_id", -1)
        self.id_without_column = LOST_ID if profile.columns.get("external_id") else ""
        # The columns that parse() reads; -1 for those that the file lacks.
        fields = (
            "updated",
            "block",
            "latitude",
            "longitude",
            *parsed_rows.AREA_LAYERS,
            "location_description",
            "outcome",
        )
        self.positions = [position(name, -1) for name in fields]

    def parse(self, row: Row) -> ParsedRow:
        """Raises CellError for a row that is no incident."""
        if len(row) > self.width:
            raise CellError("row-too-long", _("The row has more cells than the header."))
        row.append("")  # the cell at -1, for columns that the file lacks
        updated, block, north, east, district, beat, neighbourhood, description, outcome = self.positions
        start = self.parse_start(row)
        code, label = self.codes[self.code_cells(row)]
        if not code:
            raise CellError("code-missing", _("The row has no offense."))
        block_text = self.blocks[row[block]]
        if self.coordinate_pairs is None:
            location = self.locations[row[north], row[east], block_text]
        else:
            position, pairs = self.coordinate_pairs
            location = self.locations[*pairs[row[position]], block_text]
        reported_areas = (
            self.areas[0][row[district]],
            self.areas[1][row[beat]],
            self.areas[2][row[neighbourhood]],
        )
        areas = (
            reported_areas
            if all(reported_areas)
            else [reported or found for reported, found in zip(reported_areas, location.areas, strict=True)]
        )
        domestic = False
        for position, flags in self.domestic_flags:
            domestic |= flags[row[position]]
        incident = ParsedIncident._make(
            (
                start.minute,
                self._parse_end(row, start) if self.parse_end else None,
                start.precision,
                code,
                label,
                block_text,
                *location[1:4],
                *areas,
                self.descriptions[row[description]],
                self.outcomes[row[outcome]],
                domestic,
            )
        )
        external_id = (
            _parse_id(row[self.id_position], self.note_quirk) if self.id_position >= 0 else self.id_without_column
        )
        return ParsedRow(external_id, incident, location, self.updated_minutes[row[updated]], reported_areas)

    def parse_rejected_id(self, row: Row) -> str:
        """Return the feed's id of a row that parse() rejected, so that its incident is not taken for withdrawn."""
        external_id = _parse_id(row[self.id_position], self.note_quirk) if 0 <= self.id_position < len(row) else ""
        return "" if external_id == LOST_ID else external_id

    # Times

    def _prepare_times(self) -> None:
        by_field = self.columns.by_field
        occurred = [by_field[name] for name in ("occurred", "occurred_date") if by_field.get(name, -1) >= 0]
        self.day_first = self._detect_day_first(occurred, self.profile.day_first)
        start = self._time_parser("occurred", "occurred_date", "occurred_time") or self._date_parts_parser()
        assert start  # the header fits the profile
        self.parse_start = self._with_reported_day(start)
        self.parse_end = self._time_parser("occurred_end", "end_date", "end_time")
        self.updated_minutes: BoundedMemo[str, int] = BoundedMemo(self._updated_parser())

    def _time_parser(self, whole: str, date: str, time: str) -> Callable[[Row], Moment] | None:
        """Return the function that parses a row's time: from one column, from two, or from two where the one is blank.

        Columns in the local time zone come before a column in another zone, which not every export keeps to.
        """
        position, date_position, time_position = (self.columns.by_field.get(name, -1) for name in (whole, date, time))
        from_one = self._one_column_parser(position) if position >= 0 else None
        from_two = self._two_column_parser(date_position, time_position) if date_position >= 0 else None
        if from_one and from_two and self._column_zone(position) != self.time_zone and time_position >= 0:
            return lambda row: (
                from_two(row) if row[date_position].strip() and row[time_position].strip() else from_one(row)
            )
        if from_one and from_two:
            return lambda row: (
                from_one(row) if row[position].strip() or not row[date_position].strip() else from_two(row)
            )
        return from_one or from_two

    def _with_reported_day(self, parse_start: Callable[[Row], Moment]) -> Callable[[Row], Moment]:
        """Return a function that takes the day of the report where the columns of the incident's time are blank."""
        reported = self.columns.by_field.get("reported", -1)
        names = ("occurred", "occurred_date", *DATE_PARTS[:3])
        positions = [i for name in names if (i := self.columns.by_field.get(name, -1)) >= 0]
        if reported < 0 or reported in positions:
            return parse_start
        parse_day = self._datetime_parser(reported).parse_day

        def parse(row: Row) -> Moment:
            if row[reported].strip() and not any(row[position].strip() for position in positions):
                self.note_quirk("dates blank, day of the report used")
                return parse_day(row[reported])
            return parse_start(row)

        return parse

    def _one_column_parser(self, position: int) -> Callable[[Row], Moment]:
        parse = self._datetime_parser(position).parse
        return lambda row: parse(row[position])

    def _two_column_parser(self, date_position: int, time_position: int) -> Callable[[Row], Moment]:
        """A column of days with one of times, or of hours alone: 13 is one o'clock there, not 13 minutes past midnight."""
        parse = self._datetime_parser(date_position).parse
        if time_position < 0:
            return lambda row: parse(row[date_position])
        if not normalize_header(self.header[time_position]).endswith("hour"):
            return lambda row: parse(row[date_position], row[time_position])
        return lambda row: _limit_to_hour(
            parse(row[date_position], _full_hour(cells.clean_number(row[time_position], self.note_quirk)))
        )

    def _date_parts_parser(self) -> Callable[[Row], Moment] | None:
        """Return the function that parses a row's time from a column each for year, month and day, hour and minute."""
        year, month, day, hour, minute = (self.columns.by_field.get(name, -1) for name in DATE_PARTS)
        if min(year, month, day) < 0:
            return None
        parse = DatetimeParser(self.time_zone, note_quirk=self.note_quirk).parse
        numbers: BoundedMemo[str, str] = BoundedMemo(lambda cell: cells.clean_number(cell, self.note_quirk))

        def parse_parts(row: Row) -> Moment:
            parts = numbers[row[year]], numbers[row[month]], numbers[row[day]]
            date = "-".join(parts) if parts[1].isdigit() else " ".join(reversed(parts))  # "1 January 2014"
            if not numbers[row[hour]]:
                return parse(date, "")
            if minute < 0:
                return _limit_to_hour(parse(date, _full_hour(numbers[row[hour]])))
            return parse(date, f"{numbers[row[hour]]}:{numbers[row[minute]].zfill(2)}")

        return parse_parts

    def _detect_day_first(self, positions: list[int], default: bool) -> bool:
        """Return whether the columns write days before months; `default` if all their dates can be read both ways."""
        return datetimes.detect_day_first((row[i] for row in self.read_rows() for i in positions), default)

    def _datetime_parser(self, position: int) -> DatetimeParser:
        return DatetimeParser(
            self._column_zone(position),
            day_first=self._detect_day_first([position], self.day_first),
            months_only=normalize_header(self.header[position]) == "month",
            local=self.time_zone,
            note_quirk=self.note_quirk,
        )

    def _column_zone(self, position: int) -> str:
        key = normalize_header(self.header[position])
        zones = self.profile.zones.items()
        return next((zone for header, zone in zones if normalize_header(header) == key), self.time_zone)

    def _parse_end(self, row: Row, start: Moment) -> int | None:
        """Return the minute of the end; None if there is none, it cannot be read, or it is not after the start."""
        assert self.parse_end
        try:
            minute = self.parse_end(row).minute
        except CellError:
            return None
        return minute if minute > start.minute else None

    def _updated_parser(self) -> Callable[[str], int]:
        position = self.columns.by_field.get("updated", -1)
        if position < 0:
            return lambda _cell: 0
        parse = self._datetime_parser(position).parse

        def parse_minute(cell: str) -> int:
            try:
                return parse(cell).minute
            except CellError:
                return 0

        return parse_minute

    # Codes

    def _prepare_codes(self) -> None:
        codes, labels = self.columns.codes, self.columns.labels
        self.code_headers = list(dict.fromkeys([header for group in codes for header in group] + labels))
        positions = [self.columns.positions[normalize_header(header)] for header in self.code_headers]
        # itemgetter returns a tuple only for two or more positions: repeat the last.
        self.code_cells: Callable[[Row], tuple[str, ...]] = itemgetter(*positions, positions[-1])
        self.codes: BoundedMemo[tuple[str, ...], tuple[str, str]] = BoundedMemo(self._parse_code)

    def _parse_code(self, code_cells: tuple[str, ...]) -> tuple[str, str]:
        """Return (code, label) from the cells of `code_headers`."""
        by_header = dict(zip(self.code_headers, code_cells, strict=False))
        code = ""
        for group in self.columns.codes:
            parts = [cells.clean_code(by_header[header], self.profile.code_width, self.note_quirk) for header in group]
            code = JOINER.join(
                self.profile.prefixes.get(header, "") + part for header, part in zip(group, parts, strict=True) if part
            )
            if code:
                break
        max_length = MAX_LENGTHS["label"]
        texts = (cells.clean_text(by_header[header], max_length, self.note_quirk) for header in self.columns.labels)
        return code[: MAX_LENGTHS["code"]], JOINER.join(filter(None, texts))[:max_length]

    # Texts

    def _prepare_texts(self) -> None:
        note_quirk = self.note_quirk
        self.descriptions: BoundedMemo[str, str] = BoundedMemo(self._parse_description)
        self.outcomes: BoundedMemo[str, str] = BoundedMemo(self._parse_outcome)
        self.domestic_flags = [
            (self.columns.positions[normalize_header(header)], BoundedMemo(_domestic_parser(pattern, note_quirk)))
            for header, pattern in self.profile.domestic.items()
            if self.columns.has(header)
        ]

    def _parse_description(self, cell: str) -> str:
        return self._check_value(
            "location_description", cells.clean_text(cell, MAX_LENGTHS["location_description"], self.note_quirk)
        )

    def _parse_outcome(self, cell: str) -> str:
        text = cells.clean_text(cell, MAX_LENGTHS["outcome"], self.note_quirk)
        names = self.profile.outcomes
        if text.casefold() in names:
            return names[text.casefold()]
        flag = cells.parse_boolean(cell, self.note_quirk) if names and text else None
        return self._check_value("outcome", text) if flag is None else names.get("true" if flag else "false", text)

    def _check_value(self, field: str, text: str) -> str:
        """Return a kind of place or an outcome, "" for free text; note one that an administrator has to approve."""
        if public_words.is_free_text(text):
            self.note_quirk("free text in kinds of place or outcomes")
            return ""
        if not public_words.is_known(field, text):
            self.unknown_values.add((field, text))
        return text

    # Places

    def _prepare_places(self) -> None:
        position, note_quirk = self.columns.by_field.get, self.note_quirk
        self.blocks: BoundedMemo[str, str] = BoundedMemo(lambda cell: cells.clean_block(cell, note_quirk))
        self.locations: BoundedMemo[tuple[str, str, str], RowLocation] = BoundedMemo(self._locate)
        self.areas = [
            BoundedMemo(_area_parser(self.profile.area_widths.get(layer, 0), note_quirk))
            for layer in parsed_rows.AREA_LAYERS
        ]
        # Latitude and longitude are in a column each, or together in one: its position, and its parsed cells.
        north, east, point = (position(name, -1) for name in ("latitude", "longitude", "point"))
        self.coordinate_pairs: tuple[int, BoundedMemo[str, tuple[str, str]]] | None = None
        if point >= 0 and min(north, east) < 0:
            self.coordinate_pairs = point, BoundedMemo(cells.split_coordinate_pair)
        self.typical_box = None if self.box else self._find_typical_box(north, east)

    def _find_typical_box(self, north: int, east: int) -> Box | None:
        """Return a wide box around most of the file's first points, so that a lost sign puts no incident on another continent."""
        points = []
        for row in islice(self.read_rows(), MAX_BOX_ROWS):
            if self.coordinate_pairs is None:
                pair = (row[north], row[east]) if min(north, east) >= 0 and max(north, east) < len(row) else ("", "")
            else:
                position, pairs = self.coordinate_pairs
                pair = pairs[row[position]] if position < len(row) else ("", "")
            if point := cells.parse_point(*pair, None, lambda _kind: None):
                points.append(point)
        if len(points) < MIN_BOX_POINTS:
            return None
        middle = [statistics.median(values) for values in zip(*points, strict=True)]
        deviation = [
            statistics.median(abs(point[axis] - middle[axis]) for point in points) for axis in range(len(middle))
        ]
        reach = [max(MIN_BOX_DEGREES, BOX_DEVIATIONS * each) for each in deviation]
        south, west = (middle[axis] - reach[axis] for axis in (0, 1))
        return max(-90.0, south), max(-180.0, west), min(90.0, middle[0] + reach[0]), min(180.0, middle[1] + reach[1])

    def _locate(self, place: tuple[str, str, str]) -> RowLocation:
        """Snap a place, given as the cells of latitude and longitude and the block's name."""
        latitude_cell, longitude_cell, block_text = place
        point = cells.parse_point(latitude_cell, longitude_cell, self.box or self.typical_box, self.note_quirk)
        public = self.profile.points_are_public
        snapped_alone = coarsen_location(*(point or (None, None)), points_are_public=public, block_point=None)
        midpoint = self.geocoder.block_midpoint(block_text)
        if point and midpoint and meters_between(*point, *midpoint) > MAX_BLOCK_METERS:
            self.note_quirk("blocks far from the row's point: another town's street")
            midpoint = None
        snapped = (
            coarsen_location(None, None, points_are_public=public, block_point=midpoint) if midpoint else snapped_alone
        )
        latitude, longitude, kind = snapped
        areas: tuple[str, ...] = ("", "", "")
        if latitude is not None and longitude is not None:
            areas = self.geocoder.areas_at(latitude, longitude)
        reported_hash = hash((round(point[0], 5), round(point[1], 5))) if point else None
        north, east, _kind = snapped_alone
        return RowLocation(
            reported_hash,
            latitude,
            longitude,
            kind,
            (north, east) if north is not None and east is not None else None,
            areas,
            parsed_rows.FIELD_SEPARATOR.join(map(str, snapped)),
        )


def _full_hour(hour: str) -> str:
    return f"{hour}:00" if hour.isdigit() else hour


def _limit_to_hour(moment: Moment) -> Moment:
    return moment._replace(precision=datetimes.HOUR) if moment.precision == datetimes.MINUTE else moment


def _parse_id(cell: str, note_quirk: NoteQuirk) -> str:
    """Return the feed's id; a hash of one that is too long."""
    external_id = cell if cell.isdigit() and cell[0] != "0" else cells.clean_identifier(cell, note_quirk)
    return external_id if len(external_id) <= MAX_ID_LENGTH else parsed_rows.hash_texts([external_id]).hex()


def _area_parser(width: int, note_quirk: NoteQuirk) -> Callable[[str], str]:
    return lambda cell: cells.clean_area_code(cell, width, note_quirk)


def _domestic_parser(pattern: str, note_quirk: NoteQuirk) -> Callable[[str], bool]:
    return lambda cell: cells.parse_domestic(cell, pattern, note_quirk)
