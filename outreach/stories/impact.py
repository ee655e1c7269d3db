"""Figures of the impact page: sums over published stories, and the chart of tips by month (tips.statistics)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import ExtractYear

from outreach.models import PublishedStory
from outreach.stories import search
from tips import statistics

# The drawing in SVG units: its size, and the margins for month names below, for headroom, and for the scale on the left
WIDTH, HEIGHT, FOOT, HEAD, LEFT = 720, 260, 30, 24, 48
_BAR_SHARE = 0.36  # of a month's width that one of its two bars has


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Sums over the stories of one year, or of all years (`year` is None)."""

    year: int | None
    stories: int
    arrests: int
    weapons: int
    property_returned: int


@dataclass(frozen=True, slots=True)
class MonthBars:
    """One month in the drawing: `x` is its middle; `received` and `answered` are (top, height) of its two bars."""

    month: statistics.MonthFigures
    x: float
    received: tuple[float, float]
    answered: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Chart:
    """Tips by month. `lines` are (y, value) of the scale, `bar_width` is that of a single bar."""

    bars: list[MonthBars]
    lines: list[tuple[float, int]]
    bar_width: float
    width: int = WIDTH
    height: int = HEIGHT


def total_outcomes() -> Outcomes:
    """Sum up all published stories."""
    return Outcomes(None, **_read_sums(PublishedStory.objects.aggregate(**_SUM_COLUMNS)))


def outcomes_by_year() -> list[Outcomes]:
    """Sum up published stories by year, newest first."""
    years = (
        PublishedStory.objects.order_by()
        .annotate(year=ExtractYear("published_on"))
        .values("year")
        .annotate(**_SUM_COLUMNS)
    )
    return [Outcomes(row["year"], **_read_sums(row)) for row in years.order_by("-year")]


def list_you_said_we_did(count: int = 20) -> list[PublishedStory]:
    """Return the newest stories with both a "you said" and a "we did"."""
    return list(search.published_stories().exclude(you_said="").exclude(we_did="")[:count])


def list_latest_stories(count: int = 3) -> list[PublishedStory]:
    """Return the newest stories, for the home page."""
    return list(search.published_stories()[:count])


def lay_out_chart(months: list[statistics.MonthFigures]) -> Chart | None:
    """Lay the months out as bars. Returns None if there is nothing to draw yet."""
    largest = max((month.received for month in months), default=0)
    if not largest:
        return None
    # The smallest step of 5, 10, 20, 50 ... that needs at most four lines
    step = next(
        step for base in range(1, 9) for step in (5 * 10 ** (base - 1), 10**base, 2 * 10**base) if largest <= 4 * step
    )
    top_value, plot_height = -(-largest // step) * step, HEIGHT - FOOT - HEAD
    month_width = (WIDTH - LEFT) / len(months)

    def bar(count: int) -> tuple[float, float]:
        bar_height = plot_height * count / top_value
        return round(HEIGHT - FOOT - bar_height, 1), round(bar_height, 1)

    bars = [
        MonthBars(month, round(LEFT + month_width * (number + 0.5), 1), bar(month.received), bar(month.answered))
        for number, month in enumerate(months)
    ]
    lines = [(bar(value)[0], value) for value in range(0, top_value + 1, step)]
    return Chart(bars, lines, round(month_width * _BAR_SHARE, 1))


_SUM_COLUMNS = {
    "stories": Count("pk"),
    "arrests": Sum("arrests"),
    "weapons": Sum("weapons"),
    "property_returned": Sum("property_returned"),
}


def _read_sums(row: Mapping[str, Any]) -> dict[str, int]:
    return {name: row[name] or 0 for name in _SUM_COLUMNS}
