"""The texts of alert mails: the link that confirms an alert, and new incidents."""

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
from crimemap.alerts.new_incidents import NewIncidents
from crimemap.models import Delivery, Subscription
from crimemap.snapshot.format import Array
from crimemap.snapshot.published_incidents import PublishedIncidents

MAX_LISTED_INCIDENTS = 50
MAP_PATH = "/map"  # the workers serve no pages: they know the map's addresses below it alone


@dataclass(frozen=True, slots=True)
class AlertMail:
    """A composed message, and the packed public ids of the incidents in it."""

    message: EmailMultiAlternatives
    told: bytes


def build_url(name: str, *args: str) -> str:
    return settings.PORTAL_URL + MAP_PATH + reverse(name, urlconf="crimemap.urls", args=args)


def describe_alert(subscription: Subscription, published: PublishedIncidents) -> str:
    """ "Burglary, within 500 m (0.3 mi) of 400 block of Arden Street" """
    return subscription_wording.describe_criteria(
        planning.read_criteria(subscription), subscription.place, published.category_names
    )


def compose_confirmation(subscription: Subscription, published: PublishedIncidents) -> AlertMail | None:
    contact = subscriber_addresses.open_contact(subscription.sealed_contact)
    if subscriber_addresses.hash_address(contact.address) != bytes(subscription.address_hash):
        return None  # confirming would give this person another address's alerts
    context = {
        "alert": describe_alert(subscription, published),
        "rhythm": subscription.get_rhythm_display(),
        "link": build_url("alerts_confirm", subscriber_addresses.encode_secret(contact.secret)),
        "hours": int(planning.UNCONFIRMED_LIFETIME.total_seconds() // 3600),
    }
    message = _compose(contact.address, _("Please confirm your alert"), "alert_confirm", context)
    return AlertMail(message, b"")


def compose_news(
    delivery: Delivery, subscriptions: list[Subscription], new: NewIncidents, told: bytes
) -> AlertMail | None:
    """Compose one mail of all incidents that alerts of one address match, newest first. Return None if there are none left.

    `told`: packed ids of incidents that another alert of this address has sent already.
    """
    published, after = new.published, dict(delivery.parts)
    found = [new.found(planning.read_criteria(each), after[each.pk], delivery.up_to) for each in subscriptions]
    numbers = np.unique(np.concatenate(found))[::-1]
    ids = published.columns["public_id"][numbers]
    numbers = numbers[~np.isin(ids, new_incidents.unpack_ids(told))]
    if not len(numbers):
        return None
    contact = subscriber_addresses.open_contact(subscriptions[0].sealed_contact)
    secret = subscriber_addresses.encode_secret(contact.secret)
    leave = build_url("alerts_leave", secret)
    context = {
        "incidents": _describe_incidents(new, numbers[:MAX_LISTED_INCIDENTS]),
        "count": len(numbers),
        "more": max(0, len(numbers) - MAX_LISTED_INCIDENTS),
        "alerts": [
            {
                "words": describe_alert(each, published),
                "rhythm": each.get_rhythm_display(),
                "list": _build_list_url(each, published),
            }
            for each in subscriptions
        ],
        "manage": build_url("alerts_manage", secret),
        "leave": leave,
    }
    subject = ngettext("%(count)d new incident", "%(count)d new incidents", len(numbers)) % {"count": len(numbers)}
    message = _compose(contact.address, subject, "alert_news", context, leave=leave)
    return AlertMail(message, published.columns["public_id"][numbers].tobytes())


def _describe_incidents(new: NewIncidents, numbers: Array) -> list[dict[str, str]]:
    """Return the template context of each row."""
    known = new.remembered
    missing = [number for number in numbers.tolist() if number not in known]
    for number, row in zip(missing, new.published.read_rows(np.array(missing, "i8")), strict=True):
        known[number] = {
            "category": new.published.category_names[row.category],
            "description": row.description,
            "when": wording.describe_time(row),
            "where": wording.describe_place(row),
            "link": build_url("incident", row.public_id),
        }
    return [known[number] for number in numbers.tolist()]


def _build_list_url(subscription: Subscription, published: PublishedIncidents) -> str:
    chosen = planning.read_criteria(subscription).filter(published)
    days = 90 if subscription.rhythm == Subscription.Rhythm.MONTHLY else 30
    chosen = replace(chosen, days=days, since=published.until - dt.timedelta(days - 1), until=published.until)
    return f"{build_url('list')}?{chosen.query_string()}"


def _compose(
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
