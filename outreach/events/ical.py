"""Calendar files (RFC 5545) of one event, and of all of them as a feed.

A calendar program recognizes an event by its UID, replaces it if the SEQUENCE is higher, and strikes out CANCELLED ones.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from html import unescape
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.html import strip_tags
from django.utils.translation import gettext as _
from icalendar import Calendar
from icalendar import Event as Entry

from outreach.content import markdown
from outreach.models import Event

CONTENT_TYPE = "text/calendar; charset=utf-8"
FEED_RETENTION = dt.timedelta(days=90)  # how long after its end an event stays in the feed
_REFRESH_INTERVAL = dt.timedelta(hours=6)


def event_url(event: Event) -> str:
    """Return the URL of the event's page. Not by reverse(): the workers' URLconf has no public pages."""
    return f"{settings.PORTAL_URL}/events/{event.slug}/"


def plain_text(event: Event) -> str:
    """Return the event's text without markup."""
    return unescape(strip_tags(markdown.render(event.body))).strip() if event.body else ""


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
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _calendar_entry(event: Event) -> Entry:
    zone = ZoneInfo(settings.TIME_ZONE)
    cancelled = event.status == Event.EventStatus.CANCELLED
    entry = Entry()
    entry.add("uid", f"{event.uid}@{urlsplit(settings.PORTAL_URL).hostname}")
    entry.add("sequence", event.version)
    # In a published calendar DTSTAMP is the last change (RFC 5545, 3.8.7.2), so the same event gives the same bytes.
    changed = event.changed_at.replace(microsecond=0)
    entry.add("dtstamp", changed)
    entry.add("last-modified", changed)
    entry.add("dtstart", event.starts_at.astimezone(zone))
    entry.add("dtend", event.ends_at.astimezone(zone))
    entry.add("summary", event.title)
    entry.add("location", event.place)
    if event.latitude is not None and event.longitude is not None:
        entry.add("geo", (round(event.latitude, 5), round(event.longitude, 5)))
    because = _("Cancelled: %(because)s") % {"because": event.cancelled_because} if cancelled else ""
    entry.add("description", "\n\n".join(filter(None, (because, plain_text(event), event_url(event)))))
    entry.add("url", event_url(event))
    entry.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    return entry
