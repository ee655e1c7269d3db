"""The duty calendar: shifts by the agency's clock, days off, longer and shorter duty, and the switch of agencies without shifts."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from core.models import Account
from core.staff import groups
from tests.tips.desk import officers
from tips.desk import triage
from tips.desk.duty import changes
from tips.models import DayOff, Duty, Note, Shift, State, Tip, Unit
from tips.officer_alerts import choose_recipients
from tips.officer_alerts.duty_calendar import DutyCalendar, find_quiet_end, is_quiet

CHICAGO = ZoneInfo("America/Chicago")  # the zone of the tests' settings


def at(text: str, fold: int = 0) -> dt.datetime:
    """Return a moment given by the agency's clock."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=CHICAGO, fold=fold)


def add_shift(account: Account, weekday: int, starts: str, ends: str) -> None:
    times = {"starts_at": dt.time.fromisoformat(starts), "ends_at": dt.time.fromisoformat(ends)}
    Shift.objects.create(officer=account, weekday=weekday, **times)


def set_clock(moment: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: moment)


def is_on_duty(account: Account, moment: dt.datetime) -> bool:
    return account.pk in DutyCalendar.load().list_on_duty(moment)


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor")


def test_a_night_shift_belongs_to_the_day_it_starts_on(okafor: Account) -> None:
    add_shift(okafor, 0, "22:00", "06:00")  # Mondays
    assert not is_on_duty(okafor, at("2026-11-30 21:59"))
    assert is_on_duty(okafor, at("2026-11-30 22:00"))
    assert is_on_duty(okafor, at("2026-12-01 05:59"))
    assert not is_on_duty(okafor, at("2026-12-01 06:00"))
    assert not is_on_duty(okafor, at("2026-12-01 23:00"))


@pytest.mark.parametrize(
    ("day", "starts", "ends", "hours"),
    [
        ("2026-11-01", "00:00", "04:00", 5),  # the clock is set back at 2 am
        ("2026-11-01", "00:00", "01:30", 2.5),  # until the second 1:30
        ("2026-03-08", "00:00", "04:00", 3),  # it is set forward at 2 am
        ("2026-03-08", "00:00", "02:30", 2.5),  # 2:30 doesn't exist, and stands for 3:30
        ("2026-11-08", "08:00", "08:00", 24),
    ],
)
def test_shifts_are_right_when_the_clock_changes(
    okafor: Account, day: str, starts: str, ends: str, hours: float
) -> None:
    date = dt.date.fromisoformat(day)
    add_shift(okafor, date.weekday(), starts, ends)
    (period,) = DutyCalendar.load().of(okafor.pk).list_shifts(date, date)
    assert period.end - period.begin == dt.timedelta(hours=hours)


def test_two_shifts_that_meet_leave_no_gap_when_the_clock_is_set_back(okafor: Account) -> None:
    add_shift(okafor, 6, "00:00", "01:30")
    add_shift(okafor, 6, "01:30", "08:00")
    moment, end = at("2026-11-01 00:00").astimezone(dt.UTC), at("2026-11-01 08:00").astimezone(dt.UTC)
    while moment < end:
        assert is_on_duty(okafor, moment), moment
        moment += dt.timedelta(minutes=15)


def test_no_shift_starts_on_a_day_off(okafor: Account) -> None:
    ito = officers.create_officer("ito")
    for account in (okafor, ito):
        add_shift(account, 3, "08:00", "16:00")
        add_shift(account, 2, "22:00", "06:00")
    DayOff.objects.create(officer=ito, first_day="2026-11-30", last_day="2026-12-06")
    thanksgiving = dt.date(2026, 11, 26)
    DayOff.objects.create(first_day=thanksgiving, last_day=thanksgiving)
    assert not is_on_duty(okafor, at("2026-11-26 12:00"))
    assert is_on_duty(okafor, at("2026-11-26 05:00"))  # began on the day before
    assert is_on_duty(okafor, at("2026-12-03 12:00"))
    assert not is_on_duty(ito, at("2026-12-03 12:00"))
    assert is_on_duty(ito, at("2026-11-19 12:00"))


def test_without_shifts_the_switch_decides_and_with_shifts_it_doesnt(okafor: Account) -> None:
    officers.set_duty(okafor)
    assert is_on_duty(okafor, at("2026-11-30 03:00"))
    add_shift(okafor, 0, "08:00", "16:00")
    assert not is_on_duty(okafor, at("2026-11-30 03:00"))
    assert is_on_duty(okafor, at("2026-11-30 09:00"))
    assert not is_on_duty(officers.set_duty(officers.create_officer("ito", is_active=False)), at("2026-11-30 09:00"))


def test_an_officer_stays_on_two_hours_longer_and_leaves_early(okafor: Account, monkeypatch: Any) -> None:
    add_shift(okafor, 0, "08:00", "16:00")
    add_shift(okafor, 1, "08:00", "16:00")
    set_clock(at("2026-11-30 15:30"), monkeypatch)
    changes.extend_duty(okafor)
    assert is_on_duty(okafor, at("2026-11-30 17:59"))
    assert not is_on_duty(okafor, at("2026-11-30 18:00"))
    set_clock(at("2026-11-30 15:40"), monkeypatch)
    changes.go_off_duty(okafor)
    assert not is_on_duty(okafor, at("2026-11-30 15:40"))
    assert not is_on_duty(okafor, at("2026-11-30 17:00"))
    assert is_on_duty(okafor, at("2026-12-01 08:00"))
    set_clock(at("2026-11-30 20:10"), monkeypatch)
    changes.go_on_duty(okafor)
    assert is_on_duty(okafor, at("2026-11-30 22:09"))
    assert not is_on_duty(okafor, at("2026-11-30 22:10"))
    assert [entry[3].partition(":")[0] for entry in officers.read_audit_trail()] == [
        "extended_until",
        "extended_until",
        "extended_until",
    ]


def test_the_next_duty_is_known(okafor: Account) -> None:
    ito = officers.create_officer("ito")
    add_shift(okafor, 0, "08:00", "16:00")
    add_shift(ito, 0, "12:00", "20:00")
    calendar = DutyCalendar.load()
    assert calendar.find_next_start(at("2026-11-29 12:00")) == at("2026-11-30 08:00")
    assert calendar.find_next_start(at("2026-11-29 12:00"), [ito.pk]) == at("2026-11-30 12:00")
    assert calendar.find_next_start(at("2026-11-30 09:00")) == at("2026-11-30 09:00")
    assert calendar.of(okafor.pk).find_end(at("2026-11-30 09:00")) == at("2026-11-30 16:00")


def test_quiet_hours_cross_midnight(okafor: Account) -> None:
    duty = Duty(officer=okafor, quiet_from=dt.time(22), quiet_until=dt.time(6))
    assert [is_quiet(duty, at(f"2026-11-30 {clock}")) for clock in ("21:59", "22:00", "03:00", "05:59", "06:00")] == [
        False, True, True, True, False,
    ]  # fmt: skip
    assert find_quiet_end(duty, at("2026-11-30 23:00")) == at("2026-12-01 06:00")
    assert find_quiet_end(duty, at("2026-11-30 03:00")) == at("2026-11-30 06:00")
    assert not is_quiet(Duty(officer=okafor), at("2026-11-30 03:00"))


def test_alerts_go_to_officers_in_their_shift(okafor: Account, monkeypatch: Any) -> None:
    ito = officers.create_officer("ito")
    add_shift(okafor, 0, "08:00", "16:00")
    add_shift(ito, 0, "16:00", "23:00")
    tip = officers.send_tip()
    (alert,) = tip.alerts.all()
    for clock, expected in (("12:00", [okafor.pk]), ("16:00", [ito.pk]), ("23:30", sorted([okafor.pk, ito.pk]))):
        set_clock(at(f"2026-11-30 {clock}"), monkeypatch)
        assert choose_recipients(tip.category_id, tip.unit_id, alert.pk) == expected


# Handover


def prepare_handover(okafor: Account) -> tuple[Account, Tip, Tip]:
    ito = officers.create_officer("ito")
    opened, unopened = officers.send_opened_tip(okafor), officers.send_tip()
    officers.set_duty(okafor)
    for tip in (opened, unopened):
        triage.assign(tip, okafor, okafor)
    return ito, opened, unopened


def test_going_off_duty_with_open_tips_asks_who_gets_them(okafor: Account) -> None:
    ito, opened, unopened = prepare_handover(okafor)
    client = officers.sign_in(okafor)
    answer = client.post("/admin/tips/duty/mine/", {"switch": "off"})
    assert answer["Location"] == "/admin/tips/duty/handover/"
    assert Duty.objects.get().on_duty
    page = client.get(answer["Location"]).content.decode()
    assert "You have 2 open tips." in page
    data = {"to": str(ito.pk), "word": "Call the school at 8", "form_id": "ab" * 16}
    page = client.post("/admin/tips/duty/handover/", data, follow=True).content.decode()
    assert "2 tips were handed over." in page
    assert not Duty.objects.get().on_duty
    assert set(Tip.objects.values_list("assigned_to", flat=True)) == {ito.pk}
    officers.let_acts_go_out()
    assert list(Note.objects.values_list("tip", flat=True)) == [opened.pk]
    unopened.refresh_from_db()
    assert unopened.state == State.NEW
    assert unopened.opened_after is None


def test_tips_go_back_to_the_desk_or_stay(okafor: Account) -> None:
    prepare_handover(okafor)
    client = officers.sign_in(okafor)
    client.post("/admin/tips/duty/handover/", {"to": "keep", "form_id": "ab" * 16})
    assert not Duty.objects.get().on_duty
    assert set(Tip.objects.values_list("assigned_to", flat=True)) == {okafor.pk}
    client.post("/admin/tips/duty/handover/", {"to": "nobody", "form_id": "ab" * 16})
    assert set(Tip.objects.values_list("assigned_to", flat=True)) == {None}


def test_a_tip_that_the_colleague_may_not_see_stays(okafor: Account) -> None:
    ito, opened, unopened = prepare_handover(okafor)
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(okafor)
    Tip.objects.filter(pk=opened.pk).update(unit=unit)
    client = officers.sign_in(okafor)
    data = {"to": str(ito.pk), "word": "", "form_id": "ab" * 16}
    page = client.post("/admin/tips/duty/handover/", data, follow=True).content.decode()
    assert "1 tip was handed over." in page
    assert f"This tip stays with you, since the other officer may not see it: {opened.number}." in page
    assert Duty.objects.get().on_duty
    opened.refresh_from_db()
    unopened.refresh_from_db()
    assert (opened.assigned_to_id, unopened.assigned_to_id) == (okafor.pk, ito.pk)


def test_supervisors_keep_the_calendar_and_officers_dont(okafor: Account) -> None:
    data = {"officer": okafor.pk, "weekday": 0, "starts_at": "22:00", "ends_at": "06:00"}
    assert officers.sign_in(okafor).post("/admin/tips/shift/add/", data).status_code == 403
    supervisor = officers.create_officer("lindqvist", groups.SUPERVISOR)
    assert officers.sign_in(supervisor).post("/admin/tips/shift/add/", data).status_code == 302
    assert str(Shift.objects.get()) == "okafor, Monday 22:00"
    page = officers.sign_in(okafor).get("/admin/tips/duty/mine/").content.decode()
    assert "Monday, 10 p.m. to 6 a.m." in page
    assert "on_duty" not in page
