"""What the pages of a selection share: the filter's form around them, and the answer to who sent it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from crimemap import http, wording
from crimemap.pages.filter_form import FilterChip, build_panel
from crimemap.places import lookup
from crimemap.places.lookup import Place
from crimemap.snapshot.filters import PRESETS, Filter, FilterError
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents

Page = Callable[..., HttpResponseBase]
RADIUS = 500  # metres around a place that was looked for


def of_selection(view: Callable[..., HttpResponseBase]) -> Page:
    """Calls view(request, published, chosen, ...), which may raise FilterError; a sent form leads to its own address."""

    @require_safe
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if "set" in request.GET:
            return _sent(request)
        return refusing(http.with_selection(view))(request, *args, **kwargs)

    return answer


def refusing(view: Page) -> Page:
    """Answers 400 for a part of the address that is the view's own, such as its page, as `asked` does for the filter's."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except FilterError as error:
            return http.render_filter_error(request, error)

    return answer


def _sent(request: HttpRequest) -> HttpResponseBase:
    try:
        _published, chosen = http.read_selection(request)
    except NothingPublishedError:
        return redirect(request.path)
    except FilterError as error:
        return http.render_filter_error(request, error)
    words = request.GET.get("q", "").strip()[:100]
    more = "&" + urlencode({"q": words}) if words else ""
    return redirect(f"{request.path}?{chosen.query_string()}{more}")


def there(place: Place, published: PublishedIncidents, chosen: Filter) -> Filter:
    """The selection at a place that was looked for: the area, or a circle around the point."""
    layer, _colon, code = place.area.partition(":")
    if code and code in published.areas.get(layer, []):
        return replace(chosen, area=(layer, code), circle=None, box=None)
    if layer == "city":
        return replace(chosen, area=None, circle=None, box=None)
    radius = float(max(RADIUS, published.least_radius))
    return replace(chosen, circle=(place.latitude, place.longitude, radius), area=None, box=None)


def _wider(published: PublishedIncidents, chosen: Filter, chips: list[FilterChip]) -> list[FilterChip]:
    """What an empty selection may have meant: the next longer period that has incidents, or without one of its limits."""
    last, first = published.until, published.since
    longer = [replace(chosen, days=days, since=last - timedelta(days - 1), until=last) for days in PRESETS]
    longer.append(replace(chosen, days=0, since=first, until=last))
    for other in longer:
        if other.since < chosen.since and published.count(other):
            return [FilterChip(wording.describe_period(other), other.query_string()), *chips]
    return chips


def page(
    request: HttpRequest, name: str, published: PublishedIncidents, chosen: Filter, context: dict[str, Any]
) -> HttpResponseBase:
    """The page crimemap/pages/NAME.html with the form, the tabs and the places that `q` may mean."""
    words = request.GET.get("q", "").strip()[:100]
    filled = build_panel(published, chosen)
    shared = {
        "view": name,
        "published": published,
        "chosen": chosen,
        "query": chosen.query_string(),
        "panel": filled,
        "wider": [] if filled.total else _wider(published, chosen, filled.chips),
        "period": wording.describe_period(chosen),
        "words": words,
        "found": [
            {"place": place, "query": there(place, published, chosen).query_string()}
            for place in (lookup.search(words) if words else [])
        ],
    }
    return render(request, f"crimemap/pages/{name}.html", shared | context)
