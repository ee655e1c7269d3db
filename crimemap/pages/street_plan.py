"""The streets in the middle of the city as one light SVG: the ornament of the home page. Its colors are the design's.

Drawn as far around the middle as MAX_POINTS allow, and never to the city's edge, so that streets fill it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from core.web import contrast
from crimemap.geometry import METERS_PER_DEGREE
from crimemap.models import BaseLayer
from crimemap.pages import base_map_svg
from crimemap.pages.base_map_svg import BaseMapRenderer, Box, MapShape
from crimemap.places import base_map

MAX_POINTS = 3000  # about 10 kB compressed
_WIDTHS_METERS = (9000, 6500, 4500, 3200, 2200, 1500, 1000)
_FILL_OPACITIES = {BaseLayer.Name.WATER: 0.28, BaseLayer.Name.PARKS: 0.13}


@lru_cache(maxsize=2)
def draw_plan(version: str) -> bytes:  # noqa: ARG001  (the key)
    """Return the SVG of the base map's version, b"" if it has no streets."""
    renderer = BaseMapRenderer(json.loads(base_map.base_map_json()))
    streets = [group for group in renderer.groups if group.is_street]
    if not streets:
        return b""
    points = np.concatenate([group.points for group in streets])
    longitude, latitude = np.median(points, axis=0).tolist()
    west, east = np.quantile(points[:, 0], (0.25, 0.75)).tolist()  # half of all streets
    boxes = [_make_box(latitude, longitude, width) for width in _WIDTHS_METERS]
    boxes = [box for box in boxes if box[3] - box[1] <= east - west] or boxes[-1:]
    box = next((box for box in boxes if _count_points(renderer, box) <= MAX_POINTS), boxes[-1])
    color = contrast.read_themes(contrast.STYLES.read_text(encoding="utf-8"))["light"]["street-lines"]
    paths = "".join(part for shape in renderer.draw(box).shapes for part in _draw_shape(shape))
    width, height = base_map_svg.WIDTH, base_map_svg.HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' fill="none" stroke="{color}">{paths}</svg>'
    ).encode()


def _make_box(latitude: float, longitude: float, width: float) -> Box:
    height = width * base_map_svg.HEIGHT / base_map_svg.WIDTH / METERS_PER_DEGREE
    across = width / METERS_PER_DEGREE / math.cos(math.radians(latitude))
    return latitude - height / 2, longitude - across / 2, latitude + height / 2, longitude + across / 2


def _count_points(renderer: BaseMapRenderer, box: Box) -> int:
    return sum(len(line) for group in renderer.groups if group.is_street for line in group.clip(box))


def _draw_shape(shape: MapShape) -> Iterator[str]:
    layer, _space, rank = shape.css_class.partition(" ")
    if shape.has_casing:
        stroke = 3.5 if rank in ("major", "motorway") else 1.8
        yield f'<path d="{shape.path}" stroke-width="{stroke}"/>'
    elif layer in _FILL_OPACITIES:
        yield f'<path d="{shape.path}" fill="#fff" fill-opacity="{_FILL_OPACITIES[BaseLayer.Name(layer)]}" stroke="none"/>'
