"""Plain words for filters and incidents, the same on every page, in titles and for screen readers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time

from django.utils.dates import WEEKDAYS_ABBR
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crimemap.places import areas
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.results import IncidentRow, PeriodComparison

MIN_COUNT_FOR_PERCENT = 30  # fewer incidents make a percentage misleading

LAYER_NAMES = {
    "district": gettext_lazy("District"),
    "beat": gettext_lazy("Beat"),
    "neighbourhood": gettext_lazy("Neighborhood"),
}
PERIOD_NAMES = {
    7: gettext_lazy("7 days"),
    14: gettext_lazy("14 days"),
    30: gettext_lazy("30 days"),
    90: gettext_lazy("90 days"),
    365: gettext_lazy("1 year"),
}


def format_day(value: date) -> str:
    """Format a date: Nov. 16, 2026."""
    return date_format(value, "N j, Y")


def format_hour(number: int) -> str:
    """Format an hour of the day: 18 -> "6 p.m."; 24 is midnight."""
    return time_format(time(number % 24), "P")


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


def describe_comparison(comparison: PeriodComparison) -> str:
    """Compare counts with the period before: "6% fewer than in the period before."

    Returns an empty string if the data does not go back that far.
    """
    count_before, count = comparison.before, comparison.this
    if count_before is None:
        return ""
    if count_before < MIN_COUNT_FOR_PERCENT:
        return ngettext(
            "In the period before it was %(count)d.", "In the period before there were %(count)d.", count_before
        ) % {"count": count_before}
    percent = round((count - count_before) / count_before * 100)
    if not percent:
        return _("About as many as in the period before.")
    sentence = (
        _("%(percent)d%% more than in the period before.")
        if percent > 0
        else _("%(percent)d%% fewer than in the period before.")
    )
    return sentence % {"percent": abs(percent)}


def describe_period(chosen: Filter) -> str:
    """Describe the filter's period: "the last 30 days", "Jan. 1, 2026 to Jan. 31, 2026"."""
    if chosen.days == 365:
        return _("the last year")
    if chosen.days:
        return ngettext("the last %(days)d day", "the last %(days)d days", chosen.days) % {"days": chosen.days}
    if chosen.since == chosen.until:
        return format_day(chosen.since)
    return _("%(first)s to %(last)s") % {"first": format_day(chosen.since), "last": format_day(chosen.until)}


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
    return ", ".join(str(WEEKDAYS_ABBR[weekday]) for weekday in sorted(weekdays))


def format_distance(meters: float) -> str:
    """Format a distance: "500 m (0.3 mi)"."""
    if meters < 400:
        return _("%(metres)d m (%(feet)d ft)") % {"metres": meters, "feet": round(meters / 0.3048, -1)}
    metric_text = f"{meters / 1000:g} km" if meters >= 1000 else f"{meters:.0f} m"
    return _("%(metric)s (%(miles)s mi)") % {"metric": metric_text, "miles": f"{meters / 1609.344:.1f}"}
