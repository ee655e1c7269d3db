"""The sealed record of a tip's links: which tips it is linked to, who linked or unlinked it, and when.

A link would tell a thief of the database that the source of a tip is not the only one who talked about an event. So it is sealed
under the key of the tip's notes, every tip has a record, linked or not, and all are of one size up to some 40 links.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from core.web.shared_rows import AmongIds
from core.web.sql_cache import SqlCache
from tips import conversation, vault
from tips.models import Author, LinkRecord, Tip
from tips.walls import visibility

_LEAST_BYTES = 2047  # sealed: 2,048 and the seal
_ENTRIES_KEPT = 12
_REMEMBERED = 4096  # ids and names of accounts, no text
_MADE_AT_ONCE = 200
_SQL = SqlCache()
_UNREADABLE = (vault.SealError, vault.KeyMissingError)


@dataclass(frozen=True, slots=True)
class LinkEntry:
    """One act in the history of a tip's links: `by` is a username, `at` ISO to the minute, `other` the other tip."""

    by: str
    at: str
    is_linked: bool
    other: UUID

    def moment(self) -> dt.datetime:
        return dt.datetime.fromisoformat(self.at)


@dataclass(frozen=True, slots=True)
class TipLinks:
    """The tips that a tip is linked to, and the newest entries of its history, oldest first."""

    linked: frozenset[UUID] = frozenset()
    history: tuple[LinkEntry, ...] = ()

    def with_entry(self, entry: LinkEntry) -> TipLinks:
        linked = self.linked | {entry.other} if entry.is_linked else self.linked - {entry.other}
        return dataclasses.replace(self, linked=linked, history=(*self.history, entry)[-_ENTRIES_KEPT:])


def read(tip_ids: Iterable[UUID]) -> dict[UUID, TipLinks]:
    """Return the links of these tips; of a tip without a record, or that can't be opened, none. One query."""
    ids = [str(tip_id) for tip_id in tip_ids]
    if not ids:
        return {}

    def select() -> QuerySet[Any, Any]:
        rows = LinkRecord.objects.filter(AmongIds("tip", ids), tip__notes_key__isnull=False)
        return rows.values_list("tip_id", "tip__notes_key__key_for_agency", "tip__notes_key__agency_key_id", "record")

    found = {}
    for tip_id, sealed_key, key_id, record in _SQL.fetch_rows("links", select, ids):
        try:
            found[tip_id] = _open(tip_id, bytes(sealed_key), key_id, bytes(record))
        except _UNREADABLE:
            continue
    return found


def write(tip: Tip, links: TipLinks) -> None:
    """Seal and store the links of a locked tip. Raises vault.SealError, vault.KeyMissingError."""
    content = json.dumps(
        {
            "linked": [_spell(tip_id) for tip_id in sorted(links.linked)],
            "history": [[entry.by, entry.at, entry.is_linked, _spell(entry.other)] for entry in links.history],
        }
    )
    padded = content.ljust(_LEAST_BYTES)
    record = vault.seal_text(conversation.ensure_notes_key(tip), padded, _context(tip.pk))
    LinkRecord.objects.update_or_create(tip=tip, defaults={"record": record})


def make_missing() -> int:
    """Write an empty record for tips that have none, some at once, and return how many."""
    without = Tip.objects.filter(visibility.COMPARED, link_record__isnull=True)
    missing = list(without.order_by("?").values_list("pk", flat=True)[:_MADE_AT_ONCE])
    made = 0
    for tip_id in missing:
        with transaction.atomic():
            locked = Tip.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
            tip = locked.defer("report").filter(pk=tip_id, link_record__isnull=True).first()
            if tip is not None:
                write(tip, TipLinks())
                made += 1
    return made


@lru_cache(_REMEMBERED)
def _open(tip_id: UUID, sealed_key: bytes, key_id: str, record: bytes) -> TipLinks:
    key = vault.open_key_with(sealed_key, key_id, settings.AGENCY_PRIVATE_KEYS)
    content = json.loads(vault.open_text(key, record, _context(tip_id)))
    history = tuple(LinkEntry(by, at, is_linked, _parse(other)) for by, at, is_linked, other in content["history"])
    return TipLinks(frozenset(map(_parse, content["linked"])), history)


def _spell(tip_id: UUID) -> str:
    return base64.b64encode(tip_id.bytes).decode().rstrip("=")


def _parse(text: str) -> UUID:
    return UUID(bytes=base64.b64decode(text + "=="))


def _context(tip_id: UUID) -> vault.SealContext:
    return vault.SealContext(tip=tip_id, row=tip_id, kind="links", author=Author.STAFF, position=0, field="record")
