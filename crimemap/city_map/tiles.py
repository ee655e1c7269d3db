"""Writes an extract as one file of vector tiles (PMTiles), with tippecanoe, for maps in the browser.

Layers and their properties, which static/js/map/tile-style.js draws: water, parks, rails, buildings, streets (kind, name),
borders, labels (kind, name), landmarks (kind, name).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import shapely
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from crimemap.city_map.osm_extract import CityExtract, Drawn, ExtractError

FIRST_ZOOM, LAST_ZOOM = 9, 15
TIMEOUT_SECONDS = 3600.0
# The zoom from which each kind is in the tiles. A map draws the tiles of one zoom less than its own.
_STREET_ZOOMS = {"motorway": 9, "major": 9, "medium": 11, "minor": 12, "service": 14, "path": 15}
_LABEL_ZOOMS = {"city": 9, "area": 11}
_SMALLEST_SHAPES = 9  # zoom of large parks and water; the smaller a shape, the later it shows
_PRECISION = 6  # digits after the point: a tenth of a meter


def write_tiles(city: CityExtract, borders: Iterable[BaseGeometry], folder: Path) -> Path:
    """Write the tiles as a file in `folder`, which must be empty, and return its path. Raises ExtractError."""
    program = shutil.which("tippecanoe", path=f"{Path(sys.executable).parent}") or shutil.which("tippecanoe")
    if program is None:
        raise ExtractError(_("The program tippecanoe isn't installed. Install the package of that name and try again."))
    source, target = folder / "features.ndjson", folder / "base-map.pmtiles"
    with source.open("w", encoding="utf-8") as file:
        for feature in _features(city, borders):
            file.write(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) + "\n")
    # Its file says how it was made, so names have no folder in them.
    command = [
        program, "--quiet", "--force", f"--minimum-zoom={FIRST_ZOOM}", f"--maximum-zoom={LAST_ZOOM}", "--name=Base map",
        "--description=", "--drop-densest-as-needed", "--simplification=4", "--buffer=4", "--read-parallel",
        f"--output={target.name}", source.name,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise ExtractError(_("Drawing the tiles took longer than an hour. Build a smaller area.")) from None
    if done.returncode or not target.is_file():
        raise ExtractError(_("The tiles can't be drawn: %(why)s") % {"why": done.stderr.strip()[-500:]})
    source.unlink()
    return target


def _features(city: CityExtract, borders: Iterable[BaseGeometry]) -> Iterator[dict[str, Any]]:
    for drawn in city.water:
        yield _feature("water", drawn, _shape_zoom(drawn.shape))
    for drawn in city.parks:
        yield _feature("parks", drawn, _shape_zoom(drawn.shape))
    for drawn in city.rails:
        yield _feature("rails", drawn, 11)
    for drawn in city.buildings:
        yield _feature("buildings", drawn, LAST_ZOOM)
    for drawn in join_streets(city.streets):
        yield _feature("streets", drawn, _STREET_ZOOMS[drawn.kind])
    for border in borders:
        yield _feature("borders", Drawn(border), FIRST_ZOOM)
    for drawn in city.labels:
        yield _feature("labels", drawn, _LABEL_ZOOMS[drawn.kind])
    for landmark in city.landmarks:
        point = shapely.Point(landmark.longitude, landmark.latitude)
        yield _feature("landmarks", Drawn(point, landmark.name, landmark.kind), 13)


def _shape_zoom(shape: BaseGeometry) -> int:
    """Return the first zoom at which a shape is a few pixels large."""
    size, zoom = max(shape.bounds[2] - shape.bounds[0], shape.bounds[3] - shape.bounds[1]), _SMALLEST_SHAPES
    while zoom < 14 and size * 256 * 2**zoom / 360 < 4:
        zoom += 1
    return zoom


def join_streets(streets: Iterable[Drawn]) -> Iterator[Drawn]:
    """Yield the streets with their parts joined end to end, so that names find lines that are long enough for them."""
    parts: dict[tuple[str, str], list[BaseGeometry]] = defaultdict(list)
    for street in streets:
        parts[street.name, street.kind].extend(
            part for part in shapely.get_parts(street.shape) if part.geom_type == "LineString"
        )
    for (name, kind), lines in sorted(parts.items()):
        if not name:
            yield from (Drawn(line, "", kind) for line in lines)
        elif lines:
            yield Drawn(shapely.line_merge(shapely.MultiLineString(lines)), name, kind)


def _feature(layer: str, drawn: Drawn, first_zoom: int) -> dict[str, Any]:
    properties = {key: value for key, value in (("name", drawn.name), ("kind", drawn.kind)) if value}
    shape = shapely.set_precision(drawn.shape, 10**-_PRECISION, mode="pointwise")
    return {
        "type": "Feature",
        "tippecanoe": {"layer": layer, "minzoom": first_zoom, "maxzoom": LAST_ZOOM},
        "properties": properties,
        "geometry": shapely.geometry.mapping(shape),
    }
