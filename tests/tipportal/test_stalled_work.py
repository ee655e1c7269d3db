"""Work that waits or fails in silence is named on the desk: mails, workers, rows and a full disk."""

from __future__ import annotations

import datetime as dt
import shutil
from collections import namedtuple
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from django.core.mail import EmailMessage
from django.db import connection
from django.utils import timezone

from core import ephemeral_store
from core.mail import outages, outbox
from core.models import Account, AccountMail
from core.staff import groups
from crimemap.models import ImportRun, Source
from outreach.stories import workflow
from tests.outreach.desk import create_account, story_values
from tests.stack import Mails, free_port
from tests.tips.desk import officers
from tests.tips.files import sealed_files
from tipportal import stalled_work
from tipportal.deploy import processes
from tips import officer_alerts
from tips.desk import outbox as desk_outbox
from tips.models import Alert, Attachment, Notification, PendingAct

pytestmark = pytest.mark.django_db

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def _all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {process.name for process in (*processes.WORKERS, processes.BEAT)}
    monkeypatch.setattr(ephemeral_store, "list_client_names", lambda: names)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(10**12, 0, 10**12))
    outages.note_success()


@pytest.fixture
def okafor() -> Account:
    return officers.set_duty(officers.create_officer("okafor"))


def first_page(account: Account, address: str = "/admin/") -> str:
    return str(officers.sign_in(account).get(address).content.decode())


def sentences(account: Account) -> list[str]:
    return stalled_work.find_stalled_work(account).sentences


def test_nothing_is_named_while_all_works(okafor: Account, mails: Mails) -> None:
    officers.send_tip()
    officer_alerts.sweep_alerts()
    officers.send_tip()  # its mail goes out in a moment
    assert sentences(okafor) == []
    assert "isn't working" not in first_page(okafor)


def test_an_alert_that_waits_for_the_mail_server_is_named_to_the_desk_and_administrators(
    okafor: Account, settings: Any, mails: Mails
) -> None:
    mails.stop()
    officers.send_tip(danger="yes")
    officer_alerts.sweep_alerts()
    for group in (groups.OFFICER, groups.SUPERVISOR, groups.ADMINISTRATOR):
        page = first_page(officers.create_officer(f"the-{group}", group, mail=""))
        assert "1 alert about a tip has not reached any officer by email." in page
        assert "1 is urgent." in page
        assert "the mail server hasn&#x27;t answered" in page
    assert '<details open><summary><h2 id="stalled-title">' in first_page(okafor)
    queue = first_page(okafor, "/admin/tips/tip/")
    assert "has not reached any officer" in queue
    assert '<details><summary><h2 id="stalled-title">' in queue, "on a phone its sentences would hide the tips"
    assert "mail server" not in first_page(create_account())
    mails.start()
    officer_alerts.sweep_alerts()
    assert sentences(okafor) == []


def test_a_mail_server_that_refuses_our_password_is_named(okafor: Account, settings: Any) -> None:
    refuse = lambda *_args: AuthResult(success=False, handled=False)  # noqa: E731
    server = Controller(Mails(), "127.0.0.1", free_port(), authenticator=refuse, auth_require_tls=False)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "portal", "expired"
    try:
        assert not outbox.send_unqueued([EmailMessage("x", "y", to=["a@example.org"])])
    finally:
        server.stop()
    (sentence,) = sentences(okafor)
    assert "the mail server has refused our password" in sentence


def test_the_time_of_an_outage_is_the_first_failure_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for minute in (7, 21):
        moment = dt.datetime(2026, 11, 29, 14, minute, 33, tzinfo=dt.UTC)
        monkeypatch.setattr(timezone, "now", lambda moment=moment: moment)
        outages.note_failure(OSError())
    assert outages.find_outage() == outages.MailOutage(dt.datetime(2026, 11, 29, 14, 5, tzinfo=dt.UTC), False)


@pytest.mark.parametrize("process", [*processes.WORKERS, processes.BEAT], ids=lambda process: process.name)
def test_a_stopped_worker_is_named_with_what_waits(
    okafor: Account, process: processes.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = ephemeral_store.list_client_names() - {process.name}
    monkeypatch.setattr(ephemeral_store, "list_client_names", lambda: others)
    officers.send_tip()
    alerts, stopped = sentences(okafor)
    assert alerts.startswith("1 alert about a tip")
    assert "isn't running" in stopped


def test_an_unavailable_memory_store_and_a_full_disk_are_named(
    okafor: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> set[str]:
        raise ephemeral_store.StoreDownError

    monkeypatch.setattr(ephemeral_store, "list_client_names", down)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(10**12, 0, 10**9))
    store, disk = sentences(okafor)
    assert store.startswith("The memory store doesn't answer")
    assert disk.startswith("The disk for sources' files is almost full (953.7\xa0MB left)")


def test_rows_that_wait_too_long_are_named(okafor: Account) -> None:
    tip = sealed_files.send_tip(sealed_files.store_upload(b"photo"))
    officer_alerts.sweep_alerts()
    long_ago = timezone.now() - dt.timedelta(hours=3)
    Notification.objects.all().delete()
    Alert.objects.filter(tip=tip).update(raised_at=long_ago, state=Alert.AlertState.WAITING)
    Attachment.objects.update(received_at=long_ago)
    AccountMail.objects.create(account=okafor, subject="x", text="y", next_attempt_at=long_ago)
    source = Source.objects.create(name="Riverton", slug="riverton-feed")
    ImportRun.objects.create(source=source, origin=ImportRun.Origin.PUSH, asked_at=long_ago)
    alert, file, mail = sentences(okafor)
    *_others, waiting_import = sentences(officers.create_officer("ito", groups.ADMINISTRATOR))
    assert waiting_import == "1 import has waited for more than an hour to begin."
    assert alert.startswith("1 alert about a tip")
    assert file.startswith("1 file from a source")
    assert mail.startswith("1 email to a supervisor")


def test_an_alert_that_is_refused_again_and_again_is_named(okafor: Account, mails: Mails) -> None:
    officers.send_tip()
    mails.refuse = "451 later"
    for _ in range(officer_alerts.NotificationOutbox.quick_tries):
        officer_alerts.sweep_alerts()
    assert sentences(okafor) == [
        "1 alert about a tip has not reached any officer by email. Look at the list of tips now."
    ]


def test_an_overdue_story_is_named_to_communications_alone(okafor: Account) -> None:
    author = create_account()
    story = workflow.create_story(author, story_values())
    type(story).objects.filter(pk=story.pk).update(
        status="scheduled", approved_by=author, publish_at=timezone.now() - dt.timedelta(minutes=11)
    )
    assert sentences(author) == ["1 story should have been published more than ten minutes ago."]
    assert sentences(okafor) == []


def test_staffs_database_user_may_count_what_waits(okafor: Account) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE portal_staff")
        assert stalled_work.find_stalled_work(okafor).sentences == []
        cursor.execute("RESET ROLE")


def test_answers_that_do_not_go_out_are_named(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    desk_outbox.hold_back(tip, okafor, PendingAct.Kind.ANSWER, {"text": "Thank you", "ask": False}, b"1")
    assert sentences(okafor) == []
    PendingAct.objects.update(due_at=timezone.now() - dt.timedelta(minutes=3))
    assert sentences(okafor) == [
        "1 answer or closing has waited for more than two minutes to go out. You can still undo yours."
    ]
