"""`{% load places %}`: the point picker for a form of another app."""

from __future__ import annotations

from typing import Any

from django import template

from crimemap import places

register = template.Library()


@register.inclusion_tag("crimemap/place_picker.html")
def place_picker(latitude_id: str = "id_latitude", longitude_id: str = "id_longitude") -> dict[str, Any]:
    """The button "Pick a point on the map" for two hidden inputs; nothing without a base map or without script."""
    return {"version": places.base_map_version(), "latitude_id": latitude_id, "longitude_id": longitude_id}
