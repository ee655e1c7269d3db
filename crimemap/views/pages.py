"""The four views of the same selection, and the page of one incident."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponseBase

from crimemap import charts, explaining, listing, mapping, wording
from crimemap.filtering import Filter
from crimemap.query import Published
from crimemap.views.selection import of_selection, page

LATEST = 5  # rows below the map


@of_selection
def map_page(request: HttpRequest, published: Published, chosen: Filter) -> HttpResponseBase:
    """A drawing of the city with the incidents in it; script puts a map in its place."""
    latest = published.rows(chosen, limit=LATEST)
    context = {
        "map": mapping.shown(published, chosen, request.GET.get("at", "")),
        "latest": latest.rows,
        "comparison": published.compare(chosen),
        "unmapped": published.unmapped(chosen),
    }
    return page(request, "map", published, chosen, context)


@of_selection
def listing_page(request: HttpRequest, published: Published, chosen: Filter) -> HttpResponseBase:
    """All incidents of the selection, a page at a time."""
    order = request.GET.get("sort", listing.USUAL)
    total = published.count(chosen)
    shown = listing.listing(published, chosen, total, order, request.GET.get("page", "1"))
    layer = listing.layer_of(published, chosen)
    context = {
        "listed": shown,
        "orders": [{"order": key, "name": name} for key, name in listing.ORDERS.items()],
        "order_name": listing.ORDERS[shown.order],
        "sorted": "" if shown.order == listing.USUAL else f"&sort={shown.order}",
        "layer": layer,
        "layer_name": wording.LAYERS[layer],
        "unmapped": published.unmapped(chosen),
    }
    return page(request, "list", published, chosen, context)


@of_selection
def charts_page(request: HttpRequest, published: Published, chosen: Filter) -> HttpResponseBase:
    """The selection over time, by type and by hour."""
    context = {
        "trend": charts.trend(published, chosen),
        "kinds": charts.kinds(published, chosen),
        "grid": charts.grid(published.hours(chosen)),
        "comparison": published.compare(chosen),
        "without_category": replace(chosen, categories=frozenset()).query_string(),
        "unmapped": published.unmapped(chosen),
    }
    return page(request, "charts", published, chosen, context)


@of_selection
def about(request: HttpRequest, published: Published, chosen: Filter) -> HttpResponseBase:
    """Where the data is from, what it means, what is not shown."""
    years, totals = explaining.totals(published)
    context = {
        "sources": explaining.sources(published),
        "not_shown": explaining.not_shown(published),
        "years": years,
        "totals": totals,
        "definitions": explaining.definitions(published),
    }
    return page(request, "about", published, chosen, context)
