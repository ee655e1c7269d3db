"""TODO docstring."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from crimemap.privacy.locations import Point

AREA_LAYERS = ("district", "beat", "neighbourhood")
FIELD_SEPARATOR = "\x1f"  # what is hashed; no text has it


class ParsedIncident(NamedTuple):
    """What is stored of a row, in the order of staging's columns. Minutes count from 1970 in UTC."""

    occurred_at: int
    occurred_end: int | None
    precision: str
    raw_code: str
    raw_label: str
    block_text: str
    latitude: float | None
    longitude: float | None
    point_kind: str
    district: str
    beat: str
    neighbourhood: str
    location_description: str
    outcome: str
    domestic: bool


OUTCOME = ParsedIncident._fields.index("outcome")


class RowLocation(NamedTuple):
    """What a row's place comes to. `given` stands for where the row said it was, for counting alone; None: nowhere."""

    given: int | None
    latitude: float | None
    longitude: float | None
    kind: str
    stable: Point | None  # as snapped without the agency's layers, which may come later than the row
    areas: tuple[str, ...]  # by the agency's layers, in the order of AREAS
    text: str  # latitude, longitude and kind, as they are hashed


@dataclass(slots=True)
class ParsedRow:
    """`external_id` is "" when the feed gives none, LOST when it does and the file does not; `updated` is 0 when it does not
    tell."""

    external_id: str
    incident: ParsedIncident
    spot: RowLocation
    updated: int
    given_areas: tuple[str, ...]

    def content(self) -> bytes:
        """16 bytes that change with anything stored."""
        told = self.incident  # the point's numbers are written out once a spot: that is slow, and there are few spots
        return hash_texts((*map(str, told[:6]), self.spot.text, *told[9:14], str(told[14])))

    def identity(self) -> str:
        """What the row is called without an id of its own: a hash of all that is not its outcome or the agency's layers."""
        told = self.incident
        kept = (
            *told[:4],
            told.block_text,
            self.spot.stable,
            self.given_areas,
            told.location_description,
            told.domestic,
        )
        return hash_texts(map(str, kept)).hex()


def hash_texts(told: Iterable[str]) -> bytes:
    return hashlib.blake2b(FIELD_SEPARATOR.join(told).encode(), digest_size=16).digest()
