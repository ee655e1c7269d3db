"""Where officers are: what each open tab of the desk last reported. Never a row; a tab that no longer asks is gone after 20 s.

A tab names the tip on its page by a ticket that the page got with it, so that nobody can claim to read another tip, and a poll
needs no query to believe it.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from django.core import signing

LIFETIME_SECONDS = 20.0
TAB_BYTES = 8

_SALT = "tips.desk.live.sightings"
_ROW = struct.Struct("!8sQ16sBd")  # tab, account, tip (zeros: none), what they do, seconds since 1970
_NO_TIP = bytes(16)


class Doing(IntEnum):
    READING = 1
    WRITING = 2  # there is text that was not sent
    IDLE = 3  # nothing was typed or moved for ten minutes
    GONE = 4  # the page was left


@dataclass(frozen=True, slots=True)
class Sighting:
    """A report of a tab. `at` is in seconds since 1970; `tip_id` is None on the queue alone."""

    account_id: int
    tab: bytes
    tip_id: UUID | None
    doing: Doing
    at: float


class SightingBook:
    """The sightings of this process's tabs, and those that other processes have told of. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._own: dict[tuple[int, bytes], Sighting] = {}
        self._others: list[Sighting] = []

    def note(self, sighting: Sighting) -> None:
        with self._lock:
            self._own[sighting.account_id, sighting.tab] = sighting

    def replace_others(self, sightings: Iterable[Sighting]) -> None:
        with self._lock:
            self._others = list(sightings)

    def list_own(self) -> list[Sighting]:
        """Return this process's sightings of the last 20 seconds, the newest first, those that are gone too."""
        with self._lock:
            self._own = {key: sighting for key, sighting in self._own.items() if is_recent(sighting)}
            return sorted(self._own.values(), key=lambda sighting: -sighting.at)

    def list_present(self) -> list[Sighting]:
        """Return the newest sighting of each tab that is still there. A tab may have asked several processes in turn."""
        own = self.list_own()
        newest: dict[tuple[int, bytes], Sighting] = {}
        for sighting in (*own, *self._others):
            key = sighting.account_id, sighting.tab
            if is_recent(sighting) and (key not in newest or sighting.at > newest[key].at):
                newest[key] = sighting
        return [sighting for sighting in newest.values() if sighting.doing is not Doing.GONE]


def is_recent(sighting: Sighting) -> bool:
    """Return whether the sighting is less than 20 seconds old. Clocks of two machines may differ by as much."""
    return abs(time.time() - sighting.at) < LIFETIME_SECONDS


def pack(sightings: Iterable[Sighting], capacity: int) -> bytes:
    """Return the first `capacity` sightings in as many bytes, whatever their number."""
    rows = [
        _ROW.pack(one.tab, one.account_id, one.tip_id.bytes if one.tip_id else _NO_TIP, one.doing, one.at)
        for one in sightings
    ]
    return b"".join(rows[:capacity]).ljust(capacity * _ROW.size, b"\0")


def unpack(content: bytes) -> list[Sighting]:
    """Return the sightings of `pack`. Raises ValueError or struct.error for other content."""
    return [
        Sighting(account_id, tab, UUID(bytes=tip) if tip != _NO_TIP else None, Doing(doing), at)
        for tab, account_id, tip, doing, at in _ROW.iter_unpack(content)
        if doing
    ]


def sign_ticket(account_id: int, tip_id: UUID) -> str:
    """Return what a page of this tip shows to say where its tab is."""
    return signing.Signer(salt=_SALT).sign_object([account_id, str(tip_id)])


def read_ticket(ticket: str, account_id: int) -> UUID | None:
    """Return the tip of a ticket of this account; None for any other text."""
    try:
        owner, tip_id = signing.Signer(salt=_SALT).unsign_object(ticket)
    except signing.BadSignature:
        return None
    return UUID(tip_id) if owner == account_id else None
