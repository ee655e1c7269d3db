"""A published incident as one line of text, for tips and stories that refer to it, and the address of its page."""

from __future__ import annotations

from functools import cache

from django.urls import reverse

from crimemap import wording
from crimemap.snapshot import published_incidents, reader
from crimemap.snapshot.format import ID_CHARACTERS

SAMPLE_ID = "0" * ID_CHARACTERS


def summarize(public_id: str) -> str:
    """Describe a published incident: "Burglary, 400 block of W 24th Pl, Nov. 3, 2026, about 6 p.m.".

    Return "" if no published incident has this id, or no longer.
    """
    try:
        published = reader.current()
        row = published.find_incident(public_id)
    except (published_incidents.NothingPublishedError, published_incidents.UnknownIncidentError):
        return ""
    return ", ".join([published.category_names[row.category], wording.describe_place(row), wording.describe_time(row)])


def incident_address(public_id: str) -> str:
    """Return the path of an incident's page. A page lists many, so the address is worked out once for all."""
    return _sample_address().replace(SAMPLE_ID, public_id)


@cache
def _sample_address() -> str:
    return reverse("crimemap:incident", args=[SAMPLE_ID])
