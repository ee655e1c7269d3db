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

from core.agency import current_settings
from core.mail import headers, subscriber_addresses
from crimemap import freshness, wording
from crimemap.alerts import new_incidents, planning, subscription_wording
from crimemap.alerts.new_incidents import NewIncidents
from crimemap.models import Delivery, Subscription
from crimemap.snapshot.format import Array
from crimemap.snapshot.published_incidents import PublishedIncidents

MAX_LISTED_INCIDENTS = 50
MAP_PATH = "/map"  # the workers' own URL configuration has no pages, so they resolve crimemap.urls below this path


@dataclass(frozen=True, slots=True)
class AlertMail:
    """A composed message, and the packed public ids of the incidents in it."""

    message: EmailMultiAlternatives
    sent_ids: bytes


def build_url(name: str, *args: str) -> str:
    """Return the absolute URL of a page of the map."""
    return settings.PORTAL_URL + MAP_PATH + reverse(name, urlconf="crimemap.urls", args=args)


def describe_alert(subscription: Subscription, published: PublishedIncidents) -> str:
    """Return for example "Burglary: within 500 m (0.3 mi) of 400 block of Arden Street"."""
    return subscription_wording.describe_criteria(
        planning.read_criteria(subscription), subscription.place, published.category_names
    )


def compose_confirmation(subscription: Subscription, published: PublishedIncidents) -> AlertMail | None:
    """Compose the mail with the confirmation link. Return None if the sealed address does not match its hash."""
    contact = subscriber_addresses.open_contact(subscription.sealed_contact)
    if subscriber_addresses.hash_address(contact.address) != bytes(subscription.address_hash):
        return None  # confirming would give this person another address's alerts
    secret = subscriber_addresses.encode_secret(contact.secret)
    context = {
        "alert": describe_alert(subscription, published),
        "rhythm": subscription.get_rhythm_display(),
        "link": build_url("alerts_confirm", secret),
        "hours": int(planning.UNCONFIRMED_LIFETIME.total_seconds() // 3600),
    }
    leave = build_url("alerts_leave", secret)
    message = _compose(contact.address, _("Please confirm your alert"), "alert_confirm", context, leave=leave)
    return AlertMail(message, b"")


def compose_news(
    delivery: Delivery, subscriptions: list[Subscription], news: NewIncidents, sent_ids: bytes
) -> AlertMail | None:
    """Compose one mail about all incidents that match alerts of one address, newest first. Return None if there are none left.

    `sent_ids`: packed ids of incidents in earlier mails to this address.
    """
    published, after = news.published, dict(delivery.parts)
    matches = [
        news.find_matches(planning.read_criteria(each), after[each.pk], delivery.up_to) for each in subscriptions
    ]
    row_numbers = np.unique(np.concatenate(matches))[::-1]
    ids = published.columns["public_id"][row_numbers]
    row_numbers = row_numbers[~np.isin(ids, new_incidents.unpack_ids(sent_ids))]
    if not len(row_numbers):
        return None
    contact = subscriber_addresses.open_contact(subscriptions[0].sealed_contact)
    secret = subscriber_addresses.encode_secret(contact.secret)
    leave = build_url("alerts_leave", secret)
    age = freshness.describe_freshness(published)
    context = {
        "lead": _describe_news(published, row_numbers),
        "newest": age.newest,
        "late": age.late,
        "incidents": _describe_incidents(news, row_numbers[:MAX_LISTED_INCIDENTS]),
        "count": len(row_numbers),
        "more": max(0, len(row_numbers) - MAX_LISTED_INCIDENTS),
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
    subject = ngettext("%(count)s new incident", "%(count)s new incidents", len(row_numbers)) % {
        "count": wording.format_count(len(row_numbers))
    }
    message = _compose(contact.address, subject, "alert_news", context, leave=leave)
    return AlertMail(message, published.columns["public_id"][row_numbers].tobytes())


def _describe_news(published: PublishedIncidents, row_numbers: Array) -> str:
    """Say how many incidents are new and when they happened. `row_numbers`: newest first."""
    newest, oldest = published.read_rows(row_numbers[[0, -1]])
    sentence = ngettext(
        # Translators: %(days)s is for example "on Nov. 21, 2026" or "from Oct. 23 to Nov. 21, 2026".
        "%(count)s incident is new on the crime map. It happened %(days)s.",
        "%(count)s incidents are new on the crime map. They happened %(days)s.",
        len(row_numbers),
    )
    days = wording.describe_days(oldest.at.date(), newest.at.date())
    return sentence % {"count": wording.format_count(len(row_numbers)), "days": days}


def _describe_incidents(news: NewIncidents, row_numbers: Array) -> list[dict[str, str]]:
    """Return the template context of each row."""
    cache = news.row_descriptions
    missing = [number for number in row_numbers.tolist() if number not in cache]
    for number, row in zip(missing, news.published.read_rows(np.array(missing, "i8")), strict=True):
        cache[number] = {
            "category": news.published.category_names[row.category],
            "description": row.description,
            "when": wording.describe_time(row),
            "where": wording.describe_place(row),
            "link": build_url("incident", row.public_id),
        }
    return [cache[number] for number in row_numbers.tolist()]


def _build_list_url(subscription: Subscription, published: PublishedIncidents) -> str:
    map_filter = planning.read_criteria(subscription).filter(published)
    days = 90 if subscription.rhythm == Subscription.Rhythm.MONTHLY else 30
    map_filter = replace(map_filter, days=days, since=published.until - dt.timedelta(days - 1), until=published.until)
    return f"{build_url('list')}?{map_filter.query_string()}"


def _compose(
    address: str, subject: str, template: str, context: dict[str, object], *, leave: str
) -> EmailMultiAlternatives:
    context |= {
        "agency": current_settings.current().name,
        "portal": settings.PORTAL_URL,
        "language": settings.LANGUAGE_CODE,
    }
    message = EmailMultiAlternatives(
        subject=f"{current_settings.current().name}: {subject}",
        body=render_to_string(f"mail/{template}.txt", context),
        to=[address],
        headers=headers.unsubscribe(leave),
    )
    message.attach_alternative(render_to_string(f"mail/{template}.html", context), "text/html")
    return message
