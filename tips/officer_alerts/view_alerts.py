"""Messages that something is new in a view that an officer follows. They say neither which view nor how many tips."""

from __future__ import annotations

import datetime as dt
import logging
import smtplib

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from core.channel_services import Outcome
from core.mail import outbox
from core.mail.outbox import Outbox
from core.models import Account
from tips.models import ROUNDING, AlertChannel, Duty, ViewAlert, rounded_now
from tips.officer_alerts import channel_tests, channels
from tips.officer_alerts.duty_calendar import DutyCalendar, find_quiet_end, is_quiet
from tips.officer_alerts.notification_outbox import DESK_PATH

log = logging.getLogger(__name__)


def write(officer: Account) -> None:
    """Have one message go to the officer's email and to each of their own channels, unless one waits there already.

    Within five minutes, so that a wave of tips is one message; after quiet hours, unless the officer is on duty; on a cloud's
    channels at full quarters of an hour.
    """
    now = timezone.now()
    at = rounded_now() + ROUNDING
    duty = Duty.objects.filter(officer=officer).first()
    if duty is not None and is_quiet(duty, now) and not DutyCalendar.load(officer.pk).of(officer.pk).is_on_duty(now):
        at = find_quiet_end(duty, now)
    rows = [ViewAlert(officer=officer, next_attempt_at=at)] if officer.email else []
    for channel in AlertChannel.objects.exclude(kind=channels.EMAIL).filter(officer=officer):
        is_cloud = channels.KINDS[channel.kind].is_cloud
        rows.append(
            ViewAlert(officer=officer, channel=channel, next_attempt_at=channels.next_beat(at) if is_cloud else at)
        )
    ViewAlert.objects.bulk_create(rows, ignore_conflicts=True)


class ViewAlertOutbox(Outbox[ViewAlert]):
    model = ViewAlert
    name = "officers' alerts about views"
    quick_tries = 5  # 20 s apart, as the sweep comes round

    def __init__(self) -> None:
        # Servers that did not answer in this run.
        self._silent_hosts: set[str] = set()

    def now(self) -> dt.datetime:
        return rounded_now()

    def send_due(self) -> None:
        self.send(outbox.due_rows(ViewAlert, channel=None))
        for row in outbox.due_rows(ViewAlert, channel__isnull=False):
            self._send_on_channel(row)

    def compose(self, row: ViewAlert) -> EmailMessage | None:
        account = Account.objects.filter(pk=row.officer_id, is_active=True).only("email").first()
        if account is None or not account.email:
            return None
        body = render_to_string("mail/view_alert.txt", {"desk": settings.STAFF_URL + DESK_PATH})
        return EmailMessage(_("New in a view that you follow"), body, to=[account.email])

    def record_sent(self, row: ViewAlert) -> None:
        self._leased(row).delete()

    def record_refusal(self, row: ViewAlert) -> None:
        self._leased(row).delete()

    def is_final(self, error: smtplib.SMTPException) -> bool:
        return outbox.is_permanent(error)

    def _send_on_channel(self, row: ViewAlert) -> None:
        channel = row.channel
        if channel is None or channel.host in self._silent_hosts or not self._lease(row):
            return
        if not Account.objects.filter(pk=row.officer_id, is_active=True).exists():
            self.record_needless(row)
            return
        result = channels.send(channel, _("There is something new in a view that you follow."), is_urgent=False)
        if result.outcome in (Outcome.UNSURE, Outcome.LATER):
            self._silent_hosts.add(channel.host)
            self.postpone(row)
        else:
            if result.outcome is Outcome.REFUSED:
                log.error("a channel of alerts about views refused one (%s)", channel.kind)
            self._leased(row).delete()
        channel_tests.note_result(channel, result)
