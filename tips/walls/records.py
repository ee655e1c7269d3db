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
from uuid import UUID

from django.conf import settings

from core.models import Account
from tips import conversation, vault
from tips.models import Author, NotesKey, Tip, Wall

# The ids of accounts, no text: supervisors ask for them with each page.
_REMEMBERED_WALLS = 1024


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


def list_standing_walls() -> list[tuple[Wall, WallRecord | None]]:
    """Return all walls that are not released, with their records; None where a record does not open. One query."""
    walls = Wall.objects.exclude(decision=Wall.Decision.RELEASED).select_related("tip__category", "tip__notes_key")
    return [(wall, _try_to_open(wall)) for wall in walls.defer("tip__report")]


def _try_to_open(wall: Wall) -> WallRecord | None:
    if wall.record is None:
        return WallRecord()
    row = wall.tip.notes_key
    try:
        return _open(wall.tip_id, bytes(row.key_for_agency), row.agency_key_id, bytes(wall.record))
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
