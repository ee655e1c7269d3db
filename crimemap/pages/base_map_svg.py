"""The base map as SVG paths, shapes by the server: for pages without script, for print, and until the live map has loaded.

    renderer = BaseMapRenderer(base_map)    # once for each version of the base map
    drawing = renderer.draw(box)            # any part of it: south, west, north, east in degrees

Pure functions of the base map. Colors and line widths are in static/css/map.css. Points are kept in NumPy arrays, so that a
part of a large city is clipped and written in milliseconds. Minor streets are left out first where one drawing would get too
many points.
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
NamedLine = tuple[str, Array]  # of a street: its name and its points in degrees, longitude first

WIDTH, HEIGHT = 1200, 800  # of a drawing, in SVG units
MARGIN = 0.02  # shown around the city, as a fraction of its size
MAX_STREET_POINTS = 7000  # in one drawing: about 25 kB compressed
FRAME_PIXELS = 900  # width of the drawing on a desktop screen, from which its zoom level follows
AREA_TYPES = ("Polygon", "MultiPolygon")


@dataclass(frozen=True, slots=True)
class MapShape:
    """One SVG path. A shape with a casing (a street) is drawn twice, the wider casing below."""

    css_class: str
    path: SafeString
    has_casing: bool


@dataclass(frozen=True, slots=True)
class MapLabel:
    css_class: str
    text: str
    x: int
    y: int
    rotation_degrees: int


@dataclass(frozen=True, slots=True)
class MapDrawing:
    """A part of the base map, WIDTH by HEIGHT units. `scale` is in units per degree, eastward and northward."""

    box: Box
    scale: tuple[float, float]
    shapes: list[MapShape] = field(default_factory=list)
    labels: list[MapLabel] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT

    def project(self, latitude: float, longitude: float) -> tuple[int, int]:
        """Return the x and y of a point, in units."""
        _south, west, north, _east = self.box
        return round((longitude - west) * self.scale[0]), round((north - latitude) * self.scale[1])

    def outline_path(self, shape: dict[str, Any]) -> SafeString:
        """Return the SVG path data of a GeoJSON geometry."""
        is_area = shape["type"] in AREA_TYPES
        path = "".join(_svg_path(self.to_units(line), is_area) for line in _coordinate_arrays(shape))
        return mark_safe(path)  # noqa: S308  (numbers and letters)

    def to_units(self, points: Array) -> Array:
        """Convert (n, 2) degrees, longitude first, to whole units."""
        _south, west, north, _east = self.box
        units: Array = np.rint((points - [west, north]) * [self.scale[0], -self.scale[1]]).astype("i4")
        return units


def widen_to_aspect_ratio(box: Box) -> Box:
    """Widen the box to the aspect ratio of a drawing."""
    south, west, north, east = box
    center_latitude, center_longitude = (south + north) / 2, (west + east) / 2
    longitude_scale = math.cos(math.radians(center_latitude))
    height = max(north - south, (east - west) * longitude_scale * HEIGHT / WIDTH, 1e-4)
    width = height * WIDTH / HEIGHT / longitude_scale
    return (
        center_latitude - height / 2,
        center_longitude - width / 2,
        center_latitude + height / 2,
        center_longitude + width / 2,
    )


def box_around(latitude: float, longitude: float, zoom: float) -> Box:
    """Return the box that a map in the browser shows around a point at this zoom level."""
    width = 360 * FRAME_PIXELS / (256 * 2**zoom)
    height = width * math.cos(math.radians(latitude)) * HEIGHT / WIDTH
    return latitude - height / 2, longitude - width / 2, latitude + height / 2, longitude + width / 2


def zoom_of_box(box: Box) -> int:
    """Return the zoom level at which a map in the browser shows about this box."""
    return round(math.log2(360 * FRAME_PIXELS / (256 * (box[3] - box[1]))))


class BaseMapRenderer:
    """A decoded base map (crimemap.places.base_map) as arrays of points."""

    def __init__(self, base_map: dict[str, Any]) -> None:
        (south, west), (north, east) = base_map["bounds"]
        margin_x, margin_y = (east - west) * MARGIN, (north - south) * MARGIN
        self.city_box = south - margin_y, west - margin_x, north + margin_y, east + margin_x
        self.full_box = widen_to_aspect_ratio(self.city_box)
        self.groups: list[_PathGroup] = []
        self.labels: list[dict[str, Any]] = []
        for layer in base_map["layers"]:
            if layer["name"] == "labels":
                self.labels = layer["features"]
            else:
                self.groups.extend(_group_by_rank(layer["name"], layer["features"]))

    def draw(self, box: Box | None = None) -> MapDrawing:
        """Draw the whole city, or a box of it widened to the aspect ratio of a drawing."""
        box = self.full_box if box is None else widen_to_aspect_ratio(box)
        south, west, north, east = box
        drawing = MapDrawing(box, (WIDTH / (east - west), HEIGHT / (north - south)))
        points_left = MAX_STREET_POINTS
        shapes: dict[int, MapShape] = {}  # by the number of their group, which is the order of drawing
        # Wide streets come first, in case there is no room for all.
        for number in sorted(range(len(self.groups)), key=lambda number: self.groups[number].is_minor):
            group = self.groups[number]
            arrays = group.clip(box)
            if group.is_street:
                points_left -= sum(map(len, arrays))
                if points_left < 0:
                    continue
            path = "".join(_svg_path(drawing.to_units(array), group.closed) for array in arrays)
            if path:
                shapes[number] = MapShape(group.css_class, mark_safe(path), group.is_street)  # noqa: S308  (numbers and letters)
        drawing.shapes.extend(shapes[number] for number in sorted(shapes))
        drawing.labels.extend(_labels_in_view(drawing, self.labels))
        return drawing

    def find_streets(self, box: Box) -> Iterator[NamedLine]:
        """Yield the parts of named streets that reach into the box."""
        for group in self.groups:
            if group.layer == "streets":
                yield from group.clip_named(box)


@dataclass(frozen=True, slots=True)
class _PathGroup:
    """The lines or rings of one layer and rank, drawn as one path. `names`: of each, "" without one.

    `points` has all of them one after another; `starts` and `ends` are the indexes at which each begins and ends, `lows` and
    `highs` the corners of its bounding box.
    """

    layer: str
    rank: str
    closed: bool
    names: list[str]
    points: Array
    starts: Array
    ends: Array
    lows: Array
    highs: Array

    @property
    def css_class(self) -> str:
        return f"{self.layer} {self.rank}".strip()

    @property
    def is_street(self) -> bool:
        return self.layer in ("streets", "bridges")

    @property
    def is_minor(self) -> bool:
        return self.is_street and self.rank not in ("major", "motorway")

    def clip(self, box: Box) -> list[Array]:
        """Return the parts of lines that reach into the box, and the complete rings that do."""
        arrays = [self.points[self.starts[number] : self.ends[number]] for number in self._touched(box)]
        if self.closed:
            return arrays
        return [part for array in arrays for part in _clip_line(array, box)]

    def clip_named(self, box: Box) -> Iterator[NamedLine]:
        """Yield the parts of named lines that reach into the box."""
        for number in self._touched(box):
            if self.names[number]:
                line = self.points[self.starts[number] : self.ends[number]]
                yield from ((self.names[number], part) for part in _clip_line(line, box))

    def _touched(self, box: Box) -> list[int]:
        south, west, north, east = box
        inside = ((self.lows <= [east, north]) & (self.highs >= [west, south])).all(axis=1)
        touched: list[int] = np.flatnonzero(inside).tolist()
        return touched


def _clip_line(line: Array, box: Box) -> Iterator[Array]:
    """Yield the runs of a line's segments whose bounding boxes touch the box."""
    south, west, north, east = box
    low, high = np.minimum(line[1:], line[:-1]), np.maximum(line[1:], line[:-1])
    inside = ((low <= [east, north]) & (high >= [west, south])).all(axis=1)
    if inside.all():
        yield line
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False]))))
    for first, end in edges.reshape(-1, 2).tolist():
        yield line[first : end + 1]


def _group_by_rank(layer: str, features: list[dict[str, Any]]) -> Iterator[_PathGroup]:
    """Gather the lines of each rank into one path: a street map has hundreds of lines and two styles."""
    ranks: dict[tuple[str, bool], list[NamedLine]] = {}
    for feature in features:
        shape = feature["geometry"]
        key = feature["properties"].get("rank", ""), shape["type"] in AREA_TYPES
        name = feature["properties"].get("name", "")
        ranks.setdefault(key, []).extend((name, line) for line in _coordinate_arrays(shape) if len(line) > 1)
    for (rank, closed), named in ranks.items():
        lines = [line for _name, line in named]
        if lines:
            ends = np.cumsum([len(line) for line in lines])
            yield _PathGroup(
                layer,
                rank,
                closed,
                [name for name, _line in named],
                np.concatenate(lines),
                np.concatenate(([0], ends[:-1])),
                ends,
                np.array([line.min(axis=0) for line in lines]),
                np.array([line.max(axis=0) for line in lines]),
            )


def _coordinate_arrays(shape: dict[str, Any]) -> Iterator[Array]:
    """Yield the lines and rings of a GeoJSON geometry as (n, 2) arrays, longitude first.

    A ring comes without its last point, which repeats the first.
    """
    coordinates = shape["coordinates"]
    match shape["type"]:
        case "Polygon":
            yield from (_coordinate_array(ring[:-1]) for ring in coordinates)
        case "MultiPolygon":
            yield from (_coordinate_array(ring[:-1]) for rings in coordinates for ring in rings)
        case "LineString":
            yield _coordinate_array(coordinates)
        case "MultiLineString":
            yield from (_coordinate_array(line) for line in coordinates)


def _coordinate_array(positions: list[list[float]]) -> Array:
    """Return positions as an (n, 2) array: some of a line may have a height, and others none."""
    return np.array([position[:2] for position in positions], "f8").reshape(-1, 2)


def _svg_path(points: Array, closed: bool) -> str:
    """Write path data in whole units, each point relative to the one before; points that coincide are merged."""
    offsets = np.diff(points, axis=0)
    offsets = offsets[(offsets != 0).any(axis=1)]
    if not len(offsets):
        return ""
    steps = "".join(f"{x} {y} " if y >= 0 else f"{x}{y} " for x, y in offsets.tolist())
    return f"M{points[0, 0]} {points[0, 1]}l{steps.rstrip()}{'z' if closed else ''}"


def _labels_in_view(drawing: MapDrawing, features: list[dict[str, Any]]) -> Iterator[MapLabel]:
    for feature in features:
        longitude, latitude = feature["geometry"]["coordinates"][:2]
        x, y = drawing.project(latitude, longitude)
        if 0 < x < WIDTH and 0 < y < HEIGHT:
            properties = feature["properties"]
            yield MapLabel(
                properties.get("rank", ""), properties.get("name", ""), x, y, -int(properties.get("turn", 0))
            )
