"""TODO docstring."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.mail import headers, subscriber_addresses
from crimemap import wording
from crimemap.alerts import new_incidents, planning, subscription_wording
from crimemap.alerts.new_incidents import News
from crimemap.models import Delivery, Subscription
from crimemap.snapshot.format import Array
from crimemap.snapshot.published_incidents import PublishedIncidents

MOST_INCIDENTS = 50
MAP_PATH = "/map"  # the workers serve no pages: they know the map's addresses below it alone


@dataclass(frozen=True, slots=True)
class Mail:
    """What a Delivery comes to: a message, and the public ids it tells."""

    message: EmailMultiAlternatives
    told: bytes


def link(name: str, *args: str) -> str:
    return settings.PORTAL_URL + MAP_PATH + reverse(name, urlconf="crimemap.urls", args=args)


def words(subscription: Subscription, published: PublishedIncidents) -> str:
    """ "Burglary, within 500 m (0.3 mi) of 400 block of Arden Street" """
    return subscription_wording.words(planning.wanted(subscription), subscription.place, published.category_names)


def confirmation(subscription: Subscription, published: PublishedIncidents) -> Mail | None:
    contact = subscriber_addresses.open_contact(subscription.sealed_contact)
    if subscriber_addresses.hash_address(contact.address) != bytes(subscription.address_hash):
        return None  # whoever confirmed it would hold another address' alerts
    context = {
        "alert": words(subscription, published),
        "rhythm": subscription.get_rhythm_display(),
        "link": link("alerts_confirm", subscriber_addresses.encode_secret(contact.secret)),
        "hours": int(planning.UNCONFIRMED_KEPT.total_seconds() // 3600),
    }
    message = _message(contact.address, _("Please confirm your alert"), "alert_confirm", context)
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
    contact = subscriber_addresses.open_contact(subscriptions[0].sealed_contact)
    secret = subscriber_addresses.encode_secret(contact.secret)
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
    message = _message(contact.address, subject, "alert_news", context, leave=leave)
    return Mail(message, published.columns["public_id"][numbers].tobytes())


def _incidents(new: News, numbers: Array) -> list[dict[str, str]]:
    """What the mail says of each row."""
    known = new.remembered
    missing = [number for number in numbers.tolist() if number not in known]
    for number, row in zip(missing, new.published.read_rows(np.array(missing, "i8")), strict=True):
        known[number] = {
            "category": new.published.category_names[row.category],
            "description": row.description,
            "when": wording.describe_time(row),
            "where": wording.describe_place(row),
            "link": link("incident", row.public_id),
        }
    return [known[number] for number in numbers.tolist()]


def _list_link(subscription: Subscription, published: PublishedIncidents) -> str:
    chosen = planning.wanted(subscription).filter(published)
    days = 90 if subscription.rhythm == Subscription.Rhythm.MONTHLY else 30
    chosen = replace(chosen, days=days, since=published.until - dt.timedelta(days - 1), until=published.until)
    return f"{link('list')}?{chosen.query_string()}"


def _message(
    address: str, subject: str, template: str, context: dict[str, object], *, leave: str = ""
) -> EmailMultiAlternatives:
    context |= {"agency": settings.AGENCY_NAME, "portal": settings.PORTAL_URL, "language": settings.LANGUAGE_CODE}
    message = EmailMultiAlternatives(
        subject=f"{settings.AGENCY_NAME}: {subject}",
        body=render_to_string(f"mail/{template}.txt", context),
        to=[address],
        headers=headers.unsubscribe(leave) if leave else {},
    )
    message.attach_alternative(render_to_string(f"mail/{template}.html", context), "text/html")
    return message
