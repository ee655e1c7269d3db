"""The one place that sends mail: rows waiting in a table, each taken by one worker under a lease.

An app keeps a table of OutboxRows and an Outbox, which says what a row's mail contains and what follows once the mail is
sent or refused. Each mail is sent at least once, always under the same Message-ID:

- A worker leases a row (SELECT ... FOR UPDATE SKIP LOCKED, lease, commit), talks to the mail server outside any
  transaction, and ends the lease as it records the outcome. No lock is held meanwhile, so a slow mail server keeps no
  resident or source from deleting the row.
- The lease of a killed worker runs out, and the next run sends that one mail again.
"""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F, Min, Q
from django.db.models.functions import Now
from django.utils import timezone
from psycopg2 import sql

from core.mail import confirmation_pace, headers, outages
from core.mail.subscriber_addresses import KeyMissingError, SealError

log = logging.getLogger(__name__)

WAITING, SENT = "waiting", "sent"
BATCH_SIZE = 200
# EMAIL_TIMEOUT gives each answer of the mail server 10 s. An exchange that outlasts its lease may be repeated by another
# worker, under the same Message-ID.
LEASE = dt.timedelta(seconds=20)
_FIRST_WAIT = dt.timedelta(minutes=5)
_MAX_DOUBLINGS = 4
# Thousands of mails of a night take less.
_OVERDUE = dt.timedelta(hours=1)

Row = TypeVar("Row", bound="OutboxRow")


class OutboxRow(models.Model):
    """One mail that waits, or is settled. Its id is the Message-ID, so that the receiver recognizes a repeat.

    A queue's own states come on top of WAITING and SENT.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=8, default=WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    leased_until = models.DateTimeField(
        null=True, editable=False, help_text="by the database's clock, while a worker sends this mail"
    )

    class Meta:
        abstract = True


def due_rows(model: type[Row], limit: int = BATCH_SIZE, **conditions: Any) -> list[Row]:
    """Return rows to try now, those that have waited longest first."""
    rows = model._default_manager.filter(state=WAITING, next_attempt_at__lte=timezone.now(), **conditions)
    return list(rows.exclude(leased_until__gt=Now()).order_by("next_attempt_at", "pk")[:limit])


def count_overdue(*queues: type[OutboxRow]) -> list[int]:
    """Return for each queue how many mails have been due for so long that their worker must be stuck. One query."""
    count = sql.SQL("(SELECT count(*) FROM {} WHERE state = %(waiting)s AND next_attempt_at < %(late)s)")
    counts = sql.SQL(", ").join(count.format(sql.Identifier(queue._meta.db_table)) for queue in queues)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT {}").format(counts), {"waiting": WAITING, "late": timezone.now() - _OVERDUE})
        return list(cursor.fetchone())


def seconds_to_lease_end(model: type[OutboxRow]) -> float | None:
    """Return when the first row that is in a worker's hands gets free, should that worker be dead; None if there is none."""
    leased = model._default_manager.filter(state=WAITING, leased_until__gt=Now())
    remaining: dt.timedelta | None = leased.aggregate(least=Min(F("leased_until") - Now()))["least"]
    return None if remaining is None else remaining.total_seconds()


class Outbox(ABC, Generic[Row]):
    """The rules of one queue. Subclasses set `model` and `name` and write `compose` and `record_refusal`."""

    model: type[Row]
    name: str  # for the log
    quick_tries = 1  # tries in consecutive runs before the back-off starts
    serial_field = ""  # rows that share this field's value are sent one at a time

    # Hooks for each queue

    @abstractmethod
    def compose(self, row: Row) -> EmailMessage | None:
        """Return the mail as of now, or None if there is nothing left to report. May raise KeyMissingError, SealError."""

    @abstractmethod
    def record_refusal(self, row: Row) -> None:
        """Record that the mail server refused this mail for good."""

    def is_final(self, error: smtplib.SMTPException) -> bool:
        """Return whether to give up on the mail. By default only when the recipient's address is unknown."""
        return isinstance(error, smtplib.SMTPRecipientsRefused) and is_permanent(error)

    def is_confirmation(self, row: Row) -> bool:  # noqa: ARG002
        """Return whether the mail goes to an address that has not confirmed yet (core/mail/confirmation_pace.py)."""
        return False

    def record_sent(self, row: Row) -> None:
        self.settle(row, state=SENT)

    def record_needless(self, row: Row) -> None:
        """Record that `compose` returned no mail."""
        self._rows().filter(pk=row.pk).delete()

    def postpone(self, row: Row) -> None:
        """Schedule another try, with exponential back-off."""
        self.settle(row, next_attempt_at=self.now() + self.back_off(row.attempts + 1))

    def now(self) -> dt.datetime:
        """Return the present time as it may be stored in `next_attempt_at`."""
        return timezone.now()

    # Shared by all queues

    def send(self, batch: Sequence[Row]) -> bool:
        """Send a batch over one connection, skipping rows that another worker has leased meanwhile.

        Return False if the mail server disconnected; the rest of the batch then waits for the next run. If the server cannot
        be reached at all, no attempt is counted.
        """
        if not batch:
            return True
        mail_server = get_connection()
        try:
            mail_server.open()
            for row in batch:
                if self._lease(row):
                    self._send_leased(row, mail_server)
        except (smtplib.SMTPException, OSError) as error:
            log.warning("the mail server is away, %s wait (%s)", self.name, type(error).__name__)
            outages.note_failure(error)
            return False
        finally:
            mail_server.close()
        outages.note_success()
        return True

    def settle(self, row: Row, **outcome: Any) -> None:
        """Count the attempt, write its outcome and end the lease; nothing if the row was deleted or the lease was lost."""
        self._leased(row).update(attempts=row.attempts + 1, leased_until=None, **outcome)

    def back_off(self, attempts: int) -> dt.timedelta:
        """Return the wait after so many failed attempts: none for the quick tries, then 5, 10, 20, 40, 80, 80 ... minutes."""
        doublings = attempts - self.quick_tries
        return _FIRST_WAIT * 2 ** min(doublings, _MAX_DOUBLINGS) if doublings >= 0 else dt.timedelta()

    def _lease(self, row: Row) -> bool:
        """Reserve a row for this worker and reload it; False if it is gone, settled, postponed or another worker's."""
        with transaction.atomic():
            if self.serial_field and not self._lock_siblings(row):
                return False
            due = self._rows().filter(pk=row.pk, state=WAITING, next_attempt_at__lte=timezone.now())
            if not due.exclude(leased_until__gt=Now()).select_for_update(skip_locked=True).exists():
                return False
            self._rows().filter(pk=row.pk).update(leased_until=Now() + LEASE)
            row.refresh_from_db()
        return True

    def _lock_siblings(self, row: Row) -> bool:
        """Lock all waiting rows that must not be sent at the same time as this one; False if one of them is being sent.

        Two workers that want siblings queue up here for the length of a commit; the second then sees the first's lease.
        """
        siblings = self._rows().filter(Q((self.serial_field, getattr(row, self.serial_field))), state=WAITING)
        list(siblings.select_for_update().order_by("pk").values_list("pk"))
        return not siblings.filter(leased_until__gt=Now()).exists()

    def _send_leased(self, row: Row, mail_server: BaseEmailBackend) -> None:
        """Send one mail and record the outcome. Raises SMTPException or OSError if the server went away over it."""
        try:
            message = self._compose_or_postpone(row)
            if message is None:
                return
            try:
                mail_server.send_messages([message])
            except (smtplib.SMTPException, OSError) as error:
                # Counted even if the server disconnects: a mail that causes it must not stay first in line forever.
                self._record_failure(row, error)
                if not _concerns_this_mail(error):
                    raise
            else:
                with transaction.atomic():
                    self.record_sent(row)
        except BaseException:
            # The worker must stop, or our code failed: free the row at once instead of when its lease ends.
            with suppress(DatabaseError):
                self._leased(row).update(leased_until=None)
            raise

    def _compose_or_postpone(self, row: Row) -> EmailMessage | None:
        """Return the mail, or None if there is none to send now, which is recorded."""
        try:
            message = self.compose(row)
        except (KeyMissingError, SealError) as error:
            log.error("an address of %s does not open (%s)", self.name, type(error).__name__)
            self.postpone(row)
            return None
        if message is None:
            self.record_needless(row)
            return None
        if self.is_confirmation(row) and (seconds := confirmation_pace.pace.seconds_to_wait(row.pk, message.to[0])):
            self._leased(row).update(leased_until=None, next_attempt_at=self.now() + dt.timedelta(seconds=seconds))
            return None
        message.extra_headers |= headers.identity(row.pk)
        return message

    def _record_failure(self, row: Row, error: smtplib.SMTPException | OSError) -> None:
        if isinstance(error, smtplib.SMTPException) and self.is_final(error):
            log.error("one of %s was refused for good (%s)", self.name, type(error).__name__)
            with transaction.atomic():
                self.record_refusal(row)
        else:
            log.warning("one of %s was refused for now and will be tried again (%s)", self.name, type(error).__name__)
            self.postpone(row)

    def _rows(self) -> models.QuerySet[Row]:
        return self.model._default_manager.all()

    def _leased(self, row: Row) -> models.QuerySet[Row]:
        """Return the row as long as this worker's lease on it holds."""
        return self._rows().filter(pk=row.pk, leased_until=row.leased_until)


def send_unqueued(messages: Iterable[EmailMessage]) -> bool:
    """Send mails that have no row, for callers that try again by themselves. Returns False if the mail server is away."""
    try:
        get_connection().send_messages(list(messages))
    except (smtplib.SMTPException, OSError) as error:
        log.warning("the mail server is away (%s)", type(error).__name__)
        outages.note_failure(error)
        return False
    outages.note_success()
    return True


def try_once(message: EmailMessage) -> bool | None:
    """Send a mail that nobody sends again. Return False if it was refused for good, None if it may be accepted later."""
    try:
        get_connection().send_messages([message])
    except (smtplib.SMTPException, OSError) as error:
        is_refused = isinstance(error, smtplib.SMTPException) and is_permanent(error)
        return False if is_refused and _concerns_this_mail(error) else None
    return True


def is_permanent(error: smtplib.SMTPException) -> bool:
    """Return whether the mail server refused this very mail for good (5xx), and not just for now."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= code < 600 for code, _text in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and 500 <= error.smtp_code < 600


def _concerns_this_mail(error: Exception) -> bool:
    """Return whether the server answered to this mail alone, so that the connection serves the others."""
    return isinstance(
        error, smtplib.SMTPRecipientsRefused | smtplib.SMTPResponseException | smtplib.SMTPNotSupportedError
    )
