"""Structured data (schema.org) of stories and events, as JSON for a script element of type application/ld+json."""

from __future__ import annotations

import json
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from core.agency import current_settings
from outreach.events import ical
from outreach.models import Event, PublishedStory
from outreach.stories.publication import start_of_day
from outreach.stories.share_links import absolute_url

# No text may end the script element (HTML Living Standard, restrictions for contents of script elements).
_ESCAPES = {ord(character): f"\\u{ord(character):04X}" for character in "<>&\u2028\u2029"}


def article_data(story: PublishedStory, address: str, image: str) -> SafeString:
    """Describe a story as a NewsArticle. It gives days only: the hour of publication is not public."""
    return script_content(
        {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "headline": story.title,
            "description": story.summary,
            "url": address,
            "mainEntityOfPage": address,
            "image": [image],
            "datePublished": start_of_day(story.published_on).isoformat(),
            "dateModified": start_of_day(story.corrected_on or story.published_on).isoformat(),
            "articleSection": str(story.get_category_display()),
            "keywords": [tag.name for tag in story.tags.all()],
            "author": _agency_data(),
            "publisher": _agency_data(),
            "isAccessibleForFree": True,
        }
    )


def event_data(event: Event) -> SafeString:
    """Describe an event, with its hours."""
    cancelled = event.status == Event.EventStatus.CANCELLED
    place: dict[str, Any] = {
        "@type": "Place",
        "name": event.place,
        "address": f"{event.place}, {current_settings.current().city}",
    }
    if event.latitude is not None and event.longitude is not None:
        place["geo"] = {"@type": "GeoCoordinates", "latitude": event.latitude, "longitude": event.longitude}
    return script_content(
        {
            "@context": "https://schema.org",
            "@type": "Event",
            "name": event.title,
            "description": ical.plain_text(event)[:500],
            "url": ical.event_url(event),
            "startDate": timezone.localtime(event.starts_at).isoformat(),
            "endDate": timezone.localtime(event.ends_at).isoformat(),
            "eventStatus": f"https://schema.org/{'EventCancelled' if cancelled else 'EventScheduled'}",
            "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
            "isAccessibleForFree": True,
            "location": place,
            "organizer": _agency_data(),
        }
    )


def _agency_data() -> dict[str, str]:
    return {"@type": "GovernmentOrganization", "name": current_settings.current().name, "url": absolute_url("/")}


def script_content(content: dict[str, Any]) -> SafeString:
    """Encode the content as JSON that cannot end its script element."""
    return mark_safe(json.dumps(content, ensure_ascii=False).translate(_ESCAPES))  # noqa: S308
