"""Charts of a selection: trend, categories and hours, as figures and as coordinates of their drawings.

A bar chart is 100 units high and one unit wide for each period. The page stretches the drawing and writes all text outside of
it, so that text stays readable on a phone. Every figure is in a table as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crimemap import wording
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents, comparison_filters
from crimemap.snapshot.results import HourCounts

# Longest selection, in days, that is drawn by day, by week, by month; longer ones are drawn by year.
MAX_DAYS_DAILY, MAX_DAYS_WEEKLY, MAX_DAYS_MONTHLY = 21, 120, 5 * 366
MAX_AXIS_LABELS = 4  # the width of a phone has room for four
SHADES = 5  # of the hour grid, not counting the empty shade
DRAWING_HEIGHT = 100


@dataclass(frozen=True, slots=True)
class TrendBar:
    """One period of a trend. `height` is in drawing units; `comparison_counts` has a count, or None, for each comparison line."""

    name: str
    label: str
    count: int
    height: float
    comparison_counts: list[int | None]
    is_partial: bool

    @property
    def top(self) -> float:
        return DRAWING_HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class ComparisonLine:
    """An earlier period drawn over the bars; `points` is the attribute of its SVG polyline."""

    name: str
    css_class: str
    total: int
    points: str


@dataclass(frozen=True, slots=True)
class Trend:
    """Bars over time. `unknown_day`: incidents that no bar of a day or week can hold, because only their month is known."""

    unit: str
    bars: list[TrendBar]
    comparisons: list[ComparisonLine]
    axis_max: int
    total: int
    unknown_day: int
    is_small: bool
    period_before: str

    @property
    def axis_middle(self) -> int:
        return self.axis_max // 2

    @property
    def has_partial_bars(self) -> bool:
        return any(bar.is_partial for bar in self.bars)


@dataclass(frozen=True, slots=True)
class CategoryBar:
    """A category's count, now and in the period before; `width_percent` is relative to the most frequent category."""

    slug: str
    name: str
    family: str
    count: int
    width_percent: float
    count_before: int | None


@dataclass(frozen=True, slots=True)
class WeekdayRow:
    """A row of the hour grid: (hour, count, shade from 0 to SHADES) for each hour, and the count with an unknown hour.

    `squares` and `table_cells` are the same as SVG and HTML. They are built here because a template loop over 168 cells takes
    longer than the rest of the page.
    """

    name: str
    cells: list[tuple[int, int, int]]
    unknown_hour: int
    squares: SafeString
    table_cells: SafeString


@dataclass(frozen=True, slots=True)
class HourGrid:
    """Counts by weekday and hour; `busiest` is a sentence, empty when too few hours are known."""

    weekdays: list[WeekdayRow]
    hours: list[str]
    max_count: int
    known: int
    unknown_hour: int
    unknown_day: int
    busiest: str


def build_trend(published: PublishedIncidents, chosen: Filter, axis_max: int = 0) -> Trend:
    """Count incidents over time, with the period before and the same days a year ago where the data goes back that far.

    Months and years are compared with those of a year ago alone: the days before would be other parts of other months.
    `axis_max` sets the top of the axis for charts that stand side by side; 0 derives it from the counts.
    """
    chosen = chosen.covered_by(published) or chosen
    series = _count_by_unit(published, chosen)
    unit = _period_unit(published, chosen)
    before, year_ago = comparison_filters(chosen)
    period_before = wording.name_period_before((chosen.until - chosen.since).days + 1)
    others = [(_("Same days a year before"), "year-ago", year_ago)]
    if unit in ("day", "week"):
        others.insert(0, (period_before, "before", before))
    comparisons = [
        (name, css_class, _count_by_unit(published, other))
        for name, css_class, other in others
        if other.since >= published.since
    ]
    counts = [[count for _first, count in points] for _name, _css_class, points in comparisons]
    axis_max = axis_max or _round_up_for_axis(
        max([*(count for _first, count in series), *(count for line in counts for count in line)], default=0)
    )
    step = max(1, -(-len(series) // MAX_AXIS_LABELS))
    bars = [
        TrendBar(
            name=_period_name(unit, first),
            label=_axis_label(unit, first) if number % step == 0 and len(series) - number > step / 2 else "",
            count=count,
            height=round(count / axis_max * DRAWING_HEIGHT, 1),
            comparison_counts=[line[number] if number < len(line) else None for line in counts],
            is_partial=_is_partial(unit, first, chosen, published),
        )
        for number, (first, count) in enumerate(series)
    ]
    lines = [
        ComparisonLine(name, css_class, sum(line), _polyline_points(line[: len(series)], axis_max))
        for (name, css_class, _series), line in zip(comparisons, counts, strict=True)
    ]
    total = sum(bar.count for bar in bars)
    return Trend(
        unit,
        bars,
        lines,
        axis_max,
        total,
        published.count(chosen) - total if unit in ("day", "week") else 0,
        min([total, *(line.total for line in lines)]) < wording.MIN_COUNT_FOR_PERCENT,
        period_before,
    )


def count_by_category(published: PublishedIncidents, chosen: Filter) -> list[CategoryBar]:
    """Count incidents by category, most frequent first, and compare with the period before."""
    chosen = chosen.covered_by(published) or chosen
    counts = published.count_by_category(chosen)
    before = comparison_filters(chosen)[0]
    known = published.count_by_category(before) if before.since >= published.since else None
    max_count = max(counts.values(), default=1)
    return [
        CategoryBar(
            slug,
            published.category_names[slug],
            published.families[slug],
            count,
            round(count / max_count * 100, 1),
            None if known is None else known.get(slug, 0),
        )
        for slug, count in sorted(counts.items(), key=lambda item: -item[1])
    ]


def build_hour_grid(hours: HourCounts, *, is_part_of_day: bool = False) -> HourGrid:
    """Lay counts out by weekday and hour. Incidents without a known hour or day are counted apart, never as midnight.

    `is_part_of_day`: the filter chose hours, so the busiest ones would say nothing about the day.
    """
    max_count = max(map(max, hours.grid))
    weekdays = [
        _weekday_row(number, line, unknown_hour, max_count)
        for number, (line, unknown_hour) in enumerate(zip(hours.grid, hours.no_hour, strict=True))
    ]
    known = sum(map(sum, hours.grid))
    return HourGrid(
        weekdays,
        [wording.format_hour(hour) for hour in range(24)],
        max_count,
        known,
        sum(hours.no_hour),
        hours.no_day,
        "" if is_part_of_day or known < wording.MIN_COUNT_FOR_PERCENT else describe_busiest_hours(hours.grid),
    )


def _weekday_row(number: int, counts: list[int], unknown_hour: int, max_count: int) -> WeekdayRow:
    cells = [(hour, count, -(-count * SHADES // max_count) if count else 0) for hour, count in enumerate(counts)]
    squares = "".join(
        f'<rect class="s{shade}" x="{hour}" y="{number}" width="1" height="1"/>' for hour, _count, shade in cells
    )
    table_cells = "".join(f'<td class="number">{count}</td>' for count in [*counts, unknown_hour])
    return WeekdayRow(str(WEEKDAYS[number]), cells, unknown_hour, mark_safe(squares), mark_safe(table_cells))  # noqa: S308  (numbers)


def describe_busiest_hours(counts: list[list[int]]) -> str:
    """Name the six consecutive hours of the day with the most incidents, and their share; `counts` by weekday and hour."""
    by_hour = [sum(line[hour] for line in counts) for hour in range(24)]
    sums = [sum(by_hour[(start + after) % 24] for after in range(6)) for start in range(24)]
    first = sums.index(max(sums))
    values = {
        "first": wording.format_hour(first),
        "last": wording.format_hour(first + 6),
        "percent": wording.format_percent(sums[first], sum(by_hour)),
    }
    if sums.count(sums[first]) > 1:
        return (
            _(
                "No six hours had more incidents than %(first)s to %(last)s (%(percent)s of incidents with a known hour)."
                " Other hours had as many."
            )
            % values
        )
    return _("The busiest six hours: %(first)s to %(last)s (%(percent)s of incidents with a known hour).") % values


def _period_unit(published: PublishedIncidents, chosen: Filter) -> str:
    days = (min(chosen.until, published.until) - max(chosen.since, published.since)).days + 1
    return (
        "day"
        if days <= MAX_DAYS_DAILY
        else "week"
        if days <= MAX_DAYS_WEEKLY
        else "month"
        if days <= MAX_DAYS_MONTHLY
        else "year"
    )


def _count_by_unit(published: PublishedIncidents, chosen: Filter) -> list[tuple[date, int]]:
    """Return (first day, count) for each period. Weeks are cut back from the last day, so that the newest week is complete."""
    unit = _period_unit(published, chosen)
    if unit in ("day", "week"):
        since = max(chosen.since, published.since)
        size = 1 if unit == "day" else 7
        counts = published.count_by_day(chosen)
        starts = range(-(-len(counts) % size), len(counts), size)
        return [(since + timedelta(max(0, start)), sum(counts[max(0, start) : start + size])) for start in starts]
    months = published.count_by_month(chosen)
    if unit == "month":
        return months
    years: dict[date, int] = {}
    for month, count in months:
        year = month.replace(month=1)
        years[year] = years.get(year, 0) + count
    return list(years.items())


def _is_partial(unit: str, first: date, chosen: Filter, published: PublishedIncidents) -> bool:
    """Return whether the selection covers only a part of the period that begins on `first`."""
    since, until = max(chosen.since, published.since), min(chosen.until, published.until)
    match unit:
        case "day":
            return False
        case "week":
            return first == since and ((until - since).days + 1) % 7 != 0
        case "month":
            last = (first.replace(day=28) + timedelta(4)).replace(day=1) - timedelta(1)
        case _:
            last = date(first.year, 12, 31)
    return first < since or last > until


def _period_name(unit: str, first: date) -> str:
    match unit:
        case "month":
            return date_format(first, "F Y")
        case "year":
            return date_format(first, "Y")
        case "week":
            return _("Week from %(day)s") % {"day": wording.format_day(first)}
        case _:
            return wording.format_day(first)


def _axis_label(unit: str, first: date) -> str:
    return date_format(first, {"month": "M Y", "year": "Y"}.get(unit, "M j"))


def _polyline_points(counts: list[int], axis_max: int) -> str:
    return " ".join(
        f"{number + 0.5},{DRAWING_HEIGHT - count / axis_max * DRAWING_HEIGHT:.1f}"
        for number, count in enumerate(counts)
    )


def _round_up_for_axis(count: int) -> int:
    """Round up to a number that reads well on an axis, as does its half."""
    size = 2
    while True:
        for step in (1, 2, 3, 4, 5, 6, 8, 10):
            if step * size >= count:
                return step * size
        size *= 10
