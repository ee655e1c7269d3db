"""Events: what is coming, what was, one event, and both as calendar files."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from outreach import calendars, events, metadata, rendering
from outreach.models import Event

A_PAGE = 20
# A reminder comes a day before; nearer than this there is nothing to remind of.
LAST_REMINDER = dt.timedelta(days=1)


@require_safe
def event_list(request: HttpRequest) -> HttpResponse:
    """What is coming, the next first."""
    context = {"events": list(events.upcoming()), "has_past": events.past().exists()}
    return render(request, "outreach/events/list.html", context)


@require_safe
def past(request: HttpRequest) -> HttpResponse:
    """What took place, the latest first."""
    page = Paginator(events.past(), A_PAGE).get_page(request.GET.get("page", "")[:6])
    return render(request, "outreach/events/past.html", {"page": page})


@require_safe
def event(request: HttpRequest, slug: str) -> HttpResponse:
    """One event: when, where, what."""
    return event_page(request, _shown(slug))


@require_safe
def event_file(_request: HttpRequest, slug: str) -> HttpResponse:
    """The event for a calendar."""
    found = _shown(slug)
    return _calendar(calendars.file_of([found]), f"{found.slug}.ics")


@require_safe
def calendar(_request: HttpRequest) -> HttpResponse:
    """All events of these weeks, for calendars that subscribe."""
    recent = events.shown().filter(ends_at__gt=timezone.now() - calendars.KEPT)
    name = _("Events of %(agency)s") % {"agency": settings.AGENCY_NAME}
    return _calendar(calendars.file_of(recent, name), "events.ics")


def event_page(request: HttpRequest, found: Event, status: int = 200, **more: Any) -> HttpResponse:
    """The page of an event; `more` is what the form for reminders has to say."""
    context = {
        "event": found,
        "text": rendering.rendered(found.body),
        "is_over": found.ends_at <= timezone.now(),
        "can_remind": can_remind(found),
        "data": structured(found),
        **more,
    }
    return render(request, "outreach/events/event.html", context, status=status)


def can_remind(event: Event) -> bool:
    """Whether the day before is still to come."""
    return event.status == Event.EventStatus.PUBLISHED and event.starts_at - timezone.now() > LAST_REMINDER


def structured(event: Event) -> SafeString:
    """The event as schema.org's Event, for the page's script element of data."""
    cancelled = event.status == Event.EventStatus.CANCELLED
    place: dict[str, Any] = {"@type": "Place", "name": event.place, "address": f"{event.place}, {settings.CITY_NAME}"}
    if event.latitude is not None and event.longitude is not None:
        place["geo"] = {"@type": "GeoCoordinates", "latitude": event.latitude, "longitude": event.longitude}
    return metadata.script(
        {
            "@context": "https://schema.org",
            "@type": "Event",
            "name": event.title,
            "description": calendars.plain(event)[:500],
            "url": calendars.address_of(event),
            "startDate": timezone.localtime(event.starts_at).isoformat(),
            "endDate": timezone.localtime(event.ends_at).isoformat(),
            "eventStatus": f"https://schema.org/{'EventCancelled' if cancelled else 'EventScheduled'}",
            "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
            "isAccessibleForFree": True,
            "location": place,
            "organizer": {
                "@type": "GovernmentOrganization",
                "name": settings.AGENCY_NAME,
                "url": settings.PORTAL_URL + reverse("home"),
            },
        }
    )


def _shown(slug: str) -> Event:
    found = events.shown().filter(slug=slug).first()
    if found is None:
        raise Http404
    return found


def _calendar(content: bytes, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "public, max-age=300"}
    return HttpResponse(content, content_type=calendars.CONTENT_TYPE, headers=headers)
