"""Parses dates and times in any of the ways that agencies and spreadsheets write them.

    parser = DatetimeParser("America/Chicago", day_first=False)
    start = parser.parse("02/10/2024 12:44:00 AM")     # minutes since 1970 in UTC, and the precision

A single date does not show whether 01/02/2024 is in January or February: `detect_day_first` looks at the whole file.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crimemap.importing.readers import cells, date_forms
from crimemap.importing.readers.cells import CellError, NoteQuirk

MINUTE, HOUR, DAY, MONTH = "minute", "hour", "day", "month"
EARLIEST = dt.date(1900, 1, 1)
MAX_REMEMBERED = 100_000  # dates, and times
MAX_VOTES, MIN_VOTES_SHARE = 200, 0.1  # of dates that can be read one way only
MAX_UNAMBIGUOUS_DATES = 1_000  # in other formats, after which a column is not searched any further

_EPOCH = dt.date(1970, 1, 1).toordinal()
_SERIAL_EPOCH = dt.date(1899, 12, 30).toordinal()  # of spreadsheets, right from March 1900 on
# Month names as spreadsheets write them, without accents, told apart by their first letters.
_MONTHS = {
    "juin": 6, "juil": 7, "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10,
    "nov": 11, "dec": 12, "mrz": 3, "mai": 5, "okt": 10, "dez": 12, "fev": 2, "avr": 4, "aou": 8, "ene": 1, "abr": 4,
    "ago": 8, "dic": 12, "sete": 9, "seti": 9, "sett": 9, "genn": 1, "magg": 5, "giug": 6, "lugl": 7, "otto": 10,
}  # fmt: skip
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?")
_TWO_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})")
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})")
_MONTH_YEAR = re.compile(r"(\d{1,2})[-/.](\d{4})")
# "3-Apr-26", "3 de abril de 2026", "1er avril 2026"
_DAY_MONTH = re.compile(
    r"(\d{1,2})(?:er|st|nd|rd|th|\u00ba|\u00b0)?[-\s./]*(?:de\s+|of\s+)?([^\W\d_]{3,10})\.?[-\s,./]*(?:del?\s+)?(\d{4}|\d{2})"
)
_WEEKDAY = re.compile(r"^[^\W\d_]+(?:-feira)?\.?,\s*(?=[\d\w])")
_MONTH_DAY = re.compile(r"([^\W\d_]{3,10})\.?\s*(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_YEAR_MONTH_DAY = re.compile(r"(\d{4})[-\s./]([^\W\d_]{3,10})\.?[-\s./](\d{1,2})")
_MONTH_ALONE = re.compile(r"([^\W\d_]{3,10})\.?[-\s/](\d{4}|\d{2})")
_SERIAL = re.compile(r"(\d{5})(?:[.,](\d+))?")
_AROUND = "\"'=, "  # a date, in files that guard it from spreadsheets
_UTC_NAMES = {"Z", "UTC", "GMT", "UT"}
_UNIX = re.compile(r"\d{10}|\d{13}")
_TIME = re.compile(
    r"(?:(?:at|um|a|à|às|as|a las)\s+)?(\d{1,2})[:.hH](\d{2})(?:[:.](\d{2})(?:[.,:]\d+)?)?\s*(?:([AaPp])(?:\.?\s?[Mm]\.?)?(?![A-Za-z]))?"
    r"\s*([A-Z]{1,5}|[+-]\d{2}:?(?:\d{2})?)?"
)
_HOUR_ALONE = re.compile(r"(\d{1,2})\s*[hH]\.?")
_CLOCK_WORD = re.compile(
    r"(?<=\d)\s*(?:hrs?|hours|horas|heures|uhr)\.?$|(?<=h\d\d)\s*mi?n\.?$", re.IGNORECASE
)  # "1305 hrs", "13h05min"
_HOURS = re.compile(r"(\d{1,2})\s*([AaPp])\.?[Mm]\.?")
_MILITARY = re.compile(r"(\d{1,4})(?:[.,]0)?")
_FRACTION = re.compile(r"0?[.,]\d+")
_DAY_FRACTION = re.compile(r"0?[.,]\d+|0|1(?:[.,]0+)?")
# Clerks write these where no time is known.
_UNKNOWN = frozenset(
    ("unk", "unkn", "unknown", "?", ":", "::", "9999", "99:99", "tbd", "undetermined", "desconocido", "desconocida", "se desconoce", "sin dato",
     "no disponible", "desconhecido", "desconhecida", "ignorado", "ignorada", "em hora incerta", "não informado", "nao informado", "inconnu",
     "inconnue", "unbekannt", "sconosciuto", "sconosciuta", "00/00/0000", "0000-00-00", "00000000")
)  # fmt: skip
_NAMED_TIMES = dict.fromkeys(("noon", "midday", "mediodía", "meio-dia", "midi"), "12:00") | dict.fromkeys(
    ("midnight", "medianoche", "meia-noite", "minuit"), "0:00"
)
_DATE_OF_TIME = re.compile(
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})[ T]+(?=\d)"
)  # 12/30/1899 13:45
_WORDED = re.compile(
    r"(\d{4}[-\s./][^\W\d_]{3,10}\.?[-\s./]\d{1,2}|.*?\d{4})[\s,]+(?:(?:at|um|à|às|a las)\s+)?(\d{1,2}[:.hH]\d{2}.*|\d{4}\s*(?:hrs?|hours)\.?)"
)


class Moment(NamedTuple):
    """`minute` counts from 1970-01-01 00:00 UTC; `precision` is MINUTE, HOUR, DAY or MONTH."""

    minute: int
    precision: str


def detect_day_first(dates: Iterable[str], default: bool) -> bool:
    """Return whether a file writes days before months: as most of its dates that can be read one way only, else `default`.

    Six of ten dates can be read one way only. Where fewer than one in ten can, these are slips, unless all are of a few months:
    then the file is of the first days of a month. Stops early when there is no doubt.
    """
    votes, unambiguous, date_count = {True: 0, False: 0}, 0, 0
    numbers: tuple[set[int], set[int]] = set(), set()
    for cell in (each.strip(_AROUND) for each in dates):
        match = _TWO_FIRST.match(cell) or _TWO_FIRST.match(date_forms.rewrite_date(cell))
        if match:
            first, second = int(match[1]), int(match[2])
            default = default or "." in match[0]  # dots are written with the day first
            date_count += 1
            numbers[0].add(first)
            numbers[1].add(second)
            if (first > 12) != (second > 12):
                votes[first > 12] += 1
                if sum(votes.values()) == MAX_VOTES:
                    break
        elif cell:
            unambiguous += 1
            if unambiguous > MAX_UNAMBIGUOUS_DATES:
                break
    if votes[True] == votes[False]:
        return default
    winner = votes[True] > votes[False]
    has_few_months = len(numbers[winner]) <= 2
    return winner if votes[winner] >= date_count * MIN_VOTES_SHARE or has_few_months else default


def is_unknown(cell: str) -> bool:
    """Return whether a cell of dates or times is blank, or says that none is known."""
    return cells.is_blank(cell) or cell.strip().casefold() in _UNKNOWN


def are_day_fractions(times: Iterable[str]) -> bool:
    """Return whether a column's times are parts of the day, as spreadsheets store them: 0.25 is six o'clock there."""
    filled = [cell.strip() for cell in times if not is_unknown(cell)]
    return any(_FRACTION.fullmatch(cell) for cell in filled) and all(map(_DAY_FRACTION.fullmatch, filled))


class DatetimeParser:
    """Parses the dates and times of one column. Remembers each and the clock's changes, since files repeat them."""

    def __init__(
        self,
        zone: str,
        *,
        day_first: bool = False,
        months_only: bool = False,
        local: str = "",
        ignores_zones: bool = False,
        note_quirk: NoteQuirk = lambda _kind: None,
    ) -> None:
        """`zone`: of cells without one. `local`: the source's own, which decides whether a time is midnight.
        `months_only`: the column has no days. `ignores_zones`: a zone that a cell states is false, as is UTC of Unix times."""
        self.zone, self.local = ZoneInfo(zone), ZoneInfo(local or zone)
        winter, summer = (dt.datetime(2025, month, 1, tzinfo=self.zone) for month in (1, 7))
        self.zone_names = {winter.tzname(), summer.tzname()}
        self.is_local = not local or local == zone
        self.day_first, self.months_only, self.note_quirk = day_first, months_only, note_quirk
        self.ignores_zones = ignores_zones
        self.reads_day_fractions = False  # of times in a column of their own
        self.dates: dict[str, tuple[int, bool]] = {}  # text -> day since 1970, whether it is a month
        self.times: dict[str, tuple[int, int | None]] = {}  # text -> minute of the day, offset of its zone
        self.offsets: dict[int, int | None] = {}  # day -> minutes east of UTC all day long; None on days of change
        # The short cut for most cells: dates of days without a clock change (UTC minute of midnight), times but midnight.
        self.midnights: dict[str, int] = {}
        self.minutes: dict[str, int] = {}
        self.latest_day = dt.datetime.now(dt.UTC).date().toordinal() - _EPOCH + 1

    def parse(self, cell: str, time: str | None = None) -> Moment:
        """Parse a cell, or a date's cell with a time's. Raises CellError."""
        cell = cell.strip()
        head, space, tail = cell.partition(" ")
        if not space and cell[10:11] == "T":
            head, tail = cell[:10], cell[11:]
        if time is not None:
            tail = time.strip()
        midnight, minutes = self.midnights.get(head), self.minutes.get(tail)
        if midnight is not None and minutes is not None:
            return Moment(midnight + minutes, MINUTE)
        try:
            day, is_month = self.dates.get(head) or self._parse_date(head)
        except CellError:
            return self._parse_unusual(cell, time)
        try:
            minute, offset = self._parse_time(tail)
        except CellError:
            usual = date_forms.rewrite_date(cell)
            if time is not None or usual == cell or date_forms.rewrite_date(usual) != usual:
                raise
            return self.parse(usual)
        moment = self._moment(day, minute, offset, is_month)
        if (
            minute
            and moment.precision == MINUTE
            and offset is None
            and self.is_local
            and self.offsets.get(day) is not None
        ):
            self.midnights[head], self.minutes[tail] = moment.minute - minute, minute
        return moment

    def parse_day(self, cell: str) -> Moment:
        """Parse a cell and keep its local day (or month) alone. Raises CellError."""
        moment = self.parse(cell)
        if moment.precision == MONTH:
            return moment
        day = dt.datetime.fromtimestamp(moment.minute * 60, self.local).toordinal() - _EPOCH
        return Moment(self._to_utc(day, 0, self.local)[0], DAY)

    def _moment(self, day: int, minute: int | None, offset: int | None, is_month: bool = False) -> Moment:
        if not EARLIEST.toordinal() - _EPOCH <= day <= self.latest_day:
            raise CellError(
                "date-impossible", _("The date is in the future or before %(year)d.") % {"year": EARLIEST.year}
            )
        if is_month or self.months_only:
            first = dt.date.fromordinal(day + _EPOCH).replace(day=1).toordinal() - _EPOCH
            return Moment(self._to_utc(first, 0, self.local)[0], MONTH)
        if minute is None:
            return Moment(self._to_utc(day, 0, self.local)[0], DAY)
        if offset is not None:
            utc, precision = day * 1440 + minute - offset, MINUTE
        else:
            utc, precision = self._to_utc(day, minute, self.zone)
        midnight = minute == 0 if self.is_local and offset is None else self._is_midnight(utc)
        return Moment(utc, DAY if midnight else precision)

    def _to_utc(self, day: int, minute: int, zone: ZoneInfo) -> tuple[int, str]:
        """Return the UTC minute and precision of a local time. Of a repeated hour take the first; a skipped one moves on."""
        if zone is self.zone:
            offset = self.offsets.get(day, 0) if day in self.offsets else self._day_offset(day)
            if offset is not None:
                return day * 1440 + minute - offset, MINUTE
        moment = dt.datetime.fromordinal(day + _EPOCH) + dt.timedelta(minutes=minute)
        early, late = _utc_offset_minutes(moment, zone, 0), _utc_offset_minutes(moment, zone, 1)
        return day * 1440 + minute - early, MINUTE if early == late else HOUR

    def _day_offset(self, day: int) -> int | None:
        around = [dt.datetime.fromordinal(day + _EPOCH) + dt.timedelta(hours=hours) for hours in (-1, 12, 25)]
        offsets = {_utc_offset_minutes(moment, self.zone, fold) for moment in around for fold in (0, 1)}
        self.offsets[day] = offsets.pop() if len(offsets) == 1 else None
        return self.offsets[day]

    def _is_midnight(self, utc: int) -> bool:
        local = dt.datetime.fromtimestamp(utc * 60, self.local)
        return not local.hour and not local.minute

    def _parse_date(self, text: str) -> tuple[int, bool]:
        """Return (day since 1970, whether it stands for its month), and remember them. Raises CellError."""
        stripped = text.strip(_AROUND)
        year, month, day = 0, 0, 0
        if match := _YEAR_FIRST.fullmatch(stripped):
            year, month, day = int(match[1]), int(match[2]), int(match[3] or 0)
        elif match := _TWO_FIRST.fullmatch(stripped):
            first, second, year = int(match[1]), int(match[2]), _full_year(match[3])
            month, day = (second, first) if self.day_first else (first, second)
            if self.day_first:
                self.note_quirk("days before months")
            if len(match[3]) == 2:
                self.note_quirk("years of two digits")
        elif match := _MONTH_YEAR.fullmatch(stripped):
            month, year = int(match[1]), int(match[2])
        elif match := _COMPACT.fullmatch(stripped):
            year, month, day = int(match[1]), int(match[2]), int(match[3])
        elif match := _DAY_MONTH.fullmatch(stripped):
            year, month, day = _full_year(match[3]), month_number(match[2]), int(match[1])
        elif match := _YEAR_MONTH_DAY.fullmatch(stripped):
            year, month, day = int(match[1]), month_number(match[2]), int(match[3])
        elif match := _MONTH_ALONE.fullmatch(stripped):
            year, month = _full_year(match[2]), month_number(match[1])
            self.note_quirk("months by name")
        try:
            number = dt.date(year, month, day or 1).toordinal() - _EPOCH
        except (ValueError, OverflowError) as error:
            raise CellError("date-unreadable", _("The date is missing or can't be read.")) from error
        if len(self.dates) > MAX_REMEMBERED:
            self.dates.clear()
            self.midnights.clear()
        self.dates[text] = number, not day
        return self.dates[text]

    def _parse_time(self, text: str) -> tuple[int | None, int | None]:
        """Return (minute of the day, UTC offset), and remember them; no minute for a blank. Raises CellError."""
        if text in self.times:
            return self.times[text]
        if not text or is_unknown(text):
            return None, None
        hour, minute, offset = self._parse_clock(text)
        if (hour, minute) == (24, 0):
            hour = 0
        if hour > 23 or minute > 59:
            raise CellError("time-unreadable", _("The time can't be read."))
        if len(self.times) > MAX_REMEMBERED:
            self.times.clear()
            self.minutes.clear()
        self.times[text] = hour * 60 + minute, offset
        return self.times[text]

    def _parse_clock(self, text: str) -> tuple[int, int, int | None]:
        """Return (hour, minute, UTC offset); the hour is 99 if the text is no time."""
        text = _CLOCK_WORD.sub("", self._rewrite_clock(text))
        if match := _TIME.fullmatch(text):
            hour, minute, second, zone = int(match[1]), int(match[2]), int(match[3] or 0), match[5]
            if zone and zone[0].isalpha() and zone not in _UTC_NAMES:
                if zone not in self.zone_names:
                    raise CellError("time-zone-unknown", _("The time has the name of a zone that isn't the source's."))
                zone = None  # "CST" is often written in summer too: the source's own time
            hour = _hour_of_day(hour, match[4]) if second < 61 else 99
            return hour, minute, self._offset(zone) if zone else None
        if match := _HOURS.fullmatch(text):
            return _hour_of_day(int(match[1]), match[2]), 0, None
        if match := _HOUR_ALONE.fullmatch(text):
            return int(match[1]), 0, None
        if match := _MILITARY.fullmatch(text):
            return *divmod(int(match[1]), 100), None
        if _FRACTION.fullmatch(text):
            self.note_quirk("times as numbers")
            return *divmod(round(float(text.replace(",", ".")) * 1440), 60), None
        return 99, 0, None

    def _rewrite_clock(self, text: str) -> str:
        """Return a time of spreadsheets or in words as a clock shows it; other texts without the date before the time."""
        if self.reads_day_fractions and _DAY_FRACTION.fullmatch(text):
            self.note_quirk("times as numbers")
            hour, minute = divmod(round(float(text.replace(",", ".")) * 1440) % 1440, 60)
            return f"{hour}:{minute:02}"
        return _NAMED_TIMES.get(text.casefold()) or _DATE_OF_TIME.sub("", text, count=1)

    def _offset(self, zone: str) -> int | None:
        """Return the minutes of a zone that a cell states; None if such zones are false."""
        if self.ignores_zones:
            self.note_quirk("zones of times overruled")
            return None
        return _zone_offset_minutes(zone)

    def _parse_unusual(self, cell: str, time: str | None) -> Moment:
        """Parse serial numbers of spreadsheets, Unix times and dates in words. Raises CellError."""
        if (match := _SERIAL.fullmatch(cell)) and 20_000 <= int(match[1]) < 80_000:
            self.note_quirk("dates as numbers")
            seconds = round(float(f"0.{match[2] or 0}") * 86_400)
            day = int(match[1]) + _SERIAL_EPOCH - _EPOCH + seconds // 86_400
            minute, offset = self._parse_time(time.strip()) if time is not None else (seconds % 86_400 // 60, None)
            return self._moment(day, minute if match[2] or time else None, offset)
        if _UNIX.fullmatch(cell) and time is None:
            self.note_quirk("times as numbers")
            utc = int(cell[:10]) // 60
            return self._moment(utc // 1440, utc % 1440, self._offset("Z"))
        usual = date_forms.rewrite_date(cell)
        if usual != cell and date_forms.rewrite_date(usual) == usual:  # once: no cell makes this a loop
            return self.parse(usual, time)
        if match := _WORDED.fullmatch(cell):
            day, is_month = self._parse_worded_date(match[1])
            return self._moment(day, *self._parse_time(match[2]), is_month)
        day, is_month = self._parse_worded_date(cell)
        minute, offset = self._parse_time(time.strip()) if time is not None else (None, None)
        return self._moment(day, minute, offset, is_month)

    def _parse_worded_date(self, text: str) -> tuple[int, bool]:
        text = _WEEKDAY.sub("", text, count=1)
        match = _MONTH_DAY.fullmatch(text)
        return self._parse_date(f"{match[2]} {match[1]} {match[3]}" if match else text)


def _utc_offset_minutes(moment: dt.datetime, zone: ZoneInfo, fold: int) -> int:
    offset = moment.replace(tzinfo=zone, fold=fold).utcoffset()
    assert offset is not None
    return int(offset.total_seconds() // 60)


def _hour_of_day(hour: int, half: str | None) -> int:
    """Return the hour of 24; 99 for impossible ones such as 13 PM."""
    if not half:
        return hour
    return hour % 12 + 12 * (half in "Pp") if 1 <= hour <= 12 else 99


def _zone_offset_minutes(text: str) -> int:
    if text in _UTC_NAMES:
        return 0
    digits = text[1:].replace(":", "")
    return (int(digits[:2]) * 60 + int(digits[2:] or 0)) * (-1 if text[0] == "-" else 1)


def _full_year(text: str) -> int:
    """Return a year of four digits; two digits mean this century up to next year, else the last."""
    if len(text) == 4:
        return int(text)
    return int(text) + (2000 if int(text) <= dt.datetime.now(dt.UTC).year % 100 + 1 else 1900)


def month_number(name: str) -> int:
    """Return the number of a month that is written in words; 0 for other words."""
    plain = unicodedata.normalize("NFD", name.casefold()).encode("ascii", "ignore").decode()
    return 9 if plain == "set" else _MONTHS.get(plain[:4]) or _MONTHS.get(plain[:3], 0)


def is_date(cell: str, time_zone: str) -> bool:
    """Return whether a cell can be read as a date, whatever the order of its day and month."""
    for day_first in (False, True):
        try:
            DatetimeParser(time_zone, day_first=day_first, local=time_zone).parse(cell)
        except CellError:
            continue
        return True
    return False


def minute_to_datetime(minute: int) -> dt.datetime:
    """Return the UTC time of a minute since 1970."""
    return dt.datetime.fromtimestamp(minute * 60, dt.UTC)
