"""Keeps the place to which each officer has read a tip: its row is bold until they have opened what is new in it."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db.models import QuerySet

from core.models import Account
from core.web.shared_rows import AmongIds
from core.web.sql_cache import SqlCache
from tips.models import Tip, TipReading

_SQL = SqlCache()


def note_read(tip: Tip, officer: Account, position: int) -> None:
    """Note that the officer has read the source's words up to the message at `position`, 0 for the report."""
    present = TipReading.objects.filter(tip=tip, officer=officer).values_list("position", flat=True).first()
    if present is None or present < position:
        TipReading.objects.bulk_create(
            [TipReading(tip=tip, officer=officer, position=position)],
            update_conflicts=True,
            unique_fields=["tip", "officer"],
            update_fields=["position"],
        )


def find_unread(officer: Account, positions: Mapping[UUID, int]) -> dict[UUID, bool]:
    """Return for tips whether the officer has something to read in them. One query.

    `positions`: that of each tip's newest message of its source, 0 without one. A tip that no officer has opened since readings are
    kept is missing.
    """
    ids = [str(tip_id) for tip_id in positions]

    def select() -> QuerySet[TipReading, tuple[UUID, int, int]]:
        return TipReading.objects.filter(AmongIds("tip", ids)).values_list("tip", "officer", "position")

    unread: dict[UUID, bool] = {}
    for tip_id, officer_id, position in _SQL.fetch_rows("of tips", select, ids):
        has_read = officer_id == officer.pk and position >= positions[tip_id]
        unread[tip_id] = unread.get(tip_id, True) and not has_read
    return unread
