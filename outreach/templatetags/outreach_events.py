"""`{% load outreach_events %}`: upcoming events for the home page and the pages of areas, and a filter for their time."""

from __future__ import annotations

from typing import Any

from django import template

from outreach.events import public_events
from outreach.models import Event

register = template.Library()

register.filter("when", public_events.format_event_time)


@register.simple_tag
def upcoming_events(limit: int = 3) -> list[Event]:
    """Return the next events."""
    return list(public_events.upcoming_events()[:limit])


@register.inclusion_tag("outreach/events/area_events.html")
def area_events(layer: str, code: str) -> dict[str, Any]:
    """List up to five upcoming events in an area of the map. Renders nothing if there are none."""
    return {"events": public_events.upcoming_events((layer, code))[:5]}
