"""The door through which the other apps ask where something is: blocks, intersections, areas and the base map.

Plain functions and plain values. Works with an empty database: then nothing is found and there is no base map.
"""

from crimemap.places.areas import AreaOutline, area_names, area_outlines, contact, outline
from crimemap.places.base_map import base_map_json, base_map_version
from crimemap.places.lookup import Place, areas_at, find, in_city, near, search

__all__ = [
    "AreaOutline",
    "Place",
    "area_names",
    "area_outlines",
    "areas_at",
    "base_map_json",
    "base_map_version",
    "contact",
    "find",
    "in_city",
    "near",
    "outline",
    "search",
]
