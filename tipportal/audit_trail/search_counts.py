"""Counts who has searched the tips how often: many searches in a row can read a tip without opening it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from statistics import median

from django.db.models import Count, Q
from django.utils import timezone

from core.models import AuditEntry
from tips.desk.search_record import NOTHING_FOUND, SEALED, SEARCHED, WENT_ON

PERIOD = dt.timedelta(days=7)
# Fewer searches are never unusual; more are if they exceed the others' median by this factor.
_USUAL_SEARCHES, _UNUSUAL_FACTOR = 30, 3


@dataclass(frozen=True, slots=True)
class SearchCount:
    """One account's searches in the last seven days, and how many of them found nothing."""

    actor: str
    searches: int
    found_nothing: int
    is_unusual: bool


def count_searches() -> list[SearchCount]:
    """Return the accounts that have searched, those with the most searches first."""
    lines = AuditEntry.objects.filter(action__in=(SEARCHED, WENT_ON), at__gt=timezone.now() - PERIOD)
    has_found_nothing = Q(detail=NOTHING_FOUND) | Q(detail__startswith=NOTHING_FOUND + SEALED)
    counts = list(
        lines.values("actor")
        .annotate(searches=Count("pk", filter=Q(action=SEARCHED)), found_nothing=Count("pk", filter=has_found_nothing))
        .order_by("-searches", "actor")
        .values_list("actor", "searches", "found_nothing")
    )
    return [
        SearchCount(actor, searches, found_nothing, _is_unusual(searches, [c[1] for c in counts if c[0] != actor]))
        for actor, searches, found_nothing in counts
    ]


def _is_unusual(searches: int, others: list[int]) -> bool:
    return searches > _USUAL_SEARCHES and searches > _UNUSUAL_FACTOR * (median(others) if others else 0)
