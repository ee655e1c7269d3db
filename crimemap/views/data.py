"""Data for the map's scripts: base map, bubbles, areas, points, the list of a view, places. Small, cacheable, without cookies."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from core.web import byte_ranges
from crimemap import http
from crimemap.city_map import tile_file
from crimemap.offence_families import FAMILIES
from crimemap.pages import area_shading, map_list, map_marks, street_plan
from crimemap.places import areas
from crimemap.places.base_map import base_map_version, city_map_json, city_map_version
from crimemap.snapshot import bubbles, street_points
from crimemap.snapshot.bubbles import CountedCells, View
from crimemap.snapshot.filters import PAGE_DAYS, Filter, FilterError
from crimemap.snapshot.format import DEEPEST
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents
from crimemap.snapshot.row_scan import Box

YEAR_SECONDS = 365 * 24 * 3600
MAX_BUBBLES = 2048  # in one response: at worst 27 kB compressed; a 3840 x 2160 screen shows 2040
GZIP_LEVEL = 4  # a tenth larger than at level 6, in a third of the time
DEFAULT_ZOOM = 12  # shows the whole city
STREET_GRID_ZOOM = 14  # its cells are as wide as the screen of a phone shows at the zoom of single incidents

DataView = Callable[[HttpRequest, PublishedIncidents, Filter], HttpResponseBase]


def json_for_script(view: DataView) -> Callable[[HttpRequest], HttpResponseBase]:
    """Call view(request, published, chosen); report an invalid filter as JSON."""

    @require_safe
    def respond(request: HttpRequest) -> HttpResponseBase:
        try:
            return view(request, *http.read_selection(request, PAGE_DAYS))
        except FilterError as error:
            return http.filter_error_json(error, request)
        except NothingPublishedError:
            raise Http404 from None

    return respond


@json_for_script
def bubbles_in_view(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """Return the bubbles of a view: {"zoom", "families", "bubbles": [[latitude, longitude, one_point, ...counts]], "near": [],
    "areas": []}.

    Query: the filter and view=south,west,north,east&z=14. The view is widened to whole cells of 64 pixels, so that nearby
    views share one cached response. `zoom` is lower than requested if the view has too many cells. A bubble's counts are in
    the order of `families`; `one_point` is 1 if all its incidents have the same point. `near` names each one's surroundings, `areas` its neighborhood.
    """
    view = _limit_cells(
        http.parse_view_box(request, chosen),
        http.parse_whole_number(request, chosen, "z", range(DEEPEST + 1), DEFAULT_ZOOM),
    )
    families = [family.slug for family in FAMILIES]

    def compute() -> dict[str, Any]:
        cells = bubbles.count_cells(published, chosen, view)
        places = map_marks.name_places(published, cells.place.tolist())
        return {
            "zoom": view.zoom,
            "families": families,
            "bubbles": _list_bubbles(cells, view.zoom, families),
            "near": map_marks.describe_surroundings(places),
            "areas": [area for _block, area in places],
        }

    return _cached_json(request, published, f"{chosen.query_string()}&{view}", compute)


@json_for_script
def list_in_view(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """Return a page of the list of the incidents in a view, newest first, as HTML.

    Query: the filter, view=south,west,north,east and page=1. A point is a view of size zero; without a view, all are listed.
    """
    number = http.parse_whole_number(request, chosen, "page", range(1, 100_000), 1)
    inside = chosen
    if "view" in request.GET:
        view = http.parse_view_box(request, chosen)
        inside = replace(chosen, box=view if chosen.box is None else _intersect_boxes(view, chosen.box))

    def compute() -> HttpResponseBase:
        shaded = areas.shaded_layer()
        listing = map_list.build_list(published, inside, number, shaded.layer if shaded else "")
        context = {"listing": listing, "query": inside.query_string()}
        return render(request, "crimemap/map/rows.html", context)

    return http.cached_response(request, published.version, f"{inside.query_string()}&{number}", compute)


@json_for_script
def points_in_view(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """Return the incidents of a small view by point: {"points": [[latitude, longitude, label, {category: count}, area]]}.

    Query: the filter and view=south,west,north,east, which is widened to whole cells, so that nearby views share a response.
    """
    view = bubbles.view_of(http.parse_view_box(request, chosen), STREET_GRID_ZOOM)

    def compute() -> dict[str, Any]:
        found = street_points.street_points(published, chosen, bubbles.box_of(view))
        places = map_marks.name_places(published, [each.place for each in found])
        labels = map_marks.describe_points(published, found, places)
        return {
            "points": [
                [each.latitude, each.longitude, label, each.categories, area]
                for each, label, (_block, area) in zip(found, labels, places, strict=True)
            ]
        }

    return _cached_json(request, published, f"{chosen.query_string()}&{view}", compute)


@json_for_script
def shaded_areas(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """Return the shading of the whole city: {"areas": [[code, name, count, class, verdict, change, label]], "key": HTML}.

    Query: the filter. The outlines are at the address of `area_outlines`.
    """

    def compute() -> dict[str, Any]:
        shading = area_shading.shade_areas(published, chosen)
        context = {"shading": shading, "query": chosen.query_string(), "shade": "count"}
        return {
            "key": render_to_string("crimemap/map/shade.html", context),
            "areas": [
                [each.area.code, each.name, each.count, each.shade, each.verdict, each.change, each.label]
                for each in (shading.areas if shading else ())
            ],
        }

    return _cached_json(request, published, chosen.query_string(), compute)


def _cached_json(
    request: HttpRequest, published: PublishedIncidents, canonical_query: str, compute: Callable[[], dict[str, Any]]
) -> HttpResponseBase:
    def respond() -> HttpResponse:
        body = orjson.dumps(compute())
        # Django compresses at level 6, which takes a tenth of the whole time.
        return http.encoded_response(
            request, body, "application/json", lambda body: gzip.compress(body, GZIP_LEVEL, mtime=0)
        )

    return http.cached_response(request, published.version, canonical_query, respond)


def _list_bubbles(cells: CountedCells, zoom: int, families: list[str]) -> list[list[float]]:
    """Return each bubble's point and counts; a point is rounded to about a pixel, unless it is needed to list the incidents."""
    digits = 5 if zoom > 13 else 4 if zoom > 10 else 3
    is_exact = cells.one_point | (cells.counts.sum(axis=1) == 1)
    north, east = (np.where(is_exact, each.round(5), each.round(digits)) for each in (cells.latitude, cells.longitude))
    counts = np.zeros((len(north), len(families)), "i8")
    for number, family in enumerate(cells.families):
        counts[:, families.index(family)] = cells.counts[:, number]
    lines = zip(north.tolist(), east.tolist(), cells.one_point.astype("u1").tolist(), counts.tolist(), strict=True)
    return [[latitude, longitude, one_point, *of_families] for latitude, longitude, one_point, of_families in lines]


def _limit_cells(box: Box, zoom: int) -> View:
    """Return the view at this zoom, or at the highest lower zoom with at most MAX_BUBBLES cells."""
    view = bubbles.view_of(box, zoom)
    while (view.east - view.west + 1) * (view.south - view.north + 1) > MAX_BUBBLES and view.zoom > bubbles.MIN_ZOOM:
        view = bubbles.view_of(box, view.zoom - 1)
    return view


def _intersect_boxes(first: Box, second: Box) -> Box:
    """Return the intersection of two boxes; if they are disjoint, its south is greater than its north."""
    return max(first[0], second[0]), max(first[1], second[1]), min(first[2], second[2]), min(first[3], second[3])


# The base map


@require_safe
def area_outlines(_request: HttpRequest, digest: str) -> HttpResponseBase:
    """Return the outlines of the shaded areas: [[code, latitude, longitude, GeoJSON geometry]], cacheable forever."""
    shaded = areas.shaded_layer()
    if shaded is None:
        raise Http404
    if digest != shaded.digest:
        return redirect("crimemap:area_outlines", digest=shaded.digest)
    outlines = [[each.code, each.latitude, each.longitude, each.outline] for each in shaded.areas]
    response = HttpResponse(orjson.dumps(outlines), content_type="application/json")
    response["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    return response


@require_safe
def base_map(request: HttpRequest, version: str) -> HttpResponseBase:
    """Return the base map for maps in the browser, cacheable forever: its URL changes with its content."""
    current = city_map_version()
    if version != current:
        if not current:
            raise Http404
        return redirect("crimemap:base_map", version=current)
    body, compressed = _load_base_map(version)
    response = http.encoded_response(request, body, "application/json", lambda _body: compressed)
    response["ETag"] = f'"{version}{"-gz" if response.has_header("Content-Encoding") else ""}"'
    response["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    return response


@require_safe
def streets(_request: HttpRequest, version: str) -> HttpResponseBase:
    """Return the streets of the middle of the city, cacheable forever: the URL changes with the base map."""
    current = base_map_version()
    plan = street_plan.draw_plan(current) if current else b""
    if not plan:
        raise Http404
    if version != current:
        return redirect("crimemap:street_plan", version=current)
    response = HttpResponse(plan, content_type="image/svg+xml")
    response["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    return response


@require_safe
def base_map_tiles(request: HttpRequest, digest: str) -> HttpResponseBase:
    """Return the file of vector tiles or a range of it, cacheable forever: its URL changes with its content."""
    path = tile_file.path_of(digest)
    if path is None:
        raise Http404
    return byte_ranges.file_response(
        request,
        path,
        etag=f'"{digest}"',
        media_type="application/vnd.pmtiles",
        cache_control=f"public, max-age={YEAR_SECONDS}, immutable",
    )


@lru_cache(maxsize=2)
def _load_base_map(version: str) -> tuple[bytes, bytes]:  # noqa: ARG001  (the key)
    body = city_map_json()
    return body, gzip.compress(body, 9, mtime=0)
