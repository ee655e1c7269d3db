"""The one filter of the crime map, kept in the address and the same for map, list, charts, downloads and alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

PRESETS = (7, 14, 30, 90, 365)  # days
LEAST_RADIUS = 150  # metres


@dataclass(frozen=True, slots=True)
class Problem:
    """One part of a query string that cannot be used: its name, a sentence, and the nearest value that can ("" if none)."""

    part: str
    message: str
    offer: str


class FilterError(ValueError):
    """`problems` tells each part that is wrong; `filter` is what remains without those parts."""

    def __init__(self, problems: list[Problem], remaining: Filter) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems
        self.filter = remaining


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for. Dates are the agency's local days, both inclusive; an empty part means all.

    categories: slugs; hours 0-23; weekdays 0 (Monday) to 6; area: (layer, code); circle: (latitude, longitude, metres);
    box: (south, west, north, east). `days` names the preset that made the dates, 0 for custom ones.
    """

    since: date
    until: date
    days: int = 0
    categories: frozenset[str] = frozenset()
    hours: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    area: tuple[str, str] | None = None
    circle: tuple[float, float, float] | None = None
    box: tuple[float, float, float, float] | None = None
