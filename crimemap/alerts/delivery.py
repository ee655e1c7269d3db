"""The mails of alerts: what they say, and handing them to the mail server.

A Delivery is one mail. One worker at a time has an address in hand until the new state is on the disk; a kill between the
mail server's answer and that may repeat the one mail, under the same Message-ID. What a mail says is made anew at each try,
from what is published then: an incident that was withdrawn meanwhile is not told, and nothing of it lies in the queue.
"""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.mail import headers, subscriber_addresses
from crimemap import wording
from crimemap.alerts import new_incidents, planning, subscriptions
from crimemap.alerts.new_incidents import News
from crimemap.models import Delivery, Subscription
from crimemap.snapshot import reader
from crimemap.snapshot.format import Array
from crimemap.snapshot.reader import Published

log = logging.getLogger(__name__)

MOST_INCIDENTS = 50
MOST_REFUSALS = 3  # mails in a row to an address that the mail server does not know
KEPT_TRYING = dt.timedelta(days=4)
MAP_PATH = "/map"  # the workers serve no pages: they know the map's addresses below it alone
_LONGEST_DOUBLING = 6  # 5, 10, 20 ... minutes between tries, 5 hours at most

DeliveryState = Delivery.DeliveryState


# What they say


@dataclass(frozen=True, slots=True)
class Mail:
    """What a Delivery comes to: a message, and the public ids it tells."""

    message: EmailMultiAlternatives
    told: bytes


def link(name: str, *args: str) -> str:
    return settings.PORTAL_URL + MAP_PATH + reverse(name, urlconf="crimemap.urls", args=args)


def words(subscription: Subscription, published: Published) -> str:
    """ "Burglary, within 500 m (0.3 mi) of 400 block of Arden Street" """
    return subscriptions.words(planning.wanted(subscription), subscription.place, published.names)


def confirmation(delivery: Delivery, subscription: Subscription, published: Published) -> Mail | None:
    contact = subscriber_addresses.open_sealed(subscription.sealed_contact)
    if subscriber_addresses.hashed(contact.address) != bytes(subscription.address_hash):
        return None  # whoever confirmed it would hold another address' alerts
    context = {
        "alert": words(subscription, published),
        "rhythm": subscription.get_rhythm_display(),
        "link": link("alerts_confirm", subscriber_addresses.link_text(contact.secret)),
        "hours": int(planning.UNCONFIRMED_KEPT.total_seconds() // 3600),
    }
    message = _message(delivery, contact.address, _("Please confirm your alert"), "alert_confirm", context)
    return Mail(message, b"")


def telling(delivery: Delivery, subscriptions: list[Subscription], new: News, told: bytes) -> Mail | None:
    """One mail of all that `subscriptions` of one address found, newest first; None when nothing (more) is there to tell.

    `told`: ids that the address was told before, through another of its alerts.
    """
    published, after = new.published, dict(delivery.parts)
    found = [new.found(planning.wanted(each), after[each.pk], delivery.up_to) for each in subscriptions]
    numbers = np.unique(np.concatenate(found))[::-1]
    ids = published.columns["public_id"][numbers]
    numbers = numbers[~np.isin(ids, new_incidents.unpacked(told))]
    if not len(numbers):
        return None
    contact = subscriber_addresses.open_sealed(subscriptions[0].sealed_contact)
    secret = subscriber_addresses.link_text(contact.secret)
    leave = link("alerts_leave", secret)
    context = {
        "incidents": _incidents(new, numbers[:MOST_INCIDENTS]),
        "count": len(numbers),
        "more": max(0, len(numbers) - MOST_INCIDENTS),
        "alerts": [
            {"words": words(each, published), "rhythm": each.get_rhythm_display(), "list": _list_link(each, published)}
            for each in subscriptions
        ],
        "manage": link("alerts_manage", secret),
        "leave": leave,
    }
    subject = ngettext("%(count)d new incident", "%(count)d new incidents", len(numbers)) % {"count": len(numbers)}
    message = _message(delivery, contact.address, subject, "alert_news", context, leave=leave)
    return Mail(message, published.columns["public_id"][numbers].tobytes())


def _incidents(new: News, numbers: Array) -> list[dict[str, str]]:
    """What the mail says of each row."""
    known = new.remembered
    missing = [number for number in numbers.tolist() if number not in known]
    for number, row in zip(missing, new.published.lines(np.array(missing, "i8")), strict=True):
        known[number] = {
            "category": new.published.names[row.category],
            "description": row.description,
            "when": wording.when(row),
            "where": wording.where(row),
            "link": link("incident", row.public_id),
        }
    return [known[number] for number in numbers.tolist()]


def _list_link(subscription: Subscription, published: Published) -> str:
    chosen = planning.wanted(subscription).filter(published)
    days = 90 if subscription.rhythm == Subscription.Rhythm.MONTHLY else 30
    chosen = replace(chosen, days=days, since=published.until - dt.timedelta(days - 1), until=published.until)
    return f"{link('list')}?{chosen.query_string()}"


def _message(
    delivery: Delivery, address: str, subject: str, template: str, context: dict[str, object], *, leave: str = ""
) -> EmailMultiAlternatives:
    context |= {"agency": settings.AGENCY_NAME, "portal": settings.PORTAL_URL, "language": settings.LANGUAGE_CODE}
    message = EmailMultiAlternatives(
        subject=f"{settings.AGENCY_NAME}: {subject}",
        body=render_to_string(f"mail/{template}.txt", context),
        to=[address],
        headers=headers.headers(delivery.pk, leave),
    )
    message.attach_alternative(render_to_string(f"mail/{template}.html", context), "text/html")
    return message


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


def _made(delivery: Delivery, new: News) -> Mail | None:
    """The mail, or None when nothing is to be said any more. Raises KeyMissingError, SealError."""
    if delivery.confirms_id is not None:
        asked = Subscription.objects.filter(pk=delivery.confirms_id, confirmed_at=None).first()
        return confirmation(delivery, asked, new.published) if asked else None
    numbers = [pk for pk, _after in delivery.parts]
    mine = Subscription.objects.filter(pk__in=numbers, address_hash=delivery.address_hash, confirmed_at__isnull=False)
    subscriptions = list(mine.order_by("pk"))
    return telling(delivery, subscriptions, new, _told_before(delivery)) if subscriptions else None


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
