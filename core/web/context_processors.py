"""What every page shows: who we are and how to reach us. Reads settings only, never the request's user or session, so that
no page sets a cookie or asks the database for it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import ngettext


def facts() -> dict[str, Any]:
    """The agency's facts for templates; also for pages that must render without a request (500, 503)."""
    return {
        "agency": settings.AGENCY_NAME,
        "city": settings.CITY_NAME,
        "emergency_number": settings.EMERGENCY_NUMBER,
        "contact": settings.CONTACT,
        "leave_url": settings.LEAVE_URL,
        "portal_url": settings.PORTAL_URL,
        "tips_kept": _in_words(settings.TIP_RETENTION_DAYS),
        "serves_public": settings.ROLE.serves_public,
        "serves_staff": settings.ROLE.serves_staff,
    }


def _in_words(days: int) -> str:
    """Days, or years where they are whole ones."""
    years, rest = divmod(days, 365)
    if years and not rest:
        return ngettext("a year", "%(count)d years", years) % {"count": years}
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


def portal(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the facts, and which base an error page has: where a tip is written or read, one can leave quickly."""
    return {**facts(), "error_base": "base_tip.html" if request.path.startswith("/tips/") else "base.html"}
