"""The figures that show what tips and talks do: counts of tips (tips.statistics) and what published stories tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import ExtractYear

from outreach.models import PublishedStory
from outreach.stories import search
from tips import statistics

WIDTH, HEIGHT, FOOT, HEAD = 720, 260, 30, 24  # of the drawing, in its own units


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Sums of what stories tell, of one year or (year None) of all."""

    year: int | None
    stories: int
    arrests: int
    weapons: int
    property_returned: int


@dataclass(frozen=True, slots=True)
class MonthBars:
    """One month in the drawing. `x` is the middle; `received` and `answered` are (top, height) of two bars."""

    month: statistics.MonthFigures
    x: float
    received: tuple[float, float]
    answered: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Chart:
    """Tips by month. `lines` are (y, words) of the scale; `step` is half of what a month may take."""

    bars: list[MonthBars]
    lines: list[tuple[float, int]]
    wide: float
    width: int = WIDTH
    height: int = HEIGHT


def total_outcomes() -> Outcomes:
    """What all published stories tell together."""
    return Outcomes(None, **_read_sums(PublishedStory.objects.aggregate(**_SUM_COLUMNS)))


def outcomes_by_year() -> list[Outcomes]:
    """The same year by year, newest first."""
    years = (
        PublishedStory.objects.order_by()
        .annotate(year=ExtractYear("published_on"))
        .values("year")
        .annotate(**_SUM_COLUMNS)
    )
    return [Outcomes(row["year"], **_read_sums(row)) for row in years.order_by("-year")]


def list_you_said_we_did(count: int = 20) -> list[PublishedStory]:
    """The newest stories that say what residents said and what was done."""
    return list(search.published_stories().exclude(you_said="").exclude(we_did="")[:count])


def list_latest_stories(count: int = 3) -> list[PublishedStory]:
    return list(search.published_stories()[:count])


def lay_out_chart(months: list[statistics.MonthFigures]) -> Chart | None:
    """The months as bars; None where there is nothing to draw yet."""
    most = max((month.received for month in months), default=0)
    if not most:
        return None
    step = next(
        step for base in range(1, 9) for step in (5 * 10 ** (base - 1), 10**base, 2 * 10**base) if most <= 4 * step
    )
    top, room = -(-most // step) * step, HEIGHT - FOOT - HEAD
    each = (WIDTH - 48) / len(months)

    def bar(count: int) -> tuple[float, float]:
        tall = room * count / top
        return round(HEIGHT - FOOT - tall, 1), round(tall, 1)

    bars = [
        MonthBars(month, round(48 + each * (number + 0.5), 1), bar(month.received), bar(month.answered))
        for number, month in enumerate(months)
    ]
    lines = [(bar(value)[0], value) for value in range(0, top + 1, step)]
    return Chart(bars, lines, round(each * 0.36, 1))


_SUM_COLUMNS = {
    "stories": Count("pk"),
    "arrests": Sum("arrests"),
    "weapons": Sum("weapons"),
    "property_returned": Sum("property_returned"),
}


def _read_sums(row: Mapping[str, Any]) -> dict[str, int]:
    return {name: row[name] or 0 for name in _SUM_COLUMNS}
