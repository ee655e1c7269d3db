"""One answer to the tips of an event: apart in time and order, and no source learns of another."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from core.demo_clock import freeze_clock
from core.models import Account
from tests.tips.desk import officers
from tips.desk import outbox, triage
from tips.desk.alike import links, wave_answers
from tips.models import Message, PendingAct, Priority, Tip

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def officer() -> Account:
    return officers.create_officer()


@pytest.fixture
def wave(officer: Account) -> list[Tip]:
    tips = [officers.send_opened_tip(officer) for _ in range(6)]
    links.link(tips[0], [tip.pk for tip in tips[1:]], officer)
    return tips


def answered_lines() -> list[str]:
    return [subject for _actor, action, subject, _detail in officers.read_audit_trail() if action == "answered"]


def test_answers_leave_hours_apart_and_the_trail_has_no_lines_side_by_side(officer: Account, wave: list[Tip]) -> None:
    result = wave_answers.answer_all(wave[0], officer, "Thank you. We are on it.", b"1" * 16, ask=False)
    assert sorted(result.answered) == sorted(tip.number for tip in wave)
    due = list(PendingAct.objects.values_list("due_at", flat=True))
    now = timezone.now()
    assert all(now < moment <= now + wave_answers.SPREAD + dt.timedelta(minutes=1) for moment in due if moment)
    assert len(set(due)) > 1
    assert answered_lines() == []
    with freeze_clock(now + dt.timedelta(hours=5)):
        outbox.release_due()
    assert Message.objects.count() == len(wave)
    assert sorted(answered_lines()) == sorted(f"tip {tip.number}" for tip in wave)


def test_the_order_is_not_that_of_the_tips(officer: Account, wave: list[Tip], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([200, 3, 150, 90, 7, 30])
    monkeypatch.setattr(wave_answers.secrets, "randbelow", lambda _minutes: next(drawn))
    wave_answers.answer_all(wave[0], officer, "Thank you.", b"1" * 16, ask=False)
    first = PendingAct.objects.order_by("due_at").first()
    assert first is not None
    assert first.tip_id != wave[0].pk, "the tip that the officer was on is no exception"


def test_an_urgent_tip_is_answered_at_once(officer: Account, wave: list[Tip]) -> None:
    Tip.objects.filter(pk=wave[2].pk).update(priority=Priority.URGENT)
    wave_answers.answer_all(wave[0], officer, "Stay away from there.", b"1" * 16, ask=False)
    due = PendingAct.objects.get(tip=wave[2]).due_at
    assert due is not None
    assert due <= timezone.now() + dt.timedelta(seconds=41)


def test_tips_that_cannot_be_answered_are_named_and_the_others_are_sent(officer: Account, wave: list[Tip]) -> None:
    unopened = officers.send_tip()
    links.link(wave[0], [unopened.pk], officer)
    triage.close(Tip.objects.get(pk=wave[1].pk), officer, "useful")
    result = wave_answers.answer_all(wave[0], officer, "Thank you.", b"1" * 16, ask=False)
    assert {number for number, _sentence in result.left_out} == {unopened.number, wave[1].number}
    assert len(result.answered) == 5
    again = wave_answers.answer_all(wave[0], officer, "Thank you.", b"1" * 16, ask=False)
    assert PendingAct.objects.filter(kind="answer").count() == 5, "one form is one answer to each"
    assert again.left_out == result.left_out


def test_undo_takes_all_of_them_back(officer: Account, wave: list[Tip]) -> None:
    wave_answers.answer_all(wave[0], officer, "Thank you.", b"1" * 16, ask=False)
    batch = PendingAct.objects.values_list("batch", flat=True).distinct().get()
    assert batch is not None
    undone, refused = outbox.undo_batch(batch, officer)
    assert (len(undone), refused) == (6, [])
    with freeze_clock(timezone.now() + dt.timedelta(hours=5)):
        outbox.release_due()
    assert not Message.objects.exists()
