"""Finds the incidents that an import of a whole period withdraws: stored ones of days that its file covers and that it lacks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from crimemap.importing.periods import snapshot_coverage
from crimemap.importing.periods.snapshot_coverage import DaySpan
from crimemap.importing.staging import DayCount, Staging
from crimemap.models import ImportRun

MAX_OUTSIDE_MINUTES = 400 * 24 * 60
Minutes = tuple[int, int]  # the first and the last, since 1970 in UTC


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """days: those whose absent incidents are withdrawn. kept_spans: others with absent incidents, which stay. period: the
    minutes that bound both. absent_days: all days of the covered period with absent incidents, which has `stored_count`
    stored ones."""

    days: Sequence[DayCount] = ()
    kept_spans: list[DaySpan] = field(default_factory=list)
    period: Minutes | None = None
    absent_days: Sequence[DayCount] = ()
    stored_count: int = 0

    @property
    def count(self) -> int:
        return sum(each.absent_inside for each in self.days)


def find_withdrawal(run: ImportRun, staging: Staging, read: Minutes) -> Withdrawal:
    """Find what a file withdraws, in the period that a person has said it covers (`run.snapshot_from` and `snapshot_to`), or
    else on the days that it covers by its content.

    read: the first and last minute of the file's rows.
    """
    zone = ZoneInfo(run.source.time_zone)
    if run.snapshot_from is None or run.snapshot_to is None:
        days = staging.count_by_day(*read)
        coverage = snapshot_coverage.split_by_coverage(days)
        first, last = run.covered_from, run.covered_to
        inside = [each for each in days if first and last and first <= each.day <= last]
        absent = [each for each in days if each.absent_inside]
        return Withdrawal(coverage.withdrawn, coverage.kept_spans, read, absent, sum(each.stored for each in inside))
    first_minute = _first_minute(run.snapshot_from, zone)
    last_minute = _first_minute(run.snapshot_to + dt.timedelta(1), zone) - 1
    # What stays outside is told where the file has rows, too, such as late reports, but not back to a mistyped year.
    period = (
        min(first_minute, max(read[0], first_minute - MAX_OUTSIDE_MINUTES)),
        max(last_minute, min(read[1], last_minute + MAX_OUTSIDE_MINUTES)),
    )
    days = [each for each in staging.count_by_day(*period) if each.stored]
    coverage = snapshot_coverage.split_by_period(days, run.snapshot_from, run.snapshot_to)
    inside = [each for each in days if run.snapshot_from <= each.day <= run.snapshot_to]
    stored_count = sum(each.stored for each in inside)
    return Withdrawal(coverage.withdrawn, coverage.kept_spans, period, coverage.withdrawn, stored_count)


def _first_minute(day: dt.date, zone: ZoneInfo) -> int:
    """Return the first minute of a local day."""
    return int(dt.datetime.combine(day, dt.time.min, zone).timestamp()) // 60
