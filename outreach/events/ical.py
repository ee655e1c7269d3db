"""Calendar files (RFC 5545) of one event, and of all of them as a feed.

A calendar program recognizes an event by its UID and replaces it if the SEQUENCE is higher. Some strike out CANCELLED events,
Outlook shows them as they were: so the title says it as well. Times are UTC instants, which all programs read and show in
their user's zone; rules of a zone are read differently by Outlook, Google and Apple. Programs that leave out the URL show the
text, which names each address.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from icalendar import Calendar
from icalendar import Event as Entry

from outreach.content import text_version
from outreach.models import Event

CONTENT_TYPE = "text/calendar; charset=utf-8"
FEED_RETENTION = dt.timedelta(days=90)  # how long after its end an event stays in the feed
_REFRESH_INTERVAL = dt.timedelta(hours=6)


def event_url(event: Event) -> str:
    """Return the URL of the event's page. Not by reverse(): the workers' URLconf has no public pages."""
    return f"{settings.PORTAL_URL}/events/{event.slug}/"


def plain_text(event: Event) -> str:
    """Return the event's text without markup."""
    return text_version.render_text(event.body, settings.PORTAL_URL)


def write_calendar(events: Iterable[Event], name: str = "") -> bytes:
    """Return a calendar file. `name` is the calendar's title for subscribers; only the feed has one."""
    calendar = Calendar()
    calendar.add("prodid", "-//tipportal//events//EN")
    calendar.add("version", "2.0")
    if name:
        calendar.add("name", name)
        calendar.add("x-wr-calname", name)
        calendar.add("refresh-interval", _REFRESH_INTERVAL, parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", f"PT{_REFRESH_INTERVAL // dt.timedelta(hours=1)}H")
    for event in events:
        calendar.add_component(_calendar_entry(event))
    return bytes(calendar.to_ical())


def _calendar_entry(event: Event) -> Entry:
    is_canceled = event.status == Event.EventStatus.CANCELLED
    entry = Entry()
    entry.add("uid", f"{event.uid}@{urlsplit(settings.PORTAL_URL).hostname}")
    entry.add("sequence", event.version)
    # In a published calendar DTSTAMP is the last change (RFC 5545, 3.8.7.2), so the same event gives the same bytes.
    changed = event.changed_at.replace(microsecond=0)
    entry.add("dtstamp", changed)
    entry.add("last-modified", changed)
    entry.add("dtstart", event.starts_at.astimezone(dt.UTC))
    entry.add("dtend", event.ends_at.astimezone(dt.UTC))
    title = _("Canceled: %(event)s") % {"event": event.title} if is_canceled else event.title
    entry.add("summary", title)
    entry.add("location", event.place)
    if event.latitude is not None and event.longitude is not None:
        entry.add("geo", (round(event.latitude, 5), round(event.longitude, 5)))
    because = _("Canceled: %(because)s") % {"because": event.cancelled_because} if is_canceled else ""
    entry.add("description", "\n\n".join(filter(None, (because, plain_text(event), event_url(event)))))
    entry.add("url", event_url(event))
    entry.add("status", "CANCELLED" if is_canceled else "CONFIRMED")
    entry.add("transp", "TRANSPARENT" if is_canceled else "OPAQUE")  # whether the time counts as busy
    return entry
