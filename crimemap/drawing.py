"""The base map as one picture, drawn by the server: for pages without script, for print, and for everyone before a map loads.

Pure: base map in, paths out. Colours and widths are those of static/css/map.css.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

WIDTH = 1200  # units of the drawing; the height follows from the land's shape
MARGIN = 0.02  # of the land's size, shown around it


@dataclass(frozen=True, slots=True)
class Shape:
    css: str
    path: str


@dataclass(frozen=True, slots=True)
class Label:
    css: str
    text: str
    x: int
    y: int
    turn: int


@dataclass(frozen=True, slots=True)
class Picture:
    """`height` goes with WIDTH; `west`, `north` are the upper left corner in degrees, `scale` units a degree."""

    height: int
    west: float
    north: float
    scale: tuple[float, float]
    shapes: list[Shape] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    width: int = WIDTH

    def point(self, latitude: float, longitude: float) -> tuple[int, int]:
        return round((longitude - self.west) * self.scale[0]), round((self.north - latitude) * self.scale[1])


def draw(base: dict[str, Any]) -> Picture:
    """The picture of a base map (crimemap.places.base_map, decoded)."""
    (south, west), (north, east) = base["bounds"]
    more_x, more_y = (east - west) * MARGIN, (north - south) * MARGIN
    west, east, south, north = west - more_x, east + more_x, south - more_y, north + more_y
    across = WIDTH / (east - west)
    down = across / math.cos(math.radians((south + north) / 2))
    picture = Picture(round((north - south) * down), west, north, (across, down))
    for layer in base["layers"]:
        if layer["name"] == "labels":
            picture.labels.extend(_label(picture, feature) for feature in layer["features"])
        else:
            picture.shapes.extend(_shapes(picture, layer["name"], layer["features"]))
    return picture


def _shapes(picture: Picture, layer: str, features: list[dict[str, Any]]) -> Iterable[Shape]:
    """One path a rank: a street plan has hundreds of lines and two looks."""
    ranks: dict[str, list[str]] = {}
    for feature in features:
        rank = feature["properties"].get("rank", "")
        ranks.setdefault(rank, []).append(_path(picture, feature["geometry"]))
    for rank, paths in ranks.items():
        css = f"{layer} {rank}".strip()
        if layer in ("streets", "bridges"):
            yield Shape(f"edge {css}", "".join(paths))
        yield Shape(css, "".join(paths))


def _label(picture: Picture, feature: dict[str, Any]) -> Label:
    longitude, latitude = feature["geometry"]["coordinates"]
    x, y = picture.point(latitude, longitude)
    properties = feature["properties"]
    return Label(properties.get("rank", ""), properties.get("name", ""), x, y, -int(properties.get("turn", 0)))


def _path(picture: Picture, shape: dict[str, Any]) -> str:
    coordinates = shape["coordinates"]
    match shape["type"]:
        case "Polygon":
            return "".join(_line(picture, ring[:-1]) + "Z" for ring in coordinates)
        case "MultiPolygon":
            return "".join(_line(picture, ring[:-1]) + "Z" for rings in coordinates for ring in rings)
        case "LineString":
            return _line(picture, coordinates)
        case "MultiLineString":
            return "".join(_line(picture, line) for line in coordinates)
        case _:
            return ""


def _line(picture: Picture, positions: list[list[float]]) -> str:
    points = [picture.point(latitude, longitude) for longitude, latitude in positions]
    return "M" + "L".join(f"{x} {y}" for x, y in points)
