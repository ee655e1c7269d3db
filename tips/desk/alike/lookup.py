"""Looks up the tips like others that an officer may see, and says in what they are alike."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core.models import Account
from core.web.asked_once import once_a_request
from core.web.shared_rows import AmongIds
from core.web.sql_cache import SqlCache
from tips.desk import permissions
from tips.desk.alike import indexing
from tips.desk.alike.features import Likeness
from tips.models import Tip
from tips.walls import visibility

MAX_SHOWN = 12  # of the tips like one
# Ids are looked up in whole batches, filled up with ids of no tip: the time says nothing of hidden tips among them.
_LOOKUP_BATCH = 256
_SQL = SqlCache()

_Readers = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class AlikeTip:
    """A visible tip that is like another, and in what."""

    tip: Tip
    likeness: Likeness

    @property
    def reason(self) -> str:
        return describe_likeness(self.likeness)


def count_alike(officer: Account, tip_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return for each of these tips how many like it the officer sees, without those that have none. One query a batch."""
    found = {tip_id: indexing.index.find(tip_id) for tip_id in tip_ids}
    readers = _find_readers(officer, {*found, *(other for neighbors in found.values() for other in neighbors)})
    counts = {
        tip_id: sum(readers.get(other) == readers[tip_id] for other in neighbors)
        for tip_id, neighbors in found.items()
        if tip_id in readers
    }
    return {tip_id: count for tip_id, count in counts.items() if count}


def list_alike_ids(officer: Account, tip_id: UUID) -> list[UUID]:
    """Return the ids of all visible tips like this one."""
    neighbors = indexing.index.find(tip_id)
    readers = _find_readers(officer, {tip_id, *neighbors})
    return [other for other in neighbors if tip_id in readers and readers.get(other) == readers[tip_id]]


def find_alike(officer: Account, tip: Tip) -> list[AlikeTip]:
    """Return the visible tips like this one, those that have most in common first, at most MAX_SHOWN."""
    neighbors = indexing.index.find(tip.pk)
    visible = list_alike_ids(officer, tip.pk)
    best = sorted(visible, key=lambda other: (-_weigh(neighbors[other]), other))[:MAX_SHOWN]
    rows = Tip.objects.select_related("category", "assigned_to").in_bulk(best)
    return [AlikeTip(rows[other], neighbors[other]) for other in best if other in rows]


def find_number(officer: Account, number: int) -> list[UUID]:
    """Return the id of the visible tip with this number, or one that no tip has: what follows is the same work then."""
    visible = permissions.visible_tips(officer).filter(number=number).values_list("pk", flat=True)
    return [visible.first() or uuid.uuid4()]


def describe_likeness(likeness: Likeness) -> str:
    """Return in what two tips are alike, in words."""
    if Likeness.COPY in likeness:
        return _("nearly the same text")
    if Likeness.NUMBER in likeness:
        return _("same plate or number")
    if Likeness.PLACE in likeness:
        return _("same place and day") if Likeness.DAY in likeness else _("same place")
    return _("same words, same day") if Likeness.DAY in likeness else _("same words")


def _weigh(likeness: Likeness) -> int:
    weights = {Likeness.COPY: 8, Likeness.NUMBER: 6, Likeness.PLACE: 4, Likeness.WORDS: 3, Likeness.DAY: 2}
    return sum(weight for part, weight in weights.items() if part in likeness)


def _find_readers(officer: Account, tip_ids: Iterable[UUID]) -> dict[UUID, _Readers]:
    """Return for each visible tip that is not walled its unit, and its category if that is sensitive: who reads it.

    A page asks for each tip once, whether or not it is seen.
    """
    known = _list_known(officer)
    asked = list(tip_ids)
    if not known.keys() >= set(asked):
        known.update(dict.fromkeys(asked) | _look_up(officer, asked))
    return {tip_id: found for tip_id in asked if (found := known[tip_id]) is not None}


@once_a_request
def _list_known(_officer: Account) -> dict[UUID, _Readers | None]:
    """Return the answers that a page has had so far, to be added to."""
    return {}


def _look_up(officer: Account, tip_ids: Iterable[UUID]) -> dict[UUID, _Readers]:
    wanted = [str(tip_id) for tip_id in tip_ids]
    wanted += [str(uuid.uuid4()) for _missing in range(-len(wanted) % _LOOKUP_BATCH)]

    def select() -> QuerySet[Tip, tuple[UUID, int | None, int, bool]]:
        columns = ("pk", "unit_id", "category_id", "category__is_sensitive")
        return (
            permissions.visible_tips(officer).filter(~visibility.WALLED, AmongIds("pk", wanted)).values_list(*columns)
        )

    rows = _SQL.fetch_rows(permissions.describe_sight(officer), select, wanted)
    return {pk: (unit_id, category_id if is_sensitive else None) for pk, unit_id, category_id, is_sensitive in rows}
