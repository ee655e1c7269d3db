"""New incidents as they are published now, and the search for those that match an alert.

crimemap/alerts/planning.py decides which incidents are new. Their few places are filtered with crimemap/snapshot/row_scan.py,
as all places are on the map, so that an alert means the same as that filter. It takes a few hundred microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from crimemap.snapshot import format, row_scan
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.format import ID_CHARACTERS, Array
from crimemap.snapshot.published_incidents import PublishedIncidents

Circle = tuple[float, float, float]  # latitude, longitude, metres
_ID = f"S{ID_CHARACTERS}"


@dataclass(frozen=True, slots=True)
class AlertCriteria:
    """The incidents one alert covers: in an area (layer, code), in a circle or anywhere; of some categories or, if empty, all."""

    area: tuple[str, str] | None
    circle: Circle | None
    categories: frozenset[str]

    def filter(self, published: PublishedIncidents) -> Filter:
        """Return the equivalent filter of the map, for all days."""
        return Filter(published.since, published.until, categories=self.categories, area=self.area, circle=self.circle)


def unpack_ids(public_ids: bytes | memoryview) -> Array:
    """Return packed public ids as an array of S12."""
    return np.frombuffer(public_ids, _ID)


def list_ids_since(published: PublishedIncidents, first: date) -> Array:
    """Return the public ids (S12) of all rows from `first` on, sorted."""
    result: Array = np.sort(published.columns["public_id"][_find_first_row(published, first) :])
    return result


def _find_first_row(published: PublishedIncidents, first: date) -> int:
    time = published.columns["time"]
    return int(np.searchsorted(time, np.array((first - row_scan.EPOCH).days * 24, time.dtype)))


class NewIncidents:
    """Incidents of some editions that are still published; withdrawn ones are left out."""

    def __init__(self, published: PublishedIncidents, editions: Iterable[tuple[int, bytes]], since: date) -> None:
        """`editions`: pairs of number and packed ids. `since`: the earliest day on which any of their incidents happened."""
        self.published = published
        ordered = sorted(editions)
        ids = np.concatenate([np.empty(0, _ID), *(unpack_ids(packed) for _number, packed in ordered)])
        lengths = [len(packed) // ID_CHARACTERS for _number, packed in ordered]
        edition = np.repeat(np.array([number for number, _packed in ordered], "i8"), lengths)
        first_row = _find_first_row(published, since)
        published_ids = published.columns["public_id"][first_row:]
        order = np.argsort(published_ids)
        position = np.searchsorted(published_ids, ids, sorter=order)
        is_published = position < len(order)
        is_published[is_published] = published_ids[order[position[is_published]]] == ids[is_published]
        self._edition = edition[is_published]  # ascending
        self.row = order[position[is_published]] + first_row
        self._category = published.columns["category"][self.row]
        place, self._place = np.unique(published.columns["place"][self.row], return_inverse=True)
        # Places in order of their number, as in all columns of places, so this part of the curve is sorted as well.
        self._places = {name: published.columns[name][place] for name in ("latitude", "longitude", *format.LAYERS)}
        self._places["curve"] = published.columns["curve"][
            place[: np.searchsorted(place, published.meta["mapped_places"])]
        ]
        self._categories: dict[frozenset[str], Array] = {}
        # Cache of crimemap/alerts/messages.py, shared by all mails: template context by row number.
        self.row_descriptions: dict[int, dict[str, str]] = {}

    def find_matches(self, criteria: AlertCriteria, after: int, up_to: int) -> Array:
        """Return the row numbers of matching incidents from editions after `after` up to and including `up_to`."""
        low, high = np.searchsorted(self._edition, [after, up_to], "right")
        is_match = np.ones(high - low, bool)
        if criteria.area or criteria.circle:
            map_filter = criteria.filter(self.published)
            is_wanted_place = np.zeros(len(self._places["latitude"]), bool)
            is_wanted_place[row_scan.select_places(self._places, self.published.areas, map_filter)] = True
            is_match = is_wanted_place[self._place[low:high]]
        if criteria.categories:
            is_match &= self._included_categories(criteria)[self._category[low:high]]
        result: Array = self.row[low:high][is_match]
        return result

    def _included_categories(self, criteria: AlertCriteria) -> Array:
        """Return for each category number whether the criteria include it."""
        if criteria.categories not in self._categories:
            map_filter = criteria.filter(self.published)
            self._categories[criteria.categories] = row_scan.included_categories(self.published.columns, map_filter)
        return self._categories[criteria.categories]
