"""Officers are alerted to tips: the right ones, once each, without any content of the tip."""

from __future__ import annotations

import datetime as dt
import threading
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.urls import reverse
from django.utils import timezone

from core import queue
from core.models import Account
from core.staff import account_mails, groups
from core.web.shared_rows import SharedRows
from tests.stack import Mails
from tests.tips import hostile_texts
from tests.tips.desk import officers
from tips import conversation, form_tokens, intake, officer_alerts
from tips.models import Alert, Category, Notification, Tip
from tips.officer_alerts import message_budget, notification_outbox
from tips.officer_alerts.message_budget import MessageBudget
from tips.walls import screening_thread

State = Notification.NotificationState


@pytest.fixture
def mails(mails: Mails, settings: Any) -> Mails:
    settings.STAFF_URL = "https://staff.riverton.example"
    return mails


@pytest.fixture(autouse=True)
def budget(monkeypatch: pytest.MonkeyPatch) -> MessageBudget:
    budget = MessageBudget()
    monkeypatch.setattr(notification_outbox, "budget", budget)
    return budget


@pytest.fixture
def weapons(db: None) -> Category:
    return Category.objects.get(slug="weapons")


@pytest.fixture
def fraud(db: None) -> Category:
    return Category.objects.get(slug="fraud")


def alert_of(tip: Tip) -> Alert:
    return Alert.objects.get(tip=tip)


def recipients_of(mails: Mails) -> list[str]:
    return sorted(address for recipients in mails.recipients for address in recipients)


def spread(tip: Tip) -> None:
    officer_alerts.spread_alert(str(alert_of(tip).pk))


def set_clock(moment: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: moment)


# The mail


def test_a_mail_says_only_that_a_tip_awaits(mails: Mails, weapons: Category) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    tip = officers.send_tip("canary: a gun in the red house", category=weapons, place="Mill Street canary")
    spread(tip)
    (mail,) = mails.received
    text = mail.get_content()
    assert mail["Subject"] == "A tip is waiting"
    assert text.splitlines()[0] == "A tip is waiting. Sign in to read it."
    assert "https://staff.riverton.example" + reverse("admin:tips_tip_changelist") in text
    everything = mail.as_string().lower()
    for secret in ("canary", "mill street", "gun", weapons.name.lower(), weapons.slug, str(tip.pk), str(tip.pk.hex)):
        assert secret not in everything
    assert f"tip {tip.number}" not in everything
    assert f"/{tip.number}" not in everything


def test_whatever_a_source_writes_the_mail_is_the_same(mails: Mails, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ("Two men load boxes", *hostile_texts.TEXTS.values(), "W" * 2**20)
    monkeypatch.setattr(message_budget, "SINGLE_MESSAGES", len(texts))
    officers.set_duty(officers.create_officer("okafor"))
    for text in texts:
        spread(officers.send_tip(text, place=text[:150], when=text[:150], danger="yes"))
    assert len(mails.received) == len(texts)
    varying = ("message-id", "date")
    seen = {
        (mail.get_content(), tuple(sorted((name, str(value)) for name, value in mail.items() if name.lower() not in varying)))
        for mail in mails.received
    }  # fmt: skip
    assert len(seen) == 1
    assert {tuple(each) for each in mails.recipients} == {("okafor@example.org",)}


def test_an_urgent_mail_says_only_that_it_is_urgent(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    spread(officers.send_tip("Now", danger="yes"))
    spread(officers.send_tip("A long story " * 50))
    urgent, normal = mails.received
    assert urgent["Subject"] == "Urgent: a tip is waiting"
    as_urgent = normal.get_content().replace("A tip", "Urgent: a tip", 1)
    # All urgent mails lead to one page with a button for each such tip, since a link acknowledges nothing.
    assert urgent.get_content() == as_urgent.replace("/admin/tips/tip/", reverse("admin:tips_alerts_urgent"))


def test_the_message_id_is_that_of_the_notification(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    spread(officers.send_tip())
    assert mails.received[0]["Message-ID"] == f"<{Notification.objects.get().pk}@riverton.example>"


# Mails are bundled


def test_many_alerts_are_bundled_in_one_mail(mails: Mails, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    monkeypatch.setattr(message_budget, "SINGLE_MESSAGES", 3)
    for _ in range(40):
        spread(officers.send_tip())
    officer_alerts.sweep_alerts()
    assert len(mails.received) == 3
    assert Notification.objects.filter(state=State.WAITING).count() == 37

    monkeypatch.setattr(message_budget, "BUNDLE_STEP_SECONDS", 0.0)
    officer_alerts.sweep_alerts()
    (bundle,) = mails.received[3:]
    assert bundle["Subject"] == "37 more tips are waiting"
    assert bundle.get_content().splitlines()[0] == "37 more tips are waiting. Sign in to read them."
    assert not Notification.objects.exclude(state=State.SENT).exists()
    officer_alerts.sweep_alerts()
    assert len(mails.received) == 4


def test_urgent_tips_are_not_bundled(mails: Mails, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    monkeypatch.setattr(message_budget, "SINGLE_MESSAGES", 2)
    for _ in range(5):
        spread(officers.send_tip())
    spread(officers.send_tip(danger="yes"))
    assert mails.received[-1]["Subject"] == "Urgent: a tip is waiting"


def test_bundled_mails_become_less_frequent() -> None:
    budget = MessageBudget()
    for _ in range(message_budget.SINGLE_MESSAGES):
        budget.count_sent(1, False, now=0)
    sent = []
    for second in range(1, 600):
        if budget.is_bundle_due(1, False, now=second):
            budget.count_sent(1, False, now=second)
            sent.append(second)
    assert sent == [60, 180, 360]
    assert budget.single_messages_left(1, True, now=599) == message_budget.SINGLE_MESSAGES
    assert budget.single_messages_left(1, False, now=1200) == message_budget.SINGLE_MESSAGES


def test_temporarily_refused_alerts_are_in_the_next_bundle(
    mails: Mails, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    monkeypatch.setattr(message_budget, "SINGLE_MESSAGES", 1)
    monkeypatch.setattr(message_budget, "BUNDLE_STEP_SECONDS", 0.0)
    spread(officers.send_tip())
    for _ in range(3):
        tip = officers.send_tip()
        mails.refuse = "451 later"
        spread(tip)
    mails.refuse = None
    officer_alerts.sweep_alerts()
    assert [mail["Subject"] for mail in mails.received[1:]] == ["3 more tips are waiting"]


def test_eight_messages_of_one_source_are_two_mails(mails: Mails, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    tip = officers.send_tip()
    spread(tip)
    for number in range(8):
        officers.write_as_source(tip, "One more thing", b"%d" % number)
        officer_alerts.sweep_alerts()
    other = officers.send_tip()
    spread(other)
    assert [mail["Subject"] for mail in mails.received] == ["A tip is waiting"] * 2  # the tip, and the other one
    monkeypatch.setattr(message_budget, "TIP_PAUSE_SECONDS", {False: 0.0, True: 0.0})
    officer_alerts.sweep_alerts()
    assert [mail["Subject"] for mail in mails.received[2:]] == ["A tip is waiting"]
    assert not Notification.objects.exclude(state=State.SENT).exists()


def test_a_pause_about_one_tip_keeps_no_other_tip_and_no_other_officer_waiting() -> None:
    budget, tip, other = MessageBudget(), uuid4(), uuid4()
    budget.count_sent_about(1, [tip], now=0)
    assert not budget.is_tip_due(1, tip, False, now=299)
    assert not budget.is_tip_due(1, tip, True, now=119)
    assert budget.is_tip_due(1, tip, True, now=120)
    assert budget.is_tip_due(1, tip, False, now=300)
    assert budget.is_tip_due(1, other, False, now=1)
    assert budget.is_tip_due(2, tip, False, now=1)


# Recipients


def test_officers_on_duty_for_the_category_are_alerted(mails: Mails, weapons: Category, fraud: Category) -> None:
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
    assert recipients_of(mails) == ["of-everything@example.org", "of-weapons@example.org", "supervisor@example.org"]
    assert Alert.objects.get().state == Alert.AlertState.SPREAD


def test_without_officers_on_duty_all_of_the_category_are_alerted(
    mails: Mails, weapons: Category, fraud: Category
) -> None:
    officers.set_duty(officers.create_officer("of-weapons"), weapons, duty=False)
    officers.set_duty(officers.create_officer("of-fraud"), fraud)
    officers.create_officer("never-set-anything")
    officers.set_duty(officers.create_officer("no-address", mail=""), weapons)
    spread(officers.send_tip(category=weapons))
    assert recipients_of(mails) == ["never-set-anything@example.org", "of-weapons@example.org"]


def test_without_officers_of_the_category_supervisors_are_alerted(
    mails: Mails, weapons: Category, fraud: Category
) -> None:
    officers.set_duty(officers.create_officer("of-fraud"), fraud)
    officers.set_duty(officers.create_officer("supervisor", groups.SUPERVISOR), fraud, duty=False)
    spread(officers.send_tip(category=weapons))
    assert recipients_of(mails) == ["supervisor@example.org"]


def test_an_alert_without_recipients_is_retried_until_there_is_one(mails: Mails, db: None) -> None:
    okafor = officers.create_officer("okafor", mail="")
    tip = officers.send_tip()
    spread(tip)
    assert alert_of(tip).state == Alert.AlertState.NOBODY
    assert officer_alerts.find_problems(SharedRows(Tip.objects.values("pk"))).nobody
    okafor.email = "okafor@example.org"
    okafor.save()
    officer_alerts.sweep_alerts()
    assert recipients_of(mails) == ["okafor@example.org"]
    assert alert_of(tip).state == Alert.AlertState.SPREAD
    assert not officer_alerts.find_problems(SharedRows(Tip.objects.values("pk")))


def test_messages_of_the_source_alert_officers_and_replies_do_not(mails: Mails, db: None) -> None:
    officer = officers.set_duty(officers.create_officer("okafor"))
    tip = officers.send_tip()
    Alert.objects.all().delete()
    officers.write_as_source(tip, "One more thing", b"1")
    conversation.add_from_officer(tip, officer, "Thank you", b"2")
    officer_alerts.sweep_alerts()
    assert len(mails.received) == 1


# Each mail is sent once


def test_repeating_a_task_sends_nothing_twice(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    tip = officers.send_tip()
    spread(tip)
    spread(tip)
    officer_alerts.sweep_alerts()
    assert len(mails.received) == 1
    assert Notification.objects.get().state == State.SENT


@pytest.mark.django_db(transaction=True)
def test_concurrent_tasks_send_each_mail_once(mails: Mails) -> None:
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
def test_a_kill_after_sending_repeats_only_that_mail_under_its_id(
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


# Failures


def test_an_unreachable_mail_server_uses_up_no_attempt(settings: Any, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    mail_server = Mails()  # not started: connections are refused
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", mail_server.port
    spread(officers.send_tip())
    waiting = Notification.objects.get()
    assert (waiting.state, waiting.attempts) == (State.WAITING, 0)
    mail_server.start()
    officer_alerts.sweep_alerts()
    mail_server.stop()
    assert len(mail_server.received) == 1


def test_a_temporary_refusal_is_retried_with_back_off(mails: Mails, monkeypatch: pytest.MonkeyPatch, db: None) -> None:
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
        set_clock(max(row.next_attempt_at, start), monkeypatch)
        officer_alerts.sweep_alerts()
    assert max(waits[:4]) <= dt.timedelta(0)
    assert waits[4:] == sorted(waits[4:])
    assert dt.timedelta(0) < waits[4] <= dt.timedelta(minutes=5)
    assert max(later - earlier for earlier, later in pairwise(waits[4:])) <= dt.timedelta(minutes=85)
    mails.refuse = None
    set_clock(Notification.objects.get().next_attempt_at, monkeypatch)
    officer_alerts.sweep_alerts()
    assert len(mails.received) == 1


def test_a_mail_that_is_not_due_is_not_sent(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    mails.refuse = "451 try later"
    spread(officers.send_tip())
    mails.refuse = None
    Notification.objects.update(next_attempt_at=timezone.now() + dt.timedelta(minutes=5))
    officer_alerts.sweep_alerts()
    assert mails.received == []


def test_a_final_refusal_is_shown_and_the_next_officers_are_alerted(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    officers.create_officer("lindqvist", groups.SUPERVISOR)
    tip = officers.send_tip()
    mails.refuse = "550 no such mailbox"
    spread(tip)
    assert Notification.objects.get().state == State.FAILED
    assert officer_alerts.find_problems(SharedRows(Tip.objects.values("pk"))).refused == ["okafor"]
    mails.refuse = None
    officer_alerts.sweep_alerts()
    assert recipients_of(mails) == ["lindqvist@example.org"]
    assert alert_of(tip).state == Alert.AlertState.SPREAD


def test_final_refusals_of_all_are_a_problem_and_retried_once_fixed(
    mails: Mails, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    tip = officers.send_tip()
    mails.refuse = "550 no such mailbox"
    spread(tip)
    officer_alerts.sweep_alerts()
    assert alert_of(tip).state == Alert.AlertState.NOBODY
    assert officer_alerts.find_problems(SharedRows(Tip.objects.values("pk"))).nobody
    mails.refuse = None
    officer_alerts.sweep_alerts()
    assert mails.received == []  # an hour passes first
    set_clock(timezone.now() + dt.timedelta(hours=1), monkeypatch)
    officer_alerts.sweep_alerts()
    officer_alerts.sweep_alerts()
    assert recipients_of(mails) == ["okafor@example.org"]
    assert alert_of(tip).state == Alert.AlertState.SPREAD
    assert not officer_alerts.find_problems(SharedRows(Tip.objects.values("pk")))


def test_a_refused_address_does_not_delay_others(mails: Mails, db: None) -> None:
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


def test_a_tip_deleted_meanwhile_raises_nothing(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    session = officers.send_tip_and_sign_in()
    alert = alert_of(session.tip)
    conversation.delete_by_source(session.token)
    officer_alerts.spread_alert(str(alert.pk))
    officer_alerts.sweep_alerts()
    assert mails.received == []


@pytest.mark.django_db(transaction=True)
def test_a_slow_mail_server_does_not_block_deletion(mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    session = officers.send_tip_and_sign_in()
    send_started, deleted = threading.Event(), threading.Event()

    def slow(*_args: object, **_options: object) -> int:
        send_started.set()
        assert deleted.wait(10)
        return 1

    monkeypatch.setattr("django.core.mail.backends.smtp.EmailBackend.send_messages", slow)

    def work() -> None:
        spread(session.tip)
        connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    assert send_started.wait(10)
    conversation.delete_by_source(session.token)
    deleted.set()
    worker.join()
    assert not Tip.objects.exists()
    assert not Notification.objects.exists()


def test_no_exact_time_is_stored(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    spread(officers.send_tip())
    for at in (Alert.objects.get().raised_at, Notification.objects.get().next_attempt_at):
        assert (at.minute, at.second, at.microsecond) == (0, 0, 0)


# The worker's own rights, and the queue


@pytest.mark.django_db(transaction=True)
def test_the_alerts_role_has_exactly_the_rights_it_needs(mails: Mails) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    officers.create_officer("ito", groups.SUPERVISOR, mail="ito@example.org", is_active=True)
    account_mails.mail_supervisors("ito did something.")
    Account.objects.filter(username="ito").update(is_active=False)
    tip = officers.send_tip()
    with _as("portal_alerts"):
        account_mails.mail_accounts()
    assert recipients_of(mails) == ["ito@example.org"]
    mails.clear()
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
    assert recipients_of(mails) == ["okafor@example.org"]


class _as:  # noqa: N801  (reads as a clause)
    def __init__(self, role: str) -> None:
        self.role = role

    def __enter__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {self.role}")

    def __exit__(self, *_exc: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


def test_the_task_is_sent_after_the_commit(
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
def test_an_unavailable_queue_does_not_affect_the_source(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_task: str) -> None:
        raise ConnectionError("broker")

    monkeypatch.setattr(queue, "send", down)
    token = form_tokens.read(form_tokens.issue())
    assert intake.accept_tip(intake.Report(Category.objects.first(), "Two men"), token) == token.receipt  # type: ignore[arg-type]
    screening_thread.run_round(rechecks=False)
    assert Alert.objects.get().state == Alert.AlertState.WAITING


# Problems shown in the admin


def test_having_no_officer_with_an_address_is_a_problem(db: None) -> None:
    assert officer_alerts.find_problems(SharedRows(Tip.objects.values("pk"))).nobody
    officers.create_officer("ito", groups.ADMINISTRATOR)
    officers.create_officer("okafor", is_active=False)
    assert officer_alerts.find_problems(SharedRows(Tip.objects.values("pk"))).nobody
    Account.objects.update(is_active=True)
    assert not officer_alerts.find_problems(SharedRows(Tip.objects.values("pk")))


def test_an_old_refusal_is_not_a_problem(mails: Mails, db: None) -> None:
    officers.set_duty(officers.create_officer("okafor"))
    mails.refuse = "550 no such mailbox"
    spread(officers.send_tip())
    assert officer_alerts.find_problems(SharedRows(Tip.objects.values("pk")))
    Alert.objects.update(state=Alert.AlertState.SPREAD)
    Notification.objects.update(next_attempt_at=timezone.now() - dt.timedelta(days=8))
    assert not officer_alerts.find_problems(SharedRows(Tip.objects.values("pk")))
