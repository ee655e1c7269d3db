"""The map of one block on the page of an incident: its streets with their names, much closer than the map of an area."""

from __future__ import annotations

from functools import lru_cache

from crimemap.near import street_labels
from crimemap.pages import server_map
from crimemap.pages.base_map_svg import HEIGHT, WIDTH, MapDrawing, box_around

ZOOM = 16
# The part that is shown, in units of the drawing: its middle, so that names can be read on a map half as wide as the page.
VIEW_WIDTH, VIEW_HEIGHT = 640, 540
EDGE = 40  # units above and below, within which no name of a street stands
LEFT, TOP = (WIDTH - VIEW_WIDTH) // 2, (HEIGHT - VIEW_HEIGHT) // 2
VIEW_BOX = f"{LEFT} {TOP} {VIEW_WIDTH} {VIEW_HEIGHT}"


@lru_cache(maxsize=64)
def draw_block(version: str, latitude: float, longitude: float) -> MapDrawing | None:  # noqa: ARG001  (the key)
    """Draw the streets around a published point; None without a base map, which has this version."""
    drawing = server_map.draw_unkept(box_around(latitude, longitude, ZOOM))
    if drawing is None:
        return None
    spot = drawing.project(latitude, longitude)
    names = street_labels.place_names(server_map.find_streets(drawing.box), drawing, LEFT, VIEW_WIDTH, [spot])
    drawing.labels.extend(name for name in names if abs(name.y - HEIGHT / 2) < VIEW_HEIGHT / 2 - EDGE)
    return drawing
