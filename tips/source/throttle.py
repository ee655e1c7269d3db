"""Slow down floods without slowing down people, by counts in this process's memory.

Over Tor all visitors share an address, so no limit looks at addresses. Nothing is refused for good and nothing typed is
lost.

- Tips: under a flood a form must be some seconds old, which a person who writes a tip never notices, and no more than
  a fixed number of tips a minute is accepted. That number is divided fairly among the times at which forms were opened, so
  a store of forms that bots fetched in advance shares one turn, and a person's form has its own.
- Tips that officers write for callers: their form was opened with a mark of the staff side, so they pass, a fixed number a minute.
- Receipts: under a flood of wrong receipts the response to a wrong one is held back. A right one is answered at once.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque

WINDOW_SECONDS = 60.0
# A web process that receives more than this many posts a minute is under a flood. A busy city sends tens of tips a day; on the evening
# after a crime that everybody talks about 200 a minute come, and one process may get them all.
CALM_POSTS = 240
RIPE_SECONDS = 8
# Tips that a web process accepts under a flood, and how many turns may be saved up for people who are asked to wait.
TIPS_A_SECOND = 0.5
MOST_SAVED_TURNS = 5.0
# How long a form that was asked to wait goes before forms of times that had more turns.
TURN_KEPT_SECONDS = 20.0
TURN_WAIT_SECONDS = 2

# Threads may ask in another order than they read the clock; a time further back means that the clock was set back.
CLOCK_STEP_SECONDS = 5.0

# Posts of forms for callers that a web process accepts a minute: more than all telephones of an agency together bring.
CALLER_TIPS_A_MINUTE = 20

CALM_WRONG_RECEIPTS = 30
HOLD_SECONDS = 30


class _Times:
    """The times of the last minute, oldest first. When the clock is set back, those of its future would stay until then: they go."""

    def __init__(self) -> None:
        self.kept: deque[float] = deque()

    def add(self, now: float) -> None:
        self.kept.append(now)

    def forget_old(self, now: float) -> bool:
        """Forget what is over. Return whether the clock was set back, and all is forgotten."""
        if self.kept and now < self.kept[-1] - CLOCK_STEP_SECONDS:
            self.kept.clear()
            return True
        while self.kept and self.kept[0] < now - WINDOW_SECONDS:
            self.kept.popleft()
        return False


class FloodGate:
    """The posts of the last minute, and the tips accepted of them under a flood with the moments their forms were issued.

    Times are in seconds since 1970, as in form tokens.
    """

    def __init__(self) -> None:
        self._posts = _Times()
        self._accepted: deque[tuple[float, int]] = deque()
        self._waiting: dict[int, float] = {}
        self._saved_turns = MOST_SAVED_TURNS
        self._saved_at = 0.0
        self._lock = threading.Lock()

    def seconds_until_ripe(self, issued_at: int, now: float | None = None) -> int:
        """Count this post, and return for how many seconds its form is too young; 0: go on."""
        now = time.time() if now is None else now
        with self._lock:
            self._forget_old(now)
            self._posts.add(now)
            if len(self._posts.kept) <= CALM_POSTS:
                return 0
        # At most that long: a form may be from before the clock was set back.
        return max(0, min(RIPE_SECONDS, math.ceil(issued_at + RIPE_SECONDS - now)))

    def seconds_until_turn(self, issued_at: int, now: float | None = None) -> int:
        """Return for how many seconds a tip whose form is ripe has to wait; 0: it has its turn, accept it."""
        now = time.time() if now is None else now
        with self._lock:
            self._forget_old(now)
            if len(self._posts.kept) <= CALM_POSTS:
                return 0
            if not self._has_turn(issued_at, now):
                self._waiting[issued_at] = now
                return TURN_WAIT_SECONDS
            self._waiting.pop(issued_at, None)
            self._accepted.append((now, issued_at))
            return 0

    def _has_turn(self, issued_at: int, now: float) -> bool:
        """Take a turn if there is one, and if no waiting form is of a minute, then second, that had fewer turns."""
        earned = (now - self._saved_at) * TIPS_A_SECOND
        self._saved_turns, self._saved_at = min(MOST_SAVED_TURNS, self._saved_turns + earned), now
        if self._saved_turns < 1:
            return False
        minutes = Counter(issued // 60 for _, issued in self._accepted)
        seconds = Counter(issued for _, issued in self._accepted)
        ranks = [(minutes[issued // 60], seconds[issued]) for issued in self._waiting]
        if (minutes[issued_at // 60], seconds[issued_at]) > min(ranks, default=(math.inf, 0)):
            return False
        self._saved_turns -= 1
        return True

    def _forget_old(self, now: float) -> None:
        if self._posts.forget_old(now):
            self._accepted.clear()
            self._waiting.clear()
            self._saved_at = now
        while self._accepted and self._accepted[0][0] < now - WINDOW_SECONDS:
            self._accepted.popleft()
        self._waiting = {issued_at: at for issued_at, at in self._waiting.items() if at >= now - TURN_KEPT_SECONDS}


class CallerGate:
    """The forms for callers that were sent in the last minute. They pass the flood gate, and have this bound of their own."""

    def __init__(self) -> None:
        self._accepted = _Times()
        self._lock = threading.Lock()

    def seconds_until_turn(self, now: float | None = None) -> int:
        """Return for how many seconds a tip for a caller has to wait; 0: it has its turn, accept it."""
        now = time.time() if now is None else now
        with self._lock:
            self._accepted.forget_old(now)
            if len(self._accepted.kept) >= CALLER_TIPS_A_MINUTE:
                return math.ceil(self._accepted.kept[0] + WINDOW_SECONDS - now) or 1
            self._accepted.add(now)
            return 0


class GuessGate:
    """The wrong receipts of the last minute."""

    def __init__(self) -> None:
        self._guesses = _Times()
        self._lock = threading.Lock()

    def seconds_to_hold(self, now: float | None = None) -> int:
        """Count a wrong receipt, and return for how many seconds to hold back the response to it."""
        now = time.time() if now is None else now
        with self._lock:
            self._guesses.forget_old(now)
            self._guesses.add(now)
            return HOLD_SECONDS if len(self._guesses.kept) > CALM_WRONG_RECEIPTS else 0


gate = FloodGate()
caller_gate = CallerGate()
guess_gate = GuessGate()
