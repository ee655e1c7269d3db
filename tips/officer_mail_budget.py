"""The limit of mails to each officer: a few single ones, then one bundle for all waiting alerts.

It is in the memory of the alerts worker only, so that no table says when an officer was mailed. A restart allows a few more.
"""

from __future__ import annotations

import threading
import time
from collections import deque

WINDOW_SECONDS = 600.0
# Mails of one kind that an officer gets one by one within the window. A busy day has fewer in ten minutes.
SINGLE_MAILS = 10
# The first mail for all that wait comes after one such step, the second two steps later, the third three.
BUNDLE_STEP_SECONDS = 60.0


class OfficerMailBudget:
    """The times of the mails of the last ten minutes, by officer and urgency: urgent mails have a budget of their own."""

    def __init__(self) -> None:
        self._sent: dict[tuple[int, bool], deque[float]] = {}
        self._lock = threading.Lock()

    def count_sent(self, officer_id: int, is_urgent: bool, now: float | None = None) -> None:
        with self._lock:
            self._recent(officer_id, is_urgent, now).append(time.monotonic() if now is None else now)

    def single_mails_left(self, officer_id: int, is_urgent: bool, now: float | None = None) -> int:
        with self._lock:
            return max(0, SINGLE_MAILS - len(self._recent(officer_id, is_urgent, now)))

    def is_bundle_due(self, officer_id: int, is_urgent: bool, now: float | None = None) -> bool:
        """Return whether it is time for one mail about all tips that wait. Ask when no single mail is left."""
        now = time.monotonic() if now is None else now
        with self._lock:
            recent = self._recent(officer_id, is_urgent, now)
            return now - recent[-1] >= BUNDLE_STEP_SECONDS * (len(recent) - SINGLE_MAILS + 1)

    def _recent(self, officer_id: int, is_urgent: bool, now: float | None) -> deque[float]:
        now = time.monotonic() if now is None else now
        recent = self._sent.setdefault((officer_id, is_urgent), deque())
        while recent and recent[0] <= now - WINDOW_SECONDS:
            recent.popleft()
        return recent


budget = OfficerMailBudget()
