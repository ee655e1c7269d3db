"""Endpoints of the JSON API. The shape of each answer is described in openapi.py."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crimemap import http, wording
from crimemap.api import openapi, responses
from crimemap.api.responses import ApiAnswer, ApiQuery, endpoint
from crimemap.exports.fields import row_as_dict
from crimemap.offence_families import BY_SLUG
from crimemap.places.areas import area_names
from crimemap.snapshot import bubbles, format
from crimemap.snapshot.filters import WEEKDAYS, FilterError, FilterProblem
from crimemap.snapshot.published_incidents import EPOCH_MIDNIGHT, MAX_PAGE_ROWS, PublishedIncidents
from crimemap.snapshot.results import IncidentRow

ROWS = 100  # of a page, where none are asked for
CITY = 12  # the zoom, where none is asked for


@endpoint("limit", "after")
def incidents(asked: ApiQuery) -> ApiAnswer:
    """A page of incidents, newest first. `next` follows the last of them, whatever is published meanwhile."""
    limit = http.parse_whole_number(asked.request, asked.chosen, "limit", range(1, MAX_PAGE_ROWS + 1), ROWS)
    after = _after(asked)

    def compute() -> dict[str, Any]:
        lists = asked.published.iterate_newest(asked.chosen, after=after, batch_rows=limit + 1)
        rows = list(islice(chain.from_iterable(lists), limit + 1))
        return {
            "filter": asked.chosen.query_string(),
            "total": asked.published.count(asked.chosen),
            "incidents": [_incident(row, asked.published) for row in rows[:limit]],
            "next": _next(asked, limit, rows[limit - 1]) if len(rows) > limit else None,
        }

    return ApiAnswer(compute, (limit, after))


@endpoint()
def incident(asked: ApiQuery, public_id: str) -> ApiAnswer:
    """One incident, with what it was called before."""

    def compute() -> dict[str, Any]:
        row = asked.published.find_incident(public_id)
        changes = [
            {"date": change.day, "before": change.before, "after": change.after}
            for change in asked.published.category_changes(public_id)
        ]
        return {"incident": _incident(row, asked.published), "changes": changes}

    return ApiAnswer(compute)


@endpoint("view", "zoom")
def bubbles_of_view(asked: ApiQuery) -> ApiAnswer:
    """Counts by cell of a fixed grid: 64 pixels of a web-mercator map at `zoom`."""
    zoom = http.parse_whole_number(asked.request, asked.chosen, "zoom", range(format.DEEPEST + 1), CITY)
    whole_city = "view" not in asked.request.GET
    box = asked.published.bounds if whole_city else http.parse_view_box(asked.request, asked.chosen)
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
            for bubble in bubbles.bubbles(asked.published, asked.chosen, view)
        ]
        return {"filter": asked.chosen.query_string(), "zoom": view.zoom, "bubbles": found}

    return ApiAnswer(compute, (view,))


@endpoint()
def months(asked: ApiQuery) -> ApiAnswer:
    def compute() -> dict[str, Any]:
        counts = [
            {"month": f"{month:%Y-%m}", "count": count} for month, count in asked.published.count_by_month(asked.chosen)
        ]
        return _counts(asked, counts)

    return ApiAnswer(compute)


@endpoint()
def by_category(asked: ApiQuery) -> ApiAnswer:
    def compute() -> dict[str, Any]:
        found = asked.published.count_by_category(asked.chosen)
        return _counts(asked, [_category(slug, asked.published) | {"count": count} for slug, count in found.items()])

    return ApiAnswer(compute)


@endpoint("layer")
def by_area(asked: ApiQuery) -> ApiAnswer:
    """Counts of the areas of one layer; incidents whose area is not known are in `unknown`."""
    layer = _layer(asked)

    def compute() -> dict[str, Any]:
        found = asked.published.count_by_area(asked.chosen, layer)
        unknown = found.pop("", 0)
        names = area_names(layer)
        counts = [_area(layer, code, names) | {"count": count} for code, count in found.items()]
        return _counts(asked, counts) | {"unknown": unknown}

    return ApiAnswer(compute, (layer,))


@endpoint()
def hours(asked: ApiQuery) -> ApiAnswer:
    """Hours of the day by weekday; what is known by day or month alone stands beside."""

    def compute() -> dict[str, Any]:
        found = asked.published.count_by_hour(asked.chosen)
        counts = [
            {"weekday": weekday, "hours": line, "no_hour": rest}
            for weekday, line, rest in zip(WEEKDAYS, found.grid, found.no_hour, strict=True)
        ]
        return _counts(asked, counts) | {"no_day": found.no_day}

    return ApiAnswer(compute)


@endpoint()
def compare(asked: ApiQuery) -> ApiAnswer:
    """The filter's days, as many before them, and the same a year ago; null where the data begins later."""

    def compute() -> dict[str, Any]:
        found = asked.published.compare_periods(asked.chosen)
        return {
            "filter": asked.chosen.query_string(),
            "count": found.this,
            "before": found.before,
            "year_ago": found.year_ago,
        }

    return ApiAnswer(compute)


@endpoint()
def categories(asked: ApiQuery) -> ApiAnswer:
    return ApiAnswer(lambda: {"categories": [_category(slug, asked.published) for slug in asked.published.families]})


@endpoint()
def areas(asked: ApiQuery) -> ApiAnswer:
    """All areas that incidents stand in, as `area=` of a filter names them."""

    def compute() -> dict[str, Any]:
        found = []
        for layer, codes in asked.published.areas.items():
            names = area_names(layer)
            found += [_area(layer, code, names) for code in codes if code]
        return {"areas": found}

    return ApiAnswer(compute)


@endpoint()
def about(asked: ApiQuery) -> ApiAnswer:
    """Where the data comes from, how old it is, and what it does not show."""
    published = asked.published
    made_on = published.made_at.date()

    def compute() -> dict[str, Any]:
        meta = published.meta
        return {
            "agency": settings.AGENCY_NAME,
            "made_on": made_on,
            "since": published.since,
            "until": published.until,
            "sources": [
                {
                    "source": each["slug"],
                    "name": each["name"],
                    "updated_on": (each["last_success_at"] or "")[:10] or None,
                }
                for each in published.sources
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

    return ApiAnswer(compute, (made_on, published.sources))


# What is no data


def openapi_document(request: HttpRequest) -> HttpResponseBase:
    """The description of all this (OpenAPI 3.1)."""
    return responses.plain_response(request, openapi.as_json)


def nothing_here(request: HttpRequest, rest: str) -> HttpResponseBase:  # noqa: ARG001
    message = _("There is no such address. All are described at %(path)s.") % {"path": reverse("open_api:openapi")}
    return responses.allow_any_origin(
        responses.error_response(404, "path", message, nearest=reverse("open_api:incidents"))
    )


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """For people who write such programs."""
    return render(request, "crimemap/pages/api.html", {"operations": openapi.operations(), "rows": MAX_PAGE_ROWS})


# Parts of the address, and shapes


def _after(asked: ApiQuery) -> tuple[int, str] | None:
    """Where the page begins: hour and id of the last row of the page before. Raises FilterError."""
    text = asked.request.GET.get("after", "")
    if not text:
        return None
    found = re.fullmatch(r"([0-9]{1,7})-([0-9A-Za-z]{12})", text)
    if not found:
        message = _("This is not from the `next` of an answer.")
        raise FilterError([FilterProblem("after", message, "")], asked.chosen)
    return int(found[1]), found[2]


def _next(asked: ApiQuery, limit: int, last: IncidentRow) -> str:
    """With dates in the place of "the last 30 days", which are others tomorrow."""
    hour = int((last.at - EPOCH_MIDNIGHT).total_seconds()) // 3600
    dated = replace(asked.chosen, days=0).query_string()
    address = f"{settings.PORTAL_URL}{reverse('open_api:incidents')}"
    return f"{address}?{dated}&limit={limit}&after={hour}-{last.public_id}"


def _layer(asked: ApiQuery) -> str:
    layer = asked.request.GET.get("layer", "district")
    if layer not in asked.published.areas:
        message = _("Layers are %(layers)s.") % {"layers": ", ".join(asked.published.areas)}
        raise FilterError([FilterProblem("layer", message, "district")], asked.chosen)
    return layer


def _incident(row: IncidentRow, published: PublishedIncidents) -> dict[str, Any]:
    page = f"{settings.PORTAL_URL}{reverse('crimemap:incident', args=[row.public_id])}"
    return row_as_dict(row, published) | {"page": page}


def _category(slug: str, published: PublishedIncidents) -> dict[str, Any]:
    family = published.families[slug]
    name = published.category_names[slug]
    return {"category": slug, "name": name, "family": family, "family_name": str(BY_SLUG[family].name)}


def _area(layer: str, code: str, names: dict[str, str]) -> dict[str, Any]:
    return {"area": f"{layer}:{code}", "layer": layer, "code": code, "name": wording.area_name(layer, code, names)}


def _counts(asked: ApiQuery, counts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"filter": asked.chosen.query_string(), "counts": counts}
