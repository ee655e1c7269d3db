"""The published incidents of one version: counts by category, time and area, and the rows themselves.

Only this class reads the folder's columns for pages, downloads, feeds, alerts and the API. Every answer is for a Filter.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from django.utils import timezone

from crimemap.snapshot import format, row_scan
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.format import DEGREE, ID_CHARACTERS, NOWHERE, PRECISIONS, Array
from crimemap.snapshot.period_sums import PeriodSums, needs_rows
from crimemap.snapshot.results import (
    CategoryChange,
    HourCounts,
    IncidentPage,
    IncidentRow,
    PeriodComparison,
    YearlyTotal,
)
from crimemap.snapshot.row_scan import EPOCH

MAX_PAGE_ROWS = 1000
EPOCH_MIDNIGHT = datetime(1970, 1, 1)  # noqa: DTZ001  (local time where an incident happened, on purpose)
SAMPLE_STEP = 1024  # distance, in rows by id, of the scrambled ids held in memory


class NothingPublishedError(Exception):
    """This machine has no published version yet; pages explain that to the visitor."""


class UnknownIncidentError(Exception):
    """No published incident has this id."""


class WithdrawnIncidentError(UnknownIncidentError):
    """The agency removed the incident from its data, so its page is gone for good (HTTP 410)."""


class PublishedIncidents:
    """One published version.

    columns: read-only arrays (crimemap/snapshot/format.py), mapped from files and shared by all processes of the machine.
    areas: layer to the codes of its areas. category_names, families: by category slug, in the order of the categories;
    hidden categories have a name (for the yearly totals) but no family, so no filter can name them.
    since, until: first and last local day with incidents.
    """

    def __init__(self, folder: Path, pointer: Mapping[str, Any]) -> None:
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
        categories = self.meta["categories"]
        self.columns["curve"] = format.curve(self.columns["x"][:mapped], self.columns["y"][:mapped])
        self.columns["category_slugs"] = np.array([category["slug"] for category in categories])
        self.areas: dict[str, list[str]] = self.meta["areas"]
        self.category_names: dict[str, str] = {each["slug"]: each["name"] for each in categories}
        self.families: dict[str, str] = {each["slug"]: each["family"] for each in categories if not each["hidden"]}
        self.least_radius: int = self.meta["least_radius"]
        self.period_sums = PeriodSums(self.columns, self.meta)
        self.grid_cells: dict[int, Any] = {}  # cache of crimemap.snapshot.bubbles, by zoom
        self.sums_by_day: dict[str, Array] = {}  # cache of crimemap.snapshot.period_counts, by column
        until, since = self.meta["until"], self.meta["since"]
        self.until: date = self.made_on if until is None else EPOCH + timedelta(until)
        self.since: date = self.until if since is None else EPOCH + timedelta(since)

    def with_pointer(self, pointer: Mapping[str, Any]) -> PublishedIncidents:
        """Return this version with the publication time and source ages of a newer pointer to it."""
        again = copy.copy(self)
        again.made_at, again.sources = datetime.fromisoformat(pointer["made_at"]), pointer["sources"]
        return again

    @property
    def made_on(self) -> date:
        """The day of the publication in the agency's time zone."""
        return timezone.localdate(self.made_at)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """South, west, north and east of all mapped places in degrees; zeros if there are none."""
        mapped = self.meta["mapped_places"]
        edges = [
            float(extreme(self.columns[name][:mapped])) / DEGREE if mapped else 0.0
            for extreme in (np.min, np.max)
            for name in ("latitude", "longitude")
        ]
        return edges[0], edges[1], edges[2], edges[3]

    # Counts

    def count(self, chosen: Filter) -> int:
        return int(self._category_counts(chosen).sum())

    def count_by_category(self, chosen: Filter) -> dict[str, int]:
        """Count by category slug, in the order of the categories, without empty ones."""
        return _nonzero(self._category_counts(chosen), list(self.category_names))

    def count_by_month(self, chosen: Filter) -> list[tuple[date, int]]:
        """Count each month the filter's days touch, including empty ones; the first and last month may be partial."""
        months = list(self._months_between(chosen))
        first, end = row_scan.day_range(chosen)
        edges = [max(first, (month - EPOCH).days) for month, _position in months]
        before = self.period_sums.counts_before([*edges, end], chosen)
        if before is not None:
            by_month = np.diff(before.sum(axis=(1, 2))).tolist()
            return [(month, count) for (month, _position), count in zip(months, by_month, strict=True)]
        low, high = row_scan.row_range(self.columns, chosen)
        counts = np.zeros(self.meta["months"], "i8")
        cube = self.period_sums.cube_for(chosen)
        whole = range(0)
        if cube is not None:
            whole = self.period_sums.whole_periods("month", low, high)
            if whole:
                sums = self.columns[cube][whole.start : whole.stop + 1]
                before = self.period_sums.category_counts(sums, chosen).sum(axis=1)
                counts[whole.start : whole.stop] = np.diff(before)
        for found in self.period_sums.match_remaining_rows(chosen, whole, low, high):
            positions = format.months_of(found.time) - self.meta["first_month"]
            counts += np.bincount(positions, minlength=len(counts))
        return [(month, int(counts[position]) if 0 <= position < len(counts) else 0) for month, position in months]

    def count_by_day(self, chosen: Filter) -> list[int]:
        """Count each day that both the filter and the published data cover. Rows whose day is unknown are left out."""
        since, until = max(chosen.since, self.since), min(chosen.until, self.until)
        if since > until:
            return []
        first, end = row_scan.day_range(replace(chosen, since=since, until=until))
        before = self.period_sums.counts_before(range(first, end + 1), chosen)
        if before is not None:
            by_day: list[int] = np.diff(before[:, :, : format.DAY_SLOTS // 2].sum(axis=(1, 2))).tolist()
            return by_day
        found = row_scan.match_rows(self.columns, chosen, row_scan.select_places(self.columns, self.areas, chosen))
        time = found.time[self.columns["precision"][found.row] < PRECISIONS.index("month")]
        counts = np.bincount(time // 24 - (since - EPOCH).days, minlength=(until - since).days + 1)
        return [int(count) for count in counts]

    def count_by_hour(self, chosen: Filter) -> HourCounts:
        low, high = row_scan.row_range(self.columns, chosen)
        slots = np.zeros(format.HOUR_SLOTS, "i8")
        whole = range(0)
        if "by_hour" in self.columns and not (chosen.area or chosen.circle or chosen.box):
            whole = self.period_sums.whole_periods("month", low, high)
            if whole:
                counts = self.period_sums.difference("by_hour", whole)
                counts = counts[row_scan.included_categories(self.columns, chosen)].sum(axis=0)
                slots += np.where(row_scan.included_slots(chosen), counts, 0)
        for found in self.period_sums.match_remaining_rows(chosen, whole, low, high):
            precision = self.columns["precision"][found.row]
            slots += np.bincount(format.hour_slots(found.time, precision), minlength=format.HOUR_SLOTS)
        grid = slots[:-1].reshape(7, 25)
        return HourCounts(grid[:, :24].tolist(), grid[:, 24].tolist(), int(slots[-1]))

    def count_by_area(self, chosen: Filter, layer: str) -> dict[str, int]:
        """Count by area code of a layer ("district", "beat", "neighbourhood"), without empty areas; "" is unknown."""
        codes = self.areas[layer]
        low, high = row_scan.row_range(self.columns, chosen)
        counts = np.zeros(len(codes), "i8")
        whole, cube = range(0), f"by_{layer}"
        if cube in self.columns and not needs_rows(chosen) and not chosen.area:
            whole = self.period_sums.whole_periods("month", low, high)
            if whole:
                by_category = self.period_sums.difference(cube, whole)
                counts += by_category[:, row_scan.included_categories(self.columns, chosen)].sum(axis=1)
        for found in self.period_sums.match_remaining_rows(chosen, whole, low, high):
            area = self.columns[layer][self.columns["place"][found.row]]
            counts += np.bincount(area, minlength=len(codes))
        return _nonzero(counts, codes)

    def count_unmapped(self, chosen: Filter) -> int:
        """Count the filter's rows that have no mapped place."""
        return sum(self.count_unmapped_by_category(chosen).values())

    def count_unmapped_by_category(self, chosen: Filter) -> dict[str, int]:
        """Count the filter's rows that have no mapped place by category slug, without empty categories."""
        before = self.period_sums.counts_before(row_scan.day_range(chosen), chosen)
        if before is not None:
            return _nonzero((before[1] - before[0])[:, 1::2].sum(axis=1), list(self.category_names))
        places = row_scan.select_places(self.columns, self.areas, chosen)
        unmapped = np.arange(self.meta["mapped_places"], len(self.columns["latitude"]))
        places = unmapped if places is None else np.intersect1d(places, unmapped, assume_unique=True)
        found = row_scan.match_rows(self.columns, chosen, places)
        counts = np.bincount(found.category, minlength=len(self.category_names))
        return _nonzero(counts, list(self.category_names))

    def compare_periods(self, chosen: Filter) -> PeriodComparison:
        before, year_ago = (
            self.count(other) if other.since >= self.since else None for other in comparison_filters(chosen)
        )
        return PeriodComparison(self.count(chosen), before, year_ago, (chosen.until - chosen.since).days + 1)

    def compare_covered_days(self, chosen: Filter) -> PeriodComparison | None:
        """Compare only the published days of the filter, since days without data yet are no decrease; None if none are."""
        covered = chosen.covered_by(self)
        return self.compare_periods(covered) if covered else None

    def yearly_totals(self) -> list[YearlyTotal]:
        """Return the totals of incidents that are not shown one by one.

        A missing total is smaller than meta["totals_from"], or folded into the one above it.
        """
        totals = self.meta["totals"]
        return [YearlyTotal("", *line) for line in totals["categories"]] + [
            YearlyTotal(*line) for line in totals["areas"]
        ]

    @property
    def not_shown(self) -> dict[int, dict[str, int | None]]:
        """Year to the agency's number of "hidden" and "held" incidents; None is fewer than meta["totals_from"]."""
        return {int(year): counts for year, counts in self.meta["not_shown"].items()}

    # Rows

    def read_page(self, chosen: Filter, *, offset: int = 0, limit: int = 50) -> IncidentPage:
        """Return a page of at most MAX_PAGE_ROWS rows, newest first. The order within one hour has no meaning."""
        offset, limit = max(0, offset), max(0, min(limit, MAX_PAGE_ROWS))
        places = row_scan.select_places(self.columns, self.areas, chosen)
        low, high = row_scan.row_range(self.columns, chosen)
        if places is None:
            return IncidentPage(self.read_rows(self._newest_rows(chosen, low, high, offset, limit)), self.count(chosen))
        found = row_scan.match_rows(self.columns, chosen, places)
        rows = np.arange(high)[found.row] if isinstance(found.row, slice) else np.sort(found.row)
        return IncidentPage(self.read_rows(rows[::-1][offset : offset + limit]), len(found))

    def read_page_at_point(
        self, chosen: Filter, latitude: float, longitude: float, *, offset: int = 0, limit: int = 50
    ) -> IncidentPage:
        """Return a page of the filter's rows on exactly one point, given in degrees as rows and bubbles give it."""
        box = (latitude, longitude, latitude, longitude)
        places = row_scan.select_places(self.columns, self.areas, chosen, box)
        found = row_scan.match_rows(self.columns, chosen, places)
        rows = np.sort(np.arange(len(self.columns["time"]))[found.row])
        offset, limit = max(0, offset), max(0, min(limit, MAX_PAGE_ROWS))
        return IncidentPage(self.read_rows(rows[::-1][offset : offset + limit]), len(found))

    def iterate_newest(
        self, chosen: Filter, *, after: tuple[int, str] | None = None, batch_rows: int = 5000
    ) -> Iterator[list[IncidentRow]]:
        """Yield all rows in the order of read_page, in lists of at most `batch_rows`, each built when it is needed.

        `after` is the hour (since 1970) and public id of the last row read before: continue behind it, even if this is
        a later version and the row is gone.
        """
        places = row_scan.select_places(self.columns, self.areas, chosen)
        low, high = row_scan.row_range(self.columns, chosen)
        high = high if after is None else max(low, min(high, self._row_position(*after)))
        for rows in row_scan.iterate_newest_first(self.columns, chosen, places, low, high):
            for start in range(0, len(rows), batch_rows):
                yield self.read_rows(rows[start : start + batch_rows])

    def find_incident(self, public_id: str) -> IncidentRow:
        """Return the incident with this id. Raises WithdrawnIncidentError, UnknownIncidentError."""
        wanted = public_id.encode("ascii", "replace")
        if len(wanted) == ID_CHARACTERS:
            ids = np.array([wanted], f"S{ID_CHARACTERS}")
            position = int(np.searchsorted(self._id_sample, format.scramble(ids)[0])) * SAMPLE_STEP
            near = self.columns["by_id"][max(0, position - SAMPLE_STEP) : position + 2]
            found = near[self.columns["public_id"][near] == ids[0]]
            if len(found):
                return self.read_rows(found)[0]
            position = int(np.searchsorted(self.columns["withdrawn"], ids[0]))
            if self.columns["withdrawn"][position : position + 1].tolist() == [wanted]:
                raise WithdrawnIncidentError
        raise UnknownIncidentError

    def category_changes(self, public_id: str) -> list[CategoryChange]:
        """Return the re-classifications of a published incident, oldest first."""
        ids, wanted = self.columns["change_id"], np.array([public_id.encode("ascii", "replace")], f"S{ID_CHARACTERS}")
        lines = slice(*(int(np.searchsorted(ids, wanted, side)[0]) for side in ("left", "right")))
        slugs = list(self.category_names)
        values = (self.columns[f"change_{name}"][lines].tolist() for name in ("day", "before", "after"))
        return [
            CategoryChange(EPOCH + timedelta(day), slugs[before], slugs[after])
            for day, before, after in zip(*values, strict=True)
        ]

    def read_rows(self, numbers: Array) -> list[IncidentRow]:
        """Return the rows with these numbers (positions by time), in the order given."""
        column = self.columns
        place = column["place"][numbers]
        texts = [column["block"][place], column["description"][numbers], column["outcome"][numbers]]
        values = [
            *(column[name][numbers] for name in ("public_id", "time", "precision", "category", "source")),
            *(column["texts"][each] for each in texts),
            *(column[name][place] for name in ("latitude", "longitude", *format.LAYERS)),
        ]
        rows = []
        for public_id, time, precision, category, source, block, description, outcome, north, east, *areas in zip(
            *(value.tolist() for value in values), strict=True
        ):
            codes = zip(format.LAYERS, areas, strict=True)
            rows.append(
                IncidentRow(
                    public_id=public_id.decode(),
                    at=EPOCH_MIDNIGHT + timedelta(hours=time),
                    precision=PRECISIONS[precision],
                    category=self.meta["categories"][category]["slug"],
                    block=block.decode(),
                    description=description.decode(),
                    outcome=outcome.decode(),
                    latitude=None if north == NOWHERE else north / DEGREE,
                    longitude=None if north == NOWHERE else east / DEGREE,
                    areas={layer: self.areas[layer][code] for layer, code in codes if code},
                    source=self.meta["sources"][source]["slug"],
                )
            )
        return rows

    def list_labels(self) -> list[str]:
        """Return the labels of blocks, crossings and streets that incidents have, each once."""
        return [text.decode() for text in self.columns["texts"][np.unique(self.columns["block"])].tolist()]

    def describe_places(self, numbers: Sequence[int], layers: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
        """Return the block of each place, "" if it has none, and its areas: layer to code, without unknown ones.

        Places in the same areas share one dictionary.
        """
        column, wanted = self.columns, np.array(numbers, "i8")
        blocks = column["texts"][column["block"][wanted]].tolist()
        places = zip(*(column[layer][wanted].tolist() for layer in layers), strict=True)
        known: dict[tuple[int, ...], dict[str, str]] = {}
        result = []
        for block, codes in zip(blocks, places, strict=True):
            named = known.get(codes)
            if named is None:
                parts = zip(layers, codes, strict=True)
                named = known[codes] = {layer: self.areas[layer][code] for layer, code in parts if code}
            result.append((block.decode(), named))
        return result

    def _category_counts(self, chosen: Filter) -> Array:
        before = self.period_sums.counts_before(row_scan.day_range(chosen), chosen)
        if before is not None:
            by_category: Array = (before[1] - before[0]).sum(axis=1)
            return by_category
        low, high = row_scan.row_range(self.columns, chosen)
        counts = np.zeros(len(self.category_names), "i8")
        cube, whole = self.period_sums.cube_for(chosen), range(0)
        if cube is not None:
            whole = self.period_sums.whole_periods("month", low, high)
            if whole:
                sums = self.columns[cube][[whole.start, whole.stop]]
                before, after = self.period_sums.category_counts(sums, chosen)
                counts += after - before
        for found in self.period_sums.match_remaining_rows(chosen, whole, low, high):
            counts += np.bincount(found.category, minlength=len(counts))
        return counts

    def _months_between(self, chosen: Filter) -> Iterator[tuple[date, int]]:
        """Yield the months that both the filter and the published data cover, each with its position in the counts."""
        since, until = max(chosen.since, self.since), min(chosen.until, self.until)
        year, month = since.year, since.month
        while (year, month) <= (until.year, until.month):
            yield date(year, month, 1), (year - 1970) * 12 + month - 1 - self.meta["first_month"]
            year, month = year + month // 12, month % 12 + 1

    def _newest_rows(self, chosen: Filter, low: int, high: int, offset: int, limit: int) -> Array:
        """Return the row numbers of one page, scanning from the newest row no further than needed."""
        if not (chosen.categories or needs_rows(chosen)):
            last = high - offset
            return np.arange(max(low, last - limit), max(low, last))[::-1]
        pages, skipped = [], 0
        for rows in row_scan.iterate_newest_first(self.columns, chosen, None, low, high):
            pages.append(rows[max(0, offset - skipped) : offset + limit - skipped])
            skipped += len(rows)
            if skipped >= offset + limit:
                break
        return np.concatenate(pages) if pages else np.empty(0, "i8")

    def _row_position(self, hour: int, public_id: str) -> int:
        """Return the number that a row with this hour and id has, or would have."""
        time = self.columns["time"]
        low, high = map(int, np.searchsorted(time, np.array([hour, hour + 1], time.dtype)))
        ids = np.array([public_id.encode("ascii", "replace")], f"S{ID_CHARACTERS}")
        return low + int(np.searchsorted(format.scramble(self.columns["public_id"][low:high]), format.scramble(ids)[0]))

    @cached_property
    def _id_sample(self) -> Array:
        return format.scramble(self.columns["public_id"][self.columns["by_id"][::SAMPLE_STEP]])


def comparison_filters(chosen: Filter) -> tuple[Filter, Filter]:
    """Return the filter for the equally long period just before, and for the same days a year ago."""
    year_ago = replace(chosen, days=0, since=_year_before(chosen.since), until=_year_before(chosen.until))
    return chosen.shifted((chosen.until - chosen.since).days + 1), year_ago


def same_days_before(published: PublishedIncidents, chosen: Filter, years: int) -> list[Filter]:
    """Return the filter for the same days of each year before, the latest first, as far back as the data cover them."""
    result = []
    for _year in range(years):
        chosen = replace(chosen, days=0, since=_year_before(chosen.since), until=_year_before(chosen.until))
        if chosen.since < published.since:
            break
        result.append(chosen)
    return result


def _year_before(day: date) -> date:
    year = max(1, day.year - 1)
    return day.replace(year=year, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=year)


def _nonzero(counts: Array, names: Sequence[str]) -> dict[str, int]:
    return {name: count for name, count in zip(names, counts.tolist(), strict=True) if count}
