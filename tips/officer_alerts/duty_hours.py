"""Counts hours on duty: the time in which at least one officer or supervisor has a shift, by the calendar as it is now.

Response targets that aren't urgent count these hours, so that no tip is late because of a night in which nobody works.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from dataclasses import dataclass

from django.utils import timezone

from tips.officer_alerts.duty_calendar import DutyCalendar, Period, read_calendar

# Far outside of every tip's life. Before and after the days that were read, day and night count.
_PAST, _FUTURE = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
_MAX_DAYS = 371


@dataclass(frozen=True, slots=True)
class DutyHours:
    """Periods on duty in order, from `_PAST` to `_FUTURE`. `worked`: the time on duty before each of them."""

    begins: list[dt.datetime]
    ends: list[dt.datetime]
    worked: list[dt.timedelta]

    @classmethod
    def of_periods(cls, periods: list[Period]) -> DutyHours:
        worked, total = [], dt.timedelta()
        for period in periods:
            worked.append(total)
            total += period.end - period.begin
        return cls([period.begin for period in periods], [period.end for period in periods], worked)

    def _measure(self, at: dt.datetime) -> dt.timedelta:
        index = max(0, bisect_right(self.begins, at) - 1)
        return self.worked[index] + (max(self.begins[index], min(at, self.ends[index])) - self.begins[index])

    def covers(self, at: dt.datetime) -> bool:
        """Return whether the shifts of this time were read: before, day and night count."""
        return self.ends[0] <= at

    def count(self, begin: dt.datetime, end: dt.datetime) -> dt.timedelta:
        """Return how much of this time is on duty; negative if it ends before it begins."""
        return self._measure(end) - self._measure(begin)

    def find_due(self, begin: dt.datetime, span: dt.timedelta) -> dt.datetime:
        """Return when `span` on duty has passed since `begin`. The database does the same (duty_due in rules.sql)."""
        wanted = self._measure(begin) + span
        index = max(0, bisect_right(self.worked, wanted) - 1)
        return self.begins[index] + (wanted - self.worked[index])


def load(now: dt.datetime, reach: dt.timedelta, since: dt.datetime | None = None) -> DutyHours | None:
    """Return the hours on duty around `now`; None in an agency without shifts, where day and night count.

    They cover `reach` on duty before and after `now`, and the time since `since`, but no more than a year either way.
    """
    calendar = read_calendar()
    if not calendar.has_shifts:
        return None
    back = ahead = 7
    while True:
        hours, start, stop = _cover(calendar, timezone.localdate(now), back, ahead)
        if back < _MAX_DAYS and (hours.count(start, now) < reach or (since is not None and since < start)):
            back = min(2 * back, _MAX_DAYS)
        elif ahead < _MAX_DAYS and hours.count(now, stop) < reach:
            ahead = min(2 * ahead, _MAX_DAYS)
        else:
            return hours


def _cover(calendar: DutyCalendar, today: dt.date, back: int, ahead: int) -> tuple[DutyHours, dt.datetime, dt.datetime]:
    """Return the hours with the shifts of so many days before and after today, and where these days begin and end."""
    first, last = today - dt.timedelta(days=back), today + dt.timedelta(days=ahead)
    start, stop = _find_midnight(first), _find_midnight(last + dt.timedelta(days=1))
    # With the day before the first: its night shift ends on the first.
    periods = calendar.list_manned_periods(first - dt.timedelta(days=1), last)
    inside = [Period(max(each.begin, start), min(each.end, stop)) for each in periods if each.end > start]
    return DutyHours.of_periods([Period(_PAST, start), *inside, Period(stop, _FUTURE)]), start, stop


def _find_midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), timezone.get_current_timezone()).astimezone(dt.UTC)
