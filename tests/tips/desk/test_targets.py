"""Response targets where the agency has a duty calendar: most count hours on duty, urgent ones and replies day and night."""

from __future__ import annotations

import datetime as dt

import pytest
from django.http import QueryDict
from django.utils import timezone

from core.demo_clock import freeze_clock
from core.models import Account
from core.staff import groups
from tests.tips.desk import officers
from tips.desk import queue, triage, workload
from tips.desk.queue.targets import Due
from tips.models import Message, Shift, Tip

pytestmark = pytest.mark.django_db
# Shifts are on weekdays from 8 to 17.
FRIDAY_16 = dt.datetime(2026, 11, 27, 16, tzinfo=dt.UTC)


@pytest.fixture
def okafor() -> Account:
    account = officers.create_officer("okafor", groups.SUPERVISOR)
    for weekday in range(5):
        Shift.objects.create(officer=account, weekday=weekday, starts_at=dt.time(8), ends_at=dt.time(17))
    return account


def due_of(account: Account, tip: Tip) -> Due:
    rows = [row for group in queue.load(account, QueryDict()).groups for row in group.rows]
    due = next(row.due for row in rows if row.pk == tip.pk)
    assert due is not None
    return due


def standings(account: Account) -> dict[str, int]:
    return {standing: queue.load(account, QueryDict(f"time={standing}")).count or 0 for standing in ("late", "in_time")}


def test_over_a_weekend_only_urgent_tips_and_replies_run_out(okafor: Account) -> None:
    with timezone.override(dt.UTC):
        with freeze_clock(FRIDAY_16):
            normal, urgent = officers.send_tip(), officers.send_tip(danger="yes")
            answered, waiting = officers.send_opened_tip(okafor), officers.send_opened_tip(okafor)
            triage.answer(answered, okafor, "Thanks", b"1", ask=False)
            triage.answer(waiting, okafor, "Where?", b"2", ask=True)
            assert due_of(okafor, normal).words == "1 h left"
        with freeze_clock(FRIDAY_16 + dt.timedelta(minutes=30)):
            assert (due_of(okafor, normal).words, due_of(okafor, normal).target) == ("30 min left", "of 1 h")
            assert due_of(okafor, normal).hint == "Counted in hours in which an officer is on duty."
            assert due_of(okafor, urgent).words == "15 min over"
            assert due_of(okafor, urgent).hint == ""
        with freeze_clock(FRIDAY_16 + dt.timedelta(hours=40)):  # Sunday morning
            assert due_of(okafor, normal).words == "due now"
            assert (due_of(okafor, answered).words, due_of(okafor, answered).target) == ("23 h left", "of 24 h")
            assert (due_of(okafor, waiting).words, due_of(okafor, waiting).target) == ("3 days left", "of 5 days")
            listed = [row.pk for group in queue.load(okafor, QueryDict()).groups for row in group.rows]
            assert [listed.index(tip.pk) for tip in (urgent, normal)] == [0, 1]
            # Of a new tip the database knows the hour: it may have come when the shift ended.
            assert standings(okafor) == {"late": 1, "in_time": 2}
        with freeze_clock(FRIDAY_16 + dt.timedelta(days=5, hours=1)):
            rows = {row.pk: row for group in queue.load(okafor, QueryDict()).groups for row in group.rows}
            assert (rows[waiting.pk].chip, rows[answered.pk].chip) == ("No answer", "")
        with freeze_clock(FRIDAY_16 + dt.timedelta(hours=66)):  # Monday, 10 a.m.
            assert due_of(okafor, normal).words == "2 h over"
            assert standings(okafor) == {"late": 2, "in_time": 1}
            loads = {load.who: load for load in workload.load_board(okafor).loads}
            assert loads["nobody"].late == 2


def test_an_urgent_tip_counts_from_its_second_and_its_messages_from_the_next_hour(okafor: Account) -> None:
    """Of both the database knows the hour alone, which would be up to an hour too early."""
    with timezone.override(dt.UTC):
        with freeze_clock(FRIDAY_16 + dt.timedelta(minutes=50)):
            tip = officers.send_opened_tip(okafor, danger="yes")
        with freeze_clock(FRIDAY_16 + dt.timedelta(minutes=55)):
            assert due_of(okafor, tip).words == "10 min left"
            assert standings(okafor)["late"] == 0
        with freeze_clock(FRIDAY_16 + dt.timedelta(minutes=56)):
            triage.answer(tip, okafor, "Thanks", b"1", ask=False)
            officers.write_as_source(tip, "He is back", b"2")
            assert due_of(okafor, tip).words == "15 min left"
        with freeze_clock(FRIDAY_16 + dt.timedelta(minutes=70)):
            assert due_of(okafor, tip).words == "5 min left"
            assert standings(okafor)["late"] == 0
        with freeze_clock(FRIDAY_16 + dt.timedelta(minutes=76)):
            assert due_of(okafor, tip).words == "1 min over"
            assert standings(okafor)["late"] == 1


def test_what_an_old_tip_is_over_counts_hours_on_duty_too(okafor: Account) -> None:
    with timezone.override(dt.UTC):
        with freeze_clock(FRIDAY_16 - dt.timedelta(days=70)):
            tip = officers.send_opened_tip(okafor)
        assert not Message.objects.exists()
        with freeze_clock(FRIDAY_16):
            # Ten weeks of 45 hours, without the target of 4.
            assert due_of(okafor, tip).words == "446 h over"
