"""The four views of the same selection, and the page of one incident."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponseBase

from crimemap import wording
from crimemap.pages import about_data, charts, incident_list, server_map
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.views.selection import of_selection, page

LATEST = 5  # rows below the map


@of_selection
def map_page(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """A drawing of the city with the incidents in it; script puts a map in its place."""
    latest = published.read_page(chosen, limit=LATEST)
    context = {
        "map": server_map.draw_map(published, chosen, request.GET.get("at", "")),
        "latest": latest.rows,
        "comparison": published.compare_periods(chosen),
        "unmapped": published.count_unmapped(chosen),
    }
    return page(request, "map", published, chosen, context)


@of_selection
def listing_page(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """All incidents of the selection, a page at a time."""
    order = request.GET.get("sort", incident_list.DEFAULT_ORDER)
    total = published.count(chosen)
    listing = incident_list.build_page(published, chosen, total, order, request.GET.get("page", "1"))
    layer = incident_list.find_area_layer(published, chosen)
    context = {
        "listing": listing,
        "orders": [{"order": key, "name": name} for key, name in incident_list.ORDERS.items()],
        "order_name": incident_list.ORDERS[listing.order],
        "sort_query": "" if listing.order == incident_list.DEFAULT_ORDER else f"&sort={listing.order}",
        "layer": layer,
        "layer_name": wording.LAYER_NAMES[layer],
        "unmapped": published.count_unmapped(chosen),
    }
    return page(request, "list", published, chosen, context)


@of_selection
def charts_page(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """The selection over time, by type and by hour."""
    context = {
        "trend": charts.build_trend(published, chosen),
        "categories": charts.count_by_category(published, chosen),
        "grid": charts.build_hour_grid(published.count_by_hour(chosen)),
        "comparison": published.compare_periods(chosen),
        "without_category": replace(chosen, categories=frozenset()).query_string(),
        "unmapped": published.count_unmapped(chosen),
    }
    return page(request, "charts", published, chosen, context)


@of_selection
def about(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """Where the data is from, what it means, what is not listing."""
    years, totals = about_data.withheld_totals(published)
    context = {
        "sources": about_data.source_ages(published),
        "not_shown": about_data.withheld_counts(published),
        "years": years,
        "totals": totals,
        "definitions": about_data.category_definitions(published),
    }
    return page(request, "about", published, chosen, context)
