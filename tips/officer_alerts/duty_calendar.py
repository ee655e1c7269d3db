"""Says who is on duty, now and at any other time: the one answer for alerts, targets and the desk.

An officer with shifts is on duty during these, by the agency's clock: a shift may cross midnight, and none starts on a day off.
Officers extend and leave their duty by hand. An officer without shifts is on duty while their switch is on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.db.models import Q
from django.utils import timezone

from core.web.asked_once import once_a_request
from tips import readers
from tips.models import DayOff, Duty, Shift

EXTENSION = dt.timedelta(hours=2)
_DAY = dt.timedelta(days=1)
# Shifts come every week; days off may cover more than one.
_MAX_DAYS_AHEAD = 35


@dataclass(frozen=True, slots=True)
class Period:
    """A time on duty: `begin` counts, `end` doesn't."""

    begin: dt.datetime
    end: dt.datetime

    def has(self, at: dt.datetime) -> bool:
        return self.begin <= at < self.end


@dataclass(slots=True)
class OfficerDuty:
    """The shifts, days off and switch that decide whether one officer is on duty."""

    is_switched_on: bool = False
    extended_until: dt.datetime | None = None
    left_until: dt.datetime | None = None
    shifts: list[Shift] = field(default_factory=list)
    days_off: list[DayOff] = field(default_factory=list)

    def find_shift(self, at: dt.datetime) -> Period | None:
        """Return the shift at this time; None between shifts."""
        day = timezone.localdate(at)
        return next((period for period in self.list_shifts(day - _DAY, day) if period.has(at)), None)

    def is_on_duty(self, at: dt.datetime) -> bool:
        if self.extended_until is not None and at < self.extended_until:
            return True
        if not self.shifts:
            return self.is_switched_on
        has_left = self.left_until is not None and at < self.left_until
        return not has_left and self.find_shift(at) is not None

    def find_end(self, at: dt.datetime) -> dt.datetime | None:
        """Return when the present duty ends; None without one, and for a duty that lasts until it is switched off."""
        end: dt.datetime | None = None
        for _step in range(2 * _MAX_DAYS_AHEAD):  # shifts may follow each other without a gap
            moment = end or at
            if not self.is_on_duty(moment):
                return end
            shift = self.find_shift(moment)
            ends = [shift.end] if shift else []
            if self.extended_until is not None and self.extended_until > moment:
                ends.append(self.extended_until)
            if not ends:
                return None
            end = max(ends)
        return end

    def list_shifts(self, first_day: dt.date, last_day: dt.date) -> Iterator[Period]:
        """Yield the shifts that start on these days, in order."""
        for number in range((last_day - first_day).days + 1):
            day = first_day + number * _DAY
            if any(off.first_day <= day <= off.last_day for off in self.days_off):
                continue
            for shift in sorted(self.shifts, key=lambda shift: shift.starts_at):
                if shift.weekday == day.weekday():
                    yield _place_shift(shift, day)


def _place_shift(shift: Shift, day: dt.date) -> Period:
    """Return the hours of a shift on a day. Where the clock is set back, a shift lasts until the later of the two same times.

    A time that the clock skips is as many minutes after the skip.
    """
    zone = timezone.get_current_timezone()
    end_day = day if shift.ends_at > shift.starts_at else day + _DAY
    begin = dt.datetime.combine(day, shift.starts_at, zone).astimezone(dt.UTC)
    end = dt.datetime.combine(end_day, shift.ends_at, zone)
    return Period(begin, max(end.replace(fold=fold).astimezone(dt.UTC) for fold in (0, 1)))


class DutyCalendar:
    """The duty of all active officers and supervisors, as of one moment. Four queries, whatever the number of officers."""

    def __init__(self, officers: dict[int, OfficerDuty]) -> None:
        self._officers = officers

    @classmethod
    def load(cls, account_id: int | None = None) -> DutyCalendar:
        """Read the duty of everyone, or of one officer."""
        return cls.of_accounts(
            readers.desk_accounts().values_list("pk", flat=True) if account_id is None else [account_id]
        )

    @classmethod
    def of_accounts(cls, account_ids: Iterable[int]) -> DutyCalendar:
        """Read the duty of these accounts."""
        officers = {pk: OfficerDuty() for pk in account_ids}
        for duty in Duty.objects.filter(officer__in=officers):
            officer = officers[duty.officer_id]
            officer.is_switched_on = duty.on_duty
            officer.extended_until, officer.left_until = duty.extended_until, duty.left_until
        for shift in Shift.objects.filter(officer__in=officers):
            officers[shift.officer_id].shifts.append(shift)
        if not any(officer.shifts for officer in officers.values()):
            return cls(officers)
        for days_off in DayOff.objects.filter(Q(officer=None) | Q(officer__in=officers)):
            concerned = officers if days_off.officer_id is None else (days_off.officer_id,)
            for officer_id in concerned:
                officers[officer_id].days_off.append(days_off)
        return cls(officers)

    def of(self, officer_id: int) -> OfficerDuty:
        """Return the duty of an officer; an empty one for an account that is no officer or supervisor."""
        return self._officers.get(officer_id) or OfficerDuty()

    def list_on_duty(self, at: dt.datetime) -> frozenset[int]:
        """Return the ids of the accounts that are on duty at this time."""
        return frozenset(pk for pk, officer in self._officers.items() if officer.is_on_duty(at))

    def find_next_start(self, at: dt.datetime, officer_ids: Iterable[int] | None = None) -> dt.datetime | None:
        """Return when one of these officers (default: of all) is next on duty: `at` if one is, None if none will be."""
        chosen = [self.of(pk) for pk in officer_ids] if officer_ids is not None else list(self._officers.values())
        if any(officer.is_on_duty(at) for officer in chosen):
            return at
        day = timezone.localdate(at)
        starts = (
            max(period.begin, officer.left_until or period.begin)
            for officer in chosen
            for period in officer.list_shifts(day - _DAY, day + _MAX_DAYS_AHEAD * _DAY)
            if period.end > at and (officer.left_until is None or officer.left_until < period.end)
        )
        return min((start for start in starts if start > at), default=None)

    def list_manned_periods(
        self, first_day: dt.date, last_day: dt.date, officer_ids: Iterable[int] | None = None
    ) -> list[Period]:
        """Return when at least one of these officers (default: of all) has a shift, of the shifts that start on these days.

        In order, none overlaps. By the shifts and days off alone: extensions and switches are known for the present only.
        """
        chosen = [self.of(pk) for pk in officer_ids] if officer_ids is not None else list(self._officers.values())
        shifts = (period for officer in chosen for period in officer.list_shifts(first_day, last_day))
        merged: list[Period] = []
        for period in sorted(shifts, key=lambda period: period.begin):
            if merged and period.begin <= merged[-1].end:
                merged[-1] = Period(merged[-1].begin, max(merged[-1].end, period.end))
            else:
                merged.append(period)
        return merged

    @property
    def has_shifts(self) -> bool:
        return any(officer.shifts for officer in self._officers.values())


@once_a_request
def read_calendar() -> DutyCalendar:
    """Return the duty of everyone as a page shows it. Acts ask `DutyCalendar.load`: they may have changed it."""
    return DutyCalendar.of_accounts(each.pk for each in readers.list_desk())


def is_quiet(duty: Duty, at: dt.datetime) -> bool:
    """Return whether this time is in the quiet hours that an officer chose, by the agency's clock."""
    if duty.quiet_from is None or duty.quiet_until is None:
        return False
    time = timezone.localtime(at).time()
    if duty.quiet_from <= duty.quiet_until:
        return duty.quiet_from <= time < duty.quiet_until
    return time >= duty.quiet_from or time < duty.quiet_until


def find_quiet_end(duty: Duty, at: dt.datetime) -> dt.datetime:
    """Return when the quiet hours that include this time end."""
    assert duty.quiet_until is not None
    local = timezone.localtime(at)
    end = dt.datetime.combine(local.date(), duty.quiet_until, local.tzinfo)
    if end <= local:
        end = dt.datetime.combine(local.date() + _DAY, duty.quiet_until, local.tzinfo)
    return end.astimezone(dt.UTC)
