"""Pages of events: upcoming, past, a single one; and calendar files."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.agency import current_settings
from outreach import structured_data
from outreach.content import markdown
from outreach.events import ical, public_events, reminders
from outreach.models import Event

PAGE_SIZE = 20


@require_safe
def event_list(request: HttpRequest) -> HttpResponse:
    """Upcoming events, the next first."""
    context = {"events": list(public_events.upcoming_events()), "has_past": public_events.past_events().exists()}
    return render(request, "outreach/events/list.html", context)


@require_safe
def past(request: HttpRequest) -> HttpResponse:
    """Past events, the latest first."""
    page = Paginator(public_events.past_events(), PAGE_SIZE).get_page(request.GET.get("page", "")[:6])
    return render(request, "outreach/events/past.html", {"page": page})


@require_safe
def event(request: HttpRequest, slug: str) -> HttpResponse:
    """One event."""
    return render_event(request, _get_event_or_404(slug))


@require_safe
def event_file(_request: HttpRequest, slug: str) -> HttpResponse:
    """One event as a calendar file."""
    event = _get_event_or_404(slug)
    return _calendar_response(ical.write_calendar([event]), f"{event.slug}.ics")


@require_safe
def calendar(_request: HttpRequest) -> HttpResponse:
    """The calendar feed: upcoming events and those of the last weeks."""
    recent = public_events.visible_events().filter(ends_at__gt=timezone.now() - ical.FEED_RETENTION)
    name = _("Events: %(agency)s") % {"agency": current_settings.current().name}
    return _calendar_response(ical.write_calendar(recent, name), "events.ics")


def render_event(request: HttpRequest, event: Event, status: int = 200, **more: Any) -> HttpResponse:
    """Render the page of an event. `more` is context for the reminder form: input and error."""
    context = {
        "event": event,
        "text": markdown.render(event.body),
        "is_over": event.ends_at <= timezone.now(),
        "can_remind": reminders.can_remind(event),
        "data": structured_data.event_data(event),
        **more,
    }
    return render(request, "outreach/events/event.html", context, status=status)


def _get_event_or_404(slug: str) -> Event:
    event = public_events.visible_events().filter(slug=slug).first()
    if event is None:
        raise Http404
    return event


def _calendar_response(content: bytes, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "public, max-age=300"}
    return HttpResponse(content, content_type=ical.CONTENT_TYPE, headers=headers)
