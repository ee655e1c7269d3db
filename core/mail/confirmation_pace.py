"""The rate limit of confirmation mails: anyone can enter a stranger's address.

A burst goes out at once, per domain and in total. Mails beyond it wait in line, one per minute and domain; the next burst is
possible as soon as a minute passes with few requests. The state is in the bulk worker's memory only, so after a restart
waiting mails get a new place in line.
"""

from __future__ import annotations

import threading
import time
from uuid import UUID

MAILS_AT_ONCE_BY_DOMAIN, SECONDS_BY_DOMAIN = 30, 60.0
MAILS_AT_ONCE, SECONDS_IN_ALL = 100, 3.0
_MAX_DOMAINS = 10_000


class _Lane:
    """Mails that may go at once, refilled one a `step_seconds`, and a line of places as far apart."""

    def __init__(self, at_once: int, step_seconds: float, now: float) -> None:
        self._at_once, self._step_seconds = at_once, step_seconds
        self._left, self._refilled_at = float(at_once), now
        self._next_place = now

    def refill(self, now: float) -> None:
        earned = (now - self._refilled_at) / self._step_seconds
        self._left, self._refilled_at = min(self._left + earned, self._at_once), now

    @property
    def has_room(self) -> bool:
        return self._left >= 1

    def is_idle(self, now: float) -> bool:
        return self._left >= self._at_once and self._next_place <= now

    def take(self) -> None:
        self._left -= 1

    def next_place(self, now: float) -> float:
        """Return the moment of the next free place in line, and occupy it."""
        place = max(self._next_place, now + self._step_seconds)
        self._next_place = place + self._step_seconds
        return place


class ConfirmationPace:
    """Times are seconds of time.monotonic()."""

    def __init__(self) -> None:
        now = time.monotonic()
        self._overall = _Lane(MAILS_AT_ONCE, SECONDS_IN_ALL, now)
        self._by_domain: dict[str, _Lane] = {}
        self._places: dict[UUID, float] = {}
        self._lock = threading.Lock()

    def seconds_to_wait(self, mail_id: UUID, address: str, now: float | None = None) -> float:
        """Return for how long to put the mail off; 0: send it now. Ask again then, with the same id."""
        now = time.monotonic() if now is None else now
        with self._lock:
            if (place := self._places.get(mail_id)) is not None:
                if place <= now + 1:
                    del self._places[mail_id]
                    return 0
                return place - now
            domain = self._lane_of(address.rpartition("@")[2], now)
            self._overall.refill(now)
            if domain.has_room and self._overall.has_room:
                domain.take()
                self._overall.take()
                return 0
            self._places[mail_id] = max(domain.next_place(now), self._overall.next_place(now))
            return self._places[mail_id] - now

    def _lane_of(self, domain: str, now: float) -> _Lane:
        if domain not in self._by_domain and len(self._by_domain) >= _MAX_DOMAINS:
            for lane in self._by_domain.values():
                lane.refill(now)
            self._by_domain = {name: lane for name, lane in self._by_domain.items() if not lane.is_idle(now)}
            self._places = {mail_id: place for mail_id, place in self._places.items() if place > now}
        lane = self._by_domain.setdefault(domain, _Lane(MAILS_AT_ONCE_BY_DOMAIN, SECONDS_BY_DOMAIN, now))
        lane.refill(now)
        return lane


pace = ConfirmationPace()
