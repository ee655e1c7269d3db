"""`{% load outreach_events %}`: events on the home page and on the pages of areas, and how their time is written."""

from __future__ import annotations

from typing import Any

from django import template

from outreach.events import public_events
from outreach.models import Event

register = template.Library()

register.filter("when", public_events.format_event_time)


@register.simple_tag
def upcoming_events(limit: int = 3) -> list[Event]:
    """The next events, for a page that gives them a heading."""
    return list(public_events.upcoming_events()[:limit])


@register.inclusion_tag("outreach/events/area_events.html")
def area_events(layer: str, code: str) -> dict[str, Any]:
    """Events to come in an area of the map; nothing where there are none."""
    return {"events": public_events.upcoming_events((layer, code))[:5]}
