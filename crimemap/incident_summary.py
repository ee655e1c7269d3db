"""A published incident as one line of text, for tips and stories that refer to it."""

from __future__ import annotations

from crimemap import wording
from crimemap.snapshot import published_incidents, reader


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
