"""Decides which days a file of a whole period covers: only there is an incident withdrawn because the file lacks it.

The lowest and highest date of a file are not its period: a September's file has a late report from June, and one from a
mistyped year. So a person says which period it covers. Where nobody does, as when a system sends the file, a day counts as covered if the file has most of what is stored of that day, or of the days around it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crimemap.importing.staging import DayCount
from crimemap.wording import format_count

WINDOW_DAYS = 3  # before and after a day,
WINDOW_INCIDENTS = 15  # and so many incidents, where they are few
MIN_PRESENT_SHARE = 0.5
MIN_OF_ONE_DAY = 5  # stored incidents of a day that speak for themselves
MAX_SPANS_TOLD = 5


class DaySpan(NamedTuple):
    """Consecutive days with stored incidents that a file lacks; `incidents` is how many."""

    first: dt.date
    last: dt.date
    incidents: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """withdrawn: days whose absent incidents are withdrawn. kept_spans: the others, whose incidents stay."""

    withdrawn: list[DayCount] = field(default_factory=list)
    kept_spans: list[DaySpan] = field(default_factory=list)


def split_by_coverage(days: Sequence[DayCount]) -> Coverage:
    """Split the days of the file's period that have absent incidents. `days`: counts in and around the period, by date."""
    withdrawn: list[DayCount] = []
    kept: list[DayCount] = []
    for number, each in enumerate(days):
        if each.absent_inside:
            (withdrawn if _is_covered(days, number) else kept).append(each)
    return Coverage(withdrawn, join_days(kept))


def split_by_period(days: Sequence[DayCount], first: dt.date, last: dt.date) -> Coverage:
    """Split days that have absent incidents by the period that a person says the file covers."""
    absent = [each for each in days if each.absent_inside]
    inside = [each for each in absent if first <= each.day <= last]
    return Coverage(inside, join_days([each for each in absent if not first <= each.day <= last]))


def _is_covered(days: Sequence[DayCount], number: int) -> bool:
    """Return whether the file has more than half of what is stored of a day, or half of what is stored of the days around it."""
    own = days[number]
    if own.stored >= MIN_OF_ONE_DAY and (own.stored - own.absent) > own.stored * MIN_PRESENT_SHARE:
        return True
    stored, present = own.stored, own.stored - own.absent
    for neighbors in (range(number + 1, len(days)), range(number - 1, -1, -1)):
        side_count = 0
        for each in map(days.__getitem__, neighbors):
            if abs((each.day - own.day).days) > WINDOW_DAYS and side_count >= WINDOW_INCIDENTS:
                break
            side_count += each.stored
            present += each.stored - each.absent
        stored += side_count
    return present >= stored * MIN_PRESENT_SHARE


def join_days(days: Sequence[DayCount]) -> list[DaySpan]:
    """Join days that are at most WINDOW_DAYS apart into spans."""
    spans: list[DaySpan] = []
    for each in days:
        if spans and (each.day - spans[-1].last).days <= WINDOW_DAYS:
            spans[-1] = DaySpan(spans[-1].first, each.day, spans[-1].incidents + each.absent_inside)
        else:
            spans.append(DaySpan(each.day, each.day, each.absent_inside))
    return spans


def read_spans(stored: Sequence[Sequence[Any]]) -> list[DaySpan]:
    """Return the spans that ImportRun.report stores as [first, last, incidents]."""
    return [DaySpan(dt.date.fromisoformat(first), dt.date.fromisoformat(last), count) for first, last, count in stored]


def describe_spans(spans: Sequence[DaySpan]) -> str:
    """Return the spans for people: "June 20, 2026 (1), Aug. 3, 2026 to Aug. 31, 2026 (72)"."""
    described = [
        _("%(first)s to %(last)s (%(count)s)") % _span_values(span)
        if span.first < span.last
        else _("%(first)s (%(count)s)") % _span_values(span)
        for span in spans[:MAX_SPANS_TOLD]
    ]
    more = len(spans) - MAX_SPANS_TOLD
    if more > 0:
        described.append(ngettext("%(count)d more span", "%(count)d more spans", more) % {"count": more})
    return ", ".join(described)


def _span_values(span: DaySpan) -> dict[str, object]:
    first, last = (date_format(day, "DATE_FORMAT") for day in (span.first, span.last))
    return {"first": first, "last": last, "count": format_count(span.incidents)}
