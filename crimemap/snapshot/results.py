"""The values that PublishedIncidents returns, for pages, downloads, feeds, alerts and the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """A published incident.

    at: local time, as exact as `precision` ("hour", "day" or "month"). areas: layer to code, without unknown ones. Both
    coordinates are degrees, or None if the incident has no mapped place.
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
    """Rows, newest first, and the number of all rows the filter matches."""

    rows: list[IncidentRow]
    total: int


@dataclass(frozen=True, slots=True)
class HourCounts:
    """Counts by weekday (Monday first) and hour: grid[weekday][hour].

    no_hour: rows with unknown hour, by weekday. no_day: rows with unknown day. Neither counts as midnight.
    """

    grid: list[list[int]]
    no_hour: list[int]
    no_day: int


@dataclass(frozen=True, slots=True)
class PeriodComparison:
    """Counts of a period, of the equally long period before it, and of the same days a year ago; None before the data begins.

    days: length of the period.
    """

    this: int
    before: int | None
    year_ago: int | None
    days: int


@dataclass(frozen=True, slots=True)
class YearlyTotal:
    """The number of incidents of a year that are not shown one by one; `area` is "" for the whole agency."""

    area: str
    category: str
    year: int
    count: int


@dataclass(frozen=True, slots=True)
class CategoryChange:
    """A re-classification by the agency on `day`; category slugs."""

    day: date
    before: str
    after: str
