"""A row as the row parser hands it on: the incident that is stored, its location, and the hashes it is recognized by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from crimemap.importing.readers.cells import LOST_ID
from crimemap.privacy.locations import Point

AREA_LAYERS = ("district", "beat", "neighbourhood")
FIELD_SEPARATOR = "\x1f"  # between hashed texts, none of which contains it


class ParsedIncident(NamedTuple):
    """The stored fields, in the order of staging's columns. Times are minutes since 1970 in UTC."""

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


class RowLocation(NamedTuple):
    """A row's place on the map, snapped, with the agency's areas around it."""

    reported_hash: int | None  # of the point that the row reports, only to count rows on one point; None without one
    latitude: float | None
    longitude: float | None
    point_kind: str
    snapped_alone: Point | None  # without the agency's block layer, which may be imported later than the row
    areas: tuple[str, ...]  # by the agency's layers, in the order of AREA_LAYERS
    hash_text: str  # latitude, longitude and kind, for content_hash()
    problem: str = ""  # the kind of mistake that the reported point is; it is left out


@dataclass(slots=True)
class ParsedRow:
    external_id: str  # "" if the feed gives none, LOST_ID if this file has lost it
    incident: ParsedIncident
    location: RowLocation
    updated_minute: int  # since 1970, when the publisher last changed the row; 0 if unknown
    reported_areas: tuple[str, ...]
    count: int = 1  # of the offenses that the row stands for
    _content_hash: bytes = b""

    def content_hash(self) -> bytes:
        """Return 16 bytes that change with any stored field."""
        if not self._content_hash:
            fields = (
                self.incident
            )  # coordinates are formatted once a location: that is slow, and there are few locations
            self._content_hash = hash_texts(
                (*map(str, fields[:6]), self.location.hash_text, *fields[9:14], str(fields[14]))
            )
        return self._content_hash

    def each_offence(self) -> Iterator[ParsedRow]:
        """Yield the row once for each offense that it counts: the first under the row's id, the others under it and a number."""
        yield self
        for number in range(2, self.count + 1):
            has_id = self.external_id not in ("", LOST_ID)
            yield replace(self, external_id=f"{self.external_id}#{number}" if has_id else self.external_id)

    def identity_hash(self) -> str:
        """Return the key of a row without an id: a hash of all but its outcome and what the agency's layers add."""
        incident = self.incident
        identifying = (
            *incident[:4],
            incident.block_text,
            self.location.snapped_alone,
            self.reported_areas,
            incident.location_description,
            incident.domestic,
        )
        return hash_texts(map(str, identifying)).hex()


def hash_texts(texts: Iterable[str]) -> bytes:
    return hashlib.blake2b(FIELD_SEPARATOR.join(texts).encode(), digest_size=16).digest()
