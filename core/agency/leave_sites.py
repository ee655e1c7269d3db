"""Neutral sites for "Leave this site", which an agency chooses from.

The list is code: an administrator whose account was stolen must not be able to send sources to a site of their own.
"""

from __future__ import annotations

from django.conf import settings

SITES = {
    "https://www.weather.gov/": "weather.gov",
    "https://www.wikipedia.org/": "wikipedia.org",
    "https://www.usa.gov/": "usa.gov",
    "https://www.nasa.gov/": "nasa.gov",
    "https://www.si.edu/": "si.edu",
    "https://www.nps.gov/": "nps.gov",
    "https://www.bbc.com/weather": "bbc.com/weather",
}


def is_known(address: str) -> bool:
    """Return whether the address is in the list or is the environment's."""
    return address in SITES or address == settings.LEAVE_URL


def list_choices() -> list[tuple[str, str]]:
    """Return the addresses with their names, for a select box."""
    return list(SITES.items())
