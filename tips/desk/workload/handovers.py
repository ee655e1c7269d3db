"""The next time that officers on duty go off: which tips they then hold, and who is there to take them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import formats, timezone

from tips.desk.workload.board import Board, OfficerLoad
from tips.officer_alerts.duty_calendar import read_calendar

# Shifts that end so close to each other end together.
_TOGETHER = dt.timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Handover:
    """The officers who go off with open tips at `at`, the names of those on duty then, and if nobody is, when the next one comes."""

    at: dt.datetime
    leaving: list[OfficerLoad]
    staying: list[str]
    next_start: dt.datetime | None

    @property
    def tips(self) -> int:
        return sum(load.open for load in self.leaving)

    @property
    def when(self) -> str:
        return formats.date_format(timezone.localtime(self.at), "D P")

    @property
    def next_when(self) -> str:
        return formats.date_format(timezone.localtime(self.next_start), "D P") if self.next_start else ""


def find_next(board: Board) -> Handover | None:
    """Return the next handover by the calendar; None if nobody is on duty, or nobody's duty has an end."""
    calendar, now = read_calendar(), timezone.now()
    ends = {
        load.officer.pk: end
        for load in board.loads
        if load.officer is not None
        and load.is_on_duty
        and (end := calendar.of(load.officer.pk).find_end(now)) is not None
    }
    if not ends:
        return None
    at = max(end for end in ends.values() if end <= min(ends.values()) + _TOGETHER)
    people = [load for load in board.loads if load.officer is not None]
    leaving = [load for load in people if load.officer and ends.get(load.officer.pk, at + _TOGETHER) <= at]
    staying = [load.name for load in people if load.officer and calendar.of(load.officer.pk).is_on_duty(at)]
    return Handover(at, [load for load in leaving if load.open], staying, calendar.find_next_start(at))
