"""What residents ask of the published incidents. Reads the folder that crimemap/snapshot.py writes, and nothing else.

published = query.current()                      # raises NothingPublishedError
wanted = Filter.parse(request.GET, published)    # raises FilterError
published.bubbles(wanted, viewport, zoom)
published.rows(wanted, offset=0, limit=50)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


class NothingPublishedError(Exception):
    """This node has no snapshot (yet): pages say so kindly."""


@dataclass(frozen=True, slots=True)
class Bubble:
    """Incidents of one cell of the map's grid: how many, by family, and the mean of their points."""

    latitude: float
    longitude: float
    count: int
    families: dict[str, int]
    place: int | None  # the place when all stand on one point: rows_at() lists them


@dataclass(frozen=True, slots=True)
class Row:
    """A published incident. `at` is local time without a zone; precision "hour", "day" or "month" says how much of it counts."""

    public_id: str
    at: datetime
    precision: str
    category: str
    block: str
    description: str
    outcome: str
    latitude: float | None
    longitude: float | None
    areas: dict[str, str]
    source: str
