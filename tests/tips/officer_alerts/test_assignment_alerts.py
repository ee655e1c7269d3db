"""An officer who gets a tip from another is alerted, and undo takes back the alert and the word that came with the tip."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from core.models import Account
from core.staff import groups
from tests.stack import Mails
from tests.tips.desk import officers
from tips import conversation, officer_alerts
from tips.desk import outbox, triage
from tips.desk.acts.reversals import Kind
from tips.desk.duty import changes
from tips.models import Alert, Duty, Notification, PendingAct, Tip, Wall

State = Notification.NotificationState


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.set_duty(officers.create_officer("okafor"))


@pytest.fixture
def lee(db: None) -> Account:
    return officers.set_duty(officers.create_officer("lee"))


def send_due() -> None:
    """Send what is due, as if the 30 seconds of undo were over."""
    Notification.objects.filter(next_attempt_at__gt=timezone.now()).update(next_attempt_at=timezone.now())
    officer_alerts.sweep_alerts()


def list_waiting() -> list[tuple[str, bool]]:
    rows = Notification.objects.filter(state=State.WAITING).values_list("officer__username", "alert__urgent")
    return sorted(rows)


def send_quiet_tip(officer: Account) -> Tip:
    tip = officers.send_opened_tip(officer)
    Alert.objects.all().delete()
    return tip


def test_who_gets_a_tip_is_told_after_the_time_for_undo(okafor: Account, lee: Account, mails: Mails) -> None:
    tip = send_quiet_tip(okafor)
    triage.assign(tip, okafor, okafor, form_id=b"1")
    assert list_waiting() == []  # one's own act
    triage.assign(tip, okafor, lee, form_id=b"2")
    (row,) = Notification.objects.all()
    assert row.next_attempt_at == PendingAct.objects.get(form_hash__isnull=False, position=2).due_at
    officer_alerts.sweep_alerts()
    assert not mails.received
    send_due()
    (mail,) = mails.received
    assert (mail["Subject"], mail["To"]) == ("A tip is waiting", "lee@example.org")
    assert "kafor" not in mail.as_string()
    triage.assign(tip, okafor, lee, form_id=b"2")
    triage.assign(tip, okafor, None, form_id=b"3")
    assert Alert.objects.count() == 1


def test_undo_takes_back_the_alert_and_the_word(okafor: Account, lee: Account, mails: Mails) -> None:
    tip = send_quiet_tip(okafor)
    for form in (b"1", b"1"):  # the same form again after undo
        triage.assign(tip, okafor, lee, "He is armed", form)
        assert list_waiting() == [("lee", False)]
        assert conversation.read_notes(tip) == []
        assert [fields["word"] for _act, fields in outbox.read_waiting(tip)] == ["He is armed"]
        assert b"armed" not in bytes(PendingAct.objects.get().body or b"")
        undone = outbox.undo(PendingAct.objects.get().pk, okafor)
        assert (undone.kind, undone.fields) == (Kind.ASSIGN, {"word": "He is armed"})
        assert list_waiting() == []
    send_due()
    assert not mails.received
    triage.assign(tip, okafor, lee, "He is armed", b"2")
    officers.let_acts_go_out()
    assert [note.text for note in conversation.read_notes(tip)] == ["He is armed"]
    assert not PendingAct.objects.exists()


def test_many_tips_are_one_message_and_quiet_hours_hold(okafor: Account, lee: Account, mails: Mails) -> None:
    tips = [send_quiet_tip(okafor) for _ in range(6)]
    for number, tip in enumerate(tips):
        triage.assign(tip, okafor, okafor, form_id=bytes([number]))
    assert changes.hand_over(okafor, lee, "The rest is yours", b"x").moved == 6
    assert list_waiting() == [("lee", False)] * 6
    send_due()
    (mail,) = mails.received
    assert mail["Subject"] == "6 more tips are waiting"
    Notification.objects.all().delete()
    local = timezone.localtime()
    Duty.objects.filter(officer=lee).update(
        on_duty=False,
        quiet_from=(local - dt.timedelta(hours=1)).time(),
        quiet_until=(local + dt.timedelta(hours=2)).time(),
    )
    triage.assign(tips[0], okafor, okafor, form_id=b"y")
    triage.assign(tips[0], okafor, lee, form_id=b"z")
    (row,) = Notification.objects.all()
    assert row.next_attempt_at > timezone.now() + dt.timedelta(minutes=90)


def test_an_officer_without_an_address_gets_none_and_a_walled_tip_stays_with_its_readers(
    okafor: Account, lee: Account, mails: Mails
) -> None:
    tip = send_quiet_tip(okafor)
    supervisor = officers.create_officer("lindqvist", groups.SUPERVISOR)
    nobody = officers.create_officer("ito", mail="")
    triage.assign(tip, okafor, nobody, form_id=b"1")
    assert not Alert.objects.exists()
    wall = Wall.objects.create(tip=tip, decision=Wall.Decision.KEPT)
    wall.readers.set([okafor, supervisor])
    triage.assign(tip, okafor, supervisor, form_id=b"2")
    assert Alert.objects.get().state == Alert.AlertState.WALLED
    mails.refuse_to["lindqvist@example.org"] = "550 no such user"
    send_due()
    assert Notification.objects.get().state == State.FAILED
    officer_alerts.sweep_alerts()
    assert set(Notification.objects.values_list("officer__username", flat=True)) == {"lindqvist"}
