"""The time brush below the map: a histogram around the chosen days, slices of the day, and periods to choose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crimemap import wording
from crimemap.snapshot.filters import PRESETS, Filter
from crimemap.snapshot.published_incidents import PublishedIncidents

HEIGHT = 44  # of the tallest bar, in units
LEAST_DAYS = 91  # shown
SPAN_FACTOR = 3  # as many times the chosen days are shown
ROOM_SHARE = 8  # at least an eighth as much is shown before the chosen days, so that the first day can be moved back
DAY_BARS, WEEK_BARS = 184, 3 * 366  # up to so many days a bar is a day, then a week, then a month
LEAST_DAYS_FOR_RANGE = 7
MAX_PENDING_DAYS = 31  # drawn as not published yet
MAX_TICKS = 8
TICK_PERCENT = range(12, 76)  # elsewhere are the labels of both ends
TICK_MONTHS = {"day": range(1, 13), "week": (1, 4, 7, 10), "month": (1,)}
TICK_FORMATS = {"day": "N j", "week": "N Y", "month": "Y"}
SCHOOL_RUN, EVENING, NIGHT = frozenset({7, 8, 14, 15}), frozenset(range(18, 24)), frozenset(range(6))
WORKDAYS, WEEKEND = frozenset(range(5)), frozenset({5, 6})
EVERY: frozenset[int] = frozenset()
SLICES = (
    (gettext_lazy("All day"), "", EVERY, EVERY),
    (gettext_lazy("School run"), gettext_lazy("Monday to Friday, 7 to 9 a.m. and 2 to 4 p.m."), SCHOOL_RUN, WORKDAYS),
    (gettext_lazy("Evening"), gettext_lazy("6 p.m. to midnight"), EVENING, EVERY),
    (gettext_lazy("Night"), gettext_lazy("midnight to 6 a.m."), NIGHT, EVERY),
    (gettext_lazy("Weekend"), gettext_lazy("Saturday and Sunday"), EVERY, WEEKEND),
)


@dataclass(slots=True)  # a frozen one takes three times as long to create
class Bar:
    """The incidents of a day, a week or a month; top and height in units."""

    first: date
    last: date
    count: int
    top: int
    height: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A date below the histogram; at: its distance from the left, "38.5%"."""

    at: str
    name: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A link to another selection, with its explanation."""

    name: str
    hint: str
    query: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class TimeBrush:
    """unit: "day", "week" or "month". pending: bars of days that are not published yet; width: of all bars."""

    unit: str
    bars: list[Bar]
    ticks: list[Tick]
    pending: int
    pending_text: str
    title: str
    short_title: str
    summary: str
    slices: list[Choice]

    @property
    def width(self) -> int:
        return len(self.bars) + self.pending

    @property
    def pending_start(self) -> str:
        """The distance of the days that are not published yet from the left: "93.48%"."""
        return f"{100 * len(self.bars) / self.width:.2f}%"

    @property
    def pending_width(self) -> str:
        return f"{100 * self.pending / self.width:.2f}%"

    @property
    def drawn_bars(self) -> SafeString:
        """The bars as SVG. They are written here because a template takes longer for 300 bars than for the rest of the brush."""
        rects = (
            f'<rect class="{"on" if bar.is_chosen else "off"}" x="{number}.1" y="{bar.top}" width=".8" height="{bar.height}"'
            f' data-first="{bar.first.isoformat()}" data-last="{bar.last.isoformat()}"/>'
            for number, bar in enumerate(self.bars)
        )
        return mark_safe("".join(rects))  # noqa: S308  (numbers and days)

    @property
    def first_label(self) -> str:
        return date_format(self.bars[0].first, "N j" if self.unit == "day" else "N Y") if self.bars else ""


@dataclass(frozen=True, slots=True)
class Period:
    """A period of the form. value: of the field "days"; query: of a link instead, where the value is empty."""

    value: str
    name: str
    days: str
    query: str
    is_chosen: bool


def build_brush(published: PublishedIncidents, chosen: Filter, total: int, today: date) -> TimeBrush:
    """Return the brush of a selection, which ends at the newest published day."""
    covered = chosen.covered_by(published) or replace(chosen, since=published.until, until=published.until)
    days = (covered.until - covered.since).days + 1
    room = timedelta((published.until - covered.since).days // ROOM_SHARE)
    first = min(covered.since - room, published.until - timedelta(max(LEAST_DAYS, SPAN_FACTOR * days) - 1))
    shown = (published.until - first).days + 1
    unit = "day" if shown <= DAY_BARS else "week" if shown <= WEEK_BARS else "month"
    first = max(first.replace(day=1) if unit == "month" else first, published.since)  # no month is cut short
    whole = replace(chosen, since=first, until=published.until, days=0)
    counted = list(_count_months(published, whole) if unit == "month" else _count_days(published, whole, unit))
    largest = max((count for _first, _last, count in counted), default=0) or 1
    bars = []
    for since, until, count in counted:
        height = -(-count * HEIGHT // largest)
        is_chosen = since <= covered.until and until >= covered.since
        bars.append(Bar(since, until, count, HEIGHT - height, height, is_chosen))
    pending_days = min(MAX_PENDING_DAYS, max(0, (today - published.until).days)) if unit == "day" else 0
    return TimeBrush(
        unit,
        bars,
        _choose_ticks(bars, unit, len(bars) + pending_days),
        pending_days,
        _("After %(day)s: not published yet") % {"day": date_format(published.until, "N j")},
        wording.format_days(covered.since, covered.until),
        _shorten_days(covered.since, covered.until, today),
        _summarize(days, total, [each for each in bars if each.is_chosen] if unit == "day" else []),
        [
            Choice(
                str(name),
                str(hint),
                replace(chosen, hours=hours, weekdays=weekdays).query_string(),
                (chosen.hours, chosen.weekdays) == (hours, weekdays),
            )
            for name, hint, hours, weekdays in SLICES
        ],
    )


def list_periods(published: PublishedIncidents, chosen: Filter) -> list[Period]:
    """Return the periods that the form offers, with their days."""
    last = published.until
    periods = []
    for days in PRESETS:
        first = last - timedelta(days - 1)
        name = ngettext("Newest %(days)d day", "Newest %(days)d days", days) % {"days": days}
        if days == 365:
            name = _("Newest 12 months")
        if first >= published.since:
            periods.append(Period(str(days), name, wording.format_days(first, last), "", chosen.days == days))
    next_day = last + timedelta(1)
    month_end = next_day.replace(day=1) - timedelta(1)  # of the last month whose days are all published
    month = replace(chosen, since=month_end.replace(day=1), until=month_end, days=0)
    if month.since >= published.since:
        is_chosen = not chosen.days and (chosen.since, chosen.until) == (month.since, month.until)
        name = _("Last calendar month")
        periods.append(Period("", name, date_format(month_end, "F Y"), month.query_string(), is_chosen))
    return periods


def _count_days(published: PublishedIncidents, whole: Filter, unit: str) -> Iterator[tuple[date, date, int]]:
    counts = published.count_by_day(whole)
    size = 7 if unit == "week" else 1
    for start in range(len(counts) % size, len(counts), size):  # weeks are cut back from the last day
        first = whole.since + timedelta(start)
        yield first, first + timedelta(size - 1), sum(counts[start : start + size])


def _count_months(published: PublishedIncidents, whole: Filter) -> Iterator[tuple[date, date, int]]:
    counted = published.count_by_month(whole)
    for (month, count), (next_month, _count) in pairwise(counted):
        yield month, next_month - timedelta(1), count
    for month, count in counted[-1:]:
        yield month, whole.until, count


def _choose_ticks(bars: list[Bar], unit: str, width: int) -> list[Tick]:
    """Return the first days of months, quarters or years that have room below the histogram."""
    days = []
    for number, bar in enumerate(bars):
        percent = 100 * number / width
        begins = bar.last.day <= (bar.last - bar.first).days + 1  # a month begins within the bar
        if begins and bar.last.month in TICK_MONTHS[unit] and int(percent) in TICK_PERCENT:
            days.append((percent, bar.last.replace(day=1)))
    shown = days[:: -(-len(days) // MAX_TICKS) or 1]
    return [Tick(f"{percent:.1f}%", date_format(day, TICK_FORMATS[unit])) for percent, day in shown]


def _shorten_days(first: date, last: date, today: date) -> str:
    """Format a span of days for a button, with the year only if it is another one: "Oct 23" to "Nov 21"."""
    form = "M j" if first.year == last.year == today.year else "M j, Y"
    return _("%(first)s – %(last)s") % {"first": date_format(first, form), "last": date_format(last, form)}


def _summarize(days: int, total: int, bars: list[Bar]) -> str:
    counted = wording.format_count(total)
    parts = [
        ngettext("%(days)d day", "%(days)d days", days) % {"days": days},
        ngettext("%(count)s incident", "%(count)s incidents", total) % {"count": counted},
    ]
    if len(bars) >= LEAST_DAYS_FOR_RANGE:
        counts = [bar.count for bar in bars]
        parts.append(
            _("%(least)s to %(most)s a day")
            % {"least": wording.format_count(min(counts)), "most": wording.format_count(max(counts))}
        )
    return ", ".join(parts)
