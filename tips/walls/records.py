"""The sealed record of a wall: whom the tip names, and the decisions about it with their reasons.

Sealed under the key of the tip's notes, which the agency alone can open: a stolen database tells that a tip is walled, but
neither for whom nor why.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from core.models import Account
from core.web.sql_cache import SqlCache
from tips import conversation, vault
from tips.models import Author, NotesKey, Tip, Wall

# The ids of accounts, no text: supervisors ask for them with each page.
_REMEMBERED_WALLS = 1024
_SQL = SqlCache()


@dataclass(frozen=True, slots=True)
class DecisionEntry:
    """A decision as made: who (a username), when (ISO, to the minute), which, and the reason as typed."""

    by: str
    at: str
    decision: str
    reason: str

    def moment(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.at)


@dataclass(frozen=True, slots=True)
class WallRecord:
    """`named`: ids of the accounts whose people the tip names; `considered`: those of them a release has covered."""

    named: frozenset[int] = frozenset()
    considered: frozenset[int] = frozenset()
    decisions: tuple[DecisionEntry, ...] = field(default_factory=tuple)


def seal_record(tip: Tip, record: WallRecord) -> bytes:
    """Return the record sealed under the notes key of a locked tip. Raises vault.SealError, vault.KeyMissingError."""
    content = dataclasses.asdict(record) | {"named": sorted(record.named), "considered": sorted(record.considered)}
    return vault.seal_text(conversation.ensure_notes_key(tip), json.dumps(content), _context(tip.pk))


def read_record(wall: Wall) -> WallRecord:
    """Return the opened record; an empty one for a tip that can't be opened. Raises vault.SealError, vault.KeyMissingError."""
    if wall.record is None:
        return WallRecord()
    row = NotesKey.objects.get(tip=wall.tip_id)
    return _open(wall.tip_id, bytes(row.key_for_agency), row.agency_key_id, bytes(wall.record))


@dataclass(frozen=True, slots=True)
class StandingWall:
    """A wall that is not released; `record` is None where it does not open."""

    tip_id: UUID
    category_id: int
    is_sensitive: bool
    record: WallRecord | None


def list_standing_walls() -> list[StandingWall]:
    """Return all walls that are not released. One query."""

    def select() -> QuerySet[Wall, tuple[Any, ...]]:
        walls = Wall.objects.exclude(decision=Wall.Decision.RELEASED)
        return walls.values_list(
            "tip_id",
            "tip__category_id",
            "tip__category__is_sensitive",
            "tip__notes_key__key_for_agency",
            "tip__notes_key__agency_key_id",
            "record",
        )

    return [
        StandingWall(tip_id, category_id, is_sensitive, _try_to_open(tip_id, sealed_key, key_id, record))
        for tip_id, category_id, is_sensitive, sealed_key, key_id, record in _SQL.fetch_rows("standing", select)
    ]


def _try_to_open(tip_id: UUID, sealed_key: bytes | None, key_id: str, record: bytes | None) -> WallRecord | None:
    if record is None:
        return WallRecord()
    if sealed_key is None:
        return None
    try:
        return _open(tip_id, bytes(sealed_key), key_id, bytes(record))
    except (vault.SealError, vault.KeyMissingError):
        return None


@lru_cache(_REMEMBERED_WALLS)
def _open(tip_id: UUID, sealed_key: bytes, key_id: str, sealed: bytes) -> WallRecord:
    key = vault.open_key_with(sealed_key, key_id, settings.AGENCY_PRIVATE_KEYS)
    content = json.loads(vault.open_text(key, sealed, _context(tip_id)))
    decisions = tuple(DecisionEntry(**entry) for entry in content["decisions"])
    return WallRecord(frozenset(content["named"]), frozenset(content["considered"]), decisions)


def _context(tip_id: UUID) -> vault.SealContext:
    return vault.SealContext(tip=tip_id, row=tip_id, kind="wall", author=Author.STAFF, position=0, field="record")


def add_decision(record: WallRecord, account: Account, decision: str, reason: str, now: dt.datetime) -> WallRecord:
    entry = DecisionEntry(account.get_username(), now.isoformat(timespec="minutes"), decision, reason)
    return dataclasses.replace(record, decisions=(*record.decisions, entry))
