"""Slow down floods of posts: count posts in memory, and under a flood accept only forms of some age.

Over Tor all visitors share an address, so no limit relies on addresses alone: under a flood every form has to be a few
seconds old before it can be sent, and some seconds older from an address that posts a great deal. A person who writes
a tip is slower than that and never notices. Nothing is refused for good and nothing typed is lost.

An address is only ever held as a keyed hash, in this process's memory, for the length of the window. The secret is drawn
before the web server forks and never written anywhere; the hash of an address changes every day.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import deque

WINDOW_SECONDS = 60.0
# A web process that receives more than this many posts a minute is under a flood: a busy city sends tens of tips a day.
CALM_POSTS = 90
BUSY_ADDRESS_POSTS = 30
RIPE_SECONDS = 8
RIPE_SECONDS_BUSY_ADDRESS = 15

_secret = os.urandom(32)


class FloodGate:
    """The posts of the last minute that this process has seen, in total and by address."""

    def __init__(self) -> None:
        self._posts: deque[tuple[float, bytes]] = deque()
        self._by_address: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def seconds_until_ripe(self, token_age_seconds: float, address: str, now: float | None = None) -> int:
        """Count this post, and return for how many seconds its form must wait; 0: accept it."""
        now = time.monotonic() if now is None else now
        address_hash = _hash_address(address)
        with self._lock:
            self._forget_before(now - WINDOW_SECONDS)
            self._posts.append((now, address_hash))
            self._by_address[address_hash] = self._by_address.get(address_hash, 0) + 1
            if len(self._posts) <= CALM_POSTS:
                return 0
            is_busy = self._by_address[address_hash] > BUSY_ADDRESS_POSTS
        needed = RIPE_SECONDS_BUSY_ADDRESS if is_busy else RIPE_SECONDS
        return max(0, round(needed - token_age_seconds + 0.5))

    def _forget_before(self, time_limit: float) -> None:
        while self._posts and self._posts[0][0] < time_limit:
            _, address_hash = self._posts.popleft()
            self._by_address[address_hash] -= 1
            if not self._by_address[address_hash]:
                del self._by_address[address_hash]


def _hash_address(address: str) -> bytes:
    day = int(time.time() // 86_400)
    return hashlib.blake2b(f"{day} {address}".encode(), key=_secret, digest_size=16).digest()


gate = FloodGate()
