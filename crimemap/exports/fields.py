"""The fields of an incident in downloads and in the JSON API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import IncidentRow

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

COLUMNS: dict[str, _StrPromise] = {
    "id": _("12 characters that stay the same through updates; the incident's page is named after it"),
    "date": _("the day on which it began, where it happened; the first of the month where precision is month"),
    "hour": _("the hour in which it began, 0 to 23; empty where it is not known or not published"),
    "precision": _("how exact date and hour are: hour, day or month"),
    "category": _("what kind of offense, as addresses and programs name it"),
    "category_name": _("the same in words"),
    "family": _("the group of kinds: people, theft, drugs, disorder or other"),
    "block": _("the block, not the address; empty where only an area is published"),
    "latitude": _("degrees north (WGS 84) of the block's point, the same for all incidents of a block; may be empty"),
    "longitude": _("degrees east of it"),
    "district": _("code of the police district; empty where it is not known"),
    "beat": _("code of the beat"),
    "neighbourhood": _("code of the neighborhood or community area"),
    "description": _("what kind of place it was; left out for offenses against a person"),
    "outcome": _("what became of it, as far as the agency tells"),
    "source": _("which of the agency's feeds it comes from"),
}


def row_values(row: IncidentRow, published: PublishedIncidents) -> tuple[Any, ...]:
    """Return the values of a row in the order of COLUMNS; unknown texts are "", unknown numbers None."""
    area = row.areas.get
    return (
        row.public_id,
        row.at.date(),
        row.at.hour if row.precision == "hour" else None,
        row.precision,
        row.category,
        published.category_names[row.category],
        published.families[row.category],
        row.block,
        row.latitude,
        row.longitude,
        area("district", ""),
        area("beat", ""),
        area("neighbourhood", ""),
        row.description,
        row.outcome,
        row.source,
    )


def row_as_dict(row: IncidentRow, published: PublishedIncidents) -> dict[str, Any]:
    return dict(zip(COLUMNS, row_values(row, published), strict=True))
