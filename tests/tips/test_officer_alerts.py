"""Officers are told that something awaits: the right ones, once each, and nothing of what it is."""

from __future__ import annotations

import datetime as dt
import threading
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, connections
from django.urls import reverse
from django.utils import timezone

from core import queue
from core.models import Account
from core.staff import groups
from tests.stack import Mails
from tests.tips.desk import officers
from tips import conversation, form_tokens, intake, officer_alerts, officer_mail_budget
from tips.models import Alert, Category, Notification, Tip
from tips.officer_mail_budget import OfficerMailBudget

State = Notification.NotificationState


@pytest.fixture
def mails(mails: Mails, settings: Any) -> Mails:
    settings.STAFF_URL = "https://staff.riverton.example"
    return mails


@pytest.fixture(autouse=True)
def budget(monkeypatch: pytest.MonkeyPatch) -> OfficerMailBudget:
    budget = OfficerMailBudget()
    monkeypatch.setattr(officer_alerts, "budget", budget)
    return budget


@pytest.fixture
def weapons(db: None) -> Category:
    return Category.objects.get(slug="weapons")


@pytest.fixture
def fraud(db: None) -> Category:
    return Category.objects.get(slug="fraud")


def alert_of(tip: Tip) -> Alert:
    return Alert.objects.get(tip=tip)


def told(mails: Mails) -> list[str]:
    return sorted(address for recipients in mails.recipients for address in recipients)


def spread(tip: Tip) -> None:
    officer_alerts.spread_alert(str(alert_of(tip).pk))


def let_it_be(moment: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: moment)


# The mail


def test_a_mail_says_that_something_awaits_and_nothing_else(mails: Mails, weapons: Category) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    tip = officers.send_tip("canary: a gun in the red house", category=weapons, place="Mill Street canary")
    spread(tip)
    (mail,) = mails.received
    text = mail.get_content()
    assert mail["Subject"] == "A tip awaits your desk"
    assert text.splitlines()[0] == "A tip awaits your desk. Sign in to read it."
    assert "https://staff.riverton.example" + reverse("admin:tips_tip_changelist") in text
    everything = mail.as_string().lower()
    for secret in ("canary", "mill street", "gun", weapons.name.lower(), weapons.slug, str(tip.pk), str(tip.pk.hex)):
        assert secret not in everything
    assert f"tip {tip.number}" not in everything
    assert f"/{tip.number}" not in everything


def test_urgent_is_said_and_nothing_more(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    spread(officers.send_tip("Now", danger="yes"))
    spread(officers.send_tip("A long story " * 50))
    urgent, normal = mails.received
    assert urgent["Subject"] == "Urgent: a tip awaits your desk"
    assert urgent.get_content() == normal.get_content().replace("A tip", "Urgent: a tip", 1)


def test_the_message_id_is_that_of_the_notification(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    spread(officers.send_tip())
    assert mails.received[0]["Message-ID"] == f"<{Notification.objects.get().pk}@riverton.example>"


# No more mails than a person can read


def test_beyond_a_few_one_mail_speaks_of_all_that_wait(mails: Mails, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    monkeypatch.setattr(officer_mail_budget, "SINGLE_MAILS", 3)
    for _ in range(40):
        spread(officers.send_tip())
    officer_alerts.sweep_alerts()
    assert len(mails.received) == 3
    assert Notification.objects.filter(state=State.WAITING).count() == 37

    monkeypatch.setattr(officer_mail_budget, "BUNDLE_STEP_SECONDS", 0.0)
    officer_alerts.sweep_alerts()
    (bundle,) = mails.received[3:]
    assert bundle["Subject"] == "37 more tips await your desk"
    assert bundle.get_content().splitlines()[0] == "37 more tips await your desk. Sign in to read them."
    assert not Notification.objects.exclude(state=State.SENT).exists()
    officer_alerts.sweep_alerts()
    assert len(mails.received) == 4


def test_urgent_tips_are_not_swallowed_by_others(mails: Mails, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    monkeypatch.setattr(officer_mail_budget, "SINGLE_MAILS", 2)
    for _ in range(5):
        spread(officers.send_tip())
    spread(officers.send_tip(danger="yes"))
    assert mails.received[-1]["Subject"] == "Urgent: a tip awaits your desk"


def test_mails_for_all_that_wait_come_less_and_less_often() -> None:
    budget = OfficerMailBudget()
    for _ in range(officer_mail_budget.SINGLE_MAILS):
        budget.count_sent(1, False, now=0)
    sent = []
    for second in range(1, 600):
        if budget.is_bundle_due(1, False, now=second):
            budget.count_sent(1, False, now=second)
            sent.append(second)
    assert sent == [60, 180, 360]
    assert budget.single_mails_left(1, True, now=599) == officer_mail_budget.SINGLE_MAILS
    assert budget.single_mails_left(1, False, now=1200) == officer_mail_budget.SINGLE_MAILS


def test_what_the_mail_server_refused_for_now_is_in_the_next_mail(
    mails: Mails, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    monkeypatch.setattr(officer_mail_budget, "SINGLE_MAILS", 1)
    monkeypatch.setattr(officer_mail_budget, "BUNDLE_STEP_SECONDS", 0.0)
    spread(officers.send_tip())
    for _ in range(3):
        tip = officers.send_tip()
        mails.refuse = "451 later"
        spread(tip)
    mails.refuse = None
    officer_alerts.sweep_alerts()
    assert [mail["Subject"] for mail in mails.received[1:]] == ["3 more tips await your desk"]


# Who is told


def test_officers_on_duty_for_the_category_are_told(mails: Mails, weapons: Category, fraud: Category) -> None:
    officers.set_duty(officers.create_officer("of-weapons"), weapons, fraud)
    officers.set_duty(officers.create_officer("of-everything"))
    officers.set_duty(officers.create_officer("supervisor", groups.SUPERVISOR), weapons)
    officers.set_duty(officers.create_officer("of-fraud"), fraud)
    officers.set_duty(officers.create_officer("off-duty"), weapons, duty=False)
    officers.set_duty(officers.create_officer("switched-off", is_active=False), weapons)
    officers.set_duty(officers.create_officer("no-address", mail=""), weapons)
    officers.set_duty(officers.create_officer("administrator", groups.ADMINISTRATOR), weapons)
    officers.create_officer("never-set-anything")
    spread(officers.send_tip(category=weapons))
    assert told(mails) == ["of-everything@example.org", "of-weapons@example.org", "supervisor@example.org"]
    assert Alert.objects.get().state == Alert.AlertState.SPREAD


def test_nobody_on_duty_then_all_of_the_category(mails: Mails, weapons: Category, fraud: Category) -> None:
    officers.set_duty(officers.create_officer("of-weapons"), weapons, duty=False)
    officers.set_duty(officers.create_officer("of-fraud"), fraud)
    officers.create_officer("never-set-anything")
    officers.set_duty(officers.create_officer("no-address", mail=""), weapons)
    spread(officers.send_tip(category=weapons))
    assert told(mails) == ["never-set-anything@example.org", "of-weapons@example.org"]


def test_nobody_of_the_category_then_supervisors(mails: Mails, weapons: Category, fraud: Category) -> None:
    officers.set_duty(officers.create_officer("of-fraud"), fraud)
    officers.set_duty(officers.create_officer("supervisor", groups.SUPERVISOR), fraud, duty=False)
    spread(officers.send_tip(category=weapons))
    assert told(mails) == ["supervisor@example.org"]


def test_nobody_at_all_is_kept_and_tried_until_there_is_somebody(mails: Mails, db: None) -> None:
    okafor = officers.create_officer("okafor", mail="")
    tip = officers.send_tip()
    spread(tip)
    assert alert_of(tip).state == Alert.AlertState.NOBODY
    assert officer_alerts.find_problems().nobody
    okafor.email = "okafor@example.org"
    okafor.save()
    officer_alerts.sweep_alerts()
    assert told(mails) == ["okafor@example.org"]
    assert alert_of(tip).state == Alert.AlertState.SPREAD
    assert not officer_alerts.find_problems()


def test_a_message_of_the_source_is_told_too_and_an_answer_is_not(mails: Mails, db: None) -> None:
    officer = officers.set_duty(officers.create_officer("okafor"))
    tip = officers.send_tip()
    Alert.objects.all().delete()
    officers.write_as_source(tip, "One more thing", b"1")
    conversation.add_from_officer(tip, officer, "Thank you", b"2")
    officer_alerts.sweep_alerts()
    assert len(mails.received) == 1


# Once each


def test_a_task_run_again_sends_nothing_again(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    tip = officers.send_tip()
    spread(tip)
    spread(tip)
    officer_alerts.sweep_alerts()
    assert len(mails.received) == 1
    assert Notification.objects.get().state == State.SENT


@pytest.mark.django_db(transaction=True)
def test_two_tasks_at_the_same_moment_send_once_each(mails: Mails) -> None:
    for name in ("okafor", "lindqvist", "ito"):
        officers.set_duty(officers.create_officer(name))
    tips = [officers.send_tip() for _ in range(3)]
    start = threading.Barrier(4)

    def work(number: int) -> None:
        start.wait()
        for tip in tips:
            spread(tip) if number % 2 else officer_alerts.sweep_alerts()
        connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    officer_alerts.sweep_alerts()
    assert len(mails.received) == 9
    assert len({mail["Message-ID"] for mail in mails.received}) == 9


@pytest.mark.django_db(transaction=True)
def test_a_kill_after_the_mail_server_took_it_repeats_that_one_under_its_id(
    mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("okafor", "lindqvist"):
        officers.set_duty(officers.create_officer(name))
    tip = officers.send_tip()

    class Killed(BaseException):
        pass

    def killed(*_args: object, **_options: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(officer_alerts.NotificationOutbox, "record_sent", killed)
        with pytest.raises(Killed):
            spread(tip)
    assert len(mails.received) == 1
    assert Notification.objects.filter(state=State.WAITING).count() == 2
    officer_alerts.sweep_alerts()
    first, *rest = [mail["Message-ID"] for mail in mails.received]
    assert len(rest) == 2
    assert rest.count(first) == 1
    assert not Notification.objects.filter(state=State.WAITING).exists()


# What fails


def test_a_mail_server_that_is_away_costs_nothing(settings: Any, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    sink = Mails()  # not started: connections are refused
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
    spread(officers.send_tip())
    waiting = Notification.objects.get()
    assert (waiting.state, waiting.attempts) == (State.WAITING, 0)
    sink.start()
    officer_alerts.sweep_alerts()
    sink.stop()
    assert len(sink.received) == 1


def test_a_refusal_for_now_is_tried_again_later_each_time(
    mails: Mails, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    mails.refuse = "451 try later"
    spread(officers.send_tip())
    start = timezone.now()
    waits = []
    for attempt in range(2, 12):
        row = Notification.objects.get()
        assert (row.state, row.attempts) == (State.WAITING, attempt - 1)
        assert (row.next_attempt_at.minute % 5, row.next_attempt_at.second, row.next_attempt_at.microsecond) == (
            0,
            0,
            0,
        )
        waits.append(row.next_attempt_at - start)
        let_it_be(max(row.next_attempt_at, start), monkeypatch)
        officer_alerts.sweep_alerts()
    assert max(waits[:4]) <= dt.timedelta(0)
    assert waits[4:] == sorted(waits[4:])
    assert dt.timedelta(0) < waits[4] <= dt.timedelta(minutes=5)
    assert max(later - earlier for earlier, later in pairwise(waits[4:])) <= dt.timedelta(minutes=85)
    mails.refuse = None
    let_it_be(Notification.objects.get().next_attempt_at, monkeypatch)
    officer_alerts.sweep_alerts()
    assert len(mails.received) == 1


def test_not_due_is_not_sent(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    mails.refuse = "451 try later"
    spread(officers.send_tip())
    mails.refuse = None
    Notification.objects.update(next_attempt_at=timezone.now() + dt.timedelta(minutes=5))
    officer_alerts.sweep_alerts()
    assert mails.received == []


def test_refused_for_good_is_shown_and_the_next_in_line_is_told(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    officers.create_officer("lindqvist", groups.SUPERVISOR)
    tip = officers.send_tip()
    mails.refuse = "550 no such mailbox"
    spread(tip)
    assert Notification.objects.get().state == State.FAILED
    assert officer_alerts.find_problems().refused == ["okafor"]
    mails.refuse = None
    officer_alerts.sweep_alerts()
    assert told(mails) == ["lindqvist@example.org"]
    assert alert_of(tip).state == Alert.AlertState.SPREAD


def test_all_refused_for_good_is_a_red_line_and_tried_again_once_mended(
    mails: Mails, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    tip = officers.send_tip()
    mails.refuse = "550 no such mailbox"
    spread(tip)
    officer_alerts.sweep_alerts()
    assert alert_of(tip).state == Alert.AlertState.NOBODY
    assert officer_alerts.find_problems().nobody
    mails.refuse = None
    officer_alerts.sweep_alerts()
    assert mails.received == []  # an hour passes first
    let_it_be(timezone.now() + dt.timedelta(hours=1), monkeypatch)
    officer_alerts.sweep_alerts()
    officer_alerts.sweep_alerts()
    assert told(mails) == ["okafor@example.org"]
    assert alert_of(tip).state == Alert.AlertState.SPREAD
    assert not officer_alerts.find_problems()


def test_one_refused_address_does_not_hold_up_the_others(mails: Mails, db: None) -> None:
    for name in ("a-broken", "lindqvist", "okafor"):
        officers.set_duty(officers.create_officer(name))
    tip = officers.send_tip()
    taken, real = [], mails.handle_DATA

    async def picky(server: Any, session: Any, envelope: Any) -> str:
        if "a-broken@example.org" in envelope.rcpt_tos:
            return "550 no such mailbox"
        taken.extend(envelope.rcpt_tos)
        return await real(server, session, envelope)

    mails.handle_DATA = picky  # type: ignore[method-assign]
    spread(tip)
    officer_alerts.sweep_alerts()
    assert sorted(taken) == ["lindqvist@example.org", "okafor@example.org"]


def test_a_tip_deleted_meanwhile_is_no_error(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    session = officers.send_tip_and_sign_in()
    alert = alert_of(session.tip)
    conversation.delete_by_source(session.token)
    officer_alerts.spread_alert(str(alert.pk))
    officer_alerts.sweep_alerts()
    assert mails.received == []


@pytest.mark.django_db(transaction=True)
def test_a_slow_mail_server_keeps_nobody_from_deleting(mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    session = officers.send_tip_and_sign_in()
    asked, deleted = threading.Event(), threading.Event()

    def slow(*_args: object, **_options: object) -> int:
        asked.set()
        assert deleted.wait(10)
        return 1

    monkeypatch.setattr("django.core.mail.backends.smtp.EmailBackend.send_messages", slow)

    def work() -> None:
        spread(session.tip)
        connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    assert asked.wait(10)
    conversation.delete_by_source(session.token)
    deleted.set()
    worker.join()
    assert not Tip.objects.exists()
    assert not Notification.objects.exists()


def test_no_exact_time_is_stored(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    spread(officers.send_tip())
    for at in (Alert.objects.get().raised_at, Notification.objects.get().next_attempt_at):
        assert (at.minute % 5, at.second, at.microsecond) == (0, 0, 0)


# The worker's own rights, and the queue


@pytest.mark.django_db(transaction=True)
def test_the_alerts_users_rights_suffice_and_go_no_further(mails: Mails) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    tip = officers.send_tip()
    mails.refuse = "550 no such mailbox"
    with _as("portal_alerts"):
        spread(tip)
        officer_alerts.sweep_alerts()
        mails.refuse = None
        Notification.objects.update(next_attempt_at=timezone.now())
        officer_alerts.sweep_alerts()
        officer_alerts.sweep_alerts()
        for forbidden in (
            "SELECT report FROM tips_tip",
            "SELECT password FROM core_account",
            "SELECT body FROM tips_message",
        ):
            with pytest.raises(Exception, match="permission denied"), connection.cursor() as cursor:
                cursor.execute(forbidden)
    assert told(mails) == ["okafor@example.org"]


class _as:  # noqa: N801  (reads as a clause)
    def __init__(self, role: str) -> None:
        self.role = role

    def __enter__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {self.role}")

    def __exit__(self, *_exc: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


def test_the_worker_is_hurried_once_the_tip_is_on_the_disk(
    db: None, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(queue, "send", lambda *task: sent.append(task))
    with django_capture_on_commit_callbacks() as callbacks:
        tip = officers.send_tip()
        assert sent == []
    for callback in callbacks:
        callback()
    assert sent == [("tips.alerts.spread", str(alert_of(tip).pk))]


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_is_down_takes_nothing_from_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_task: str) -> None:
        raise ConnectionError("broker")

    monkeypatch.setattr(queue, "send", down)
    token = form_tokens.read(form_tokens.issue())
    assert intake.accept_tip(intake.Report(Category.objects.first(), "Two men"), token) == token.receipt  # type: ignore[arg-type]
    assert Alert.objects.get().state == Alert.AlertState.WAITING


# What the admin shows


def test_trouble_is_nobody_with_an_address(db: None) -> None:
    assert officer_alerts.find_problems().nobody
    officers.create_officer("ito", groups.ADMINISTRATOR)
    officers.create_officer("okafor", is_active=False)
    assert officer_alerts.find_problems().nobody
    Account.objects.update(is_active=True)
    assert not officer_alerts.find_problems()


def test_an_old_refusal_is_no_trouble_any_more(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    mails.refuse = "550 no such mailbox"
    spread(officers.send_tip())
    assert officer_alerts.find_problems()
    Alert.objects.update(state=Alert.AlertState.SPREAD)
    Notification.objects.update(next_attempt_at=timezone.now() - dt.timedelta(days=8))
    assert not officer_alerts.find_problems()
