"""Which area of a layer a point lies in: one answer for incidents, blocks, events and the city limits.

An area includes its border; where several areas of a layer hold a point, the first by code has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from django.db import connection
from django.db.models import TextField
from django.db.models.functions import Cast

from crimemap.models import Area


class AreaIndex:
    """The areas of one layer, ready to be searched: a tree of their boxes, and prepared outlines."""

    def __init__(self, areas: Sequence[tuple[str, str]]) -> None:
        """`areas`: (code, outline as GeoJSON text), by code."""
        self.codes = [code for code, _geojson in areas]
        # An outline that cannot be read holds no point.
        self._outlines = shapely.from_geojson(
            np.array([geojson for _code, geojson in areas], object), on_invalid="ignore"
        )
        shapely.prepare(self._outlines)
        self._tree = shapely.STRtree(self._outlines)

    def code_at(self, latitude: float, longitude: float) -> str | None:
        """Return the code of the area that the point lies in, None outside of all."""
        candidates = np.sort(self._tree.query(shapely.Point(longitude, latitude)))
        hits = candidates[shapely.intersects_xy(self._outlines[candidates], longitude, latitude)]
        return self.codes[hits[0]] if len(hits) else None

    def box(self) -> tuple[float, float, float, float] | None:
        """Return south, west, north and east of all areas; None without any."""
        west, south, east, north = shapely.total_bounds(self._outlines).tolist()
        return (south, west, north, east) if west <= east else None

    def is_near(self, latitude: float, longitude: float, margin_degrees: float) -> bool:
        """Return whether the point lies in an area, or within so many degrees of one."""
        return len(self._tree.query(shapely.Point(longitude, latitude), "dwithin", margin_degrees)) > 0

    def codes_at(self, longitudes: Sequence[float], latitudes: Sequence[float]) -> list[str]:
        """Return a code for each point, empty outside of all areas."""
        result = [""] * len(longitudes)
        if self.codes and result:
            x, y = np.asarray(longitudes, float), np.asarray(latitudes, float)
            points, areas = self._tree.query(shapely.points(x, y))
            inside = shapely.intersects_xy(self._outlines[areas], x[points], y[points])
            pairs = zip(points[inside].tolist(), areas[inside].tolist(), strict=True)
            for point, area in sorted(pairs, reverse=True):
                result[point] = self.codes[area]
        return result


def middle_of(indexes: Iterable[AreaIndex]) -> tuple[float, float] | None:
    """Return latitude and longitude of the middle of all areas; None without any."""
    boxes = [box for index in indexes if (box := index.box())]
    if not boxes:
        return None
    south, west = (min(box[side] for box in boxes) for side in (0, 1))
    north, east = (max(box[side] for box in boxes) for side in (2, 3))
    return (south + north) / 2, (west + east) / 2


def load_area_index(layer: str) -> AreaIndex:
    areas = Area.objects.filter(layer=layer).order_by("code").annotate(geojson=Cast("outline", TextField()))
    return AreaIndex(list(areas.values_list("code", "geojson")))


# The state of the table and the indexes of that state: outlines are parsed once a process, not once a request.
_cached: tuple[str, dict[str, AreaIndex]] = "", {}


def area_indexes() -> dict[str, AreaIndex]:
    """Return the index of each layer that has areas, by layer; as current as the database."""
    global _cached  # noqa: PLW0603  (replaced whole, so that threads never see half)
    state = table_state()
    cached_state, indexes = _cached
    if state != cached_state:
        layers = Area.objects.order_by("layer").values_list("layer", flat=True).distinct()
        indexes = {layer: load_area_index(layer) for layer in layers}
        _cached = state, indexes
    return indexes


def table_state() -> str:
    """Return a text that changes with any change of an area: each row's version, without reading its outline."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT md5(string_agg(concat_ws(' ', id, xmin, ctid), ',' ORDER BY id)) FROM crimemap_area")
        return str(cursor.fetchone()[0])
