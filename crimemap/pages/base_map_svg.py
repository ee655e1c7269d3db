"""The base map as one picture, drawn by the server: for pages without script, for print, and for everyone before a map loads.

    plan = Plan(base)                   # once for each version of the base map
    picture = plan.picture(box)         # any part of it: south, west, north, east in degrees

Pure: base map in, paths out. Colours and widths are those of static/css/map.css. Points are held in arrays, so that a part of
a large city is cut out and written in milliseconds, and what is too much for one picture is left out, smallest streets first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from django.utils.safestring import SafeString, mark_safe

Array = npt.NDArray[Any]
Box = tuple[float, float, float, float]  # south, west, north, east in degrees

WIDTH, HEIGHT = 1200, 800  # units of the drawing
MARGIN = 0.02  # of the land's size, shown around it
MOST_POINTS = 7000  # of streets in one picture: about 25 kB compressed
FRAME = 900  # pixels that the picture is wide on a desk's screen: what a zoom is measured by
AREAS = ("Polygon", "MultiPolygon")


@dataclass(frozen=True, slots=True)
class Shape:
    """Streets are drawn twice, `edge` below; all other shapes once."""

    css: str
    path: SafeString
    edge: bool


@dataclass(frozen=True, slots=True)
class Label:
    css: str
    text: str
    x: int
    y: int
    turn: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A part of the map, WIDTH by HEIGHT units; `scale` is units a degree eastwards and northwards."""

    box: Box
    scale: tuple[float, float]
    shapes: list[Shape] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT

    def point(self, latitude: float, longitude: float) -> tuple[int, int]:
        _south, west, north, _east = self.box
        return round((longitude - west) * self.scale[0]), round((north - latitude) * self.scale[1])

    @property
    def metres(self) -> float:
        """How long 100 units are."""
        return 100 / self.scale[1] * 111_320

    def outline(self, shape: dict[str, Any]) -> SafeString:
        """The path of a GeoJSON geometry."""
        return mark_safe("".join(_path(self._units(line), shape["type"] in AREAS) for line in _lines(shape)))  # noqa: S308

    def _units(self, points: Array) -> Array:
        _south, west, north, _east = self.box
        units: Array = np.rint((points - [west, north]) * [self.scale[0], -self.scale[1]]).astype("i4")
        return units


def fitted(box: Box) -> Box:
    """The box widened to the shape of the picture."""
    south, west, north, east = box
    middle, centre = (south + north) / 2, (west + east) / 2
    narrow = math.cos(math.radians(middle))
    height = max(north - south, (east - west) * narrow * HEIGHT / WIDTH, 1e-4)
    width = height * WIDTH / HEIGHT / narrow
    return middle - height / 2, centre - width / 2, middle + height / 2, centre + width / 2


def around(latitude: float, longitude: float, zoom: float) -> Box:
    """What a map in the browser shows there at this zoom."""
    width = 360 * FRAME / (256 * 2**zoom)
    height = width * math.cos(math.radians(latitude)) * HEIGHT / WIDTH
    return latitude - height / 2, longitude - width / 2, latitude + height / 2, longitude + width / 2


def zoom_of(box: Box) -> int:
    """The zoom at which a map in the browser shows about as much."""
    return round(math.log2(360 * FRAME / (256 * (box[3] - box[1]))))


class Plan:
    """A base map (crimemap.places.base_map, decoded) as arrays of points."""

    def __init__(self, base: dict[str, Any]) -> None:
        (south, west), (north, east) = base["bounds"]
        more_x, more_y = (east - west) * MARGIN, (north - south) * MARGIN
        self.whole = fitted((south - more_y, west - more_x, north + more_y, east + more_x))
        self.groups: list[_Group] = []
        self.labels: list[dict[str, Any]] = []
        for layer in base["layers"]:
            if layer["name"] == "labels":
                self.labels = layer["features"]
            else:
                self.groups.extend(_groups(layer["name"], layer["features"]))

    def picture(self, box: Box | None = None) -> Picture:
        """The whole city, or this part of it (made to fit the picture's shape)."""
        box = self.whole if box is None else fitted(box)
        south, west, north, east = box
        picture = Picture(box, (WIDTH / (east - west), HEIGHT / (north - south)))
        room = MOST_POINTS
        drawn: dict[int, Shape] = {}
        # Where there is no room for all, the wide streets come first.
        for number in sorted(range(len(self.groups)), key=lambda number: self.groups[number].is_minor):
            group = self.groups[number]
            pieces = group.within(box)
            if group.is_street:
                room -= sum(map(len, pieces))
                if room < 0:
                    continue
            path = "".join(_path(picture._units(piece), group.closed) for piece in pieces)
            if path:
                drawn[number] = Shape(group.css, mark_safe(path), group.is_street)  # noqa: S308  (numbers and letters)
        picture.shapes.extend(drawn[number] for number in sorted(drawn))
        picture.labels.extend(_labels(picture, self.labels))
        return picture


@dataclass(frozen=True, slots=True)
class _Group:
    """The lines (or rings) of one layer and rank; `ends` is where each ends among the points."""

    layer: str
    rank: str
    closed: bool
    points: Array
    starts: Array
    ends: Array
    lows: Array
    highs: Array

    @property
    def css(self) -> str:
        return f"{self.layer} {self.rank}".strip()

    @property
    def is_street(self) -> bool:
        return self.layer in ("streets", "bridges")

    @property
    def is_minor(self) -> bool:
        return self.is_street and self.rank not in ("major", "motorway")

    def within(self, box: Box) -> list[Array]:
        """Rings that reach into the box, whole; of lines the stretches that do."""
        south, west, north, east = box
        touched = np.flatnonzero(((self.lows <= [east, north]) & (self.highs >= [west, south])).all(axis=1))
        pieces = [self.points[self.starts[number] : self.ends[number]] for number in touched.tolist()]
        if self.closed:
            return pieces
        return [stretch for piece in pieces for stretch in _stretches(piece, box)]


def _stretches(line: Array, box: Box) -> Iterator[Array]:
    south, west, north, east = box
    low, high = np.minimum(line[1:], line[:-1]), np.maximum(line[1:], line[:-1])
    inside = ((low <= [east, north]) & (high >= [west, south])).all(axis=1)
    if inside.all():
        yield line
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False]))))
    for first, end in edges.reshape(-1, 2).tolist():
        yield line[first : end + 1]


def _groups(layer: str, features: list[dict[str, Any]]) -> Iterator[_Group]:
    """One path a rank: a street plan has hundreds of lines and two looks."""
    ranks: dict[tuple[str, bool], list[Array]] = {}
    for feature in features:
        shape = feature["geometry"]
        key = feature["properties"].get("rank", ""), shape["type"] in AREAS
        ranks.setdefault(key, []).extend(line for line in _lines(shape) if len(line) > 1)
    for (rank, closed), lines in ranks.items():
        if lines:
            ends = np.cumsum([len(line) for line in lines])
            yield _Group(
                layer,
                rank,
                closed,
                np.concatenate(lines),
                np.concatenate(([0], ends[:-1])),
                ends,
                np.array([line.min(axis=0) for line in lines]),
                np.array([line.max(axis=0) for line in lines]),
            )


def _lines(shape: dict[str, Any]) -> Iterator[Array]:
    """Lines and rings of a GeoJSON geometry, longitude first; rings without their last point, which is the first."""
    coordinates = shape["coordinates"]
    match shape["type"]:
        case "Polygon":
            yield from (np.array(ring[:-1], "f8")[:, :2] for ring in coordinates)
        case "MultiPolygon":
            yield from (np.array(ring[:-1], "f8")[:, :2] for rings in coordinates for ring in rings)
        case "LineString":
            yield np.array(coordinates, "f8")[:, :2]
        case "MultiLineString":
            yield from (np.array(line, "f8")[:, :2] for line in coordinates)


def _path(points: Array, closed: bool) -> str:
    """Whole units, each point from the one before; points that fall together are one."""
    moved = np.diff(points, axis=0)
    moved = moved[(moved != 0).any(axis=1)]
    if not len(moved):
        return ""
    steps = "".join(f"{x} {y} " if y >= 0 else f"{x}{y} " for x, y in moved.tolist())
    return f"M{points[0, 0]} {points[0, 1]}l{steps.rstrip()}{'z' if closed else ''}"


def _labels(picture: Picture, features: list[dict[str, Any]]) -> Iterator[Label]:
    for feature in features:
        longitude, latitude = feature["geometry"]["coordinates"][:2]
        x, y = picture.point(latitude, longitude)
        if 0 < x < WIDTH and 0 < y < HEIGHT:
            properties = feature["properties"]
            yield Label(properties.get("rank", ""), properties.get("name", ""), x, y, -int(properties.get("turn", 0)))
