"""Hours on duty: those in which at least one officer has a shift, counted alike in Python and in the database."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db.models import BooleanField, DateTimeField, DurationField, FloatField, Func, Value
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tips.desk import officers
from tips.models import DayOff, ResponseTarget, Shift
from tips.officer_alerts import duty_hours
from tips.officer_alerts.duty_calendar import DutyCalendar, OfficerDuty
from tips.officer_alerts.duty_hours import DutyHours

pytestmark = pytest.mark.django_db
CHICAGO = ZoneInfo("America/Chicago")
HOUR = dt.timedelta(hours=1)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=CHICAGO)


def add_shift(name: str, weekday: int, starts_at: str, ends_at: str) -> Shift:
    officer = officers.Account.objects.filter(username=name).first() or officers.create_officer(name)
    begin, end = dt.time.fromisoformat(starts_at), dt.time.fromisoformat(ends_at)
    return Shift.objects.create(officer=officer, weekday=weekday, starts_at=begin, ends_at=end)


def read_due_from_database(hours: DutyHours, begin: dt.datetime, span: dt.timedelta) -> dt.datetime:
    due = Func(
        Value(begin, DateTimeField()),
        Value(span, DurationField()),
        Value(False, BooleanField()),
        Value(hours.begins, ArrayField(DateTimeField())),
        Value(hours.ends, ArrayField(DateTimeField())),
        Value([each.total_seconds() for each in hours.worked], ArrayField(FloatField())),
        function="duty_due",
        output_field=DateTimeField(),
    )
    found: dt.datetime = ResponseTarget.objects.values_list(due, flat=True)[0]
    return found


def test_overlapping_shifts_count_once_and_days_off_and_switches_do_not() -> None:
    now = at("2026-12-02 12:00")
    assert duty_hours.load(now, HOUR) is None
    with timezone.override(CHICAGO):
        add_shift("okafor", 0, "08:00", "16:00")
        add_shift("ito", 0, "12:00", "20:00")
        add_shift("ito", 1, "22:00", "06:00")
        officers.set_duty(officers.create_officer("lee"))
        DayOff.objects.create(first_day=dt.date(2026, 12, 7), last_day=dt.date(2026, 12, 7))
        hours = duty_hours.load(now, 30 * HOUR)
        assert hours is not None
        assert hours.count(at("2026-11-30 00:00"), at("2026-12-01 00:00")) == 12 * HOUR
        assert hours.count(at("2026-11-30 15:00"), at("2026-11-30 17:00")) == 2 * HOUR
        assert hours.count(at("2026-12-07 00:00"), at("2026-12-08 12:00")) == dt.timedelta()
        assert hours.find_due(at("2026-11-30 19:00"), 2 * HOUR) == at("2026-12-01 23:00")
        # Monday is a day off, and the shift of Tuesday ends on Wednesday.
        assert hours.find_due(at("2026-12-02 05:00"), 9 * HOUR) == at("2026-12-14 08:00")
        assert duty_hours.load(now, HOUR, since=at("2026-06-01 00:00")).covers(at("2026-06-01 00:00"))  # type: ignore[union-attr]
        assert not hours.covers(at("2026-06-01 00:00"))


@given(
    shifts=st.lists(st.tuples(st.integers(0, 6), st.times(), st.times()), min_size=1, max_size=6),
    minutes=st.integers(0, 60 * 24 * 370),
    length=st.integers(0, 60 * 24 * 9),
)
@example(shifts=[(0, dt.time(0, 0), dt.time(0, 1))], minutes=0, length=8)
def test_hours_on_duty_are_the_sum_of_the_minutes_on_duty(
    shifts: list[tuple[int, dt.time, dt.time]], minutes: int, length: int
) -> None:
    rows = [
        Shift(
            weekday=day, starts_at=start.replace(second=0, microsecond=0), ends_at=end.replace(second=0, microsecond=0)
        )
        for day, start, end in shifts
    ]
    calendar = DutyCalendar({1: OfficerDuty(shifts=rows)})
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)
    end = begin + dt.timedelta(minutes=length)
    with timezone.override(CHICAGO):
        first, last = timezone.localdate(begin) - dt.timedelta(days=1), timezone.localdate(end)
        hours = DutyHours.of_periods(calendar.list_manned_periods(first, last + dt.timedelta(days=60)))
        assert dt.timedelta() <= hours.count(begin, end) <= end - begin
        step = dt.timedelta(minutes=61)
        probes = [begin + number * step for number in range(int((end - begin) / step))]
        for probe in probes[:20]:
            minute = hours.count(probe, probe + dt.timedelta(minutes=1))
            assert minute == (dt.timedelta(minutes=1) if calendar.list_on_duty(probe) else dt.timedelta())
        # Of a shift of a minute a week, the two months read here have eight.
        span = min(dt.timedelta(minutes=length % 300 + 1), hours.count(begin, hours.ends[-1]))
        due = hours.find_due(begin, span)
        assert hours.count(begin, due) == span
        if begin >= hours.begins[0]:
            assert abs(read_due_from_database(hours, begin, span) - due) < dt.timedelta(milliseconds=1)
