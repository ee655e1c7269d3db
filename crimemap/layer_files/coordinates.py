"""The coordinate system of a layer's file, and its shapes in degrees of WGS 84. Knows no Django."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from crimemap.layer_files.features import LayerRefusedError

Shapes = npt.NDArray[Any]
MAX_WKT_CHARACTERS, MAX_SAMPLE_POINTS = 100_000, 500
MAX_LATITUDE = 85.0  # of a map in Mercator's projection


def parse_system(text: str) -> CRS | None:
    """Return the system that a .prj file or a GeoJSON file names; None if it names none that is known."""
    text = text.replace("\0", " ").strip()
    if not text or len(text) > MAX_WKT_CHARACTERS:
        return None
    try:
        system = CRS.from_user_input(text)
    except (CRSError, ProjError):
        return None
    return system if system.is_projected or system.is_geographic else None


def are_degrees(shapes: Shapes) -> bool:
    """Return whether all coordinates may be degrees."""
    west, south, east, north = shapely.total_bounds(shapes).tolist()
    return bool(west >= -180 and east <= 180 and south >= -90 and north <= 90)


def to_degrees(shapes: Shapes, system: CRS) -> Shapes:
    """Return the shapes in degrees of WGS 84, longitude first. Raises LayerRefusedError if they have none."""
    if system.is_geographic and system.to_epsg() == 4326:
        return shapes
    try:
        transformer = Transformer.from_crs(system, "EPSG:4326", always_xy=True)

        def project(points: Any) -> Any:
            return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

        projected: Shapes = shapely.transform(shapes, project)
    except (CRSError, ProjError):
        raise LayerRefusedError("other-system", name=system.name) from None
    if not np.isfinite(shapely.total_bounds(projected)).all() or not _are_finite(projected):
        raise LayerRefusedError("other-system", name=system.name)
    return projected


def _are_finite(shapes: Shapes) -> bool:
    return bool(np.isfinite(shapely.get_coordinates(shapes)).all())


def are_on_map(shapes: Shapes) -> npt.NDArray[np.bool_]:
    """Return which shapes lie where a map can show them."""
    bounds = shapely.bounds(shapes)
    result: npt.NDArray[np.bool_] = (np.abs(bounds[:, [0, 2]]) <= 180).all(1) & (
        np.abs(bounds[:, [1, 3]]) <= MAX_LATITUDE
    ).all(1)
    return result


def sample_points(shapes: Shapes) -> list[tuple[float, float]]:
    """Return some of the coordinates, as (easting, northing), by which a system can be suggested."""
    points = shapely.get_coordinates(shapes)
    step = max(1, len(points) // MAX_SAMPLE_POINTS)
    return [(float(x), float(y)) for x, y in points[::step][:MAX_SAMPLE_POINTS]]


def system_of_geojson(content: dict[str, Any]) -> CRS | None:
    """Return the system that the member "crs" names, which GeoJSON had until 2016 and many exports still have."""
    named = content.get("crs")
    properties = named.get("properties") if isinstance(named, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or name.upper().endswith("CRS84"):
        return None
    return parse_system(name)


def describe(system: CRS | None) -> str:
    """Return the name of a system in one line, "" for none."""
    return " ".join(str(system.name).split())[:120] if system is not None else ""


def count_points(shapes: Sequence[Any] | Shapes) -> int:
    return int(shapely.get_num_coordinates(shapes).sum()) if len(shapes) else 0
