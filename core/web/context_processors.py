"""The template context of every page: the agency's name and how to reach it.

Reads settings only, never the request's user or session, so that no page needs a cookie or a database query for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import ngettext


@dataclass(frozen=True, slots=True)
class CrisisLine:
    """A line for people in distress: the agency's name of it, its number, and the address that calls it."""

    name: str
    number: str
    address: str


def agency_facts() -> dict[str, Any]:
    """Return the agency's facts for templates, including pages that must render without a request (500, 503)."""
    return {
        "agency": settings.AGENCY_NAME,
        "city": settings.CITY_NAME,
        "emergency_number": settings.EMERGENCY_NUMBER,
        "emergency_link": link_emergency_number(),
        "emergency_address": emergency_address(),
        "crisis_lines": list_crisis_lines(),
        "contact": settings.CONTACT,
        "leave_url": settings.LEAVE_URL,
        "portal_url": settings.PORTAL_URL,
        "tips_kept": _describe_days(settings.TIP_RETENTION_DAYS),
        "serves_public": settings.ROLE.serves_public,
        "serves_staff": settings.ROLE.serves_staff,
    }


def link_emergency_number() -> SafeString:
    """Return the emergency number as a link that calls it, for every page that shows it to residents."""
    return format_html('<a class="call" href="{}">{}</a>', emergency_address(), settings.EMERGENCY_NUMBER)


def emergency_address() -> str:
    """Return the address that calls the emergency number, such as tel:911 (RFC 3966)."""
    return _call_address(settings.EMERGENCY_NUMBER)


def list_crisis_lines() -> list[CrisisLine]:
    """Return the agency's crisis lines, the most important first."""
    lines = [line.split("=") for line in settings.CRISIS_LINES]
    return [CrisisLine(name.strip(), number.strip(), _call_address(number)) for name, number in lines]


def _call_address(number: str) -> str:
    return "tel:" + re.sub(r"[^\d+*#]", "", number)


def _describe_days(days: int) -> str:
    """Word a number of days, in years where they are whole ones."""
    years, remaining_days = divmod(days, 365)
    if years and not remaining_days:
        return ngettext("a year", "%(count)d years", years) % {"count": years}
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


def portal_context(request: HttpRequest) -> dict[str, Any]:
    """Return the agency's facts and the base template of error pages.

    Error pages among the tips' pages have the quick exit, which the staff role, without those pages, does not serve.
    """
    is_tip_page = settings.ROLE.serves_public and request.path.startswith("/tips/")
    return {**agency_facts(), "error_base": "base_tip.html" if is_tip_page else "base.html"}
