"""`{% load places %}`: a point picker and a drawn map of a place, for pages of other apps."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse

from crimemap.pages import server_map, street_plan
from crimemap.places import base_map, examples
from crimemap.places.examples import PlaceExamples

register = template.Library()


@register.inclusion_tag("crimemap/map/place_picker.html")
def place_picker(latitude_id: str = "id_latitude", longitude_id: str = "id_longitude") -> dict[str, Any]:
    """Render the button "Pick a point on the map" for two hidden inputs; nothing without a base map or without script."""
    return {"version": base_map.base_map_version(), "latitude_id": latitude_id, "longitude_id": longitude_id}


@register.simple_tag
def place_examples() -> PlaceExamples | None:
    """`{% place_examples as examples %}`: places of this city for the hints of forms, None before its streets are imported."""
    return examples.list_examples()


@register.simple_tag
def street_plan_address() -> str:
    """`{% street_plan_address as address %}`: the city's streets as an ornament, "" without a base map. Name its source beside it."""
    version = base_map.base_map_version()
    return reverse("crimemap:street_plan", args=[version]) if version and street_plan.draw_plan(version) else ""


@register.inclusion_tag("crimemap/map/attribution.html")
def map_attribution() -> dict[str, Any]:
    """Name the source of the map's data, as its license asks; nothing for a map of the agency's own data."""
    build = base_map.current_build()
    return {"attribution": build.attribution if build else "", "osm": base_map.OSM}


@register.inclusion_tag("crimemap/map/place.html")
def place_map(latitude: float | None, longitude: float | None, name: str) -> dict[str, Any]:
    """Draw the streets around a point with a pin on it; nothing without a point or a base map. Needs css/map.css."""
    version = base_map.base_map_version()
    if not version or latitude is None or longitude is None:
        return {"drawing": None}
    drawing = server_map.draw_surroundings(version, latitude, longitude)
    return {"drawing": drawing, "pin": drawing.project(latitude, longitude), "name": name}
