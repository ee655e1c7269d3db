"""The mails of alerts: what they say, and handing them to the mail server.

A Delivery is one mail. One worker at a time has an address in hand until the new state is on the disk; a kill between the
mail server's answer and that may repeat the one mail, under the same Message-ID. What a mail says is made anew at each try,
from what is published then: an incident that was withdrawn meanwhile is not told, and nothing of it lies in the queue.
"""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
from uuid import UUID

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.utils import timezone

from core.mail import headers, subscriber_addresses
from crimemap.alerts import messages, planning
from crimemap.alerts.new_incidents import News
from crimemap.models import Delivery, Subscription
from crimemap.snapshot import reader

log = logging.getLogger(__name__)

MOST_REFUSALS = 3  # mails in a row to an address that the mail server does not know
KEPT_TRYING = dt.timedelta(days=4)
_LONGEST_DOUBLING = 6  # 5, 10, 20 ... minutes between tries, 5 hours at most

DeliveryState = Delivery.DeliveryState


# What they say


# Sending


def send(limit: int = 200) -> bool:
    """Send mails that are due, `limit` at most; whether there are more to send now."""
    now = timezone.now()
    waiting = Delivery.objects.filter(state=DeliveryState.WAITING, next_attempt_at__lte=now)
    batch = list(waiting.order_by("next_attempt_at", "pk")[: limit + 1])
    if not batch:
        return False
    try:
        published = reader.current()
    except reader.NothingPublishedError:
        return False
    afters = [after for delivery in batch for _pk, after in delivery.parts]
    new = planning.news_since(published, min(afters), now) if afters else News(published, [], now.date())
    mail_server = get_connection()
    try:
        mail_server.open()
        for delivery in batch[:limit]:
            _deliver(delivery.pk, bytes(delivery.address_hash), new, mail_server)
    except (smtplib.SMTPException, OSError) as error:
        log.warning("the mail server is away, alerts wait (%s)", type(error).__name__)
        return False
    finally:
        mail_server.close()
    return len(batch) > limit


def _deliver(delivery_id: UUID, address_hash: bytes, new: News, mail_server: BaseEmailBackend) -> None:
    """Send one mail, whoever else tries. Raises SMTPException or OSError when the server went away over it."""
    away: Exception | None = None
    with transaction.atomic():
        waiting = Delivery.objects.filter(pk=delivery_id, state=DeliveryState.WAITING)
        delivery = waiting.first() if _is_ours(address_hash) else None
        if delivery is None:
            return
        try:
            mail = _made(delivery, new)
        except (subscriber_addresses.SealError, subscriber_addresses.KeyMissingError) as error:
            log.error("an address does not open (%s)", type(error).__name__)
            _try_later(delivery)
            return
        if mail is None:
            waiting.update(state=DeliveryState.EMPTY)
            return
        try:
            mail_server.send_messages([mail.message])
        except smtplib.SMTPRecipientsRefused as error:
            if headers.is_final(error):
                _refused(delivery)
            else:
                _try_later(delivery)
        except (smtplib.SMTPException, OSError) as error:
            _try_later(delivery)
            # An answer to this mail alone keeps the others going.
            away = None if isinstance(error, smtplib.SMTPResponseException) else error
        else:
            several = Subscription.objects.filter(address_hash=address_hash, confirmed_at__isnull=False)[1:].exists()
            waiting.update(state=DeliveryState.SENT, told=mail.told if several else b"")
            Delivery.objects.filter(address_hash=address_hash, state=DeliveryState.REFUSED).delete()
    if away:
        raise away


def _made(delivery: Delivery, new: News) -> messages.Mail | None:
    """The mail, or None when nothing is to be said any more. Raises KeyMissingError, SealError."""
    if delivery.confirms_id is not None:
        asked = Subscription.objects.filter(pk=delivery.confirms_id, confirmed_at=None).first()
        return messages.confirmation(delivery, asked, new.published) if asked else None
    numbers = [pk for pk, _after in delivery.parts]
    mine = Subscription.objects.filter(pk__in=numbers, address_hash=delivery.address_hash, confirmed_at__isnull=False)
    subscriptions = list(mine.order_by("pk"))
    return messages.telling(delivery, subscriptions, new, _told_before(delivery)) if subscriptions else None


def _told_before(delivery: Delivery) -> bytes:
    sent = Delivery.objects.filter(address_hash=delivery.address_hash, state=DeliveryState.SENT).exclude(told=b"")
    return b"".join(bytes(told) for told in sent.values_list("told", flat=True))


def _is_ours(address_hash: bytes) -> bool:
    """Whether no other worker has this address in hand; ours until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 1))", [address_hash.hex()])
        ours: bool = cursor.fetchone()[0]
    return ours


def _try_later(delivery: Delivery) -> None:
    """Later each time, and after some days no more."""
    now = timezone.now()
    log.warning("an alert was refused for now and will be tried again")
    state = DeliveryState.FAILED if delivery.made_at < now - KEPT_TRYING else DeliveryState.WAITING
    minutes = 5 * 2 ** min(delivery.attempts, _LONGEST_DOUBLING)
    Delivery.objects.filter(pk=delivery.pk).update(
        state=state, attempts=delivery.attempts + 1, next_attempt_at=now + dt.timedelta(minutes=minutes)
    )


def _refused(delivery: Delivery) -> None:
    """There is no such address: the mail is given up, and after some of them in a row the address is deleted."""
    address = bytes(delivery.address_hash)
    log.warning("the mail server knows no such address")
    if delivery.confirms_id is not None:
        Delivery.objects.filter(pk=delivery.pk).delete()
        Subscription.objects.filter(pk=delivery.confirms_id, confirmed_at=None).delete()
        return
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.REFUSED, attempts=delivery.attempts + 1)
    if Delivery.objects.filter(address_hash=address, state=DeliveryState.REFUSED).count() >= MOST_REFUSALS:
        planning.forget(address)
