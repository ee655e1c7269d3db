"""Signs of life of workers and beat: what is killed, frozen or stuck is late, named on the desk, and mailed once."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from core import ephemeral_store
from core.ephemeral_store import StoreDownError
from core.models import Heartbeat
from core.roles import Role
from core.staff import groups
from tests.stack import Mails
from tests.tipportal.database.test_grants import acting_as, is_refused
from tests.tips.desk import officers
from tipportal import health, stalled_work
from tipportal.celery import app
from tipportal.deploy import processes
from tipportal.doctor import portal
from tipportal.heartbeats import records, signs, worker_thread
from tipportal.heartbeats.beat_scheduler import HeartbeatScheduler
from tipportal.heartbeats.worker_thread import HeartbeatThread

pytestmark = pytest.mark.django_db
# Processes of the test run share one store.
SUFFIX = f" is alive, says test {uuid.uuid4()}"


@pytest.fixture(autouse=True)
def _store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    names = {process.name for process in (*processes.WORKERS, processes.BEAT)}
    monkeypatch.setattr(ephemeral_store, "list_client_names", lambda: names)
    monkeypatch.setattr(signs, "_SUFFIX", SUFFIX)
    yield
    for process in (*signs.WEB, "beat"):
        ephemeral_store.forget(process + SUFFIX)


def silence(process: str, seconds: float = records.LATE_SECONDS + 1) -> None:
    Heartbeat.objects.filter(process=process).update(at=F("at") - dt.timedelta(seconds=seconds))


def give_earlier(process: str, seconds: int) -> None:
    """Leave the sign that a process gave so many seconds ago."""
    ephemeral_store.put(process + SUFFIX, b"", signs._REMEMBERED_SECONDS - seconds)


def test_a_round_writes_the_workers_heartbeat_and_beats_with_its_own_age() -> None:
    thread = HeartbeatThread("worker-media", mails=False)
    with acting_as("media"):
        thread.do_round()
    (row,) = Heartbeat.objects.all()
    assert (row.process, row.at.second, row.at.microsecond) == ("worker-media", 0, 0)
    assert records.list_late() == []

    give_earlier("beat", 300)
    thread.do_round()
    beat = Heartbeat.objects.get(process="beat")
    assert dt.timedelta(seconds=299) < timezone.now() - beat.at < dt.timedelta(seconds=375)
    assert records.list_late() == ["beat"]


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_within_the_minute_uses_no_transaction_number() -> None:
    """The numbers of transactions would otherwise be a clock with a step of some seconds."""
    records.note("beat", -45)  # the minute now, or the one after it
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text, xmax::text FROM core_heartbeat")
        before = cursor.fetchall()
        records.note("beat")
        cursor.execute("SELECT xmin::text, xmax::text FROM core_heartbeat")
        assert cursor.fetchall() == before


def test_the_desk_and_readyz_name_a_frozen_process_that_is_still_connected() -> None:
    administrator = officers.create_officer("admin", groups.ADMINISTRATOR)
    for process in ("worker-alerts", "beat"):
        records.note(process)
    assert health.find_missing_workers() == []
    silence("worker-alerts")
    assert health.find_missing_workers() == ["worker-alerts"]
    late, *never = [finding.sentence for finding in portal.check_heartbeats()]
    assert late.startswith("worker-alerts gives no sign of life.")
    assert [sentence.split()[0] for sentence in never] == [
        *("worker-bulk", "worker-media", "worker-media-video", "web-public", "web-staff")
    ]
    sentences = stalled_work.find_stalled_work(administrator).sentences
    assert "The alerts worker isn't running: officers get no email about new tips." in sentences
    # A time in the future is from before the clock was set back.
    silence("beat", -3600)
    assert health.find_missing_workers() == ["worker-alerts", "beat"]
    records.note("beat")
    records.note("worker-alerts")
    assert health.find_missing_workers() == []


def test_a_web_process_that_is_gone_is_named_on_the_desk_by_the_doctor_and_in_a_mail(
    mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    administrator = officers.create_officer("admin", groups.ADMINISTRATOR, mail="admin@example.org")
    sentence = "The public web process isn't running: residents see no page and can't send tips."

    def find_named() -> tuple[bool, bool]:
        found = [finding.sentence for finding in portal.check_heartbeats() if finding.is_fault]
        on_desk = sentence in stalled_work.find_stalled_work(administrator).sentences
        return on_desk, "web-public gives no sign of life. Look at its log, and start it again." in found

    thread = HeartbeatThread("worker-bulk", mails=True)
    for process in signs.WEB:
        signs.give(process)
    thread.do_round()
    assert find_named() == (False, False)
    silence("web-public")
    assert find_named() == (False, False)  # no worker has copied its signs for a while
    give_earlier("web-public", int(records.LATE_SECONDS) + 1)
    assert find_named() == (True, True)
    assert health.find_missing_workers() == []  # each web process answers /readyz for itself
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 2 * records.LATE_SECONDS)
    for _ in range(worker_thread._LOOKS_BEFORE_MAIL):
        silence("web-public")
        thread.do_round()
    (mail,) = mails.received
    assert sentence in mail.get_content()
    # The media workers open strangers' files: they can't say that it lives.
    signs.give("web-public")
    with acting_as("media"):
        HeartbeatThread("worker-media", mails=False).do_round()
    assert records.list_late() == ["web-public"]
    thread.do_round()
    assert records.list_late() == []


@pytest.mark.parametrize(
    ("role", "expected"), [(Role.PUBLIC, ["web-public"]), (Role.STAFF, ["web-staff"]), (Role.ALL, [*signs.WEB])]
)
def test_a_web_process_gives_the_sign_of_each_side_that_it_serves(
    settings: Any, role: Role, expected: list[str]
) -> None:
    settings.ROLE = role
    signs.give_own()
    assert signs.list_fresh() == expected


def test_a_silence_is_mailed_once_to_administrators_after_some_looks(
    mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    # From the last sign of life to the mail, on a machine that isn't short of time.
    looks = worker_thread._LOOKS_BEFORE_MAIL * worker_thread.INTERVAL_SECONDS
    assert records.LATE_SECONDS + looks <= dt.timedelta(minutes=2).total_seconds()
    officers.create_officer("admin", groups.ADMINISTRATOR, mail="admin@example.org")
    officers.create_officer("okafor", mail="okafor@example.org")
    records.note("worker-alerts")
    silence("worker-alerts")
    thread = HeartbeatThread("worker-bulk", mails=True)
    for _ in range(worker_thread._LOOKS_BEFORE_MAIL):
        thread.do_round()
    assert mails.received == []  # it has just started: all may have
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 2 * records.LATE_SECONDS)
    mails.stop()
    with acting_as("bulk"):
        thread.do_round()  # the mail server is away: it is tried again
    mails.start()
    other = HeartbeatThread("worker-alerts", mails=True)
    for _ in range(3):
        thread.do_round()
        other._watch()
    (mail,) = mails.received
    assert mail["To"] == "admin@example.org"
    assert mail["Subject"] == "A part of the portal isn't running"
    assert "The alerts worker isn't running" in mail.get_content()
    # It runs again, and stops again: that is another silence.
    records.note("worker-alerts")
    thread.do_round()
    silence("worker-alerts")
    for _ in range(worker_thread._LOOKS_BEFORE_MAIL):
        thread.do_round()
    assert len(mails.received) == 2


def test_without_the_store_the_doctor_judges_the_workers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for process in processes.WORKERS:
        records.note(process.name)
    records.note("web-public", records.LATE_SECONDS + 61)
    monkeypatch.setattr(signs, "list_fresh", raise_store_down)
    assert [finding.is_fault for finding in portal.check_heartbeats()] == [False]


def raise_store_down(*_: object) -> None:
    raise StoreDownError


def test_without_the_store_a_worker_still_gives_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ephemeral_store, "seconds_left", raise_store_down)
    HeartbeatThread("worker-alerts", mails=True).do_round()
    assert [row.process for row in Heartbeat.objects.all()] == ["worker-alerts"]


def test_only_workers_write_heartbeats_and_the_media_worker_none_of_others() -> None:
    insert = "INSERT INTO core_heartbeat (process, at, is_mailed) VALUES ('worker-alerts', now(), false)"
    for role in ("public", "staff", "media"):
        assert is_refused(role, insert)
    assert is_refused("public", "SELECT * FROM core_heartbeat")
    records.note("worker-alerts")
    with acting_as("media"), connection.cursor() as cursor:
        cursor.execute("UPDATE core_heartbeat SET at = now()")
        assert cursor.rowcount == 0
    with acting_as("staff"):
        assert records.list_late() == []


def test_beat_leaves_a_sign_each_round_and_goes_on_when_the_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(HeartbeatScheduler, "apply_entry", lambda _self, entry, producer=None: sent.append(entry.task))
    monkeypatch.setattr(HeartbeatScheduler, "producer", None)
    scheduler = HeartbeatScheduler(app=app, lazy=True)
    scheduler.setup_schedule()
    assert "beat" not in signs.read_ages()
    scheduler.tick()
    assert signs.list_fresh() == ["beat"]
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    for entry in scheduler.schedule.values():
        entry.last_run_at = later  # as if the clock had been an hour ahead until now
    scheduler._heap = None
    scheduler._offset += 3600
    for _ in range(3):
        scheduler.tick()
    assert "the clock was set back by 3" in caplog.text
    assert all(entry.last_run_at < later - dt.timedelta(minutes=50) for entry in scheduler.schedule.values())
    assert scheduler.max_interval == 10
    assert scheduler.tick() <= 10
