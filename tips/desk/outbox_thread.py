"""The thread of each staff web process that lets acts go out when they are due, and erases old spam.

It asks the database every second and needs no message, so nothing is lost while a process, the broker or the database is down.
"""

from __future__ import annotations

import logging
import threading
import time

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections

from core import visitor_traces
from tips.desk import outbox
from tips.desk.acts import spam

SECONDS_BETWEEN_ROUNDS = 1.0
SECONDS_BETWEEN_ERASURES = 3600.0

logger = logging.getLogger(__name__)


def start() -> None:
    """Start the thread in a process that serves staff. Call it after the fork: threads do not survive one."""
    if settings.ROLE.serves_staff:
        threading.Thread(target=_run, name="outbox", daemon=True).start()


def _run() -> None:
    erased_at = -SECONDS_BETWEEN_ERASURES
    while True:
        time.sleep(SECONDS_BETWEEN_ROUNDS)
        try:
            close_old_connections()
            if outbox.release_due():
                visitor_traces.drop_traces()
            if time.monotonic() - erased_at >= SECONDS_BETWEEN_ERASURES:
                erased_at = time.monotonic()
                spam.erase_expired()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The desk's outbox waits: %s", type(error).__name__)
        except Exception as error:  # a thread that ends would hold back all answers to come
            logger.error("The desk's outbox waits: %s", type(error).__name__)
