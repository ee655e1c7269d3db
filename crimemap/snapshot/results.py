"""The shapes of what crimemap.snapshot.reader answers: plain values, for pages, downloads, feeds and mails alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """A published incident. `at` is local time where it happened, as exact as `precision` ("hour", "day" or "month") says.

    Areas are codes by layer; unknown ones are left out. Both coordinates are None where it has no mapped place.
    """

    public_id: str
    at: datetime
    precision: str
    category: str
    block: str
    description: str
    outcome: str
    latitude: float | None
    longitude: float | None
    areas: dict[str, str]
    source: str


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """Rows newest first, and how many the filter has in all."""

    rows: list[IncidentRow]
    total: int


@dataclass(frozen=True, slots=True)
class HourCounts:
    """Counts by weekday (Monday first) and hour. Rows whose hour is unknown stand in `no_hour` by weekday, those whose day
    is unknown in `no_day`: neither is counted as midnight."""

    grid: list[list[int]]
    no_hour: list[int]
    no_day: int


@dataclass(frozen=True, slots=True)
class PeriodComparison:
    """Counts of a period, of the one as long before it, and of the same days a year ago; None where data begins later."""

    this: int
    before: int | None
    year_ago: int | None


@dataclass(frozen=True, slots=True)
class YearlyTotal:
    """Incidents of a year that are not shown one by one; `area` is empty for the whole agency."""

    area: str
    category: str
    year: int
    count: int


@dataclass(frozen=True, slots=True)
class CategoryChange:
    """An incident's category was another before the agency told on `day` what it is: slugs."""

    day: date
    before: str
    after: str
