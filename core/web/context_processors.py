"""The template context of every page: the agency's name and how to reach it.

Reads what the process has in memory, never the request's user or session, so that no page needs a cookie or a query for it.
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

from core.agency import current_settings


@dataclass(frozen=True, slots=True)
class CrisisLine:
    """A line for people in distress: the agency's name of it, its number, and the address that calls it."""

    name: str
    number: str
    address: str


def agency_facts() -> dict[str, Any]:
    """Return the agency's facts for templates, including pages that must render without a request (500, 503)."""
    agency = current_settings.current()
    return {
        "agency": agency.name,
        "city": agency.city,
        "emergency_number": agency.emergency_number,
        "emergency_link": link_number(agency.emergency_number),
        "emergency_address": emergency_address(),
        "non_emergency_link": link_number(agency.non_emergency_number) if agency.non_emergency_number else "",
        "crisis_lines": list_crisis_lines(),
        "contact": agency.contact,
        "leave_url": agency.leave_url,
        "portal_url": settings.PORTAL_URL,
        "tips_kept": _describe_days(agency.tip_retention_days),
        "privacy_text": agency.privacy_text,
        "serves_public": settings.ROLE.serves_public,
        "serves_staff": settings.ROLE.serves_staff,
    }


def link_emergency_number() -> SafeString:
    """Return the emergency number as a link that calls it, for every page that shows it to residents."""
    return link_number(current_settings.current().emergency_number)


def link_number(number: str) -> SafeString:
    """Return a telephone number as a link that calls it."""
    return format_html('<a class="call" href="{}">{}</a>', call_address(number), number)


def emergency_address() -> str:
    """Return the address that calls the emergency number, such as tel:911 (RFC 3966)."""
    return call_address(current_settings.current().emergency_number)


def list_crisis_lines() -> list[CrisisLine]:
    """Return the agency's crisis lines, the most important first."""
    lines = [line.split("=") for line in current_settings.current().crisis_lines]
    return [CrisisLine(name.strip(), number.strip(), call_address(number)) for name, number in lines]


def call_address(number: str) -> str:
    """Return the address that calls a number, such as tel:5550142 (RFC 3966)."""
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
