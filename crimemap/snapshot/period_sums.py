"""Counts from prefix sums: any days of the whole city by two look-ups, else whole months and years, and the days around them row by row.

The publisher writes the sums (crimemap/publishing/prefix_sums.py) where they are smaller than the rows they replace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from crimemap.snapshot import row_scan
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.format import Array
from crimemap.snapshot.row_scan import MatchedRows


def needs_rows(chosen: Filter) -> bool:
    """Return whether only the rows themselves can answer, because the filter has an hour, a weekday, a circle or a box."""
    return bool(chosen.hours or chosen.weekdays or chosen.circle or chosen.box)


class PeriodSums:
    """The prefix sums by day, by month and by year of one published version."""

    def __init__(self, columns: Mapping[str, Array], meta: Mapping[str, Any]) -> None:
        self._columns = columns
        self._meta = meta
        self._areas: dict[str, list[str]] = meta["areas"]

    @cached_property
    def starts(self) -> dict[str, Array]:
        """The first row number of every "month" and "year", and the end of the last one."""
        starts = {}
        for period, unit in (("month", "M"), ("year", "Y")):
            first, count = self._meta[f"first_{period}"], self._meta[f"{period}s"]
            hours = np.arange(first, first + count + 1).astype(f"datetime64[{unit}]").astype("datetime64[h]")
            starts[period] = np.searchsorted(self._columns["time"], hours.astype("i8").astype("i4"))
        return starts

    def counts_before(self, days: Sequence[int] | Array, chosen: Filter) -> Array | None:
        """Return the filter's counts before each of these days since 1970: by day, category and format.DAY_SLOTS.

        None if the sums by day can't answer the filter. Its own days don't matter; excluded categories count 0.
        """
        if chosen.area or needs_rows(chosen) or "by_day" not in self._columns:
            return None
        sums = self._columns["by_day"]
        counts: Array = sums[np.clip(np.array(days) - self._meta["since"], 0, len(sums) - 1)].astype("i8")
        counts[:, ~row_scan.included_categories(self._columns, chosen)] = 0
        return counts

    def whole_periods(self, period: str, low: int, high: int) -> range:
        """Return the periods ("month" or "year") whose rows all lie in low..high, as positions in the prefix sums."""
        starts = self.starts[period]
        first = int(np.searchsorted(starts, low, "left"))
        last = int(np.searchsorted(starts, high, "right")) - 1
        return range(first, max(first, last))

    def cube_for(self, chosen: Filter) -> str | None:
        """Return the name of the monthly sums that cover every part of the filter, None if there are none."""
        if chosen.circle or chosen.box or (chosen.area and (chosen.hours or chosen.weekdays)):
            return None
        if chosen.area and chosen.area[1] not in self._areas.get(chosen.area[0], []):
            return None
        name = f"by_{chosen.area[0]}" if chosen.area else "by_hour"
        return name if name in self._columns else None

    def category_counts(self, sums: Array, chosen: Filter) -> Array:
        """Reduce lines of the sums named by cube_for to counts by category; excluded categories count 0."""
        if chosen.area:
            layer, code = chosen.area
            counts = sums[:, self._areas[layer].index(code)].astype("i8")
        elif chosen.hours or chosen.weekdays:
            counts = sums[:, :, row_scan.included_slots(chosen)].sum(axis=2, dtype="i8")
        else:
            counts = sums.sum(axis=2, dtype="i8")
        return np.where(row_scan.included_categories(self._columns, chosen), counts, 0)

    def difference(self, cube: str, periods: range) -> Array:
        """Return the counts of these periods together: the prefix sum at their end less the one at their start."""
        sums = self._columns[cube]
        result: Array = sums[periods.stop].astype("i8") - sums[periods.start]
        return result

    def match_remaining_rows(self, chosen: Filter, periods: range, low: int, high: int) -> Iterator[MatchedRows]:
        """Yield the filter's rows before and after these whole months; all of its rows if `periods` is empty."""
        places = row_scan.select_places(self._columns, self._areas, chosen)
        if not periods:
            yield row_scan.match_rows(self._columns, chosen, places)
            return
        starts = self.starts["month"]
        for start, end in ((low, int(starts[periods.start])), (int(starts[periods.stop]), high)):
            if start < end:
                yield row_scan.scan_by_time(self._columns, chosen, places, start, end)
