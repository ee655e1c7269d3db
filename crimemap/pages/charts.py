"""What the charts of a selection show, in figures and in units of their drawings. Every figure is in a table, too.

A drawing of bars is 100 units high and as many wide as it has periods; the page stretches it, and writes all words itself, so
that they stay readable on a phone.
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
from crimemap.snapshot.reader import PublishedIncidents, earlier
from crimemap.snapshot.results import HourCounts

DAILY, WEEKLY, MONTHLY = 21, 120, 5 * 366  # days up to which a trend is told by days, weeks, months; then by years
LABELS = 4  # below a trend, at most: what a phone has room for
SHADES = 5  # of the grid of hours, without the empty one
HEIGHT = 100


@dataclass(frozen=True, slots=True)
class Bar:
    """One period of a trend. Heights are units; `earlier` are the counts of the periods compared with, None where unknown."""

    name: str
    label: str
    count: int
    height: float
    earlier: list[int | None]
    is_cut: bool

    @property
    def top(self) -> float:
        return HEIGHT - self.height


@dataclass(frozen=True, slots=True)
class Line:
    """A period compared with: its name, its total and the points of its line."""

    name: str
    css: str
    total: int
    points: str


@dataclass(frozen=True, slots=True)
class Trend:
    unit: str
    bars: list[Bar]
    lines: list[Line]
    highest: int
    total: int
    is_small: bool

    @property
    def middle(self) -> int:
        return self.highest // 2

    @property
    def has_cut(self) -> bool:
        return any(bar.is_cut for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Kind:
    """A category; `width` is its share of the largest in percent."""

    slug: str
    name: str
    family: str
    count: int
    width: float
    before: int | None


@dataclass(frozen=True, slots=True)
class Weekday:
    """A row of the grid: (hour, count, shade 0 to SHADES) for each hour, and how many of unknown hour; the same as the
    drawing's squares and the table's cells, written here because a template would take longer than all the rest."""

    name: str
    cells: list[tuple[int, int, int]]
    no_hour: int
    squares: SafeString
    fields: SafeString


@dataclass(frozen=True, slots=True)
class Grid:
    """`busiest` is in words; None where no hour is known."""

    weekdays: list[Weekday]
    hours: list[str]
    highest: int
    known: int
    no_hour: int
    no_day: int
    busiest: str


def trend(published: PublishedIncidents, chosen: Filter, highest: int = 0) -> Trend:
    """Counts over time, with the period before and the same a year ago where the data goes back that far.

    `highest`: what the axis has to reach, for charts that stand side by side.
    """
    series = _series(published, chosen)
    before, year_ago = earlier(chosen)
    others = [(_("The same days a year before"), "year-ago", year_ago)]
    if before.since != year_ago.since:
        others.insert(0, (_("The period before"), "before", before))
    told = [(name, css, _series(published, other)) for name, css, other in others if other.since >= published.since]
    counts = [[count for _first, count in points] for _name, _css, points in told]
    highest = highest or _rounded(
        max([*(count for _first, count in series), *(n for line in counts for n in line)], default=0)
    )
    unit = _unit(published, chosen)
    step = max(1, -(-len(series) // LABELS))
    bars = [
        Bar(
            name=_name(unit, first),
            label=_label(unit, first) if number % step == 0 and len(series) - number > step / 2 else "",
            count=count,
            height=round(count / highest * HEIGHT, 1),
            earlier=[line[number] if number < len(line) else None for line in counts],
            is_cut=_is_cut(unit, first, chosen, published),
        )
        for number, (first, count) in enumerate(series)
    ]
    lines = [
        Line(name, css, sum(line), _points(line[: len(series)], highest))
        for (name, css, _points_of), line in zip(told, counts, strict=True)
    ]
    total = sum(bar.count for bar in bars)
    return Trend(unit, bars, lines, highest, total, min([total, *(line.total for line in lines)]) < wording.ENOUGH)


def kinds(published: PublishedIncidents, chosen: Filter) -> list[Kind]:
    """Counts by category, the most first, with those of the period before."""
    counts = published.categories(chosen)
    before = earlier(chosen)[0]
    known = published.categories(before) if before.since >= published.since else None
    most = max(counts.values(), default=1)
    return [
        Kind(
            slug,
            published.names[slug],
            published.families[slug],
            count,
            round(count / most * 100, 1),
            None if known is None else known.get(slug, 0),
        )
        for slug, count in sorted(counts.items(), key=lambda item: -item[1])
    ]


def grid(hours: HourCounts) -> Grid:
    """Hours by weekday; what has no known hour or day stands beside it and is never counted as midnight."""
    highest = max(map(max, hours.grid))
    weekdays = [
        _weekday(number, line, no_hour, highest)
        for number, (line, no_hour) in enumerate(zip(hours.grid, hours.no_hour, strict=True))
    ]
    known = sum(map(sum, hours.grid))
    return Grid(
        weekdays,
        [wording.hour(hour) for hour in range(24)],
        highest,
        known,
        sum(hours.no_hour),
        hours.no_day,
        _busiest(hours.grid) if known >= wording.ENOUGH else "",
    )


def _weekday(number: int, counts: list[int], no_hour: int, highest: int) -> Weekday:
    cells = [(hour, count, -(-count * SHADES // highest) if count else 0) for hour, count in enumerate(counts)]
    squares = "".join(
        f'<rect class="s{shade}" x="{hour}" y="{number}" width="1" height="1"/>' for hour, _count, shade in cells
    )
    fields = "".join(f'<td class="number">{count}</td>' for count in [*counts, no_hour])
    return Weekday(str(WEEKDAYS[number]), cells, no_hour, mark_safe(squares), mark_safe(fields))  # noqa: S308  (numbers)


def _busiest(counts: list[list[int]]) -> str:
    """The six hours of the day that have the most."""
    by_hour = [sum(line[hour] for line in counts) for hour in range(24)]
    first = max(range(24), key=lambda start: sum(by_hour[(start + after) % 24] for after in range(6)))
    share = sum(by_hour[(first + after) % 24] for after in range(6)) / sum(by_hour)
    return _("Most were from %(first)s to %(last)s: %(percent)d%% of those with a known hour.") % {
        "first": wording.hour(first),
        "last": wording.hour(first + 6),
        "percent": round(share * 100),
    }


def _unit(published: PublishedIncidents, chosen: Filter) -> str:
    days = (min(chosen.until, published.until) - max(chosen.since, published.since)).days + 1
    return "day" if days <= DAILY else "week" if days <= WEEKLY else "month" if days <= MONTHLY else "year"


def _series(published: PublishedIncidents, chosen: Filter) -> list[tuple[date, int]]:
    """Counts by the first day of each unit. Weeks run back from the last day, so that the newest is whole."""
    unit = _unit(published, chosen)
    if unit in ("day", "week"):
        since = max(chosen.since, published.since)
        size = 1 if unit == "day" else 7
        counts = published.days(chosen)
        starts = range(-(-len(counts) % size), len(counts), size)
        return [(since + timedelta(max(0, start)), sum(counts[max(0, start) : start + size])) for start in starts]
    months = published.months(chosen)
    if unit == "month":
        return months
    years: dict[date, int] = {}
    for month, count in months:
        year = month.replace(month=1)
        years[year] = years.get(year, 0) + count
    return list(years.items())


def _is_cut(unit: str, first: date, chosen: Filter, published: PublishedIncidents) -> bool:
    """Whether the selection holds a part of the period only."""
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


def _name(unit: str, first: date) -> str:
    match unit:
        case "month":
            return date_format(first, "F Y")
        case "year":
            return date_format(first, "Y")
        case "week":
            return _("Week from %(day)s") % {"day": wording.day(first)}
        case _:
            return wording.day(first)


def _label(unit: str, first: date) -> str:
    return date_format(first, {"month": "M Y", "year": "Y"}.get(unit, "M j"))


def _points(counts: list[int], highest: int) -> str:
    return " ".join(f"{number + 0.5},{HEIGHT - count / highest * HEIGHT:.1f}" for number, count in enumerate(counts))


def _rounded(count: int) -> int:
    """The next number that reads well on an axis, and whose half does."""
    size = 2
    while True:
        for step in (1, 2, 3, 4, 5, 6, 8, 10):
            if step * size >= count:
                return step * size
        size *= 10
