"""Finds the period that a file's rows are of, without the few whose year is mistyped. Minutes count from 1970 in UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

MAX_STRAY_SHARE, MIN_STRAYS = 0.005, 3  # of the rows at each end, that are strays if they are
GAP_DAYS = 45  # away from the others
_DAY = 24 * 60  # minutes


@dataclass(slots=True)
class PeriodFinder:
    """Collects the minutes of a file's rows by day. `stray_count`: rows outside the period that was found last."""

    days: dict[int, list[int]] = field(default_factory=dict)  # day -> rows, first and last minute
    stray_count: int = 0

    def add(self, minutes: Sequence[int]) -> None:
        ordered = np.sort(np.asarray(minutes, np.int64))
        days, starts, counts = np.unique(ordered // _DAY, return_index=True, return_counts=True)
        lasts = ordered[starts + counts - 1]
        for day, count, first, last in zip(
            days.tolist(), counts.tolist(), ordered[starts].tolist(), lasts.tolist(), strict=True
        ):
            known = self.days.setdefault(day, [0, first, last])
            known[:] = known[0] + count, min(known[1], first), max(known[2], last)

    @property
    def whole(self) -> tuple[int, int] | None:
        if not self.days:
            return None
        return self.days[min(self.days)][1], self.days[max(self.days)][2]

    def without_strays(self) -> tuple[int, int] | None:
        """Return the first and last minute without the strays at both ends; None without rows."""
        ordered = sorted(self.days)
        if not ordered:
            return None
        most = max(MIN_STRAYS, sum(count for count, _first, _last in self.days.values()) * MAX_STRAY_SHARE)
        begin = self._count_strays(ordered, most)
        end = len(ordered) - self._count_strays(ordered[::-1], most)
        if begin >= end:
            begin, end = 0, len(ordered)
        self.stray_count = sum(self.days[day][0] for day in (*ordered[:begin], *ordered[end:]))
        return self.days[ordered[begin]][1], self.days[ordered[end - 1]][2]

    def _count_strays(self, ordered: Sequence[int], most: float) -> int:
        """Return how many of the first days hold so few rows, so far from the next, that they are strays."""
        rows, result = 0, 0
        for number, (day, following) in enumerate(pairwise(ordered), 1):
            rows += self.days[day][0]
            if rows > most:
                break
            if abs(following - day) > GAP_DAYS:
                result = number
        return result
