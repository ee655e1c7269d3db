"""Tests of every officer's email and of every channel: now, and once a month by themselves. The desk shows what failed.

A channel that has not worked for months is noticed at the first urgent alert otherwise.
"""

from __future__ import annotations

import datetime as dt
from uuid import UUID, uuid4

from celery import shared_task
from django.core.mail import EmailMessage
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from core.channel_services import DeliveryResult, Outcome
from core.mail import headers, outbox
from core.models import Account
from tips import readers
from tips.models import AlertChannel
from tips.officer_alerts import channel_addresses, channels

PERIOD = dt.timedelta(days=30)
_TESTED_AT_ONCE = 50


def note_result(channel: AlertChannel, result: DeliveryResult) -> None:
    """Note whether a channel works. Writes nothing if that is known, so that the row tells no time of an alert."""
    works = result.outcome is Outcome.SENT
    problem = "" if works else result.explanation[:300]
    if (channel.works, channel.problem) != (works, problem):
        AlertChannel.objects.filter(pk=channel.pk).update(works=works, problem=problem)


@shared_task(name="tips.alerts.send_test")  # type: ignore[untyped-decorator]
def send_test(channel_id: str) -> None:
    """Send a test message on one channel, as an officer asked."""
    channel = AlertChannel.objects.filter(pk=UUID(channel_id)).first()
    if channel is not None:
        _test(channel)


@shared_task(name="tips.alerts.send_due_tests")  # type: ignore[untyped-decorator]
def send_due_tests() -> None:
    """Test what was not tested for a month, some of it in each run."""
    _add_mailboxes()
    if channel_addresses.can_seal():
        channel_addresses.seal_readable_addresses()
    due = Q(tested_on=None) | Q(tested_on__lte=timezone.localdate() - PERIOD)
    is_active = Q(officer=None) | Q(officer__in=readers.desk_accounts())
    for channel in AlertChannel.objects.filter(due & is_active).order_by("tested_on", "pk")[:_TESTED_AT_ONCE]:
        _test(channel)


def _add_mailboxes() -> None:
    """Give each officer's email a row for the results of its tests."""
    known = AlertChannel.objects.filter(officer=OuterRef("pk"), kind=channels.EMAIL)
    missing = readers.desk_accounts().exclude(email="").filter(~Exists(known))
    rows = [AlertChannel(officer_id=pk, kind=channels.EMAIL) for pk in missing.values_list("pk", flat=True)]
    AlertChannel.objects.bulk_create(rows, ignore_conflicts=True)


def _test(channel: AlertChannel) -> None:
    text = _("This is a test of your alerts about tips. You don't need to do anything.")
    if channel.kind == channels.EMAIL:
        result = _send_mail(channel, text)
    else:
        result = channels.send(channel, text, is_urgent=False)
    if result is not None:
        AlertChannel.objects.filter(pk=channel.pk).update(tested_on=timezone.localdate())
        note_result(channel, result)


def _send_mail(channel: AlertChannel, text: str) -> DeliveryResult | None:
    """Return None if the mail server is away, which says nothing of the mailbox and is on the desk already."""
    address = Account.objects.filter(pk=channel.officer_id or 0).values_list("email", flat=True).first()
    if not address:
        return DeliveryResult(Outcome.REFUSED, _("The account has no email address."))
    mail = EmailMessage(_("Test of your alerts"), text, to=[address], headers=headers.identity(uuid4()))
    match outbox.try_once(mail):
        case True:
            return DeliveryResult(Outcome.SENT)
        case False:
            return DeliveryResult(Outcome.REFUSED, _("The mail server refuses this address."))
    return None
