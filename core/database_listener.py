"""Waits for the database's notifications (LISTEN), so that a thread learns of a change at once instead of asking again and again.

Triggers send them through `staff_wake` (tipportal/database/rules.sql). A notification names a topic and holds nothing else: the
rows say what happened. PostgreSQL lets each of its users listen on any channel whose name they know, so the channels have a random
part that the staff role alone can read.
"""

from __future__ import annotations

import logging
import selectors
import time
from collections.abc import Iterable
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

# Without a connection, callers look by themselves this often, and another connection is tried.
SECONDS_BETWEEN_TRIES = 1.0
_MAX_SECONDS_BETWEEN_TRIES = 30.0

logger = logging.getLogger(__name__)


class Listener:
    """A connection of its own that listens for some topics. For the use of one thread; the staff role only."""

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = frozenset(topics)
        self._wrapper: BaseDatabaseWrapper | None = None
        self._channels: dict[str, str] = {}
        self._seconds_between_tries = SECONDS_BETWEEN_TRIES
        self._next_try = 0.0

    def wait(self, timeout: float) -> set[str]:
        """Return the topics of which something has happened, as soon as there is one; an empty set after `timeout` seconds.

        After a new connection all topics are returned: notifications that were sent meanwhile are lost. Where no connection can
        be made, the wait lasts SECONDS_BETWEEN_TRIES at most, so that callers who look after each wait miss little.
        """
        if self._wrapper is None:
            if time.monotonic() >= self._next_try and self._connect():
                return set(self._topics)
            time.sleep(min(timeout, SECONDS_BETWEEN_TRIES))
            return set()
        try:
            return self._receive(timeout)
        except (DatabaseError, InterfaceError, OSError, ValueError) as error:
            logger.warning("The database's notifications were interrupted: %s", type(error).__name__)
            self.close()
            return set()

    def check(self) -> set[str]:
        """Return the topics of which something has happened until now, without waiting; all of them if that isn't known.

        The query makes sure that the notification of no finished transaction is still on its way.
        """
        if self._wrapper is None:
            self._connect()
            return set(self._topics)
        try:
            with self._wrapper.cursor() as cursor:
                cursor.execute("SELECT 1")
            return self._receive(0)
        except (DatabaseError, InterfaceError, OSError, ValueError) as error:
            logger.warning("The database's notifications were interrupted: %s", type(error).__name__)
            self.close()
            return set(self._topics)

    def close(self) -> None:
        """End the connection. The next `wait` makes another."""
        wrapper, self._wrapper = self._wrapper, None
        if wrapper is not None:
            wrapper.close()

    def _connect(self) -> bool:
        # A copy is not among Django's own connections: nothing closes it between requests.
        wrapper = connection.copy()
        try:
            wrapper.set_autocommit(True)  # a transaction would hold notifications back
            with wrapper.cursor() as cursor:
                cursor.execute("SELECT secret FROM staff_channel")
                secret = cursor.fetchone()[0]
                self._channels = {f"{topic} {secret}": topic for topic in self._topics}
                for channel in self._channels:
                    cursor.execute(f"LISTEN {wrapper.ops.quote_name(channel)}")
        except (DatabaseError, InterfaceError, OSError) as error:
            logger.warning("The database's notifications can't be received: %s", type(error).__name__)
            wrapper.close()
            self._next_try = time.monotonic() + self._seconds_between_tries
            self._seconds_between_tries = min(2 * self._seconds_between_tries, _MAX_SECONDS_BETWEEN_TRIES)
            return False
        self._wrapper, self._seconds_between_tries = wrapper, SECONDS_BETWEEN_TRIES
        return True

    def _receive(self, timeout: float) -> set[str]:
        """Wait for the first notification. Raises psycopg2's errors, as Django's or its own, OSError, ValueError."""
        assert self._wrapper is not None
        raw: Any = self._wrapper.connection
        with self._wrapper.wrap_database_errors:
            if not raw.notifies:  # some may have come with the answer to LISTEN
                with selectors.DefaultSelector() as selector:
                    selector.register(raw, selectors.EVENT_READ)
                    selector.select(timeout)
                raw.poll()
        channels = {notification.channel for notification in raw.notifies}
        raw.notifies.clear()
        return {self._channels[channel] for channel in channels if channel in self._channels}
