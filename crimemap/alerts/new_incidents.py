"""New incidents as they are published now, and which of them an alert matches. crimemap/alerts/planning.py says what is new.

The few places of new incidents are looked at as crimemap/snapshot/row_scan.py looks at all of them, so that an alert means what the
same filter means on the map, and costs some hundred microseconds.
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
    return np.frombuffer(public_ids, _ID)


def list_ids_since(published: PublishedIncidents, first: date) -> Array:
    """Return the public ids (S12) of all rows from `first` on, sorted."""
    result: Array = np.sort(published.columns["public_id"][_first_row(published, first) :])
    return result


def _first_row(published: PublishedIncidents, first: date) -> int:
    time = published.columns["time"]
    return int(np.searchsorted(time, np.array((first - row_scan.EPOCH).days * 24, time.dtype)))


class NewIncidents:
    """Incidents of some editions that are still published; withdrawn ones are left out."""

    def __init__(self, published: PublishedIncidents, editions: Iterable[tuple[int, bytes]], since: date) -> None:
        """`editions`: number and packed ids; `since`: no incident of theirs was on an earlier day."""
        self.published = published
        ordered = sorted(editions)
        ids = np.concatenate([np.empty(0, _ID), *(unpack_ids(packed) for _number, packed in ordered)])
        lengths = [len(packed) // ID_CHARACTERS for _number, packed in ordered]
        edition = np.repeat(np.array([number for number, _packed in ordered], "i8"), lengths)
        first = _first_row(published, since)
        published_ids = published.columns["public_id"][first:]
        order = np.argsort(published_ids)
        at = np.searchsorted(published_ids, ids, sorter=order)
        there = at < len(order)
        there[there] = published_ids[order[at[there]]] == ids[there]
        self._edition = edition[there]  # in rising order
        self.row = order[at[there]] + first
        self._category = published.columns["category"][self.row]
        place, self._place = np.unique(published.columns["place"][self.row], return_inverse=True)
        # Places by number, as all columns of places are: so their part of the curve is in order, too.
        self._places = {name: published.columns[name][place] for name in ("latitude", "longitude", *format.LAYERS)}
        self._places["curve"] = published.columns["curve"][
            place[: np.searchsorted(place, published.meta["mapped_places"])]
        ]
        self._categories: dict[frozenset[str], Array] = {}
        self.remembered: dict[
            int, dict[str, str]
        ] = {}  # what crimemap.alerts.delivery writes of a row, once for all mails

    def found(self, wanted: AlertCriteria, after: int, up_to: int) -> Array:
        """Return the numbers of the published rows that match, in editions after `after` and up to `up_to`."""
        low, high = np.searchsorted(self._edition, [after, up_to], "right")
        right = np.ones(high - low, bool)
        if wanted.area or wanted.circle:
            chosen = wanted.filter(self.published)
            there = np.zeros(len(self._places["latitude"]), bool)
            there[row_scan.select_places(self._places, self.published.areas, chosen)] = True
            right = there[self._place[low:high]]
        if wanted.categories:
            right &= self._category_is_right(wanted)[self._category[low:high]]
        result: Array = self.row[low:high][right]
        return result

    def _category_is_right(self, wanted: AlertCriteria) -> Array:
        if wanted.categories not in self._categories:
            chosen = wanted.filter(self.published)
            self._categories[wanted.categories] = row_scan.included_categories(self.published.columns, chosen)
        return self._categories[wanted.categories]
