"""The page of one incident."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crimemap import wording
from crimemap.near import block_map
from crimemap.places import areas, base_map
from crimemap.snapshot import reader
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import (
    NothingPublishedError,
    PublishedIncidents,
    UnknownIncidentError,
    WithdrawnIncidentError,
)
from crimemap.snapshot.results import CategoryChange, IncidentRow

NEARBY_METERS, NEARBY_DAYS = 500, 90  # of the link to incidents nearby


@require_safe
def incident_page(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show one incident as exactly as it is published, with a button to send a tip about it. A withdrawn one answers 410."""
    try:
        published = reader.current()
        row = published.find_incident(public_id)
    except WithdrawnIncidentError:
        return render(request, "crimemap/pages/withdrawn_incident.html", status=410)
    except (NothingPublishedError, UnknownIncidentError):
        raise Http404 from None
    response = render(request, "crimemap/pages/incident.html", _context(published, row))
    # The tip form is opened by POST so that no log says which incident a tip is about; its Referer must not say so either.
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


def _context(published: PublishedIncidents, row: IncidentRow) -> dict[str, Any]:
    return {
        "published": published,
        "row": row,
        "kind": published.category_names[row.category],
        "family": published.families[row.category],
        "where": wording.describe_place(row),
        "areas": [
            {
                "layer": wording.LAYER_NAMES[layer],
                "slug": layer,
                "code": code,
                "name": wording.area_name(layer, code, areas.area_names(layer)),
            }
            for layer, code in row.areas.items()
        ],
        "source": next((each["name"] for each in published.meta["sources"] if each["slug"] == row.source), ""),
        "history": [_describe_change(change, published) for change in published.category_changes(row.public_id)],
        **(
            {}
            if row.latitude is None or row.longitude is None
            else _nearby_context(published, row.latitude, row.longitude)
        ),
    }


def _describe_change(change: CategoryChange, published: PublishedIncidents) -> str:
    values = {
        "day": wording.format_day(change.day),
        "before": published.category_names.get(change.before, ""),
        "after": published.category_names.get(change.after, ""),
    }
    if not change.before:
        return _("On %(day)s the type was changed to %(after)s.") % values
    return _("On %(day)s the type was changed from %(before)s to %(after)s.") % values


def _nearby_context(published: PublishedIncidents, latitude: float, longitude: float) -> dict[str, Any]:
    last = published.until
    drawing = block_map.draw_block(base_map.base_map_version(), latitude, longitude)
    point = (latitude, longitude, latitude, longitude)
    radius = max(NEARBY_METERS, published.least_radius)
    nearby = Filter(last - timedelta(NEARBY_DAYS - 1), last, NEARBY_DAYS, circle=(latitude, longitude, radius))
    same_spot = Filter(last - timedelta(364), last, 365, box=point)
    return {
        "drawing": drawing,
        "spot": drawing and drawing.project(latitude, longitude),
        "view_box": block_map.VIEW_BOX,
        "same_spot": same_spot.query_string(),
        "year_days": wording.format_published_days(same_spot, published),
        "nearby": nearby.query_string(),
        "nearby_days": wording.format_published_days(nearby, published),
        "distance": wording.format_distance(radius),
    }
