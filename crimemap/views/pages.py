"""The four pages of a selection: map, list, charts, about the data."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from crimemap import wording
from crimemap.pages import about_data, charts, comparison, incident_list, map_list, server_map, time_brush
from crimemap.places import areas
from crimemap.snapshot import period_counts
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.views.selection import render_selection, selection_page

# Loaded by static/js/map/main.js before the map can be used, in its order.
MAP_MODULES = [f"js/map/{name}.js" for name in ("base-map", "incidents", "areas", "rings", "symbols", "keyboard")]


@selection_page
def map_page(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """Show a drawn map of the incidents beside their list; script replaces the drawing with a live map."""
    drawn = server_map.draw_map(published, chosen, request.GET.get("at", ""))
    listing = map_list.build_list(published, chosen, 1, drawn.shading.layer if drawn.shading else "")
    context = {
        "map": drawn,
        "shaded": areas.shaded_layer(),
        "shade": "change" if request.GET.get("shade") == "change" else "count",
        "listing": listing,
        "heading": wording.name_selection(listing.total, chosen),
        "keys": map_list.list_keys(published, chosen),
        "brush": time_brush.build_brush(published, chosen, listing.total, timezone.localdate()),
        "periods": time_brush.list_periods(published, chosen),
        "comparison": period_counts.compare_like_periods(published, chosen),
        "verdict": comparison.judge_selection(published, chosen),
        "modules": [*MAP_MODULES, "js/dom.js"],
    }
    return render_selection(request, "map", published, chosen, context)


@selection_page
def list_page(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """List all incidents of the selection, a page at a time."""
    order = request.GET.get("sort", incident_list.DEFAULT_ORDER)
    total = published.count(chosen)
    listing = incident_list.build_page(published, chosen, total, order, request.GET.get("page", "1"))
    layer = incident_list.find_area_layer(published, chosen)
    context = {
        "listing": listing,
        "rows": incident_list.draw_rows(published, listing.rows, layer),
        "orders": [{"order": key, "name": name} for key, name in incident_list.ORDERS.items()],
        "order_name": incident_list.ORDERS[listing.order],
        "sort_query": "" if listing.order == incident_list.DEFAULT_ORDER else f"&sort={listing.order}",
        "layer": layer,
        "layer_name": wording.LAYER_NAMES[layer],
    }
    return render_selection(request, "list", published, chosen, context)


@selection_page
def charts_page(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """Chart the selection over time, by type and by hour."""
    context = {
        "trend": charts.build_trend(published, chosen),
        "categories": charts.count_by_category(published, chosen),
        "grid": charts.build_hour_grid(published.count_by_hour(chosen), is_part_of_day=bool(chosen.hours)),
        "comparison": period_counts.compare_like_periods(published, chosen),
        "verdict": comparison.judge_selection(published, chosen),
        "without_category": replace(chosen, categories=frozenset()).query_string(),
    }
    return render_selection(request, "charts", published, chosen, context)


@selection_page
def about_page(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """Explain where the data is from, what it means and what is withheld."""
    years, totals = about_data.withheld_totals(published)
    context = {
        "least_distance": wording.format_distance(published.least_radius),
        "sources": about_data.source_ages(published),
        "not_shown": about_data.withheld_counts(published),
        "years": years,
        "totals": totals,
        "definitions": about_data.category_definitions(published),
    }
    return render_selection(request, "about", published, chosen, context)


@require_safe
def not_shown_page(request: HttpRequest) -> HttpResponse:
    """Say what the crime map leaves out on purpose, and why."""
    return render(request, "crimemap/pages/not_shown.html")
