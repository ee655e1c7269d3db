"""Sends notifications to officers: messages that say that a tip is waiting, never what is in it."""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Subquery
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.channel_services import Outcome
from core.mail import outbox
from core.mail.outbox import Outbox
from core.models import Account
from tips.models import Alert, AlertChannel, Notification, rounded_now
from tips.officer_alerts import channel_tests, channels
from tips.officer_alerts.message_budget import MOST_AT_ONCE, Recipient, budget

log = logging.getLogger(__name__)

# Where the mail leads: the list, so that no link tells one tip from another.
DESK_PATH = "/admin/tips/tip/"
# Urgent ones lead to a page with a button: opening a link acknowledges nothing.
URGENT_PATH = "/admin/tips/alertchannel/urgent/"
_REFUSED_WAITS = dt.timedelta(hours=1)

AlertState = Alert.AlertState
NotificationState = Notification.NotificationState


class NotificationOutbox(Outbox[Notification]):
    """Messages to officers, by mail and on channels. Any permanent refusal makes the next in line be notified instead.

    One message covers all that waits of its tip. A mailbox or channel whose single messages are used up, or that has many tips
    waiting at once, gets one for all ("37 more tips"); see message_budget.
    """

    model = Notification
    name = "officers' alerts"
    quick_tries = 5  # 20 s apart, as the sweep comes round

    def __init__(self) -> None:
        # The rows that stand for all tips, and the waiting rows that each message covers besides its own.
        self._bundles: set[UUID] = set()
        self._covered: dict[UUID, list[Notification]] = {}
        # Whether each row of the batch is urgent: its alert may be deleted with its tip while the message is sent.
        self._urgent: dict[UUID, bool] = {}
        # Servers that did not answer in this run: one that hangs delays other alerts once, not for each of its rows.
        self._silent_hosts: set[str] = set()

    def now(self) -> dt.datetime:
        return rounded_now()

    def send_due(self, **conditions: Any) -> None:
        """Send as many of the due rows as the budgets allow: urgent ones first, mails before channels. The rest waits."""
        waiting = Notification.objects.filter(
            state=NotificationState.WAITING, next_attempt_at__lte=timezone.now(), **conditions
        )
        receivers = set(waiting.values_list("alert__urgent", "officer", "channel"))
        for is_urgent in (True, False):
            mailboxes = [(officer, channel) for urgent, officer, channel in receivers if urgent == is_urgent]
            mails: list[Notification] = []
            messages: list[Notification] = []
            for officer_id, channel_id in sorted(mailboxes, key=str):
                batch = mails if channel_id is None else messages
                batch += self._choose_rows(officer_id, channel_id, is_urgent, conditions)
            self._urgent |= dict.fromkeys((row.pk for row in mails + messages), is_urgent)
            self.send(mails)
            for row in messages:
                self._send_on_channel(row)

    def _choose_rows(
        self, officer_id: int | None, channel_id: UUID | None, is_urgent: bool, conditions: dict[str, Any]
    ) -> list[Notification]:
        """Return the rows to send now to one mailbox or channel."""
        recipient = _recipient(officer_id, channel_id)
        mailbox = {"officer": officer_id, "channel": channel_id, "alert__urgent": is_urgent} | conditions
        due = outbox.due_rows(Notification, **mailbox)
        rows = self._first_rows_of_tips(due, recipient, is_urgent)
        single = budget.single_messages_left(recipient, is_urgent)
        if len(rows) > MOST_AT_ONCE if single else rows and budget.is_bundle_due(recipient, is_urgent):
            self._bundles.add(rows[0].pk)
            single = 1
        return rows[:single]

    def _first_rows_of_tips(self, due: list[Notification], recipient: Recipient, is_urgent: bool) -> list[Notification]:
        """Return one row for each tip about which nothing was sent to the recipient just now."""
        first: dict[UUID, Notification] = {}
        for row in due:
            tip_id = Alert.objects.filter(pk=row.alert_id).values_list("tip_id", flat=True).first()
            if tip_id is not None and budget.is_tip_due(recipient, tip_id, is_urgent):
                first.setdefault(tip_id, row)
        return list(first.values())

    # Mails

    def compose(self, row: Notification) -> EmailMessage | None:
        account = Account.objects.filter(pk=row.officer_id or 0, is_active=True).only("email").first()
        if account is None or not account.email:
            return None
        urgent, count = self._urgent[row.pk], self._cover(row)
        path = URGENT_PATH if urgent else DESK_PATH
        return EmailMessage(
            subject=_subject(urgent, count),
            body=render_to_string(
                "mail/alert.txt", {"urgent": urgent, "count": count, "desk": settings.STAFF_URL + path}
            ),
            to=[account.email],
        )

    def _cover(self, row: Notification) -> int:
        """Find the other rows that the message of this one covers. Return how many tips it names: 0 if it is about one."""
        covered = Notification.objects.filter(
            officer=row.officer_id,
            channel=row.channel_id,
            alert__urgent=self._urgent[row.pk],
            state=NotificationState.WAITING,
            leased_until=None,
            next_attempt_at__lte=timezone.now(),
        )
        if row.pk not in self._bundles:
            covered = covered.filter(alert__tip=Subquery(Alert.objects.filter(pk=row.alert_id).values("tip")))
        self._covered[row.pk] = list(covered.exclude(pk=row.pk).only("pk", "alert"))
        return len(self._list_tips(row)) if row.pk in self._bundles else 0

    def record_needless(self, row: Notification) -> None:
        """Pass the alert on: the account was turned off, or has no address any more."""
        self.record_refusal(row)

    def record_sent(self, row: Notification) -> None:
        super().record_sent(row)
        covered = [other.pk for other in self._covered[row.pk]]
        Notification.objects.filter(pk__in=covered, state=NotificationState.WAITING).update(
            state=NotificationState.SENT
        )
        recipient = _recipient(row.officer_id, row.channel_id)
        budget.count_sent(recipient, self._urgent[row.pk])
        budget.count_sent_about(recipient, self._list_tips(row))

    def _list_tips(self, row: Notification) -> set[UUID]:
        """Return the tips that the message of this row is about."""
        alerts = [row.alert_id, *(other.alert_id for other in self._covered[row.pk])]
        return set(Alert.objects.filter(pk__in=alerts).values_list("tip_id", flat=True))

    def is_final(self, error: smtplib.SMTPException) -> bool:
        return outbox.is_permanent(error)

    def record_refusal(self, row: Notification) -> None:
        self.settle(row, state=NotificationState.FAILED, next_attempt_at=self.now() + _REFUSED_WAITS)
        # The staff side chooses who else is told of a walled tip.
        Alert.objects.filter(pk=row.alert_id, state=AlertState.SPREAD).update(state=AlertState.WAITING)

    # Channels

    def _send_on_channel(self, row: Notification) -> None:
        channel = AlertChannel.objects.filter(notifications=row.pk).first()
        if channel is None or channel.host in self._silent_hosts or not self._lease(row):
            return
        if row.officer_id and not Account.objects.filter(pk=row.officer_id, is_active=True).exists():
            self.record_refusal(row)
            return
        urgent, count = self._urgent[row.pk], self._cover(row)
        # A cloud learns no numbers.
        text = channel_text(urgent, 0 if channels.KINDS[channel.kind].is_cloud else count)
        result = channels.send(channel, text, is_urgent=urgent)
        with transaction.atomic():
            if result.outcome is Outcome.SENT:
                self.record_sent(row)
            elif result.outcome is Outcome.REFUSED:
                log.error("a channel of officers' alerts refused one (%s)", channel.kind)
                self.record_refusal(row)
            else:
                log.warning("a channel of officers' alerts did not answer, or may have a message (%s)", channel.kind)
                self._silent_hosts.add(channel.host)
                self.postpone(row)
            channel_tests.note_result(channel, result)


def _recipient(officer_id: int | None, channel_id: UUID | None) -> Recipient:
    recipient = channel_id or officer_id
    assert recipient is not None
    return recipient


def channel_text(urgent: bool, count: int) -> str:
    """Return the text of a message on a channel: the first line of the mail."""
    mail = render_to_string("mail/alert.txt", {"urgent": urgent, "count": count, "desk": ""})
    return mail.strip().partition("\n")[0]


def _subject(urgent: bool, count: int) -> str:
    """Return the subject of a mail about one tip (count 0) or about `count` more."""
    if not count:
        return _("Urgent: a tip is waiting") if urgent else _("A tip is waiting")
    if urgent:
        sentence = ngettext("Urgent: %(count)d more tip is waiting", "Urgent: %(count)d more tips are waiting", count)
    else:
        sentence = ngettext("%(count)d more tip is waiting", "%(count)d more tips are waiting", count)
    return sentence % {"count": count}
