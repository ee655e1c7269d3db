"""Pages of areas: one area, and the list of all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from crimemap import wording
from crimemap.near import addresses
from crimemap.pages import charts, filter_form, outcomes, server_map
from crimemap.places import areas, former_codes
from crimemap.snapshot import period_counts, reader
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents

LATEST_ROWS = 10
MONTH_DAYS, YEAR_DAYS = 30, 365


@require_safe
def index_page(request: HttpRequest) -> HttpResponse:
    """List all areas by layer, with their counts of the last 30 days."""
    try:
        published = reader.current()
    except NothingPublishedError:
        return render(request, "crimemap/pages/nothing_published.html")
    chosen = _recent_filter(published, MONTH_DAYS)
    layers = []
    for layer, label in wording.LAYER_PLURALS.items():
        counts = published.count_by_area(chosen, layer)
        names = areas.area_names(layer)
        codes = {*names, *filter(None, published.areas[layer])}
        named_areas = sorted((wording.area_name(layer, code, names), code, counts.get(code, 0)) for code in codes)
        if named_areas:
            layers.append({"slug": layer, "name": label, "areas": named_areas})
    context = {"layers": layers, "days": wording.format_published_days(chosen, published), "published": published}
    return render(request, "crimemap/areas/index.html", context)


@require_safe
def area_page(request: HttpRequest, layer: str, code: str) -> HttpResponseBase:
    """Show one area: what happened there, how it has changed, and which officers to contact."""
    try:
        published = reader.current()
    except NothingPublishedError:
        return render(request, "crimemap/pages/nothing_published.html")
    if layer not in wording.LAYER_NAMES:
        raise Http404
    names, current = areas.area_names(layer), former_codes.current_code(layer, code)
    is_known = current in names or current in published.areas[layer]  # names may be read a minute before codes
    if current != code and code not in published.areas[layer] and is_known:  # else published before the code changed
        return redirect("crimemap:area", layer, current, permanent=True)
    if not code or (code not in names and code not in published.areas[layer]):
        raise Http404
    month, year = (replace(_recent_filter(published, days), area=(layer, code)) for days in (MONTH_DAYS, YEAR_DAYS))
    month_comparison, year_comparison = published.compare_periods(month), published.compare_periods(year)
    context = {
        "layer": layer,
        "code": code,
        "layer_name": wording.LAYER_NAMES[layer],
        "name": wording.area_name(layer, code, names),
        "officers": areas.area_contact(layer, code),
        "is_known": code in published.areas[layer],  # a filter can name only published areas
        "published": published,
        "lead": wording.describe_count(month_comparison.this, month, published),
        "comparison": period_counts.compare_like_periods(published, month),
        "month": month_comparison,
        "month_days": wording.format_published_days(month, published),
        "year": year_comparison,
        "year_days": wording.format_published_days(year, published),
        "query": year.query_string(),
        "trend": charts.build_trend(published, year),
        "categories": charts.count_by_category(published, year)[:5],
        "outcomes": outcomes.count_outcomes(published, year),
        "near_address": addresses.address_of_area(layer, code),
        "without_category": year.query_string(),
        "latest": published.read_page(year, limit=LATEST_ROWS).rows,
        "map": server_map.draw_map(published, month, "") if areas.area_outline(layer, code) else None,
        "others": filter_form.render_area_options(published),
    }
    return render(request, "crimemap/areas/area.html", context)


def _recent_filter(published: PublishedIncidents, days: int) -> Filter:
    return Filter(published.until - timedelta(days - 1), published.until, days)
