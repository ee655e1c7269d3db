"""The outbox: each mail by one worker at a time, tried until it is sent, repeated only if a worker was killed over it."""

from __future__ import annotations

import datetime as dt
import smtplib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.db import connection, connections, models
from django.db.models.functions import Now
from django.test.utils import isolate_apps
from django.utils import timezone

from core.keypairs import SealError
from core.mail import outbox
from core.mail.outbox import SENT, WAITING, Outbox, OutboxRow
from tests.stack import Mails

with isolate_apps("core"):

    class Letter(OutboxRow):
        recipient = models.CharField(max_length=100)

        class Meta:
            app_label = "core"


class LetterOutbox(Outbox[Letter]):
    model = Letter
    name = "letters"

    def compose(self, row: Letter) -> EmailMessage | None:
        return EmailMessage("Hello", "A letter", to=[row.recipient])

    def record_refusal(self, row: Letter) -> None:
        self.settle(row, state="refused")


class SerialOutbox(LetterOutbox):
    serial_field = "recipient"


@pytest.fixture(autouse=True)
def _table(transactional_db: None) -> Iterator[None]:
    with connection.schema_editor() as editor:
        editor.create_model(Letter)
    yield
    with connection.schema_editor() as editor:
        editor.delete_model(Letter)


def write(*names: str) -> list[Letter]:
    """Rows for these people, due in this order."""
    now = timezone.now()
    return [
        Letter.objects.create(
            recipient=f"{name}@example.org", next_attempt_at=now - dt.timedelta(seconds=len(names) - index)
        )
        for index, name in enumerate(names)
    ]


def send(letters: Outbox[Letter] | None = None) -> bool:
    return (letters or LetterOutbox()).send(outbox.due_rows(Letter))


def recipients(mails: Mails) -> list[str]:
    return [address.partition("@")[0] for addresses in mails.recipients for address in addresses]


def start_worker(work: Callable[[], Any]) -> threading.Thread:
    def run() -> None:
        work()
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


class SlowServer:
    """Delay the first mail until released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.released = threading.Event(), threading.Event()
        send_messages = EmailBackend.send_messages

        def send_slowly(backend: EmailBackend, messages: list[EmailMessage]) -> int:
            if not self.reached.is_set():
                self.reached.set()
                assert self.released.wait(10)
            return int(send_messages(backend, messages))

        monkeypatch.setattr(EmailBackend, "send_messages", send_slowly)


def test_a_mail_is_sent_once_under_the_id_of_its_row(mails: Mails) -> None:
    (letter,) = write("ada")
    assert send()
    assert send()
    (mail,) = mails.received
    assert str(letter.pk) in mail["Message-ID"]
    assert mail["Auto-Submitted"] == "auto-generated"
    letter.refresh_from_db()
    assert (letter.state, letter.attempts, letter.leased_until) == (SENT, 1, None)


def test_rows_are_sent_in_the_order_in_which_they_became_due(mails: Mails) -> None:
    write("ada", "ben", "eve")
    send()
    assert recipients(mails) == ["ada", "ben", "eve"]


# Leases


def test_a_leased_row_is_skipped_until_its_lease_ends(mails: Mails) -> None:
    write("ada")
    rows = outbox.due_rows(Letter)
    Letter.objects.update(leased_until=Now() + outbox.LEASE)
    assert outbox.due_rows(Letter) == []
    assert 0 < (outbox.seconds_to_lease_end(Letter) or 0) <= outbox.LEASE.total_seconds()
    LetterOutbox().send(rows)
    assert mails.received == []
    Letter.objects.update(leased_until=Now() - dt.timedelta(seconds=1))
    assert outbox.seconds_to_lease_end(Letter) is None
    send()
    assert len(mails.received) == 1


def test_a_row_postponed_or_deleted_since_it_was_read_is_skipped(mails: Mails) -> None:
    ada, ben, _eve = write("ada", "ben", "eve")
    rows = outbox.due_rows(Letter)
    Letter.objects.filter(pk=ada.pk).update(next_attempt_at=timezone.now() + dt.timedelta(minutes=5))
    Letter.objects.filter(pk=ben.pk).delete()
    LetterOutbox().send(rows)
    assert recipients(mails) == ["eve"]


def test_several_workers_at_the_same_moment_send_each_mail_once(mails: Mails) -> None:
    write(*"abcdefghij")
    start = threading.Barrier(3)

    def work() -> None:
        rows = outbox.due_rows(Letter)
        start.wait()
        LetterOutbox().send(rows)

    for worker in [start_worker(work) for _ in range(3)]:
        worker.join()
    assert sorted(recipients(mails)) == list("abcdefghij")


def test_sending_blocks_neither_deletion_nor_other_workers(mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, _ben = write("ada", "ben")
    server = SlowServer(monkeypatch)
    worker = start_worker(send)
    assert server.reached.wait(10)
    send()
    assert recipients(mails) == ["ben"]
    Letter.objects.filter(pk=ada.pk).delete()
    server.released.set()
    worker.join()
    assert recipients(mails) == ["ben", "ada"]
    assert list(Letter.objects.values_list("recipient", "state")) == [("ben@example.org", SENT)]


def test_mails_to_one_recipient_are_sent_one_at_a_time(mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    write("ada", "ada", "ben")
    server = SlowServer(monkeypatch)
    worker = start_worker(lambda: send(SerialOutbox()))
    assert server.reached.wait(10)
    send(SerialOutbox())
    assert recipients(mails) == ["ben"]
    server.released.set()
    worker.join()
    assert recipients(mails) == ["ben", "ada", "ada"]


def test_a_stopped_worker_releases_its_lease(mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    (letter,) = write("ada")

    def stop(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LetterOutbox, "record_sent", stop)
        with pytest.raises(KeyboardInterrupt):
            send()
    letter.refresh_from_db()
    assert (letter.state, letter.attempts, letter.leased_until) == (WAITING, 0, None)
    send()
    assert len({mail["Message-ID"] for mail in mails.received}) == 1


def test_a_worker_that_lost_its_lease_writes_nothing(mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    (letter,) = write("ada")
    mails.refuse = "451 later"
    server = SlowServer(monkeypatch)
    worker = start_worker(send)
    assert server.reached.wait(10)
    Letter.objects.update(leased_until=Now() + dt.timedelta(hours=1))
    server.released.set()
    worker.join()
    letter.refresh_from_db()
    assert letter.attempts == 0
    assert letter.leased_until is not None


# Failures


@pytest.mark.parametrize(("quick_tries", "minutes"), [(1, [5, 10, 20, 40, 80, 80, 80]), (3, [0, 0, 5, 10, 20, 40, 80])])
def test_back_off_doubles_from_five_to_eighty_minutes(quick_tries: int, minutes: list[int]) -> None:
    letters = LetterOutbox()
    letters.quick_tries = quick_tries
    waits = [letters.back_off(attempts) for attempts in range(1, len(minutes) + 1)]
    assert waits == [dt.timedelta(minutes=each) for each in minutes]


def test_a_temporary_refusal_postpones_only_that_mail(mails: Mails) -> None:
    ada, _ben = write("ada", "ben")
    mails.refuse_to = {ada.recipient: "450 mailbox full"}
    now = timezone.now()
    assert send()
    assert recipients(mails) == ["ben"]
    ada.refresh_from_db()
    assert (ada.state, ada.attempts, ada.leased_until) == (WAITING, 1, None)
    assert dt.timedelta(minutes=5) <= ada.next_attempt_at - now < dt.timedelta(minutes=6)


def test_only_an_unknown_address_is_a_final_refusal(mails: Mails) -> None:
    ada, ben = write("ada", "ben")
    mails.refuse, mails.refuse_to = "554 we do not like it", {ada.recipient: "550 no such mailbox"}
    assert send()
    for letter in (ada, ben):
        letter.refresh_from_db()
    assert (ada.state, ben.state) == ("refused", WAITING)
    assert (ada.leased_until, ben.leased_until) == (None, None)


def test_an_unreachable_mail_server_uses_up_no_attempt(mails: Mails) -> None:
    (letter,) = write("ada")
    mails.stop()
    assert not send()
    letter.refresh_from_db()
    assert (letter.state, letter.attempts, letter.leased_until) == (WAITING, 0, None)
    mails.start()
    assert send()
    assert len(mails.received) == 1


def test_a_mail_that_makes_the_server_hang_up_ends_the_run_and_goes_last(
    mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, ben = write("ada", "ben")

    def hang_up(*_args: object) -> None:
        raise smtplib.SMTPServerDisconnected

    with monkeypatch.context() as patched:
        patched.setattr(EmailBackend, "send_messages", hang_up)
        assert not send()
    for letter in (ada, ben):
        letter.refresh_from_db()
    assert (ada.attempts, ben.attempts) == (1, 0)
    send()
    assert recipients(mails) == ["ben"]


def test_a_mail_without_content_is_dropped(mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    write("ada")
    monkeypatch.setattr(LetterOutbox, "compose", lambda *_args: None)
    send()
    assert mails.received == []
    assert not Letter.objects.exists()


def test_an_address_that_cannot_be_opened_is_retried_later(mails: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, _ben = write("ada", "ben")
    compose = LetterOutbox.compose

    def fail_for_ada(letters: LetterOutbox, row: Letter) -> EmailMessage | None:
        if row.pk == ada.pk:
            raise SealError
        return compose(letters, row)

    monkeypatch.setattr(LetterOutbox, "compose", fail_for_ada)
    send()
    ada.refresh_from_db()
    assert (ada.state, ada.attempts, ada.leased_until) == (WAITING, 1, None)
    assert recipients(mails) == ["ben"]


def test_mails_without_a_row_are_sent_or_reported_unsent(mails: Mails) -> None:
    message = EmailMessage("Hello", "A letter", to=["ada@example.org"])
    assert outbox.send_unqueued([message])
    mails.stop()
    assert not outbox.send_unqueued([message])
    assert len(mails.received) == 1
