"""Plain public counts of tips, for the home page, the receipt page and later the impact page."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

# Fewer say too much about single tips: anonymity.md folds numbers under 5, and a median needs 10 opened tips.
LEAST_SHOWN = 5
LEAST_FOR_MEDIAN = 10
CACHE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Figures:
    """`received` and `answered` count tips; `median_minutes` is from arrival to an officer's eyes. None: too few to say."""

    received: int | None
    answered: int | None
    median_minutes: int | None


# Tips are counted from the next day on: a count that moves at once would tell who watches it that a tip was just sent.
_SQL = """
SELECT count(*) FILTER (WHERE received_at < %(today)s),
       count(*) FILTER (WHERE received_at < %(today)s AND EXISTS (SELECT 1 FROM tips_message m WHERE m.tip_id = t.id AND m.author = 'staff')),
       count(opened_after),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM opened_after)) / 60
FROM tips_tip t
"""

_cached: tuple[float, Figures] | None = None


def figures() -> Figures:
    """The figures of now, at most a minute old. Raises django.db.DatabaseError while there is no database."""
    global _cached  # noqa: PLW0603  (one value a process)
    if _cached is None or time.monotonic() - _cached[0] > CACHE_SECONDS:
        _cached = (time.monotonic(), _count())
    return _cached[1]


def _count() -> Figures:
    with connection.cursor() as cursor:
        cursor.execute(_SQL, {"today": timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)})
        received, answered, opened, median = cursor.fetchone()
    return Figures(
        received=received if received >= LEAST_SHOWN else None,
        answered=answered if answered >= LEAST_SHOWN else None,
        median_minutes=max(1, round(median)) if opened >= LEAST_FOR_MEDIAN else None,
    )
