"""A row of a file becomes an incident, by a profile. Everything personal ends here: what is not asked for is not looked at.

Cells repeat (dates, blocks, codes), so that what each means is worked out once and remembered, in bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Generic, TypeVar

from django.utils.translation import gettext as _

from crimemap.importing import parsed_rows
from crimemap.importing.geocoder import Geocoder
from crimemap.importing.header import HeaderColumns
from crimemap.importing.profiles.base import DATE_PARTS, JOINER, Profile, normalize_header
from crimemap.importing.readers import cells as values
from crimemap.importing.readers import datetimes
from crimemap.importing.readers.cells import LOST_ID, CellError, NoteQuirk
from crimemap.importing.readers.datetimes import DatetimeParser, Moment
from crimemap.privacy.locations import coarsen_location

MAX_REMEMBERED = 200_000  # cells of a column
MAX_LENGTHS = {"code": 160, "label": 200, "location_description": 120, "outcome": 120}
MAX_ID_LENGTH = 100

Input = TypeVar("Input")
Output = TypeVar("Output")


class BoundedMemo(dict[Input, Output], Generic[Input, Output]):
    """A function's answers, remembered."""

    def __init__(self, function: Callable[[Input], Output]) -> None:
        self.function = function

    def __missing__(self, key: Input) -> Output:
        answer = self.function(key)
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[key] = answer
        return answer


class RowParser:
    """Reads the rows of one table. `met` is told each oddity when it is first worked out."""

    def __init__(
        self,
        header: list[str],
        profile: Profile,
        *,
        time_zone: str,
        box: tuple[float, float, float, float] | None,
        geocoder: Geocoder,
        met: NoteQuirk,
        rows: Callable[[], Iterable[list[str]]],
    ) -> None:
        """`rows` gives all rows from the start, should they have to tell day and month apart."""
        self.profile, self.met, self.box = profile, met, box or profile.box
        self.geocoder, self.time_zone, self.header = geocoder, time_zone, header
        self.columns = HeaderColumns(header, profile)
        self.width = len(header)
        at = self.columns.by_field
        self.rows, self.day_first = rows, profile.day_first
        occurred = [at[name] for name in ("occurred", "occurred_date") if at.get(name, -1) >= 0]
        self.day_first = self._day_first(occurred)
        start = self._times("occurred", "occurred_date", "occurred_time") or self._parts()
        assert start  # `fits` has seen to it
        self._start = start
        self.end = self._times("occurred_end", "end_date", "end_time")
        self.updated = BoundedMemo(self._updated())
        # Twice the last, so that there are two at least and a tuple comes of it.
        parts = [self.columns.at[normalize_header(header)] for header in self._code_headers()]
        self.parts: Callable[[list[str]], tuple[str, ...]] = itemgetter(*parts, parts[-1])
        self.codes: BoundedMemo[tuple[str, ...], tuple[str, str]] = BoundedMemo(self._code)
        self.blocks: BoundedMemo[str, str] = BoundedMemo(lambda cell: values.clean_block(cell, met))
        self.spots: BoundedMemo[tuple[str, str, str], parsed_rows.RowLocation] = BoundedMemo(self._spot)
        self.areas = [BoundedMemo(_area(profile.area_widths.get(name, 0), met)) for name in parsed_rows.AREA_LAYERS]
        self.descriptions: BoundedMemo[str, str] = BoundedMemo(
            lambda cell: values.clean_text(cell, MAX_LENGTHS["location_description"], met)
        )
        self.outcomes: BoundedMemo[str, str] = BoundedMemo(self._outcome)
        self.domestics = [
            (self.columns.at[normalize_header(header)], BoundedMemo(_domestic(pattern, met)))
            for header, pattern in profile.domestic.items()
            if self.columns.has(header)
        ]
        north, east, both = (at.get(name, -1) for name in ("latitude", "longitude", "point"))
        # Latitude and longitude stand in a column each, or in one.
        self.pairs = (both, BoundedMemo(values.split_coordinate_pair)) if both >= 0 and min(north, east) < 0 else None
        every = (
            "external_id",
            "updated",
            "block",
            "latitude",
            "longitude",
            *parsed_rows.AREA_LAYERS,
            "location_description",
            "outcome",
        )
        self.places = [at.get(name, -1) for name in every]
        self.without_id = LOST_ID if profile.columns.get("external_id") else ""  # of a file without that column

    def read(self, cells: list[str]) -> parsed_rows.ParsedRow:
        """Raises CellError for a row that is no incident."""
        if len(cells) > self.width:
            raise CellError("row-too-long", _("The row has more cells than the header."))
        cells.append("")  # the column at -1: one that the file has not
        own, touched, block, north, east, district, beat, neighbourhood, description, outcome = self.places
        start = self._start(cells)
        code, label = self.codes[self.parts(cells)]
        if not code:
            raise CellError("code-missing", _("The row names no offense."))
        block_text = self.blocks[cells[block]]
        if self.pairs is None:
            spot = self.spots[cells[north], cells[east], block_text]
        else:
            both, pairs = self.pairs
            spot = self.spots[*pairs[cells[both]], block_text]
        given = (
            self.areas[0][cells[district]],
            self.areas[1][cells[beat]],
            self.areas[2][cells[neighbourhood]],
        )
        areas = given if all(given) else [told or found for told, found in zip(given, spot.areas, strict=True)]
        domestic = False
        for at, memo in self.domestics:
            domestic |= memo[cells[at]]
        incident = parsed_rows.ParsedIncident._make(
            (
                start.minute,
                self._end(cells, start) if self.end else None,
                start.precision,
                code,
                label,
                block_text,
                *spot[1:4],
                *areas,
                self.descriptions[cells[description]],
                self.outcomes[cells[outcome]],
                domestic,
            )
        )
        own_id = _id(cells[own], self.met) if own >= 0 else self.without_id
        return parsed_rows.ParsedRow(own_id, incident, spot, self.updated[cells[touched]], given)

    def id_of(self, cells: list[str]) -> str:
        """The feed's id of a row that is no incident, so that it is not taken for gone."""
        at = self.places[0]
        own = _id(cells[at], self.met) if 0 <= at < len(cells) else ""
        return "" if own == LOST_ID else own

    # Columns

    def _times(self, whole: str, date: str, time: str) -> Callable[[list[str]], Moment] | None:
        """How a row's time is read: from one column, or from two, or from two where the one is blank.

        The clock of the place comes before a column in another zone, which not every export keeps to.
        """
        at, date_at, time_at = (self.columns.by_field.get(name, -1) for name in (whole, date, time))
        one = self._whole(at) if at >= 0 else None
        two = self._in_two(date_at, time_at) if date_at >= 0 else None
        if one and two and self._zone(at) != self.time_zone and time_at >= 0:
            return lambda cells: two(cells) if cells[date_at].strip() and cells[time_at].strip() else one(cells)
        if one and two:
            return lambda cells: one(cells) if cells[at].strip() or not cells[date_at].strip() else two(cells)
        return one or two

    def _whole(self, at: int) -> Callable[[list[str]], Moment]:
        read = self._moments(at).read
        return lambda cells: read(cells[at])

    def _in_two(self, date_at: int, time_at: int) -> Callable[[list[str]], Moment]:
        """A column of days with one of times, or of hours alone: 13 is not thirteen minutes past midnight there."""
        read = self._moments(date_at).read
        if time_at < 0:
            return lambda cells: read(cells[date_at])
        if not normalize_header(self.header[time_at]).endswith("hour"):
            return lambda cells: read(cells[date_at], cells[time_at])
        return lambda cells: _hourly(read(cells[date_at], _oclock(values.clean_number(cells[time_at], self.met))))

    def _parts(self) -> Callable[[list[str]], Moment] | None:
        """How a row's time is read from a column for each of year, month and day, hour and minute."""
        year, month, day, hour, minute = (self.columns.by_field.get(name, -1) for name in DATE_PARTS)
        if min(year, month, day) < 0:
            return None
        read = DatetimeParser(self.time_zone, met=self.met).read
        number: BoundedMemo[str, str] = BoundedMemo(lambda cell: values.clean_number(cell, self.met))

        def moment(cells: list[str]) -> Moment:
            told = number[cells[year]], number[cells[month]], number[cells[day]]
            date = "-".join(told) if told[1].isdigit() else " ".join(reversed(told))  # "1 January 2014"
            if not number[cells[hour]]:
                return read(date, "")
            if minute < 0:
                return _hourly(read(date, _oclock(number[cells[hour]])))
            return read(date, f"{number[cells[hour]]}:{number[cells[minute]].zfill(2)}")

        return moment

    def _day_first(self, columns: list[int]) -> bool:
        """Whether these columns have days before months; where they do not tell, as the incidents' own dates have them."""
        return datetimes.detect_day_first((cells[i] for cells in self.rows() for i in columns), self.day_first)

    def _moments(self, at: int) -> DatetimeParser:
        months = normalize_header(self.header[at]) == "month"
        day_first = self._day_first([at])
        return DatetimeParser(self._zone(at), day_first=day_first, months=months, local=self.time_zone, met=self.met)

    def _zone(self, at: int) -> str:
        key = normalize_header(self.header[at])
        return next(
            (zone for header, zone in self.profile.zones.items() if normalize_header(header) == key), self.time_zone
        )

    def _end(self, cells: list[str], start: Moment) -> int | None:
        """None where there is none, it cannot be read, or it is not after the start."""
        assert self.end
        try:
            minute = self.end(cells).minute
        except CellError:
            return None
        return minute if minute > start.minute else None

    def _updated(self) -> Callable[[str], int]:
        at = self.columns.by_field.get("updated", -1)
        if at < 0:
            return lambda _cell: 0
        read = self._moments(at).read

        def minute(cell: str) -> int:
            try:
                return read(cell).minute
            except CellError:
                return 0

        return minute

    def _code_headers(self) -> list[str]:
        return list(dict.fromkeys([header for group in self.columns.codes for header in group] + self.columns.labels))

    def _code(self, cells: tuple[str, ...]) -> tuple[str, str]:
        told = dict(zip(self._code_headers(), cells, strict=False))
        code = ""
        for group in self.columns.codes:
            each = [values.clean_code(told[header], self.profile.code_width, self.met) for header in group]
            code = JOINER.join(
                self.profile.prefixes.get(header, "") + part for header, part in zip(group, each, strict=True) if part
            )
            if code:
                break
        label = JOINER.join(
            filter(None, (values.clean_text(told[header], 200, self.met) for header in self.columns.labels))
        )
        return code[: MAX_LENGTHS["code"]], label[: MAX_LENGTHS["label"]]

    def _outcome(self, cell: str) -> str:
        plain = values.clean_text(cell, MAX_LENGTHS["outcome"], self.met)
        words = self.profile.outcomes
        if plain.casefold() in words or not words or not plain:
            return words.get(plain.casefold(), plain)
        said = values.parse_boolean(cell, self.met)
        return plain if said is None else words.get("true" if said else "false", plain)

    def _spot(self, told: tuple[str, str, str]) -> parsed_rows.RowLocation:
        north, east, block_text = told
        point = values.parse_point(north, east, self.box, self.met)
        public = self.profile.points_are_public
        plain = coarsen_location(*(point or (None, None)), points_are_public=public, block_point=None)
        middle = self.geocoder.block_midpoint(block_text)
        latitude, longitude, kind = (
            coarsen_location(None, None, points_are_public=public, block_point=middle) if middle else plain
        )
        areas: tuple[str, ...] = ("", "", "")
        if latitude is not None and longitude is not None:
            areas = self.geocoder.areas_at(latitude, longitude)
        given = hash((round(point[0], 5), round(point[1], 5))) if point else None
        stable = (plain[0], plain[1]) if plain[0] is not None and plain[1] is not None else None
        return parsed_rows.RowLocation(
            given,
            latitude,
            longitude,
            kind,
            stable,
            areas,
            f"{latitude}{parsed_rows.FIELD_SEPARATOR}{longitude}{parsed_rows.FIELD_SEPARATOR}{kind}",
        )


def _oclock(hour: str) -> str:
    return f"{hour}:00" if hour.isdigit() else hour


def _hourly(moment: Moment) -> Moment:
    return moment._replace(precision=datetimes.HOUR) if moment.precision == datetimes.MINUTE else moment


def _id(cell: str, met: NoteQuirk) -> str:
    """The feed's id; too long ones are told apart by a hash."""
    own = cell if cell.isdigit() and cell[0] != "0" else values.clean_identifier(cell, met)
    return own if len(own) <= MAX_ID_LENGTH else parsed_rows.hash_texts([own]).hex()


def _area(width: int, met: NoteQuirk) -> Callable[[str], str]:
    return lambda cell: values.clean_area_code(cell, width, met)


def _domestic(pattern: str, met: NoteQuirk) -> Callable[[str], bool]:
    return lambda cell: values.parse_domestic(cell, pattern, met)
