"""The tips that an account may search, newest first, and their sealed rows in batches.

What is searched for never reaches the database: not in a query, and so in no log or statistic of it.
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from core.models import Account
from tips import readers
from tips.desk import permissions, worklist
from tips.desk.search.sealed_tips import SealedEntry, SealedTip
from tips.models import Message, Note, Tip
from tips.walls import visibility


class Scope(StrEnum):
    """The group of tips that is searched. Spam, sensitive and walled tips stand apart, as in the desk's views."""

    GENERAL = "general"
    SPAM = "spam"
    SENSITIVE = "sensitive"
    WALLED = "walled"


class Position(NamedTuple):
    """A place in the order of the tips: the hour in which the tip came, in microseconds since 2000 (UTC), and its id."""

    received: int
    id: UUID


class Candidates:
    """The tips to search, newest first, as the database packs them: 100,000 objects would take longer than the search itself."""

    def __init__(self, packed: bytes, after: Position | None = None) -> None:
        self._packed = packed
        self._first = 0
        if after is not None:
            first_bytes = _POSITION.pack(after.received, after.id.bytes)
            # The rows are in descending order.
            self._first = bisect.bisect_left(
                range(len(packed) // _ROW.size),
                True,
                key=lambda index: self._row(index)[: _POSITION.size] < first_bytes,
            )

    def __len__(self) -> int:
        return len(self._packed) // _ROW.size - self._first

    def list_ids(self, start: int, end: int) -> list[bytes]:
        """Return the ids of the tips from one place in the order to another, 16 bytes each."""
        rows = self._packed[(self._first + start) * _ROW.size : (self._first + end) * _ROW.size]
        return [tip_id for _received, tip_id, _number in _ROW.iter_unpack(rows)]

    def position(self, index: int) -> Position:
        received, tip_id, _number = _ROW.unpack(self._row(self._first + index))
        return Position(received, UUID(bytes=tip_id))

    def find_number(self, number: int) -> UUID | None:
        """Return the id of the tip with this number."""
        return next((UUID(bytes=row[1]) for row in _ROW.iter_unpack(self._packed) if row[2] == number), None)

    def _row(self, index: int) -> bytes:
        return self._packed[index * _ROW.size : (index + 1) * _ROW.size]


# A row of the database's answer: the hour in which the tip came, its id, its number. Rows compare as their positions do. All are as
# PostgreSQL keeps them, in the order of an index: to convert or sort 100,000 takes it as long as to read them.
_ROW, _POSITION = struct.Struct("!q16sq"), struct.Struct("!q16s")
_PACK = "SELECT string_agg(timestamptz_send(received) || uuid_send(id) || int8send(number), ''::bytea ORDER BY received DESC, id DESC) FROM ({}) t (id, number, received)"


def _restrict(account: Account, scope: Scope) -> Q:
    """Return the condition on the visible tips for those of a scope."""
    walled = visibility.walled_for(account)
    sensitive = Q(category__in=readers.find_reach(account.pk).sensitive)
    match scope:
        case Scope.GENERAL:
            return ~walled & ~sensitive & ~worklist.SPAM_OF_MANY
        case Scope.SPAM:
            return ~walled & ~sensitive & worklist.SPAM
        case Scope.SENSITIVE:
            return ~walled & sensitive
        case Scope.WALLED:
            return walled


def list_scopes(account: Account) -> list[Scope]:
    """Return what the account can search."""
    scopes = [Scope.GENERAL, Scope.SPAM] if permissions.can_list(account) else []
    if permissions.is_named(account):
        scopes.append(Scope.SENSITIVE)
    if find_tips(account, Scope.WALLED).exists():
        scopes.append(Scope.WALLED)
    return scopes


def find_tips(account: Account, scope: Scope | None = None) -> QuerySet[Tip]:
    """Return the tips that the account may open, of a scope or all of them. Raises PermissionDenied."""
    permissions.require(permissions.can_open(account))
    tips = permissions.visible_tips(account)
    return tips if scope is None else tips.filter(_restrict(account, scope))


def list_candidates(account: Account, scope: Scope | None, after: Position | None = None) -> Candidates:
    """Return the tips to search, newest first, from a position on."""
    tips = find_tips(account, scope).order_by().values_list("pk", "number", "received_at")
    sql, parameters = tips.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_PACK.format(sql), parameters)
        return Candidates(bytes(cursor.fetchone()[0] or b""), after)


def fetch_batch(packed_ids: Sequence[bytes]) -> list[SealedTip]:
    """Return the sealed rows of these tips, in the order of the ids; tips erased since are missing."""
    ids = [UUID(bytes=packed) for packed in packed_ids]
    columns = (
        "pk",
        "agency_key_id",
        "key_for_agency",
        "report",
        "notes_key__agency_key_id",
        "notes_key__key_for_agency",
    )
    tips = {
        row[0]: SealedTip(row[0], row[1], bytes(row[2]), bytes(row[3]), row[4] or "", bytes(row[5] or b""))
        for row in Tip.objects.filter(pk__in=ids).order_by().values_list(*columns)
    }
    messages = Message.objects.filter(tip__in=ids).order_by().values_list("tip_id", "pk", "author", "position", "body")
    for tip_id, pk, author, position, body in messages:
        if tip_id in tips:
            tips[tip_id].messages.append(SealedEntry(pk, author, position, bytes(body)))
    notes = Note.objects.filter(tip__in=ids).order_by().values_list("tip_id", "pk", "position", "body")
    for tip_id, pk, position, body in notes:
        if tip_id in tips:
            tips[tip_id].notes.append(SealedEntry(pk, "staff", position, bytes(body)))
    return [tips[tip_id] for tip_id in ids if tip_id in tips]
