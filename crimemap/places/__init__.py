"""The only interface of the crime map's places for the other apps: blocks, intersections, areas and the base map.

Plain functions and values. With an empty database nothing is found and there is no base map.
"""

from crimemap.places.areas import AreaOutline, area_contact, area_names, area_outline, area_outlines
from crimemap.places.base_map import base_map_json, base_map_source, base_map_version
from crimemap.places.former_codes import codes_of, current_code
from crimemap.places.lookup import Place, areas_at, find_nearest_block, find_place, in_city, search_places

__all__ = [
    "AreaOutline",
    "Place",
    "area_contact",
    "area_names",
    "area_outline",
    "area_outlines",
    "areas_at",
    "base_map_json",
    "base_map_source",
    "base_map_version",
    "codes_of",
    "current_code",
    "find_nearest_block",
    "find_place",
    "in_city",
    "search_places",
]
