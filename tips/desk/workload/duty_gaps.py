"""Days on which the calendar has nobody for a category, and which officers no alert can reach."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from core.models import Account
from tips import readers
from tips.models import AlertChannel, Category, Duty, Unit
from tips.officer_alerts import channels
from tips.officer_alerts.duty_calendar import Period, read_calendar

DAYS = 7
_MOST_LISTED = 5
_SHORTEST = dt.timedelta(minutes=15)  # between two shifts, while one officer hands over to the next


@dataclass(frozen=True, slots=True)
class DutyGap:
    """A time without an officer on duty for `categories`; empty: for any."""

    period: Period
    categories: list[str]

    @property
    def when(self) -> str:
        begin, end = timezone.localtime(self.period.begin), timezone.localtime(self.period.end)
        format_end = "P" if begin.date() == end.date() else "D P"
        times = {"begin": formats.date_format(begin, "D P"), "end": formats.date_format(end, format_end)}
        return _("%(begin)s to %(end)s") % times

    @property
    def shift_query(self) -> str:
        """Return the query that fills the form for a new shift with this time."""
        begin, end = timezone.localtime(self.period.begin), timezone.localtime(self.period.end)
        return f"weekday={begin.weekday()}&starts_at={begin:%H:%M}&ends_at={end:%H:%M}"


@dataclass(frozen=True, slots=True)
class DutyGaps:
    """The first gaps in order, how many more there are, and the names of officers with one way or none to be alerted.

    `has_calendar`: any officer has shifts; without, there are no gaps to tell.
    """

    gaps: list[DutyGap]
    more: int
    unreachable: list[str]
    with_one_way: list[str]
    has_calendar: bool


def find_gaps() -> DutyGaps:
    """Return the gaps of the next days, by the shifts and days off. Categories that are sensitive or off the form are left out."""
    calendar, now = read_calendar(), timezone.now()
    gaps: dict[tuple[dt.datetime, dt.datetime], list[str]] = {}
    shown = list(Category.objects.filter(is_sensitive=False, active=True))
    if calendar.has_shifts:
        today, end = timezone.localdate(now), now + dt.timedelta(days=DAYS)
        first, last = today - dt.timedelta(days=1), today + dt.timedelta(days=DAYS)
        officers = _find_officers(shown)
        manned: dict[frozenset[int], list[Period]] = {}
        for category in shown:
            chosen = officers[category.pk]
            if chosen not in manned:
                manned[chosen] = calendar.list_manned_periods(first, last, chosen)
            for gap in _list_unmanned(manned[chosen], now, end):
                gaps.setdefault((gap.begin, gap.end), []).append(str(category))
    ordered = [
        DutyGap(Period(*times), [] if len(names) == len(shown) else names) for times, names in sorted(gaps.items())
    ]
    unreachable, with_one_way = _count_ways()
    return DutyGaps(
        ordered[:_MOST_LISTED], max(0, len(ordered) - _MOST_LISTED), unreachable, with_one_way, calendar.has_shifts
    )


def _list_unmanned(manned: Iterable[Period], begin: dt.datetime, end: dt.datetime) -> list[Period]:
    """Return the times between `begin` and `end` outside of these periods, which are in order."""
    gaps = []
    for period in manned:
        if period.begin - begin >= _SHORTEST:
            gaps.append(Period(begin, min(period.begin, end)))
        begin = max(begin, period.end)
        if begin >= end:
            return gaps
    return [*gaps, Period(begin, end)]


def _find_officers(categories: Iterable[Category]) -> dict[int, frozenset[int]]:
    """Return the officers that new tips of each category alert first: members of its unit who chose it, or chose none."""
    desk = frozenset(account.pk for account in readers.list_desk())
    chosen: dict[int, set[int]] = {}
    for officer_id, category_id in Duty.categories.through.objects.values_list("duty", "category"):
        chosen.setdefault(officer_id, set()).add(category_id)
    members: dict[int, set[int]] = {}
    for unit_id, account_id in Unit.members.through.objects.values_list("unit", "account"):
        members.setdefault(unit_id, set()).add(account_id)
    found = {}
    for category in categories:
        among = desk & members.get(category.unit_id, set()) if category.unit_id else desk
        found[category.pk] = frozenset(pk for pk in among if category.pk in chosen.get(pk, {category.pk}))
    return found


def _count_ways() -> tuple[list[str], list[str]]:
    """Return the names of the officers whom no alert reaches, and of those with one way alone where the agency allows more."""
    working = AlertChannel.objects.exclude(works=False).exclude(kind=channels.EMAIL).exclude(officer=None)
    broken_mails = set(AlertChannel.objects.filter(works=False, kind=channels.EMAIL).values_list("officer", flat=True))
    others: dict[int, int] = {}
    for officer_id in working.values_list("officer", flat=True):
        others[officer_id] = others.get(officer_id, 0) + 1

    def count(account: Account) -> int:
        return others.get(account.pk, 0) + bool(account.email and account.pk not in broken_mails)

    desk = [(account.get_full_name() or account.get_username(), count(account)) for account in readers.list_desk()]
    unreachable = [name for name, ways in desk if ways == 0]
    return unreachable, [name for name, ways in desk if ways == 1] if channels.list_allowed() else []
