"""Pages of the crime map: for now where things are, not what happened."""

from __future__ import annotations

import json
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crimemap import drawing, places


@require_safe
def map_page(request: HttpRequest) -> HttpResponse:
    """The city as a drawing, and a search for places that works without script."""
    version = places.base_map_version()
    picture = _picture(version) if version else None
    query = request.GET.get("q", "").strip()[:100]
    found = places.search(query) if query else []
    pins = (
        [(number, place, picture.point(place.latitude, place.longitude)) for number, place in enumerate(found, 1)]
        if picture
        else []
    )
    context = {"picture": picture, "query": query, "found": found, "pins": pins}
    return render(request, "crimemap/map.html", context)


@lru_cache(maxsize=2)
def _picture(version: str) -> drawing.Picture:  # noqa: ARG001
    return drawing.draw(json.loads(places.base_map()))
