"""Plain words for filters and incidents, the same on every page, in titles and for screen readers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from functools import lru_cache

from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format, get_format, number_format, time_format
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from core.agency import current_settings
from crimemap.places import areas, lookup
from crimemap.snapshot.filters import Filter, FilterVocabulary
from crimemap.snapshot.results import IncidentRow, PeriodComparison

MIN_COUNT_FOR_PERCENT = 20  # in both periods; fewer incidents make a percentage misleading
YEAR_DAYS = (365, 366)

LAYER_NAMES = {
    "district": gettext_lazy("District"),
    "beat": gettext_lazy("Beat"),
    "neighbourhood": gettext_lazy("Neighborhood"),
}
LAYER_PLURALS = {
    "district": gettext_lazy("Districts"),
    "beat": gettext_lazy("Beats"),
    "neighbourhood": gettext_lazy("Neighborhoods"),
}
PERIOD_NAMES = {
    7: gettext_lazy("7 days"),
    14: gettext_lazy("14 days"),
    30: gettext_lazy("30 days"),
    90: gettext_lazy("90 days"),
    365: gettext_lazy("1 year"),
}


def format_count(number: int) -> str:
    """Group digits as the language does: 1234567 -> "1,234,567"."""
    if 0 <= number < 1000:
        return str(number)  # without asking for the language: a page has hundreds of numbers, most of them small
    separator = _thousand_separator(get_language())
    return number_format(number, force_grouping=True) if separator is None else f"{number:,}".replace(",", separator)


@lru_cache(maxsize=64)
def _thousand_separator(language: str | None) -> str | None:
    """Return what parts the thousands of a number, None in a language that groups other digits."""
    if get_format("NUMBER_GROUPING", language) != 3:
        return None
    return str(get_format("THOUSAND_SEPARATOR", language))


def format_day(value: date) -> str:
    """Format a date: Nov. 16, 2026."""
    return _format_day(date(value.year, value.month, value.day), get_language())


@lru_cache(maxsize=1024)
def _format_day(day: date, language: str | None) -> str:  # noqa: ARG001  (the key)
    return date_format(day, "N j, Y")


def format_days(first: date, last: date) -> str:
    """Format a span of days without what repeats: "Nov. 15-21, 2026", "Jan. 1 to Nov. 21, 2026", "Nov. 21, 2026"."""
    if first == last:
        return format_day(first)
    if first.year != last.year:
        return _("%(first)s to %(last)s") % {"first": format_day(first), "last": format_day(last)}
    if first.month != last.month:
        # Translators: two days of one year, the second with the year: "Jan. 1 to Nov. 21, 2026".
        return _("%(first)s to %(last)s") % {"first": date_format(first, "N j"), "last": format_day(last)}
    # Translators: days of one month: "Nov. 15-21, 2026".
    return _("%(month)s %(first)d–%(last)d, %(year)d") % {
        "month": date_format(first, "N"),
        "first": first.day,
        "last": last.day,
        "year": first.year,
    }


def format_hour(number: int) -> str:
    """Format an hour of the day: 18 -> "6 p.m."; 24 is midnight."""
    return _format_hour(number % 24, get_language())


@lru_cache(maxsize=256)
def _format_hour(hour: int, language: str | None) -> str:  # noqa: ARG001  (the key)
    return time_format(time(hour), "P")


def describe_time(row: IncidentRow) -> str:
    """Say when an incident was, no more exactly than its published precision."""
    if row.precision == "month":
        return date_format(row.at, "F Y")
    if row.precision == "day":
        return format_day(row.at)
    return _("%(day)s, about %(hour)s") % {"day": format_day(row.at), "hour": format_hour(row.at.hour)}


def area_name(layer: str, code: str, names: Mapping[str, str]) -> str:
    """Return the name of an area, or "District 4" if its name is missing or equal to its code."""
    name = names.get(code, "")
    return name if name and name != code else f"{LAYER_NAMES[layer]} {code}"


def describe_place(row: IncidentRow) -> str:
    """Say where an incident was: its block, else the smallest published area."""
    if row.block:
        return row.block
    for layer in ("neighbourhood", "beat", "district"):
        if layer in row.areas:
            return area_name(layer, row.areas[layer], areas.area_names(layer))
    return _("Place not published")


def describe_count(count: int, chosen: Filter, published: FilterVocabulary) -> str:
    """Say how many incidents a filter has and of which days: "207 incidents happened Nov. 15-21, 2026 (the newest 7 days we have)."

    The days are those of the filter that are published, so that no sentence promises days without data.
    """
    covered = chosen.covered_by(published)
    if covered is None:
        return _("We have no data for these days. Our data runs from %(first)s to %(last)s.") % {
            "first": format_day(published.since),
            "last": format_day(published.until),
        }
    if not count:
        days = format_days(covered.since, covered.until)
        return _("We have no incidents to show for %(period)s.") % {"period": _mark_newest(days, covered)}
    period = describe_period(covered)
    # Translators: %(period)s is for example "on Nov. 21, 2026" or "Nov. 15-21, 2026 (the newest 7 days we have)".
    sentence = ngettext("%(count)s incident happened %(period)s.", "%(count)s incidents happened %(period)s.", count)
    return sentence % {"count": format_count(count), "period": period}


def name_selection(count: int, chosen: Filter) -> str:
    """Name a selection as a heading: "925 incidents in Riverton", "66 incidents in Lantern Hill"."""
    if chosen.circle or chosen.box:
        where = _("the chosen place")
    elif chosen.area:
        layer, code = chosen.area
        where = area_name(layer, code, areas.area_names(layer))
    else:
        where = current_settings.current().city
    # Translators: %(place)s is the name of the city or of an area, or "the chosen place".
    sentence = ngettext("%(count)s incident in %(place)s", "%(count)s incidents in %(place)s", count)
    return sentence % {"count": format_count(count), "place": where}


def describe_period(covered: Filter) -> str:
    """Say when, within a sentence: "on Nov. 21, 2026", "from Oct. 23 to Nov. 21, 2026 (the newest 30 days we have)".

    covered: with published days only (Filter.covered_by). A preset that is longer than the data is not called by its name.
    """
    return _mark_newest(describe_days(covered.since, covered.until), covered)


def describe_days(first: date, last: date) -> str:
    """Say on which days, after "happened": "on Nov. 21, 2026", "Nov. 15-21, 2026", "from Oct. 23 to Nov. 21, 2026"."""
    period = format_days(first, last)
    if first == last:
        return _("on %(day)s") % {"day": period}
    if (first.year, first.month) != (last.year, last.month):
        return _("from %(days)s") % {"days": period}
    return period


def _mark_newest(period: str, covered: Filter) -> str:
    days = (covered.until - covered.since).days + 1
    if covered.days == days == 365:
        return _("%(period)s (the newest year we have)") % {"period": period}
    if covered.days == days:
        return ngettext(
            "%(period)s (the newest %(days)d day we have)", "%(period)s (the newest %(days)d days we have)", days
        ) % {"period": period, "days": days}
    return period


def format_published_days(chosen: Filter, published: FilterVocabulary) -> str:
    """Format those days of a filter that are published: "Oct. 23 to Nov. 21, 2026"; all of its days if none are."""
    covered = chosen.covered_by(published) or chosen
    return format_days(covered.since, covered.until)


def name_period(chosen: Filter) -> str:
    """Name the filter's period as a choice: "newest 30 days", "Jan. 1 to Nov. 21, 2026"."""
    if chosen.days == 365:
        return _("newest year")
    if chosen.days:
        return ngettext("newest %(days)d day", "newest %(days)d days", chosen.days) % {"days": chosen.days}
    return format_days(chosen.since, chosen.until)


def name_period_before(days: int) -> str:
    """Name the equally long period before one of this length: "30 days before"."""
    if days in YEAR_DAYS:
        return _("Year before")
    return ngettext("Day before", "%(days)d days before", days) % {"days": days}


def describe_comparison(comparison: PeriodComparison) -> str:
    """Compare a count with the same days a year ago: "6 fewer (5%) than the 113 of the same days a year before."

    Days of more than a year, and data that does not go back a year or cannot be compared with it, are compared with the equally
    long period before. Return an empty string if there is none.
    """
    days = comparison.days
    if comparison.year_ago is not None and days < min(YEAR_DAYS):
        # Translators: follows "6 fewer than the 113 of".
        return compare_counts(comparison.this, comparison.year_ago, _("the same days a year before"))
    if comparison.before is None:
        return ""
    if days in YEAR_DAYS:
        # Translators: follows "6 fewer than the 113 of".
        span = _("the year before")
    else:
        # Translators: follows "6 fewer than the 113 of".
        span = ngettext("the day before", "the %(days)d days before", days) % {"days": days}
    return compare_counts(comparison.this, comparison.before, span)


def compare_counts(count: int, before: int, days: str) -> str:
    """Compare a count with that of other days, which are named: "4 fewer than the 34 of October 2025."

    A percentage stands only beside both figures, and only if both are MIN_COUNT_FOR_PERCENT or more. Two zeros say nothing.
    """
    figures = {
        "difference": format_count(abs(count - before)),
        "before": format_count(before),
        "days": days,
    }
    if count == before:
        return _("As many as the %(before)s of %(days)s.") % figures if count else ""
    percent = round(abs(count - before) / before * 100) if min(count, before) >= MIN_COUNT_FOR_PERCENT else 0
    if percent and count > before:
        # Translators: %(days)s names other days, such as "October 2025" or "the 30 days before".
        return _("%(difference)s more (%(percent)s%%) than the %(before)s of %(days)s.") % (
            figures | {"percent": str(percent)}
        )
    if percent:
        return _("%(difference)s fewer (%(percent)s%%) than the %(before)s of %(days)s.") % (
            figures | {"percent": str(percent)}
        )
    if count > before:
        return _("%(difference)s more than the %(before)s of %(days)s.") % figures
    return _("%(difference)s fewer than the %(before)s of %(days)s.") % figures


def describe_categories(chosen: Filter, names: Mapping[str, str]) -> str:
    """Describe the filter's categories: "all types", "Burglary", "3 types"."""
    if not chosen.categories:
        return _("all types")
    if len(chosen.categories) == 1:
        return names[next(iter(chosen.categories))]
    return ngettext("%(count)d type", "%(count)d types", len(chosen.categories)) % {"count": len(chosen.categories)}


def describe_hours(hours: frozenset[int]) -> str:
    """Describe hours of the day: "10 p.m. to 5 a.m."; several groups are joined with commas."""
    return ", ".join(
        _("%(first)s to %(last)s") % {"first": format_hour(first), "last": format_hour(last + 1)}
        for first, last in group_hours(hours)
    )


def group_hours(hours: frozenset[int]) -> list[tuple[int, int]]:
    """Group consecutive hours as (first, last), inclusive; a group may cross midnight."""
    starts = sorted(hour for hour in hours if (hour - 1) % 24 not in hours)
    result = []
    for first in starts:
        last = first
        while (last + 1) % 24 in hours:
            last = (last + 1) % 24
        result.append((first, last))
    return result


def describe_weekdays(weekdays: frozenset[int]) -> str:
    return ", ".join(str(WEEKDAYS[weekday]) for weekday in sorted(weekdays))


def format_distance(meters: float) -> str:
    """Format a distance: "0.3 miles (500 m)"."""
    if meters < 400:
        return _("%(feet)d feet (%(meters)d m)") % {"feet": round(meters / 0.3048, -1), "meters": meters}
    metric = f"{meters / 1000:g} km" if meters >= 1000 else f"{meters:.0f} m"
    return _("%(miles)s miles (%(metric)s)") % {"miles": f"{meters / 1609.344:.1f}", "metric": metric}


def format_percent(part: int, whole: int) -> str:
    """Format a share: "32%". Only nothing is 0% and only all is 100%."""
    rounded = round(part / whole * 100)
    percent = rounded if part in (0, whole) else min(max(rounded, 1), 99)
    return _("%(percent)d%%") % {"percent": percent}


def describe_point(latitude: float, longitude: float) -> str:
    """Name a point of the map by its block or intersection, or by the block that it is near."""
    place = lookup.find_place_at(latitude, longitude)
    if place:
        return place.name
    block = lookup.find_nearest_block(latitude, longitude)
    if block:
        return _("a point near %(block)s") % {"block": block.name}
    return _("a point on the map")
