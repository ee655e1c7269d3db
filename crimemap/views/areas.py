"""Pages of areas: one area, the list of all, and two side by side."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crimemap import wording
from crimemap.http import with_selection
from crimemap.near import addresses
from crimemap.pages import charts, filter_form, outcomes, server_map
from crimemap.places import areas, former_codes
from crimemap.snapshot import reader
from crimemap.snapshot.filters import Filter, FilterError, FilterProblem
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents
from crimemap.views.selection import catch_filter_errors

LATEST_ROWS = 10
MONTH_DAYS, YEAR_DAYS = 30, 365
AreaKey = tuple[str, str]  # layer and code


@require_safe
def index_page(request: HttpRequest) -> HttpResponse:
    """List all areas by layer, with their counts of the last 30 days."""
    try:
        published = reader.current()
    except NothingPublishedError:
        return render(request, "crimemap/pages/nothing_published.html")
    chosen = _recent_filter(published, MONTH_DAYS)
    layers = []
    for layer, label in wording.LAYER_NAMES.items():
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
    """Show one area: what was reported there, how it has changed, and which officers to contact."""
    try:
        published = reader.current()
    except NothingPublishedError:
        return render(request, "crimemap/pages/nothing_published.html")
    if layer not in wording.LAYER_NAMES:
        raise Http404
    current = former_codes.current_code(layer, code)
    if current != code and code not in published.areas[layer]:  # else published before the code changed
        return redirect("crimemap:area", layer, current, permanent=True)
    names = areas.area_names(layer)
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


@require_safe
@catch_filter_errors
@with_selection
def compare_page(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """Compare two areas under the same filter."""
    chosen = replace(chosen, area=None)
    areas_by_side = [_parse_area(request, part, published, chosen) for part in ("a", "b")]
    context: dict[str, Any] = {
        "published": published,
        "chosen": chosen,
        "options": [filter_form.render_area_options(published, request.GET.get(part, "")) for part in ("a", "b")],
        "panel": filter_form.build_panel(published, chosen),
    }
    chosen_areas = [area for area in areas_by_side if area is not None]
    if len(chosen_areas) == 2:
        context |= _build_comparison(published, [replace(chosen, area=area) for area in chosen_areas])
    return render(request, "crimemap/areas/compare.html", context)


def _parse_area(request: HttpRequest, part: str, published: PublishedIncidents, chosen: Filter) -> AreaKey | None:
    """Parse the query parameter `part`, such as "district:4". Raises FilterError for an unknown area."""
    value = request.GET.get(part, "")[:100]
    if not value:
        return None
    layer, _colon, code = value.partition(":")
    if code not in published.areas.get(layer, []):
        code = former_codes.current_code(layer, code)
    if code and code in published.areas.get(layer, []):
        return layer, code
    raise FilterError(
        [
            FilterProblem(
                part, _("We have no area called “%(name)s”. Choose one from the list.") % {"name": value[:40]}, ""
            )
        ],
        chosen,
    )


def _build_comparison(published: PublishedIncidents, filters: list[Filter]) -> dict[str, Any]:
    category_counts = [published.count_by_category(chosen) for chosen in filters]
    slugs = [slug for slug in published.category_names if any(slug in counts for counts in category_counts)]
    trends = [charts.build_trend(published, chosen) for chosen in filters]
    axis_max = max(trend.axis_max for trend in trends)
    sides: list[dict[str, Any]] = []
    for chosen, counts, trend in zip(filters, category_counts, trends, strict=True):
        assert chosen.area
        layer, code = chosen.area
        sides.append(
            {
                "layer": layer,
                "code": code,
                "name": wording.area_name(layer, code, areas.area_names(layer)),
                "days": wording.format_published_days(chosen, published),
                "total": sum(counts.values()),
                "comparison": published.compare_covered_days(chosen),
                "trend": trend if trend.axis_max == axis_max else charts.build_trend(published, chosen, axis_max),
                "query": chosen.query_string(),
            }
        )
    rows = [
        (published.families[slug], published.category_names[slug], [counts.get(slug, 0) for counts in category_counts])
        for slug in slugs
    ]
    return {
        "sides": sides,
        "rows": rows,
        "is_small": min(side["total"] for side in sides) < wording.MIN_COUNT_FOR_PERCENT,
    }


def _recent_filter(published: PublishedIncidents, days: int) -> Filter:
    return Filter(published.until - timedelta(days - 1), published.until, days)
