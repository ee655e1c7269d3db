"""The incidents of a small view by point: how many of each category a block or an intersection has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crimemap.snapshot import format, row_scan
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.row_scan import Box

MAX_POINTS = 1500  # in one view: at street zoom, the largest screen shows a third of it


@dataclass(frozen=True, slots=True)
class StreetPoint:
    """The filter's incidents at one point, in degrees, by category slug. place: a number as PublishedIncidents has it."""

    latitude: float
    longitude: float
    place: int
    categories: dict[str, int]

    @property
    def count(self) -> int:
        return sum(self.categories.values())


def street_points(published: PublishedIncidents, chosen: Filter, view: Box) -> list[StreetPoint]:
    """Return the points in a view that have incidents of the filter, the first MAX_POINTS of them from north to south."""
    columns = published.columns
    places = row_scan.select_places(columns, published.areas, chosen, view)
    found = row_scan.match_rows(columns, chosen, places)
    if not len(found):
        return []
    place = columns["place"][found.row]
    position = columns["latitude"][place].astype("i8") << 32 | (columns["longitude"][place].astype("i8") & 0xFFFFFFFF)
    keys, first, point = np.unique(position, return_index=True, return_inverse=True)
    slugs = list(published.category_names)
    counts = np.bincount(point * len(slugs) + found.category, minlength=len(keys) * len(slugs)).reshape(len(keys), -1)
    at = place[first]
    order = np.argsort(-columns["latitude"][at], kind="stable")[:MAX_POINTS]
    at = at[order]
    categories: list[dict[str, int]] = [{} for _number in range(len(at))]
    lines, kinds = np.nonzero(counts[order])
    for line, category, count in zip(lines.tolist(), kinds.tolist(), counts[order][lines, kinds].tolist(), strict=True):
        categories[line][slugs[category]] = count
    return [
        StreetPoint(*values)
        for values in zip(
            format.degrees(columns["latitude"][at]).tolist(),
            format.degrees(columns["longitude"][at]).tolist(),
            at.tolist(),
            categories,
            strict=True,
        )
    ]
