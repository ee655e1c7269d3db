"""When something happened, in any of the ways that agencies and spreadsheets write it.

    moments = Moments("America/Chicago", day_first=False)
    start = moments.read("02/10/2024 12:44:00 AM")     # minutes since 1970 in UTC, and how exact that is

Whether 01/02/2024 is in January or February is not to be seen of one date: `day_first` asks the whole file.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crimemap.importing.readers.cells import CellError, NoteQuirk

MINUTE, HOUR, DAY, MONTH = "minute", "hour", "day", "month"
EARLIEST = dt.date(1900, 1, 1)
MAX_REMEMBERED = 100_000  # dates remembered
MAX_UNAMBIGUOUS_DATES = 1_000  # so many dates that leave no doubt, and no doubt is looked for any further

_EPOCH = dt.date(1970, 1, 1).toordinal()
_SERIAL_EPOCH = dt.date(1899, 12, 30).toordinal()  # of spreadsheets, right from March 1900 on
# Month names as spreadsheets write them, without accents, told apart by their first letters.
_MONTHS = {
    "juin": 6, "juil": 7, "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10,
    "nov": 11, "dec": 12, "mrz": 3, "mai": 5, "okt": 10, "dez": 12, "fev": 2, "avr": 4, "aou": 8, "ene": 1, "abr": 4,
    "ago": 8, "dic": 12,
}  # fmt: skip
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?")
_TWO_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})")
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})")
_MONTH_YEAR = re.compile(r"(\d{1,2})[-/.](\d{4})")
_DAY_MONTH = re.compile(r"(\d{1,2})[-\s./]*([^\W\d_]{3,10})\.?[-\s,./]*(\d{4}|\d{2})")
_MONTH_DAY = re.compile(r"([^\W\d_]{3,10})\.?\s*(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_MONTH_ALONE = re.compile(r"([^\W\d_]{3,10})\.?[-\s/](\d{4}|\d{2})")
_SERIAL = re.compile(r"(\d{5})(?:[.,](\d+))?")
_UNIX = re.compile(r"\d{10}|\d{13}")
_TIME = re.compile(
    r"(\d{1,2})[:.h](\d{2})(?:[:.](\d{2})(?:[.,]\d+)?)?\s*(?:([AaPp])\.?\s?[Mm]\.?)?\s*(Z|UTC|[+-]\d{2}:?(?:\d{2})?)?"
)
_HOURS = re.compile(r"(\d{1,2})\s*([AaPp])\.?[Mm]\.?")
_MILITARY = re.compile(r"(\d{1,4})(?:[.,]0)?")
_FRACTION = re.compile(r"0?[.,]\d+")
_WORDED = re.compile(r"(.*?\d{4})[\s,]+(?:at\s+)?(\d{1,2}[:.]\d{2}.*)")


class Moment(NamedTuple):
    """`minute` counts from 1970-01-01 00:00 UTC; `precision` is minute, hour, day or month."""

    minute: int
    precision: str


def detect_day_first(cells: Iterable[str], usual: bool) -> bool:
    """Whether a file writes days before months: by the first date that cannot be read both ways; `usual` if none is.

    Looks no further when the file's dates are of a kind that leaves no doubt.
    """
    plain = 0
    for cell in cells:
        found = _TWO_FIRST.match(cell.strip())
        if found:
            first, second = int(found[1]), int(found[2])
            usual = usual or "." in found[0]  # nobody writes months before days with dots
            if first > 12 >= second:
                return True
            if second > 12 >= first:
                return False
        elif cell.strip():
            plain += 1
            if plain > MAX_UNAMBIGUOUS_DATES:
                break
    return usual


class DatetimeParser:
    """Reads the times of one column. Dates, times and the clock's changes are remembered: files repeat them."""

    def __init__(
        self,
        zone: str,
        *,
        day_first: bool = False,
        months: bool = False,
        local: str = "",
        met: NoteQuirk = lambda _kind: None,
    ) -> None:
        """`zone` of the cells that name none; `local`: the source's own, by which midnight is told. `months`: no days."""
        self.zone, self.local = ZoneInfo(zone), ZoneInfo(local or zone)
        self.same = not local or local == zone
        self.day_first, self.months, self.met = day_first, months, met
        self.dates: dict[str, tuple[int, bool]] = {}  # text -> day since 1970, whether it is a month
        self.times: dict[str, tuple[int, int | None]] = {}  # text -> minute of the day, offset of its zone
        self.offsets: dict[int, int | None] = {}  # day -> minutes east of UTC all day long; None on days of change
        # What most cells are made of: dates of ordinary days (UTC minute of midnight), times that are no midnight.
        self.midnights: dict[str, int] = {}
        self.minutes: dict[str, int] = {}
        self.latest = dt.datetime.now(dt.UTC).date().toordinal() - _EPOCH + 1

    def read(self, cell: str, time: str | None = None) -> Moment:
        """The moment of a cell, or of a date's and a time's. Raises CellError."""
        cell = cell.strip()
        head, space, tail = cell.partition(" ")
        if not space and cell[10:11] == "T":
            head, tail = cell[:10], cell[11:]
        if time is not None:
            tail = time.strip()
        midnight, plain = self.midnights.get(head), self.minutes.get(tail)
        if midnight is not None and plain is not None:
            return Moment(midnight + plain, MINUTE)
        try:
            day, monthly = self.dates.get(head) or self._date(head)
        except CellError:
            return self._odd(cell, time)
        minute, offset = self._time(tail)
        moment = self._at(day, minute, offset, monthly)
        if minute and moment.precision == MINUTE and offset is None and self.same and self.offsets.get(day) is not None:
            self.midnights[head], self.minutes[tail] = moment.minute - minute, minute
        return moment

    def _at(self, day: int, minute: int | None, offset: int | None, monthly: bool = False) -> Moment:
        if not EARLIEST.toordinal() - _EPOCH <= day <= self.latest:
            raise CellError(
                "date-impossible", _("The date lies in the future or before %(year)d.") % {"year": EARLIEST.year}
            )
        if monthly or self.months:
            first = dt.date.fromordinal(day + _EPOCH).replace(day=1).toordinal() - _EPOCH
            return Moment(self._utc(first, 0, self.local)[0], MONTH)
        if minute is None:
            return Moment(self._utc(day, 0, self.local)[0], DAY)
        if offset is not None:
            utc, precision = day * 1440 + minute - offset, MINUTE
        else:
            utc, precision = self._utc(day, minute, self.zone)
        midnight = minute == 0 if self.same and offset is None else self._is_midnight(utc)
        return Moment(utc, DAY if midnight else precision)

    def _utc(self, day: int, minute: int, zone: ZoneInfo) -> tuple[int, str]:
        """Of a time on the clock. One that comes twice is the first; one that never was is the clock's next."""
        if zone is self.zone:
            offset = self.offsets.get(day, 0) if day in self.offsets else self._offset(day)
            if offset is not None:
                return day * 1440 + minute - offset, MINUTE
        moment = dt.datetime.fromordinal(day + _EPOCH) + dt.timedelta(minutes=minute)
        early, late = _minutes(moment, zone, 0), _minutes(moment, zone, 1)
        return day * 1440 + minute - early, MINUTE if early == late else HOUR

    def _offset(self, day: int) -> int | None:
        around = [dt.datetime.fromordinal(day + _EPOCH) + dt.timedelta(hours=hours) for hours in (-1, 12, 25)]
        offsets = {_minutes(moment, self.zone, fold) for moment in around for fold in (0, 1)}
        self.offsets[day] = offsets.pop() if len(offsets) == 1 else None
        return self.offsets[day]

    def _is_midnight(self, utc: int) -> bool:
        at = dt.datetime.fromtimestamp(utc * 60, self.local)
        return not at.hour and not at.minute

    def _date(self, text: str) -> tuple[int, bool]:
        """Raises CellError. Remembers."""
        text_ = text.strip("\"'=, ")
        year, month, day = 0, 0, 0
        if found := _YEAR_FIRST.fullmatch(text_):
            year, month, day = int(found[1]), int(found[2]), int(found[3] or 0)
        elif found := _TWO_FIRST.fullmatch(text_):
            first, second, year = int(found[1]), int(found[2]), _year(found[3])
            month, day = (second, first) if self.day_first else (first, second)
            if self.day_first:
                self.met("days before months")
            if len(found[3]) == 2:
                self.met("years of two digits")
        elif found := _MONTH_YEAR.fullmatch(text_):
            month, year = int(found[1]), int(found[2])
        elif found := _COMPACT.fullmatch(text_):
            year, month, day = int(found[1]), int(found[2]), int(found[3])
        elif found := _DAY_MONTH.fullmatch(text_):
            year, month, day = _year(found[3]), _month(found[2]), int(found[1])
        elif found := _MONTH_ALONE.fullmatch(text_):
            year, month = _year(found[2]), _month(found[1])
            self.met("months by name")
        try:
            number = dt.date(year, month, day or 1).toordinal() - _EPOCH
        except (ValueError, OverflowError) as error:
            raise CellError("date-unreadable", _("The date is missing or cannot be read.")) from error
        if len(self.dates) > MAX_REMEMBERED:
            self.dates.clear()
            self.midnights.clear()
        self.dates[text] = number, not day
        return self.dates[text]

    def _time(self, text: str) -> tuple[int | None, int | None]:
        """(minute of the day, offset); minute None for no time at all. Raises CellError. Remembers."""
        if text in self.times:
            return self.times[text]
        if not text:
            return None, None
        hour, minute, offset = self._clock(text)
        if (hour, minute) == (24, 0):
            hour = 0
        if hour > 23 or minute > 59:
            raise CellError("time-unreadable", _("The time cannot be read."))
        if len(self.times) > MAX_REMEMBERED:
            self.times.clear()
            self.minutes.clear()
        self.times[text] = hour * 60 + minute, offset
        return self.times[text]

    def _clock(self, text: str) -> tuple[int, int, int | None]:
        """(hour, minute, offset); the hour is 99 for what is no time."""
        if found := _TIME.fullmatch(text):
            hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
            return _hour(hour, found[4]) if second < 61 else 99, minute, _zone(found[5]) if found[5] else None
        if found := _HOURS.fullmatch(text):
            return _hour(int(found[1]), found[2]), 0, None
        if found := _MILITARY.fullmatch(text):
            return *divmod(int(found[1]), 100), None
        if _FRACTION.fullmatch(text):
            self.met("times as numbers")
            return *divmod(round(float(text.replace(",", ".")) * 1440), 60), None
        return 99, 0, None

    def _odd(self, cell: str, time: str | None) -> Moment:
        """Numbers of a spreadsheet or a computer's clock, and dates in words. Raises CellError."""
        if (found := _SERIAL.fullmatch(cell)) and 20_000 <= int(found[1]) < 80_000:
            self.met("dates as numbers")
            seconds = round(float(f"0.{found[2] or 0}") * 86_400)
            day = int(found[1]) + _SERIAL_EPOCH - _EPOCH + seconds // 86_400
            minute, offset = self._time(time.strip()) if time is not None else (seconds % 86_400 // 60, None)
            return self._at(day, minute if found[2] or time else None, offset)
        if _UNIX.fullmatch(cell) and time is None:
            self.met("times as numbers")
            utc = int(cell[:10]) // 60
            return self._at(utc // 1440, utc % 1440, 0)
        if found := _WORDED.fullmatch(cell):
            day, monthly = self._worded(found[1])
            return self._at(day, *self._time(found[2]), monthly)
        day, monthly = self._worded(cell)
        minute, offset = self._time(time.strip()) if time is not None else (None, None)
        return self._at(day, minute, offset, monthly)

    def _worded(self, text: str) -> tuple[int, bool]:
        found = _MONTH_DAY.fullmatch(text)
        return self._date(f"{found[2]} {found[1]} {found[3]}" if found else text)


def _minutes(moment: dt.datetime, zone: ZoneInfo, fold: int) -> int:
    offset = moment.replace(tzinfo=zone, fold=fold).utcoffset()
    assert offset is not None
    return int(offset.total_seconds() // 60)


def _hour(hour: int, half: str | None) -> int:
    """Of 24; 99 for 13 PM."""
    if not half:
        return hour
    return hour % 12 + 12 * (half in "Pp") if 1 <= hour <= 12 else 99


def _zone(text: str) -> int:
    if text in ("Z", "UTC"):
        return 0
    digits = text[1:].replace(":", "")
    return (int(digits[:2]) * 60 + int(digits[2:] or 0)) * (-1 if text[0] == "-" else 1)


def _year(text: str) -> int:
    """Two digits are of this century up to next year, otherwise of the last."""
    if len(text) == 4:
        return int(text)
    return int(text) + (2000 if int(text) <= dt.datetime.now(dt.UTC).year % 100 + 1 else 1900)


def _month(name: str) -> int:
    plain = unicodedata.normalize("NFD", name.casefold()).encode("ascii", "ignore").decode()
    return _MONTHS.get(plain[:4]) or _MONTHS.get(plain[:3], 0)
