"""Endpoints of the JSON API. The shape of each answer is described in openapi.py."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from itertools import chain, islice
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.agency import current_settings
from crimemap import freshness, http, wording
from crimemap.api import openapi, responses
from crimemap.api.responses import ApiAnswer, ApiQuery, endpoint
from crimemap.exports.fields import label_areas, row_as_dict
from crimemap.offence_families import BY_SLUG
from crimemap.places.areas import area_names
from crimemap.snapshot import bubbles, format, reader
from crimemap.snapshot.filters import WEEKDAYS, Filter, FilterError, FilterProblem
from crimemap.snapshot.published_incidents import (
    EPOCH_MIDNIGHT,
    MAX_PAGE_ROWS,
    NothingPublishedError,
    PublishedIncidents,
)
from crimemap.snapshot.results import IncidentRow

DEFAULT_PAGE_ROWS = 100
DEFAULT_ZOOM = 12  # shows a city


@endpoint("limit", "after")
def incidents(query: ApiQuery) -> ApiAnswer:
    """Answer a page of incidents, newest first. `next` continues behind the last one, even in a later version."""
    limit = http.parse_whole_number(
        query.request, query.chosen, "limit", range(1, MAX_PAGE_ROWS + 1), DEFAULT_PAGE_ROWS
    )
    after = _after(query)

    def compute() -> dict[str, Any]:
        lists = query.published.iterate_newest(query.chosen, after=after, batch_rows=limit + 1)
        rows = list(islice(chain.from_iterable(lists), limit + 1))
        return {
            **_selection(query),
            "total": query.published.count(query.chosen),
            "incidents": [_incident(row, query.published) for row in rows[:limit]],
            "next": _next(query, limit, rows[limit - 1]) if len(rows) > limit else None,
        }

    return ApiAnswer(compute, (limit, after))


@endpoint()
def incident(query: ApiQuery, public_id: str) -> ApiAnswer:
    """Answer one incident with its re-classifications."""

    def compute() -> dict[str, Any]:
        row = query.published.find_incident(public_id)
        changes = [
            {"date": change.day, "before": change.before, "after": change.after}
            for change in query.published.category_changes(public_id)
        ]
        return {"incident": _incident(row, query.published), "changes": changes}

    return ApiAnswer(compute)


@endpoint("view", "zoom")
def bubbles_of_view(query: ApiQuery) -> ApiAnswer:
    """Answer counts by cell of the map's fixed grid: 64 pixels of a web-mercator map at `zoom`."""
    zoom = http.parse_whole_number(query.request, query.chosen, "zoom", range(format.DEEPEST + 1), DEFAULT_ZOOM)
    whole_city = "view" not in query.request.GET
    box = query.published.bounds if whole_city else http.parse_view_box(query.request, query.chosen)
    view = bubbles.view_of(box, zoom)

    def compute() -> dict[str, Any]:
        found = [
            {
                "latitude": round(bubble.latitude, 5),
                "longitude": round(bubble.longitude, 5),
                "count": bubble.count,
                "families": bubble.families,
                "one_point": bubble.one_point,
            }
            for bubble in bubbles.bubbles(query.published, query.chosen, view)
        ]
        return _selection(query) | {"zoom": view.zoom, "bubbles": found}

    return ApiAnswer(compute, (view,))


@endpoint()
def months(query: ApiQuery) -> ApiAnswer:
    def compute() -> dict[str, Any]:
        counts = [
            {"month": f"{month:%Y-%m}", "count": count} for month, count in query.published.count_by_month(query.chosen)
        ]
        return _counts(query, counts)

    return ApiAnswer(compute)


@endpoint()
def by_category(query: ApiQuery) -> ApiAnswer:
    def compute() -> dict[str, Any]:
        found = query.published.count_by_category(query.chosen)
        return _counts(query, [_category(slug, query.published) | {"count": count} for slug, count in found.items()])

    return ApiAnswer(compute)


@endpoint("layer")
def by_area(query: ApiQuery) -> ApiAnswer:
    """Answer counts by area of one layer; incidents without a known area are in `unknown`."""
    layer = _layer(query)

    def compute() -> dict[str, Any]:
        found = query.published.count_by_area(query.chosen, layer)
        unknown = found.pop("", 0)
        names = area_names(layer)
        counts = [_area(layer, code, names) | {"count": count} for code, count in found.items()]
        return _counts(query, counts) | {"unknown": unknown}

    return ApiAnswer(compute, (layer,))


@endpoint()
def hours(query: ApiQuery) -> ApiAnswer:
    """Answer counts by weekday and hour; incidents with unknown hour or day are counted separately."""

    def compute() -> dict[str, Any]:
        found = query.published.count_by_hour(query.chosen)
        counts = [
            {"weekday": weekday, "hours": line, "no_hour": rest}
            for weekday, line, rest in zip(WEEKDAYS, found.grid, found.no_hour, strict=True)
        ]
        return _counts(query, counts) | {"no_day": found.no_day}

    return ApiAnswer(compute)


@endpoint()
def compare(query: ApiQuery) -> ApiAnswer:
    """Answer counts of the filter's days, the equally long period before, and a year ago; null before the data begins."""

    def compute() -> dict[str, Any]:
        found = query.published.compare_periods(query.chosen)
        return {
            **_selection(query),
            "count": found.this,
            "before": found.before,
            "year_ago": found.year_ago,
        }

    return ApiAnswer(compute)


@endpoint()
def categories(query: ApiQuery) -> ApiAnswer:
    return ApiAnswer(lambda: {"categories": [_category(slug, query.published) for slug in query.published.families]})


@endpoint()
def areas(query: ApiQuery) -> ApiAnswer:
    """Answer all areas with incidents, each as the filter's `area` part names it."""

    def compute() -> dict[str, Any]:
        found = []
        for layer, codes in query.published.areas.items():
            names = area_names(layer)
            found += [_area(layer, code, names) for code in codes if code]
        return {"areas": found}

    return ApiAnswer(compute)


@endpoint()
def about(query: ApiQuery) -> ApiAnswer:
    """Answer the sources and age of the data, and what it does not show."""
    published = query.published
    made_on = published.made_on
    late = [bool(freshness.measure_delay(each)) for each in published.sources]

    def compute() -> dict[str, Any]:
        meta = published.meta
        return {
            "agency": current_settings.current().name,
            "made_on": made_on,
            "since": published.since,
            "until": published.until,
            "sources": [
                {
                    "source": each["slug"],
                    "name": each["name"],
                    "updated_on": _local_day(each["last_success_at"]),
                    "late": is_late,
                }
                for each, is_late in zip(published.sources, late, strict=True)
            ],
            "embargo_days": meta["embargo_days"],
            "least_radius": meta["least_radius"],
            "totals_from": meta["totals_from"],
            "not_shown": [
                {"year": year, "hidden": counts.get("hidden", 0), "held": counts.get("held", 0)}
                for year, counts in sorted(published.not_shown.items())
            ],
            "totals": [
                {"area": total.area, "category": total.category, "year": total.year, "count": total.count}
                for total in published.yearly_totals()
            ],
            "rules": [str(rule) for rule in openapi.RULES],
            "page": f"{settings.PORTAL_URL}{reverse('crimemap:about')}",
        }

    return ApiAnswer(compute, (made_on, published.sources, late))


# Other answers


def openapi_document(request: HttpRequest) -> HttpResponseBase:
    """Answer the OpenAPI 3.1 description of the API."""
    return responses.plain_response(request, openapi.as_json)


def nothing_here(request: HttpRequest, rest: str) -> HttpResponseBase:  # noqa: ARG001
    message = _("There is no such endpoint. %(path)s lists them all.") % {"path": reverse("open_api:openapi")}
    return responses.allow_any_origin(
        responses.error_response(404, "path", message, nearest=reverse("open_api:incidents"))
    )


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Render the page about the API for developers."""
    try:
        published = reader.current()
        newest = published.read_page(Filter(published.since, published.until), limit=1).rows
    except NothingPublishedError:
        newest = []
    operations = openapi.operations(newest[0].public_id if newest else "")
    return render(request, "crimemap/pages/api.html", {"operations": operations, "rows": MAX_PAGE_ROWS})


# Parameters and shapes


def _after(query: ApiQuery) -> tuple[int, str] | None:
    """Parse `after`: hour and id of the last row of the page before. Raises FilterError."""
    text = query.request.GET.get("after", "")
    if not text:
        return None
    found = re.fullmatch(r"([0-9]{1,7})-([0-9A-Za-z]{12})", text)
    if not found:
        message = _("This value is wrong. Take it from `next` of the page before.")
        raise FilterError([FilterProblem("after", message, "")], query.chosen)
    return int(found[1]), found[2]


def _next(query: ApiQuery, limit: int, last: IncidentRow) -> str:
    """Return the URL of the next page. It has fixed dates, since "the last 30 days" are different tomorrow."""
    hour = int((last.at - EPOCH_MIDNIGHT).total_seconds()) // 3600
    dated = replace(query.chosen, days=0).query_string()
    address = f"{settings.PORTAL_URL}{reverse('open_api:incidents')}"
    return f"{address}?{dated}&limit={limit}&after={hour}-{last.public_id}"


def _layer(query: ApiQuery) -> str:
    layer = query.request.GET.get("layer", "district")
    if layer not in query.published.areas:
        message = _("The layer must be one of: %(layers)s.") % {"layers": ", ".join(query.published.areas)}
        raise FilterError([FilterProblem("layer", message, "district")], query.chosen)
    return layer


def _incident(row: IncidentRow, published: PublishedIncidents) -> dict[str, Any]:
    page = f"{settings.PORTAL_URL}{reverse('crimemap:incident', args=[row.public_id])}"
    return row_as_dict(row, published, label_areas(published)) | {"page": page}


def _category(slug: str, published: PublishedIncidents) -> dict[str, Any]:
    family = published.families[slug]
    name = published.category_names[slug]
    return {"category": slug, "name": name, "family": family, "family_name": str(BY_SLUG[family].name)}


def _area(layer: str, code: str, names: dict[str, str]) -> dict[str, Any]:
    return {"area": f"{layer}:{code}", "layer": layer, "code": code, "name": wording.area_name(layer, code, names)}


def _local_day(moment: str | None) -> date | None:
    """Return the agency's day of a time in ISO format, None if there is no time."""
    return timezone.localdate(datetime.fromisoformat(moment)) if moment else None


def _counts(query: ApiQuery, counts: list[dict[str, Any]]) -> dict[str, Any]:
    return _selection(query) | {"counts": counts}


def _selection(query: ApiQuery) -> dict[str, Any]:
    """Return the filter and those of its days that are published, since a count is of no others."""
    covered = query.chosen.covered_by(query.published)
    return {
        "filter": query.chosen.query_string(),
        "since": covered.since if covered else None,
        "until": covered.until if covered else None,
    }
