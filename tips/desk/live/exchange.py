"""Tells the other staff processes, on this node and others, where officers are, through the memory-only store.

Public nodes use that store too, and one that was broken into may read, change and watch it. So each staff process writes one value
of the same length every second, whether an officer is at the desk or not, sealed under a key of the staff side. All that the
store shows is how many staff processes run. A value that was changed, moved or kept back for more than 20 seconds is ignored.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import struct
import time
from contextlib import suppress
from functools import cached_property

from django.conf import settings
from django.utils import timezone

from core import ephemeral_store
from tips import vault
from tips.desk.live.sightings import Sighting, SightingBook, pack, unpack

# Each about 40 bytes. Beyond this many tabs on one process, those that asked last are told of.
CAPACITY = 200
_NAME = "desk"
_PLACE_SECONDS = 60
_TOLD_AT = struct.Struct("!d")  # seconds since 1970
_UNREADABLE = (vault.SealError, ValueError, struct.error)


class Exchange:
    """One process's place in the store, by a random name of its own."""

    @cached_property
    def place(self) -> str:
        # Not drawn before it is needed: the web server loads this module and then forks, and each fork has a place.
        return secrets.token_hex(8)

    def tell(self, book: SightingBook) -> None:
        """Put this process's sightings into the store, and read those of the others.

        If the store is down, this process goes on with its own, and those of others lapse.
        """
        try:
            expires_at = timezone.now() + dt.timedelta(seconds=_PLACE_SECONDS)
            ephemeral_store.put_field(_NAME, self.place, _seal(book, self.place), expires_at)
            stored = ephemeral_store.read_fields(_NAME)
            others: list[Sighting] = []
            for place, content in stored.items():
                if place != self.place:
                    others += _read_or_forget(place, content)
        except ephemeral_store.StoreDownError:
            return
        book.replace_others(others)


def _seal(book: SightingBook, place: str) -> bytes:
    content = _TOLD_AT.pack(time.time()) + pack(book.list_own(), CAPACITY)
    return vault.seal_box(_key(), content, _label(place))


def _read_or_forget(place: str, sealed: bytes) -> list[Sighting]:
    """Return what another process told. A place that its process has left, or that is none of ours, is cleared."""
    with suppress(*_UNREADABLE):
        content = vault.open_box(_key(), sealed, _label(place))
        (told_at,) = _TOLD_AT.unpack_from(content)
        if abs(time.time() - told_at) < _PLACE_SECONDS:
            return unpack(content[_TOLD_AT.size :])
    ephemeral_store.forget_field(_NAME, place)
    return []


def _label(place: str) -> bytes:
    return f"desk sightings {place}".encode()


def _key() -> bytes:
    return hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"desk sightings").digest()
