"""The limit of mails to each officer: one a tip within some minutes, a few single ones, then one bundle for all that waits.

It is in the memory of the alerts worker only, so that no table says when an officer was mailed. A restart allows a few more.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from uuid import UUID

WINDOW_SECONDS = 600.0
# Mails of one kind that an officer gets one by one within the window. A busy day has fewer in ten minutes.
SINGLE_MAILS = 10
# A source who writes eight messages in a row is one mail now and one about all that came since, after this time.
TIP_PAUSE_SECONDS = {False: 300.0, True: 120.0}  # by urgency
# The first mail for all that wait comes after one such step, the second two steps later, the third three.
BUNDLE_STEP_SECONDS = 60.0


class OfficerMailBudget:
    """The times of the mails of the last ten minutes, by officer and urgency: urgent mails have a budget of their own."""

    def __init__(self) -> None:
        self._sent: dict[tuple[int, bool], deque[float]] = {}
        self._sent_about: dict[tuple[int, UUID], float] = {}
        self._lock = threading.Lock()

    def count_sent(self, officer_id: int, is_urgent: bool, now: float | None = None) -> None:
        with self._lock:
            self._recent(officer_id, is_urgent, now).append(time.monotonic() if now is None else now)

    def count_sent_about(self, officer_id: int, tip_ids: Iterable[UUID], now: float | None = None) -> None:
        """Note that the officer was mailed about these tips."""
        now = time.monotonic() if now is None else now
        with self._lock:
            longest = max(TIP_PAUSE_SECONDS.values())
            self._sent_about = {key: at for key, at in self._sent_about.items() if now - at < longest}
            self._sent_about |= {(officer_id, tip_id): now for tip_id in tip_ids}

    def is_tip_due(self, officer_id: int, tip_id: UUID, is_urgent: bool, now: float | None = None) -> bool:
        """Return whether the officer has not been mailed about this tip just now."""
        now = time.monotonic() if now is None else now
        with self._lock:
            sent_at = self._sent_about.get((officer_id, tip_id))
            return sent_at is None or now - sent_at >= TIP_PAUSE_SECONDS[is_urgent]

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
