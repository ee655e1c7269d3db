"""Plain words for filters and incidents: the same on every page, in titles and in what screen readers hear."""

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

ENOUGH = 30  # incidents from which a share in percent says something

LAYERS = {
    "district": gettext_lazy("District"),
    "beat": gettext_lazy("Beat"),
    "neighbourhood": gettext_lazy("Neighborhood"),
}
PRESETS = {
    7: gettext_lazy("7 days"),
    14: gettext_lazy("14 days"),
    30: gettext_lazy("30 days"),
    90: gettext_lazy("90 days"),
    365: gettext_lazy("1 year"),
}


def day(value: date) -> str:
    """Nov. 16, 2026"""
    return date_format(value, "N j, Y")


def hour(number: int) -> str:
    """18 -> "6 p.m."; 24 is midnight again."""
    return time_format(time(number % 24), "P")


def when(row: IncidentRow) -> str:
    """As exact as it is published, never more."""
    if row.precision == "month":
        return date_format(row.at, "F Y")
    if row.precision == "day":
        return day(row.at)
    return _("%(day)s, about %(hour)s") % {"day": day(row.at), "hour": hour(row.at.hour)}


def area(layer: str, code: str, names: Mapping[str, str]) -> str:
    """The name of an area, or "District 4" where it has none (or none but its code)."""
    name = names.get(code, "")
    return name if name and name != code else f"{LAYERS[layer]} {code}"


def where(row: IncidentRow) -> str:
    """The block, else the smallest area that is told."""
    if row.block:
        return row.block
    for layer in ("neighbourhood", "beat", "district"):
        if layer in row.areas:
            return area(layer, row.areas[layer], areas.area_names(layer))
    return _("Place not published")


def compared(comparison: PeriodComparison) -> str:
    """ "6% fewer than in the period before." Nothing where the data begins later."""
    before, this = comparison.before, comparison.this
    if before is None:
        return ""
    if before < ENOUGH:
        return ngettext(
            "In the period before it was %(count)d.", "In the period before there were %(count)d.", before
        ) % {"count": before}
    percent = round((this - before) / before * 100)
    if not percent:
        return _("About as many as in the period before.")
    sentence = (
        _("%(percent)d%% more than in the period before.")
        if percent > 0
        else _("%(percent)d%% fewer than in the period before.")
    )
    return sentence % {"percent": abs(percent)}


def period(chosen: Filter) -> str:
    """ "the last 30 days", "Jan. 1, 2026 to Jan. 31, 2026" """
    if chosen.days == 365:
        return _("the last year")
    if chosen.days:
        return ngettext("the last %(days)d day", "the last %(days)d days", chosen.days) % {"days": chosen.days}
    if chosen.since == chosen.until:
        return day(chosen.since)
    return _("%(first)s to %(last)s") % {"first": day(chosen.since), "last": day(chosen.until)}


def types(chosen: Filter, names: Mapping[str, str]) -> str:
    """ "all types", "Burglary", "3 types" """
    if not chosen.categories:
        return _("all types")
    if len(chosen.categories) == 1:
        return names[next(iter(chosen.categories))]
    return ngettext("%(count)d type", "%(count)d types", len(chosen.categories)) % {"count": len(chosen.categories)}


def hours(numbers: frozenset[int]) -> str:
    """ "10 p.m. to 5 a.m."; several stretches are joined."""
    return ", ".join(
        _("%(first)s to %(last)s") % {"first": hour(first), "last": hour(last + 1)}
        for first, last in stretches(numbers)
    )


def stretches(numbers: frozenset[int]) -> list[tuple[int, int]]:
    """Hours as (first, last), both in it; one that goes over midnight is one."""
    starts = sorted(each for each in numbers if (each - 1) % 24 not in numbers)
    result = []
    for first in starts:
        last = first
        while (last + 1) % 24 in numbers:
            last = (last + 1) % 24
        result.append((first, last))
    return result


def weekdays(numbers: frozenset[int]) -> str:
    return ", ".join(str(WEEKDAYS_ABBR[number]) for number in sorted(numbers))


def distance(metres: float) -> str:
    """ "500 m (0.3 mi)" """
    if metres < 400:
        return _("%(metres)d m (%(feet)d ft)") % {"metres": metres, "feet": round(metres / 0.3048, -1)}
    kilometres = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:.0f} m"
    return _("%(metric)s (%(miles)s mi)") % {"metric": kilometres, "miles": f"{metres / 1609.344:.1f}"}
