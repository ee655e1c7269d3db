"""What residents ask of the published incidents. Reads the folder that crimemap/publishing/publisher.py writes, and nothing else.

    published = query.current()                      # raises NothingPublishedError
    wanted = Filter.parse(request.GET, published)    # raises FilterError
    published.bubbles(wanted, view, zoom)
    published.rows(wanted, offset=0, limit=50)

A `Published` is one version: whoever keeps it for a request gets answers that agree, whatever is published meanwhile.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from crimemap.snapshot import format, row_scan
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.format import DEGREE, ID_CHARACTERS, NOWHERE, PRECISIONS, Array
from crimemap.snapshot.results import (
    CategoryChange,
    HourCounts,
    IncidentPage,
    IncidentRow,
    PeriodComparison,
    YearlyTotal,
)
from crimemap.snapshot.row_scan import EPOCH, Matched

MOST_ROWS = 1000  # a page
MIDNIGHT = datetime(1970, 1, 1)  # noqa: DTZ001  (local where it happened, on purpose)
SAMPLED = 1024  # one in so many scrambled ids is kept in memory


class NothingPublishedError(Exception):
    """This node has no snapshot (yet): pages say so kindly."""


class UnknownIncidentError(Exception):
    """No published incident has this id."""


class WithdrawnIncidentError(UnknownIncidentError):
    """The incident was removed from the agency's data: its page is gone for good (410)."""


class PublishedIncidents:
    """One version of what is published. `columns` are read-only arrays shared with all processes of the machine."""

    def __init__(self, folder: Path, pointer: dict[str, Any]) -> None:
        self.version: str = pointer["version"]
        self.made_at = datetime.fromisoformat(pointer["made_at"])
        self.sources: list[dict[str, Any]] = pointer["sources"]
        self.meta: dict[str, Any] = json.loads((folder / format.META).read_bytes())
        if self.meta["format"] != format.FORMAT:
            raise NothingPublishedError
        self.columns: dict[str, Array] = {
            path.stem: np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
            for path in folder.glob("*.npy")
        }
        mapped = self.meta["mapped_places"]
        self.columns["curve"] = format.curve(self.columns["x"][:mapped], self.columns["y"][:mapped])
        self.columns["category_slugs"] = np.array([category["slug"] for category in self.meta["categories"]])
        self.areas: dict[str, list[str]] = self.meta["areas"]
        categories = self.meta["categories"]
        # By slug, in the categories' order; those that are hidden have a name, for yearly totals, and no place in filters.
        self.names: dict[str, str] = {each["slug"]: each["name"] for each in categories}
        self.families: dict[str, str] = {each["slug"]: each["family"] for each in categories if not each["hidden"]}
        self.least_radius: int = self.meta["least_radius"]
        self.remembered: dict[int, Any] = {}  # what crimemap.snapshot.bubbles works out once
        until, since = self.meta["until"], self.meta["since"]
        self.until: date = self.made_at.date() if until is None else EPOCH + timedelta(until)
        self.since: date = self.until if since is None else EPOCH + timedelta(since)

    def told_again(self, pointer: dict[str, Any]) -> PublishedIncidents:
        """The same version, found to be current once more: only its sources' age is news."""
        again = copy.copy(self)
        again.made_at, again.sources = datetime.fromisoformat(pointer["made_at"]), pointer["sources"]
        return again

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """South, west, north and east of all that has a point; zeros where nothing has."""
        mapped = self.meta["mapped_places"]
        edges = [
            float(extreme(self.columns[name][:mapped])) / DEGREE if mapped else 0.0
            for extreme in (np.min, np.max)
            for name in ("latitude", "longitude")
        ]
        return edges[0], edges[1], edges[2], edges[3]

    # Counts

    def count(self, chosen: Filter) -> int:
        return int(self._by_category(chosen).sum())

    def categories(self, chosen: Filter) -> dict[str, int]:
        """Counts by category slug, in the categories' order, those without any left out."""
        return self._named(self._by_category(chosen), list(self.names))

    def months(self, chosen: Filter) -> list[tuple[date, int]]:
        """Counts of each month that the filter's days touch, none left out; the first and the last may be cut."""
        low, high = row_scan.row_range(self.columns, chosen)
        counts = np.zeros(self.meta["months"], "i8")
        cube = self._cube_of(chosen)
        whole = range(0)
        if cube is not None:
            whole = self.whole_periods("month", low, high)
            if whole:
                before = self._summed(self.columns[cube][whole.start : whole.stop + 1], chosen).sum(axis=1)
                counts[whole.start : whole.stop] = np.diff(before)
        for found in self._ragged(chosen, whole, "month", low, high):
            months = format.months_of(found.time) - self.meta["first_month"]
            counts += np.bincount(months, minlength=len(counts))
        return [
            (month, int(counts[number]) if 0 <= number < len(counts) else 0)
            for month, number in self._months_between(chosen)
        ]

    def days(self, chosen: Filter) -> list[int]:
        """Counts of each day that the filter and what is published have in common. A row whose day is unknown is left out."""
        since, until = max(chosen.since, self.since), min(chosen.until, self.until)
        if since > until:
            return []
        found = row_scan.matched(self.columns, chosen, row_scan.places_of(self.columns, self.areas, chosen))
        time = found.time[self.columns["precision"][found.row] < PRECISIONS.index("month")]
        counts = np.bincount(time // 24 - (since - EPOCH).days, minlength=(until - since).days + 1)
        return [int(count) for count in counts]

    def hours(self, chosen: Filter) -> HourCounts:
        low, high = row_scan.row_range(self.columns, chosen)
        slots = np.zeros(format.HOUR_SLOTS, "i8")
        whole = range(0)
        if "by_hour" in self.columns and not (chosen.area or chosen.circle or chosen.box):
            whole = self.whole_periods("month", low, high)
            if whole:
                table = self._difference("by_hour", whole)[row_scan.category_is_right(self.columns, chosen)].sum(axis=0)
                slots += np.where(row_scan.slot_is_right(chosen), table, 0)
        for found in self._ragged(chosen, whole, "month", low, high):
            precision = self.columns["precision"][found.row]
            slots += np.bincount(format.hour_slots(found.time, precision), minlength=format.HOUR_SLOTS)
        grid = slots[:-1].reshape(7, 25)
        return HourCounts(grid[:, :24].tolist(), grid[:, 24].tolist(), int(slots[-1]))

    def by_area(self, chosen: Filter, layer: str) -> dict[str, int]:
        """Counts by area code of a layer ("district", "beat", "neighbourhood"), areas without any left out; "" is unknown."""
        codes = self.areas[layer]
        low, high = row_scan.row_range(self.columns, chosen)
        counts = np.zeros(len(codes), "i8")
        whole, name = range(0), f"by_{layer}"
        if name in self.columns and not self.needs_rows(chosen) and not chosen.area:
            whole = self.whole_periods("month", low, high)
            if whole:
                counts += self._difference(name, whole)[:, row_scan.category_is_right(self.columns, chosen)].sum(axis=1)
        for found in self._ragged(chosen, whole, "month", low, high):
            area = self.columns[layer][self.columns["place"][found.row]]
            counts += np.bincount(area, minlength=len(codes))
        return self._named(counts, codes)

    def compare(self, chosen: Filter) -> PeriodComparison:
        return PeriodComparison(
            self.count(chosen),
            *(self.count(other) if other.since >= self.since else None for other in earlier(chosen)),
        )

    def totals(self) -> list[YearlyTotal]:
        """Yearly totals of what is not shown one by one; what is missing is fewer than meta["totals_from"] or folded."""
        totals = self.meta["totals"]
        return [YearlyTotal("", *line) for line in totals["categories"]] + [
            YearlyTotal(*line) for line in totals["areas"]
        ]

    @property
    def not_shown(self) -> dict[int, dict[str, int | None]]:
        """How many incidents of each year are "hidden" and "held", for the whole agency; None is fewer than totals_from."""
        return {int(year): counts for year, counts in self.meta["not_shown"].items()}

    def unmapped(self, chosen: Filter) -> int:
        """How many of the filter's rows have no mapped place."""
        places = row_scan.places_of(self.columns, self.areas, chosen)
        nowhere = np.arange(self.meta["mapped_places"], len(self.columns["latitude"]))
        places = nowhere if places is None else np.intersect1d(places, nowhere, assume_unique=True)
        return len(row_scan.matched(self.columns, chosen, places))

    # Rows

    def rows(self, chosen: Filter, *, offset: int = 0, limit: int = 50) -> IncidentPage:
        """A page of rows, newest first, `limit` at most MOST_ROWS. What falls in one hour is in no order that means anything."""
        offset, limit = max(0, offset), max(0, min(limit, MOST_ROWS))
        places = row_scan.places_of(self.columns, self.areas, chosen)
        low, high = row_scan.row_range(self.columns, chosen)
        if places is None:
            return IncidentPage(self.lines(self._newest(chosen, low, high, offset, limit)), self.count(chosen))
        found = row_scan.matched(self.columns, chosen, places)
        numbers = np.arange(high)[found.row] if isinstance(found.row, slice) else np.sort(found.row)
        return IncidentPage(self.lines(numbers[::-1][offset : offset + limit]), len(found))

    def rows_at(
        self, chosen: Filter, latitude: float, longitude: float, *, offset: int = 0, limit: int = 50
    ) -> IncidentPage:
        """The filter's rows that stand on one point (as rows and bubbles give it)."""
        box = (latitude, longitude, latitude, longitude)
        places = row_scan.places_of(self.columns, self.areas, chosen, box)
        found = row_scan.matched(self.columns, chosen, places)
        numbers = np.sort(np.arange(len(self.columns["time"]))[found.row])
        limit = max(0, min(limit, MOST_ROWS))
        return IncidentPage(self.lines(numbers[::-1][max(0, offset) : max(0, offset) + limit]), len(found))

    def newest(
        self, chosen: Filter, *, after: tuple[int, str] | None = None, at_once: int = 5000
    ) -> Iterator[list[IncidentRow]]:
        """All rows in the order of `rows`, in lists of `at_once` at most, which are made as one reads on.

        `after`: the hour (since 1970) and public id of a row that was read before: what follows it, also in a later
        version and if it is no longer there.
        """
        places = row_scan.places_of(self.columns, self.areas, chosen)
        low, high = row_scan.row_range(self.columns, chosen)
        high = high if after is None else max(low, min(high, self._position(*after)))
        for numbers in row_scan.newest_first(self.columns, chosen, places, low, high):
            for start in range(0, len(numbers), at_once):
                yield self.lines(numbers[start : start + at_once])

    def incident(self, public_id: str) -> IncidentRow:
        """The incident of this id. Raises WithdrawnError, UnknownIncidentError."""
        wanted = public_id.encode("ascii", "replace")
        if len(wanted) == ID_CHARACTERS:
            ids = np.array([wanted], f"S{ID_CHARACTERS}")
            number = int(np.searchsorted(self._sample, format.scramble(ids)[0])) * SAMPLED
            near = self.columns["by_id"][max(0, number - SAMPLED) : number + 2]
            found = near[self.columns["public_id"][near] == ids[0]]
            if len(found):
                return self.lines(found)[0]
            at = int(np.searchsorted(self.columns["withdrawn"], ids[0]))
            if self.columns["withdrawn"][at : at + 1].tolist() == [wanted]:
                raise WithdrawnIncidentError
        raise UnknownIncidentError

    def history(self, public_id: str) -> list[CategoryChange]:
        """The re-classifications of a published incident, oldest first."""
        ids, wanted = self.columns["change_id"], np.array([public_id.encode("ascii", "replace")], f"S{ID_CHARACTERS}")
        lines = slice(*(int(np.searchsorted(ids, wanted, side)[0]) for side in ("left", "right")))
        slugs = list(self.names)
        values = (self.columns[f"change_{name}"][lines].tolist() for name in ("day", "before", "after"))
        return [
            CategoryChange(EPOCH + timedelta(day), slugs[before], slugs[after])
            for day, before, after in zip(*values, strict=True)
        ]

    def _newest(self, chosen: Filter, low: int, high: int, offset: int, limit: int) -> Array:
        """Row numbers, read from the newest on, no further than needed."""
        if not (chosen.categories or self.needs_rows(chosen)):
            last = high - offset
            return np.arange(max(low, last - limit), max(low, last))[::-1]
        pages, skipped = [], 0
        for numbers in row_scan.newest_first(self.columns, chosen, None, low, high):
            pages.append(numbers[max(0, offset - skipped) : offset + limit - skipped])
            skipped += len(numbers)
            if skipped >= offset + limit:
                break
        return np.concatenate(pages) if pages else np.empty(0, "i8")

    def _position(self, hour: int, public_id: str) -> int:
        """The number that a row of this hour and id has or would have."""
        time = self.columns["time"]
        low, high = map(int, np.searchsorted(time, np.array([hour, hour + 1], time.dtype)))
        ids = np.array([public_id.encode("ascii", "replace")], f"S{ID_CHARACTERS}")
        return low + int(np.searchsorted(format.scramble(self.columns["public_id"][low:high]), format.scramble(ids)[0]))

    def lines(self, numbers: Array) -> list[IncidentRow]:
        """The rows of these numbers, in their order."""
        column = self.columns
        place = column["place"][numbers]
        texts = [column["block"][place], column["description"][numbers], column["outcome"][numbers]]
        values = [
            *(column[name][numbers] for name in ("public_id", "time", "precision", "category", "source")),
            *(column["texts"][each] for each in texts),
            *(column[name][place] for name in ("latitude", "longitude", *format.LAYERS)),
        ]
        lines = []
        for public_id, time, precision, category, source, block, description, outcome, north, east, *areas in zip(
            *(value.tolist() for value in values), strict=True
        ):
            named = zip(format.LAYERS, areas, strict=True)
            lines.append(
                IncidentRow(
                    public_id=public_id.decode(),
                    at=MIDNIGHT + timedelta(hours=time),
                    precision=PRECISIONS[precision],
                    category=self.meta["categories"][category]["slug"],
                    block=block.decode(),
                    description=description.decode(),
                    outcome=outcome.decode(),
                    latitude=None if north == NOWHERE else north / DEGREE,
                    longitude=None if north == NOWHERE else east / DEGREE,
                    areas={layer: self.areas[layer][code] for layer, code in named if code},
                    source=self.meta["sources"][source]["slug"],
                )
            )
        return lines

    @cached_property
    def _sample(self) -> Array:
        return format.scramble(self.columns["public_id"][self.columns["by_id"][::SAMPLED]])

    # Ways of counting

    def needs_rows(self, chosen: Filter) -> bool:
        """Whether only the rows themselves can tell, since no prefix sums know what is asked."""
        return bool(chosen.hours or chosen.weekdays or chosen.circle or chosen.box)

    def _cube_of(self, chosen: Filter) -> str | None:
        """The prefix sums by month that know all that the filter asks."""
        if chosen.circle or chosen.box or (chosen.area and (chosen.hours or chosen.weekdays)):
            return None
        if chosen.area and chosen.area[1] not in self.areas.get(chosen.area[0], []):
            return None
        name = f"by_{chosen.area[0]}" if chosen.area else "by_hour"
        return name if name in self.columns else None

    def _summed(self, table: Array, chosen: Filter) -> Array:
        """Of lines of such prefix sums: lines of counts by category, those left out being 0."""
        right = row_scan.category_is_right(self.columns, chosen)
        if chosen.area:
            layer, code = chosen.area
            counts = table[:, self.areas[layer].index(code)].astype("i8")
        elif chosen.hours or chosen.weekdays:
            counts = table[:, :, row_scan.slot_is_right(chosen)].sum(axis=2, dtype="i8")
        else:
            counts = table.sum(axis=2, dtype="i8")
        return np.where(right, counts, 0)

    def _by_category(self, chosen: Filter) -> Array:
        low, high = row_scan.row_range(self.columns, chosen)
        counts = np.zeros(len(self.names), "i8")
        cube, whole = self._cube_of(chosen), range(0)
        if cube is not None:
            whole = self.whole_periods("month", low, high)
            if whole:
                ends = self._summed(self.columns[cube][[whole.start, whole.stop]], chosen)
                counts += ends[1] - ends[0]
        for found in self._ragged(chosen, whole, "month", low, high):
            counts += np.bincount(found.category, minlength=len(counts))
        return counts

    def whole_periods(self, period: str, low: int, high: int) -> range:
        """The months (or years) whose rows all lie in a range of rows, as positions in the prefix sums."""
        starts = self.starts[period]
        first = int(np.searchsorted(starts, low, "left"))
        last = int(np.searchsorted(starts, high, "right")) - 1
        return range(first, max(first, last))

    @cached_property
    def starts(self) -> dict[str, Array]:
        """The first row of every month and year, and the end of the last."""
        starts = {}
        for period, unit in (("month", "M"), ("year", "Y")):
            first, number = self.meta[f"first_{period}"], self.meta[f"{period}s"]
            hours = np.arange(first, first + number + 1).astype(f"datetime64[{unit}]").astype("datetime64[h]")
            starts[period] = np.searchsorted(self.columns["time"], hours.astype("i8").astype("i4"))
        return starts

    def _ragged(self, chosen: Filter, whole: range, period: str, low: int, high: int) -> Iterator[Matched]:
        """The rows of a filter before and after the whole periods; all of them where there is none."""
        places = row_scan.places_of(self.columns, self.areas, chosen)
        if not whole:
            yield row_scan.matched(self.columns, chosen, places)
            return
        starts = self.starts[period]
        for start, end in ((low, int(starts[whole.start])), (int(starts[whole.stop]), high)):
            if start < end:
                yield row_scan.through_time(self.columns, chosen, places, start, end)

    def _difference(self, cube: str, whole: range) -> Array:
        table = self.columns[cube]
        result: Array = table[whole.stop].astype("i8") - table[whole.start]
        return result

    def _months_between(self, chosen: Filter) -> Iterator[tuple[date, int]]:
        """Months that the filter's days and the published ones have in common, with their position in the counts."""
        since, until = max(chosen.since, self.since), min(chosen.until, self.until)
        year, month = since.year, since.month
        while (year, month) <= (until.year, until.month):
            yield date(year, month, 1), (year - 1970) * 12 + month - 1 - self.meta["first_month"]
            year, month = year + month // 12, month % 12 + 1

    @staticmethod
    def _named(counts: Array, names: Sequence[str]) -> dict[str, int]:
        return {name: count for name, count in zip(names, counts.tolist(), strict=True) if count}


def earlier(chosen: Filter) -> tuple[Filter, Filter]:
    """The same of the period as long before it, and of the same days a year ago."""
    year_ago = replace(chosen, days=0, since=_a_year_before(chosen.since), until=_a_year_before(chosen.until))
    return chosen.shifted((chosen.until - chosen.since).days + 1), year_ago


def _a_year_before(day: date) -> date:
    year = max(1, day.year - 1)
    return day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year)


_lock = threading.Lock()
_opened: dict[Path, tuple[object, PublishedIncidents]] = {}  # of the folder asked for last: each holds its files open


def current() -> PublishedIncidents:
    """The version that is published now; a newer one is noticed by its small pointer. Raises NothingPublishedError."""
    folder = settings.INCIDENT_SNAPSHOTS
    if folder is None:
        raise NothingPublishedError
    pointer = folder / format.CURRENT
    try:
        state = pointer.stat()
    except OSError:
        raise NothingPublishedError from None
    mark = (state.st_ino, state.st_mtime_ns)
    known = _opened.get(folder)
    if known and known[0] == mark:
        return known[1]
    with _lock:
        try:
            told = json.loads(pointer.read_bytes())
            if known and known[1].version == told["version"]:
                opened = known[1].told_again(told)
            else:
                opened = PublishedIncidents(folder / told["version"], told)
        except (OSError, ValueError, KeyError):
            if known is None:
                raise NothingPublishedError from None
            return known[1]  # replaced this moment: the next request finds it
        for other in _opened.keys() - {folder}:
            del _opened[other]
        _opened[folder] = (mark, opened)
    return opened
