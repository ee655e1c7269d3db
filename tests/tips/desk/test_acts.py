"""Acts that are done at once: spam, snooze, priority, dispatch and mute, each with what undoes it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from core.models import Account, AuditEntry
from tests.tips.desk import officers
from tips import conversation
from tips.desk import outbox, triage, worklist
from tips.desk.acts import dispatch_calls, mutes, priorities, snoozes, spam
from tips.desk.triage import TipChangedError, TransitionError
from tips.models import Alert, DeskState, Notification, PendingAct, Priority, Tip
from tips.walls import screening_thread


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.set_duty(officers.create_officer("okafor"))


def now(tip: Tip) -> Tip:
    return Tip.objects.get(pk=tip.pk)


def is_active(tip: Tip, account: Account) -> bool:
    return worklist.visible_with_unread(account).filter(worklist.ACTIVE, is_asleep=False, pk=tip.pk).exists()


def is_unread(tip: Tip, account: Account) -> bool:
    return worklist.visible_with_unread(account).filter(worklist.UNREAD, pk=tip.pk).exists()


def undo_last(officer: Account) -> None:
    outbox.undo(outbox.list_undoable(officer)[-1].pk, officer)


def stamp(tip: Tip) -> str:
    return triage.stamp(now(tip), tip.messages.count())


# Spam


def test_spam_leaves_the_queue_and_its_alerts_and_the_source_sees_no_change(okafor: Account) -> None:
    tip = officers.send_tip()
    before = Tip.objects.filter(pk=tip.pk).values().get()
    spam.mark(tip, okafor, b"1")
    assert not is_active(tip, okafor)
    assert Tip.objects.filter(pk=tip.pk).values().get() == before
    assert set(Alert.objects.values_list("state", flat=True)) == {"spread"}
    officers.write_as_source(tip, "Buy now", b"1")
    screening_thread.run_round(rechecks=True)
    assert set(Alert.objects.values_list("state", flat=True)) == {"spread"}
    assert not Notification.objects.exists()
    assert not is_active(tip, okafor)


def test_spam_comes_back_by_undo_and_any_time_later(okafor: Account) -> None:
    tip = officers.send_tip()
    spam.mark(tip, okafor, b"1")
    undo_last(okafor)
    assert is_active(tip, okafor)
    spam.mark(tip, okafor, b"2")
    officers.let_acts_go_out()
    spam.take_back(tip, okafor)
    assert is_active(tip, okafor)


@pytest.mark.parametrize(("days", "is_held", "is_erased"), [(29, False, False), (31, False, True), (31, True, False)])
def test_spam_is_erased_after_30_days_with_a_line_of_the_trail(
    okafor: Account, days: int, is_held: bool, is_erased: bool
) -> None:
    tip, other = officers.send_opened_tip(okafor), officers.send_tip()
    spam.mark(tip, okafor, b"1")
    DeskState.objects.update(spam_since=timezone.localdate() - dt.timedelta(days=days))
    Tip.objects.filter(pk=tip.pk).update(legal_hold=is_held)
    assert spam.erase_expired() == is_erased
    assert Tip.objects.filter(pk=tip.pk).exists() is not is_erased
    assert Tip.objects.filter(pk=other.pk).exists()
    lines = AuditEntry.objects.filter(action="erased as spam", subject=f"tip {tip.number}")
    assert lines.exists() is is_erased


def test_a_tip_that_changed_meanwhile_is_not_made_spam(okafor: Account) -> None:
    tip = officers.send_tip()
    shown = stamp(tip)
    officers.write_as_source(tip, "They are armed", b"1")
    with pytest.raises(TipChangedError):
        spam.mark(tip, okafor, b"1", shown_stamp=shown)
    assert is_active(tip, okafor)


# Snooze


def test_a_snoozed_tip_comes_back_at_its_time(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.assign(tip, okafor, okafor)
    snoozes.snooze(tip, okafor, timezone.now() + dt.timedelta(days=1), "The lab needs a day", b"1")
    assert not is_active(tip, okafor)
    assert "The lab needs a day" in conversation.read_notes(tip)[0].text
    DeskState.objects.update(snoozed_until=timezone.now() - dt.timedelta(minutes=1))
    assert is_active(tip, okafor)
    assert Tip.objects.filter(snoozes.OVER, pk=tip.pk).exists()


@pytest.mark.parametrize("until", [dt.timedelta(days=1), None])
def test_a_message_of_the_source_wakes_a_snoozed_tip(okafor: Account, until: dt.timedelta | None) -> None:
    tip = officers.send_opened_tip(okafor)
    officers.write_as_source(tip, "Before", b"1")
    snoozes.snooze(tip, okafor, timezone.now() + until if until else None, "", b"1")
    assert not is_active(tip, okafor)
    officers.write_as_source(tip, "After", b"2")
    assert is_active(tip, okafor)
    triage.open_tip(tip.pk, okafor)
    assert is_active(tip, okafor), "it stays awake once the message is read"


def test_an_urgent_tip_sleeps_an_hour_at_most(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor, danger="yes")
    for until in (None, timezone.now() + dt.timedelta(hours=2), timezone.now() - dt.timedelta(minutes=1)):
        with pytest.raises(TransitionError):
            snoozes.snooze(tip, okafor, until, "", b"1")
    snoozes.snooze(tip, okafor, timezone.now() + dt.timedelta(hours=1), "", b"1")
    assert not is_active(tip, okafor)


def test_undoing_a_snooze_restores_the_one_before(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    first = (timezone.now() + dt.timedelta(hours=3)).replace(microsecond=0)
    snoozes.snooze(tip, okafor, first, "", b"1")
    snoozes.snooze(tip, okafor, None, "", b"2")
    undo_last(okafor)
    assert DeskState.objects.get().snoozed_until == first
    undo_last(okafor)
    assert is_active(tip, okafor)
    snoozes.snooze(tip, okafor, first, "", b"3")
    snoozes.wake(tip, okafor)
    assert is_active(tip, okafor)


# Priority


def test_a_tip_that_becomes_urgent_alerts_and_lowering_it_needs_a_reason(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    Alert.objects.all().delete()
    priorities.change_priority(tip, okafor, Priority.URGENT, "", b"1")
    assert Alert.objects.get().urgent
    with pytest.raises(TransitionError, match="Write why"):
        priorities.change_priority(now(tip), okafor, Priority.LOW, "", b"2")
    priorities.change_priority(now(tip), okafor, Priority.LOW, "It was a film shoot", b"3")
    assert now(tip).priority == Priority.LOW
    assert "film shoot" in conversation.read_notes(tip)[0].text
    undo_last(okafor)
    assert now(tip).priority == Priority.URGENT


def test_an_urgent_tip_that_nobody_opened_stays_urgent(okafor: Account) -> None:
    tip = officers.send_tip(danger="yes")
    with pytest.raises(TransitionError):
        priorities.change_priority(tip, okafor, Priority.NORMAL, "Looks dull", b"1")


# Dispatch


def test_each_message_of_the_source_puts_dispatch_back_to_not_told(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor, danger="yes")
    assert not dispatch_calls.read(tip).is_told
    dispatch_calls.mark_told(tip, okafor, b"1")
    assert dispatch_calls.read(tip) == dispatch_calls.DispatchCall(True, False, okafor)
    officers.write_as_source(tip, "He is at the gate", b"1")
    assert dispatch_calls.read(tip) == dispatch_calls.DispatchCall(False, True, okafor)
    dispatch_calls.mark_told(now(tip), okafor, b"2")
    undo_last(okafor)
    assert not dispatch_calls.read(tip).is_told


# Mute


def test_messages_of_a_muted_source_arrive_but_alert_nobody(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    mutes.mute(tip, okafor, timezone.localdate() + dt.timedelta(days=7), b"1")
    officers.write_as_source(tip, "Abuse", b"1")
    assert [entry.text for entry in conversation.read_tip_as_officer(now(tip)).messages] == ["Abuse"]
    assert not is_unread(tip, okafor)
    assert not Alert.objects.exclude(state="spread").exists()
    DeskState.objects.update(muted_until=timezone.localdate() - dt.timedelta(days=1))
    assert is_unread(tip, okafor)
    officers.write_as_source(tip, "More", b"2")
    assert Alert.objects.exclude(state="spread").exists()


def test_a_mute_ends(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    with pytest.raises(TransitionError):
        mutes.mute(tip, okafor, timezone.localdate() + dt.timedelta(days=91), b"1")
    mutes.mute(tip, okafor, timezone.localdate(), b"1")
    mutes.unmute(tip, okafor)
    assert not mutes.is_muted(tip)


def test_a_second_click_is_one_act(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    for _ in range(2):
        spam.mark(tip, okafor, b"1")
        dispatch_calls.mark_told(tip, okafor, b"1")
    assert PendingAct.objects.count() == 2
