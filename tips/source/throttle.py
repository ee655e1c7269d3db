"""Against floods: counters in memory, and tokens that ripen.

Over Tor everybody has one address, so no limit counts on addresses alone: under a flood everybody's form has to be a few
seconds old before it can be sent, and from an address that posts a great deal some seconds older. A person who writes
a tip is slower than that and never notices. Nothing is refused for good and nothing typed is lost.

An address is only ever held as a keyed hash, in this process' memory, for the length of the window. The key is made before
the web server forks, changes every day and is never written anywhere.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import deque

WINDOW_SECONDS = 60.0
# A web process that takes more than this many posts a minute is under a flood: a busy city sends tens of tips a day.
CALM_POSTS = 90
BUSY_ADDRESS_POSTS = 30
RIPE_SECONDS = 8
RIPE_SECONDS_BUSY_ADDRESS = 15

_secret = os.urandom(32)


class FloodGate:
    def __init__(self) -> None:
        self._posts: deque[tuple[float, bytes]] = deque()
        self._by_address: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def seconds_until_ripe(self, token_age: float, address: str, now: float | None = None) -> int:
        """Count this post; how many seconds too young its token is. 0: take it."""
        now = time.monotonic() if now is None else now
        name = _name(address)
        with self._lock:
            self._forget_before(now - WINDOW_SECONDS)
            self._posts.append((now, name))
            self._by_address[name] = self._by_address.get(name, 0) + 1
            if len(self._posts) <= CALM_POSTS:
                return 0
            busy = self._by_address[name] > BUSY_ADDRESS_POSTS
        needed = RIPE_SECONDS_BUSY_ADDRESS if busy else RIPE_SECONDS
        return max(0, round(needed - token_age + 0.5))

    def _forget_before(self, moment: float) -> None:
        while self._posts and self._posts[0][0] < moment:
            _, name = self._posts.popleft()
            self._by_address[name] -= 1
            if not self._by_address[name]:
                del self._by_address[name]


def _name(address: str) -> bytes:
    day = int(time.time() // 86_400)
    return hashlib.blake2b(f"{day} {address}".encode(), key=_secret, digest_size=16).digest()


gate = FloodGate()
