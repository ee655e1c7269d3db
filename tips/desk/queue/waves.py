"""Waves in the queue: how many tips are like a row, and the rows of linked tips folded under the first of them.

Only what an officer has linked is folded, never what merely looks alike, and never an urgent tip that nobody has opened.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.utils.translation import ngettext

from core.models import Account
from tips.desk.alike import lookup
from tips.desk.alike.link_records import TipLinks
from tips.desk.queue.rows import Row


def add_counts(account: Account, rows: Sequence[Row]) -> list[Row]:
    """Return the rows with the number of tips like each, in words. One query, whatever the rows are."""
    counts = lookup.count_alike(account, [row.pk for row in rows])
    return [dataclasses.replace(row, alike=_describe(counts.get(row.pk, 0))) for row in rows]


def fold(rows: Sequence[Row], links: Mapping[UUID, TipLinks]) -> list[Row]:
    """Return the rows with those of linked tips folded under the first of them."""
    shown: list[Row] = []
    for row in rows:
        linked = links[row.pk].linked if row.pk in links else frozenset()
        place = next((place for place, each in enumerate(shown) if each.pk in linked), None)
        if place is None or (row.is_urgent and row.is_unseen):
            shown.append(row)
        else:
            shown[place] = dataclasses.replace(shown[place], wave=(*shown[place].wave, row))
    return shown


def _describe(count: int) -> str:
    return ngettext("%(count)s alike", "%(count)s alike", count) % {"count": count} if count else ""
