"""The incidents of a small view by point: how many of each category a block or an intersection has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crimemap.snapshot import row_scan
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.format import DEGREE
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.row_scan import Box

MAX_POINTS = 1500  # in one view: at street zoom, the largest screen shows a third of it


@dataclass(frozen=True, slots=True)
class StreetPoint:
    """The filter's incidents at one point, in degrees, by category slug. block, areas: of the place, as rows have them."""

    latitude: float
    longitude: float
    block: str
    areas: dict[str, str]
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
    order = np.argsort(-columns["latitude"][place[first]], kind="stable")[:MAX_POINTS]
    result = []
    for number in order.tolist():
        at = int(place[first[number]])
        categories = {slugs[each]: int(counts[number, each]) for each in np.flatnonzero(counts[number]).tolist()}
        result.append(
            StreetPoint(
                int(columns["latitude"][at]) / DEGREE,
                int(columns["longitude"][at]) / DEGREE,
                *published.describe_place(at),
                categories,
            )
        )
    return result
