"""What scripts of the map ask for: the base map, bubbles, the incidents behind one, places. Small, cached, without cookies."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import orjson
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crimemap import http, wording
from crimemap.offence_families import FAMILIES
from crimemap.places import lookup
from crimemap.places.base_map import base_map_json, base_map_version
from crimemap.snapshot import bubbles
from crimemap.snapshot.bubbles import Bubble, View
from crimemap.snapshot.filters import Filter, FilterError, FilterProblem
from crimemap.snapshot.format import DEEPEST
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents
from crimemap.snapshot.results import IncidentRow
from crimemap.snapshot.row_scan import Box
from crimemap.views.selection import there

YEAR = 365 * 24 * 3600  # seconds
ROWS = 20  # a page of those behind a bubble
MOST_CELLS = 2048  # bubbles of an answer: at the most crowded 27 kB packed; a 3840 x 2160 screen shows 2040
CITY = 12  # the zoom of who names none

Data = Callable[[HttpRequest, PublishedIncidents, Filter], HttpResponseBase]


def for_script(view: Data) -> Callable[[HttpRequest], HttpResponseBase]:
    """Calls view(request, published, chosen); refusals are JSON."""

    @require_safe
    def answer(request: HttpRequest) -> HttpResponseBase:
        try:
            return view(request, *http.read_selection(request))
        except FilterError as error:
            return http.filter_error_json(error, request)
        except NothingPublishedError:
            raise Http404 from None

    return answer


@for_script
def bubbles_of_view(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """?view=south,west,north,east&z=14 and the filter: {"zoom", "families", "bubbles": [[latitude, longitude, one, ...]]}.

    The view is widened to whole cells of 64 pixels, so that neighbours get one answer; `zoom` is smaller than asked for where
    it has too many cells. A bubble's counts follow in the order of `families`; `one` is 1 where all stand on one point.
    """
    view = _cells(
        http.parse_view_box(request, chosen), http.parse_whole_number(request, chosen, "z", range(DEEPEST + 1), CITY)
    )
    families = [family.slug for family in FAMILIES]

    def answer() -> dict[str, Any]:
        found = bubbles.bubbles(published, chosen, view)
        return {
            "zoom": view.zoom,
            "families": families,
            "bubbles": [_line(each, view.zoom, families) for each in found],
        }

    return _answer(request, published, f"{chosen.query_string()}&{view}", answer)


@for_script
def rows(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """?view=south,west,north,east&page=1 and the filter: the incidents in the view, newest first.

    A point is a view without size.
    """
    view = http.parse_view_box(request, chosen)
    number = http.parse_whole_number(request, chosen, "page", range(1, 100_000), 1)
    inside = replace(chosen, box=view if chosen.box is None else _common(view, chosen.box))

    def answer() -> dict[str, Any]:
        page = published.read_page(inside, offset=(number - 1) * ROWS, limit=ROWS)
        pages = max(1, -(-page.total // ROWS))
        if number > pages:
            problem = FilterProblem("page", _("There are %(pages)d pages.") % {"pages": pages}, str(pages))
            raise FilterError([problem], chosen)
        return {
            "total": page.total,
            "page": number,
            "pages": pages,
            "rows": [_row(row, published) for row in page.rows],
        }

    return _answer(request, published, f"{chosen.query_string()}&{view}&{number}", answer)


@for_script
def place_search(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """?q=412 arden and the filter: {"places": [{"name", "district", "query"}]}, best first.

    `query` is the same selection there. What people look for is kept nowhere.
    """
    found = [
        {"name": each.name, "district": each.district, "query": there(each, published, chosen).query_string()}
        for each in lookup.search(request.GET.get("q", ""))
    ]
    content = orjson.dumps({"places": found})
    return HttpResponse(content, content_type="application/json", headers={"Cache-Control": "no-store"})


def _answer(
    request: HttpRequest, published: PublishedIncidents, canonical: str, compute: Callable[[], dict[str, Any]]
) -> HttpResponseBase:
    return http.cached_response(
        request,
        published.version,
        canonical,
        lambda: HttpResponse(orjson.dumps(compute()), content_type="application/json"),
    )


def _line(bubble: Bubble, zoom: int, families: list[str]) -> list[float]:
    """As exact as a pixel of its zoom, and as it is published where a list can be asked for."""
    listed = bubble.one_point or bubble.count == 1
    digits = 5 if listed or zoom > 13 else 4 if zoom > 10 else 3
    counts = [bubble.families.get(family, 0) for family in families]
    return [round(bubble.latitude, digits), round(bubble.longitude, digits), int(bubble.one_point), *counts]


def _row(row: IncidentRow, published: PublishedIncidents) -> dict[str, str]:
    return {
        "url": reverse("crimemap:incident", args=[row.public_id]),
        "category": published.category_names[row.category],
        "family": published.families[row.category],
        "when": wording.describe_time(row),
        "block": row.block,
        "outcome": row.outcome,
    }


def _cells(box: Box, zoom: int) -> View:
    view = bubbles.view_of(box, zoom)
    while (view.east - view.west + 1) * (view.south - view.north + 1) > MOST_CELLS and view.zoom > bubbles.SHALLOWEST:
        view = bubbles.view_of(box, view.zoom - 1)
    return view


def _common(one: Box, other: Box) -> Box:
    """The part that two boxes share; where there is none, its south is north of its north."""
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


# The base map


@require_safe
def base_map(request: HttpRequest, version: str) -> HttpResponseBase:
    """The base map for maps in the browser, cached for ever: its address changes with its content."""
    current = base_map_version()
    if version != current:
        if not current:
            raise Http404
        return redirect("crimemap:base_map", version=current)
    body, packed = _packed(version)
    wants_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(packed if wants_gzip else body, content_type="application/json")
    if wants_gzip:
        response["Content-Encoding"] = "gzip"
    response["ETag"] = f'"{version}{"-gz" if wants_gzip else ""}"'
    response["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


@lru_cache(maxsize=2)
def _packed(version: str) -> tuple[bytes, bytes]:  # noqa: ARG001  (the key)
    body = base_map_json()
    return body, gzip.compress(body, 9, mtime=0)
