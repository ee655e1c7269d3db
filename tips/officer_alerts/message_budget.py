"""The limit of messages to each mailbox and channel: one a tip within some minutes, a few single ones, then one for all that wait.

It is in the memory of the alerts worker only, so that no table says when an officer got a message. A restart allows a few more.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable
from uuid import UUID

# The id of an account, for its mailbox, or of a channel.
Recipient = int | UUID
WINDOW_SECONDS = 600.0
# Messages of one kind that a mailbox or channel gets one by one within the window. A busy day has fewer in ten minutes.
SINGLE_MESSAGES = 10
# So many tips that wait at once, after quiet hours for example, are one message each. More are one message together.
MOST_AT_ONCE = 3
# A source who writes eight messages in a row is one alert now and one about all that came since, after this time.
TIP_PAUSE_SECONDS = {False: 300.0, True: 120.0}  # by urgency
# The first mail for all that wait comes after one such step, the second two steps later, the third three.
BUNDLE_STEP_SECONDS = 60.0


class MessageBudget:
    """The times of the messages of the last ten minutes, by recipient and urgency: urgent ones have a budget of their own."""

    def __init__(self) -> None:
        self._sent: dict[tuple[Recipient, bool], deque[float]] = {}
        self._sent_about: dict[tuple[Recipient, UUID], float] = {}
        self._lock = threading.Lock()

    def count_sent(self, recipient: Recipient, is_urgent: bool, now: float | None = None) -> None:
        with self._lock:
            self._recent(recipient, is_urgent, now).append(time.monotonic() if now is None else now)

    def count_sent_about(self, recipient: Recipient, tip_ids: Iterable[UUID], now: float | None = None) -> None:
        """Note that these tips were in a message to the recipient."""
        now = time.monotonic() if now is None else now
        with self._lock:
            longest = max(TIP_PAUSE_SECONDS.values())
            self._sent_about = {key: at for key, at in self._sent_about.items() if now - at < longest}
            self._sent_about |= {(recipient, tip_id): now for tip_id in tip_ids}

    def is_tip_due(self, recipient: Recipient, tip_id: UUID, is_urgent: bool, now: float | None = None) -> bool:
        """Return whether no message about this tip went to the recipient just now."""
        now = time.monotonic() if now is None else now
        with self._lock:
            sent_at = self._sent_about.get((recipient, tip_id))
            return sent_at is None or now - sent_at >= TIP_PAUSE_SECONDS[is_urgent]

    def single_messages_left(self, recipient: Recipient, is_urgent: bool, now: float | None = None) -> int:
        with self._lock:
            return max(0, SINGLE_MESSAGES - len(self._recent(recipient, is_urgent, now)))

    def is_bundle_due(self, recipient: Recipient, is_urgent: bool, now: float | None = None) -> bool:
        """Return whether it is time for one message about all tips that wait. Ask when no single message is left."""
        now = time.monotonic() if now is None else now
        with self._lock:
            recent = self._recent(recipient, is_urgent, now)
            return now - recent[-1] >= BUNDLE_STEP_SECONDS * (len(recent) - SINGLE_MESSAGES + 1)

    def _recent(self, recipient: Recipient, is_urgent: bool, now: float | None) -> deque[float]:
        now = time.monotonic() if now is None else now
        recent = self._sent.setdefault((recipient, is_urgent), deque())
        while recent and recent[0] <= now - WINDOW_SECONDS:
            recent.popleft()
        return recent


budget = MessageBudget()
