"""The fields of an incident in downloads and in the JSON API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core.web import page_cache
from crimemap import wording
from crimemap.places.areas import area_names
from crimemap.snapshot.format import LAYERS
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import IncidentRow

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

COLUMNS: dict[str, _StrPromise] = {
    "id": _("12 characters that never change; part of the web address of the incident's page"),
    "date": _("the day it began, in local time; the first of the month if precision is month"),
    "hour": _("the hour it began, 0 to 23; empty if not known or not published"),
    "precision": _("how exact date and hour are: hour, day or month"),
    "category": _("the type of incident, as used in filters"),
    "category_name": _("the type of incident in words"),
    "family": _("the group of types: people, theft, drugs, disorder or other"),
    "block": _("the block, never the address; empty if only an area is published"),
    "latitude": _(
        "degrees north (WGS 84) of the block's point, the same for all incidents of a block; empty if not on the map"
    ),
    "longitude": _("degrees east (WGS 84) of the same point"),
    "district": _("code of the police district; empty if not known"),
    "beat": _("code of the beat; empty if not known"),
    "neighbourhood": _("code of the neighborhood or community area; empty if not known"),
    "description": _("the kind of place; left out for crimes against a person"),
    "outcome": _("the outcome so far, if the agency publishes it"),
    "source": _("the agency's data source"),
    "district_name": _("the name of the police district"),
    "beat_name": _("the name of the beat"),
    "neighbourhood_name": _("the name of the neighborhood or community area"),
}
AreaLabels = Mapping[tuple[str, str], str]  # layer and code to the name that people read


def row_values(row: IncidentRow, published: PublishedIncidents, labels: AreaLabels) -> tuple[Any, ...]:
    """Return the values of a row in the order of COLUMNS; unknown texts are "", unknown numbers None. labels: label_areas."""
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
        *(labels.get((layer, area(layer, "")), "") for layer in LAYERS),
    )


def row_as_dict(row: IncidentRow, published: PublishedIncidents, labels: AreaLabels) -> dict[str, Any]:
    return dict(zip(COLUMNS, row_values(row, published, labels), strict=True))


def label_areas(published: PublishedIncidents) -> AreaLabels:
    """Return the name of every published area that people read, by layer and code, at most a minute old."""

    def build() -> AreaLabels:
        labels: dict[tuple[str, str], str] = {}
        for layer, codes in published.areas.items():
            names = area_names(layer)
            labels |= {(layer, code): wording.area_name(layer, code, names) for code in codes if code}
        return labels

    return page_cache.get_or_build(("area labels", published.version, get_language()), build)
