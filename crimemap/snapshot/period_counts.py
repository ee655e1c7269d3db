"""Counts of one selection in several periods at once, and the changes of the data between them.

A circle's rows are read once by place, however many years are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np

from crimemap.snapshot import row_scan
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.format import LAYERS, Array
from crimemap.snapshot.published_incidents import PublishedIncidents, comparison_filters
from crimemap.snapshot.results import PeriodComparison

Days = tuple[date, date]  # first and last, both inclusive
BREAK_COUNT = 20  # as many in one period and none in the other is no chance


def count_periods(published: PublishedIncidents, chosen: Filter, periods: Sequence[Days]) -> list[dict[str, int]]:
    """Count the filter's incidents by category slug in each period, in place of the filter's own days."""
    filters = [replace(chosen, since=since, until=until, days=0) for since, until in periods]
    if not chosen.circle or chosen.hours or chosen.weekdays:
        return [published.count_by_category(each) for each in filters]
    columns = published.columns
    places = row_scan.select_places(columns, published.areas, chosen)
    assert places is not None  # there is a circle
    start, end = columns["place_start"][places], columns["place_start"][places + 1]
    length = end - start
    position = np.repeat(start - np.cumsum(length) + length, length) + np.arange(int(length.sum()))
    time, category = columns["place_time"][position], columns["place_category"][position]
    included = row_scan.included_categories(columns, chosen)
    slugs = list(published.category_names)
    result = []
    for each in filters:
        first, last = row_scan.hour_range(each)
        counts = np.bincount(category[(time >= np.int32(first)) & (time < np.int32(last))], minlength=len(slugs))
        counts = np.where(included[: len(counts)], counts, 0).tolist()
        result.append({slug: count for slug, count in zip(slugs, counts, strict=True) if count})
    return result


def compare_like_periods(published: PublishedIncidents, chosen: Filter) -> PeriodComparison | None:
    """Compare the published days of a filter with other periods, except those whose data differ (find_break); None without any."""
    compared, covered = published.compare_covered_days(chosen), chosen.covered_by(published)
    if compared is None or covered is None:
        return None
    layer, now = covered.area[0] if covered.area else "", (covered.since, covered.until)
    before, year_ago = (
        None if count is None or find_break(published, now, (other.since, other.until), layer) else count
        for count, other in zip((compared.before, compared.year_ago), comparison_filters(covered), strict=True)
    )
    return replace(compared, before=before, year_ago=year_ago)


def find_break(published: PublishedIncidents, now: Days, before: Days, layer: str) -> str:
    """Return what changed in the whole city's data between two periods: "source", "types", "areas", or "" if nothing did.

    A source, a type or an area of `layer` that has BREAK_COUNT incidents in one period and none in the other came or went.
    """
    for name in ("source", "category", *([layer] if layer in LAYERS else [])):
        one, other = (_count_values(published, name, days) for days in (now, before))
        if (((one >= BREAK_COUNT) & (other == 0)) | ((other >= BREAK_COUNT) & (one == 0))).any():
            return {"source": "source", "category": "types"}.get(name, "areas")
    return ""


def _count_values(published: PublishedIncidents, name: str, days: Days) -> Array:
    """Count the whole city's rows of a period by source, category or area, without those of no known area."""
    chosen = Filter(*days)
    before = published.period_sums.counts_before(row_scan.day_range(chosen), chosen) if name == "category" else None
    if before is not None:
        by_category: Array = (before[1] - before[0]).sum(axis=1)
        return by_category
    sums = published.columns.get(f"{name}_by_day")
    if sums is None:  # the table would have been larger than the rows
        sums = published.sums_by_day.get(name)
    if sums is None:
        sums = published.sums_by_day[name] = _sum_by_day(published, name)
    first, end = (min(max(day - _first_day(published), 0), len(sums) - 1) for day in row_scan.day_range(chosen))
    counts: Array = sums[end].astype("i8") - sums[first]
    if name in LAYERS:
        counts[0] = 0  # no known area
    return counts


def _sum_by_day(published: PublishedIncidents, name: str) -> Array:
    """Return how many rows of each value lie before each day, from the first row's to the one after the last row's."""
    columns = published.columns
    values = columns[name]
    is_area = name in LAYERS
    size = len(published.areas[name] if is_area else published.meta["sources" if name == "source" else "categories"])
    hours = columns["time"]
    day_count = int(hours[-1]) // 24 + 1 - _first_day(published) if len(hours) else 0
    starts = (_first_day(published) + np.arange(day_count + 1)) * 24
    edges = np.searchsorted(hours, starts.astype(hours.dtype)).tolist()
    sums = np.zeros((day_count + 1, size), "i4")
    for number, (low, high) in enumerate(pairwise(edges), start=1):
        rows = values[columns["place"][low:high]] if is_area else values[low:high]
        sums[number] = np.bincount(rows, minlength=size)
    return np.cumsum(sums, axis=0, out=sums)


def _first_day(published: PublishedIncidents) -> int:
    """Return the day of the first row, in days since 1970."""
    hours = published.columns["time"]
    return int(hours[0]) // 24 if len(hours) else 0


def count_outcomes(published: PublishedIncidents, chosen: Filter) -> dict[str, int]:
    """Count the filter's incidents by the text of their outcome; "" is none reported."""
    columns = published.columns
    found = row_scan.match_rows(columns, chosen, row_scan.select_places(columns, published.areas, chosen))
    counts = np.bincount(columns["outcome"][found.row])
    used = np.flatnonzero(counts)
    texts = (text.decode() for text in columns["texts"][used].tolist())
    return dict(zip(texts, counts[used].tolist(), strict=True))


def count_hours(published: PublishedIncidents, chosen: Filter) -> tuple[list[int], int]:
    """Return the filter's incidents by hour of the day, and those whose hour is unknown."""
    counts = published.count_by_hour(chosen)
    by_hour = [sum(weekday[hour] for weekday in counts.grid) for hour in range(24)]
    return by_hour, sum(counts.no_hour) + counts.no_day
