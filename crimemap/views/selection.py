"""Shared by the pages of a selection: the filter's form around them and the redirect after it is submitted."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.web import page_cache
from crimemap import http, wording
from crimemap.pages.filter_form import FilterChip, build_panel
from crimemap.places import base_map, lookup
from crimemap.places.lookup import Place
from crimemap.snapshot import reader
from crimemap.snapshot.filters import PAGE_DAYS, PRESETS, Filter, FilterError
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents

SelectionView = Callable[..., HttpResponseBase]
SEARCH_RADIUS_METERS = 500  # around a place that was searched for


def selection_page(view: Callable[..., HttpResponseBase]) -> SelectionView:
    """Call view(request, published, chosen, ...), which may raise FilterError; redirect a submitted form to its canonical URL."""

    open_page = catch_filter_errors(http.with_selection(view, default_days=PAGE_DAYS))

    @require_safe
    @wraps(view)
    def respond(request: HttpRequest) -> HttpResponseBase:
        if "set" in request.GET:
            return _redirect_submitted_form(request)
        # What most readers open, the newest days of the whole city, is the same for all of them.
        days = request.GET.get("days", "")
        if request.META["QUERY_STRING"] not in ("", *(f"days={number}" for number in PRESETS)):
            return open_page(request)
        try:
            published = reader.current()
        except NothingPublishedError:
            return open_page(request)
        drawn = base_map.city_map_version()  # its files have this in their addresses
        key = (view.__name__, days, published.version, published.made_at, drawn, get_language())
        content, compressed = page_cache.get_or_build(key, lambda: _read_content(open_page(request)))
        return http.encoded_response(request, content, "text/html; charset=utf-8", lambda _content: compressed)

    return respond


def _read_content(response: HttpResponseBase) -> tuple[bytes, bytes]:
    """Return a page's content as it is, and compressed."""
    assert isinstance(response, HttpResponse), "no page is streamed"
    assert response.status_code == 200, "only a whole page is for all readers"
    return response.content, gzip.compress(response.content, mtime=0)


def catch_filter_errors(view: SelectionView) -> SelectionView:
    """Answer 400 if the view itself raises FilterError, for example for its page number."""

    @wraps(view)
    def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except FilterError as error:
            return http.render_filter_error(request, error)

    return respond


def _redirect_submitted_form(request: HttpRequest) -> HttpResponseBase:
    try:
        _published, chosen = http.read_selection(request, PAGE_DAYS)
    except NothingPublishedError:
        return redirect(request.path)
    except FilterError as error:
        return http.render_filter_error(request, error)
    search_text = request.GET.get("q", "").strip()[:100]
    search_query = "&" + urlencode({"q": search_text}) if search_text else ""
    return redirect(f"{request.path}?{chosen.query_string()}{search_query}")


def narrow_to_place(place: Place, published: PublishedIncidents, chosen: Filter) -> Filter:
    """Return the filter narrowed to a place: to its area, or to a circle around its point."""
    layer, _colon, code = place.area.partition(":")
    if code and code in published.areas.get(layer, []):
        return replace(chosen, area=(layer, code), circle=None, box=None)
    if layer == "city":
        return replace(chosen, area=None, circle=None, box=None)
    radius = float(max(SEARCH_RADIUS_METERS, published.least_radius))
    return replace(chosen, circle=(place.latitude, place.longitude, radius), area=None, box=None)


def _suggest_wider_filters(published: PublishedIncidents, chosen: Filter, chips: list[FilterChip]) -> list[FilterChip]:
    """Suggest filters for a selection without incidents: the shortest longer period that has some, and each limit removed."""
    removals = [FilterChip(_("Remove the filter: %(filter)s") % {"filter": chip.name}, chip.query) for chip in chips]
    last, first = published.until, published.since
    longer = [replace(chosen, days=days, since=last - timedelta(days - 1), until=last) for days in PRESETS]
    longer.append(replace(chosen, days=0, since=first, until=last))
    for other in longer:
        if other.since < chosen.since and published.count(other):
            name = _("Show more days: %(period)s") % {"period": wording.name_period(other)}
            return [FilterChip(name, other.query_string()), *removals]
    return removals


def render_selection(
    request: HttpRequest, name: str, published: PublishedIncidents, chosen: Filter, context: dict[str, Any]
) -> HttpResponseBase:
    """Render crimemap/pages/NAME.html with the filter's form, the tabs and the places that match the search text `q`."""
    search_text = request.GET.get("q", "").strip()[:100]
    filter_panel = build_panel(published, chosen)
    shared = {
        "view": name,
        "published": published,
        "chosen": chosen,
        "query": chosen.query_string(),
        "panel": filter_panel,
        "wider": [] if filter_panel.total else _suggest_wider_filters(published, chosen, filter_panel.chips),
        "search_text": search_text,
        "place_matches": [
            {"place": place, "query": narrow_to_place(place, published, chosen).query_string()}
            for place in (lookup.search_places(search_text) if search_text else [])
        ],
    }
    return render(request, f"crimemap/pages/{name}.html", shared | context)
