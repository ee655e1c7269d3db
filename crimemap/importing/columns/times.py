"""The columns that say when an incident was: one, two, or one for each part of the date."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from crimemap.importing.columns.bounded_memo import BoundedMemo
from crimemap.importing.header import HeaderColumns
from crimemap.importing.profiles.base import DATE_PARTS, normalize_header
from crimemap.importing.readers import cells, datetimes
from crimemap.importing.readers.cells import CellError, NoteQuirk
from crimemap.importing.readers.datetimes import DatetimeParser, Moment

Row = list[str]  # cells
MAX_FIRST_ROWS = 5_000  # that show whether times are parts of the day


class TimeColumns:
    """Parses the times of one table's rows. `reported_day_count`: rows that took the day of their report.

    `read_rows` starts from the first row each time: all rows may have to tell days from months.
    """

    def __init__(
        self,
        header: list[str],
        columns: HeaderColumns,
        *,
        time_zone: str,
        note_quirk: NoteQuirk,
        read_rows: Callable[[], Iterable[Row]],
    ) -> None:
        self.header, self.columns, self.profile = header, columns, columns.profile
        self.time_zone, self.note_quirk, self.read_rows = time_zone, note_quirk, read_rows
        self.reported_day_count = 0
        by_field = self.columns.by_field
        occurred = [by_field[name] for name in ("occurred", "occurred_date") if by_field.get(name, -1) >= 0]
        self.day_first = self._detect_day_first(occurred, self.profile.day_first)
        start = self._time_parser("occurred", "occurred_date", "occurred_time") or self._date_parts_parser()
        assert start  # the header fits the profile
        self.parse_start = self._with_reported_day(start)
        self._parse_end_columns = self._time_parser("occurred_end", "end_date", "end_time")
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
            if not cells.is_blank(row[reported]) and all(datetimes.is_unknown(row[position]) for position in positions):
                self.reported_day_count += 1
                return parse_day(row[reported])
            return parse_start(row)

        return parse

    def _one_column_parser(self, position: int) -> Callable[[Row], Moment]:
        parse = self._datetime_parser(position).parse
        return lambda row: parse(row[position])

    def _two_column_parser(self, date_position: int, time_position: int) -> Callable[[Row], Moment]:
        """A column of days with one of times, or of hours alone: 13 is one o'clock there, not 13 minutes past midnight."""
        parser = self._datetime_parser(date_position)
        parse = parser.parse
        if time_position < 0:
            return lambda row: parse(row[date_position])
        first_rows = islice(self.read_rows(), MAX_FIRST_ROWS)
        parser.reads_day_fractions = datetimes.are_day_fractions(
            row[time_position] for row in first_rows if len(row) > time_position
        )
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
            ignores_zones=self.profile.times_are_local,
            note_quirk=self.note_quirk,
        )

    def _column_zone(self, position: int) -> str:
        key = normalize_header(self.header[position])
        zones = self.profile.zones.items()
        return next((zone for header, zone in zones if normalize_header(header) == key), self.time_zone)

    def parse_end(self, row: Row, start: Moment) -> int | None:
        """Return the minute of the end; None if there is none, it cannot be read, or it is not after the start."""
        if self._parse_end_columns is None:
            return None
        try:
            minute = self._parse_end_columns(row).minute
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


def _full_hour(hour: str) -> str:
    return f"{hour}:00" if hour.isdigit() else hour


def _limit_to_hour(moment: Moment) -> Moment:
    return moment._replace(precision=datetimes.HOUR) if moment.precision == datetimes.MINUTE else moment
