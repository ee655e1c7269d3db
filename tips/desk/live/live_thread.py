"""The thread of each staff web process that keeps the desk live: it waits for the database's notifications of changes.

A notification that was lost is made good by a look every ten seconds.
"""

from __future__ import annotations

import logging
import threading
import time

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections

from core.database_listener import Listener
from tips.desk.live.desk_watch import SECONDS_BETWEEN_LOOKS, desk_watch

TOPIC = "desk"
# Where officers are is told to the other processes this often.
_SECONDS_BETWEEN_ROUNDS = 1.0
# Changes that follow each other this closely, such as those of one act, cost one look. After a long look the pause is as long: a
# busy desk then costs half a processor at most.
_PAUSE_SECONDS = 0.2

logger = logging.getLogger(__name__)


def start() -> None:
    """Start the thread in a process that serves staff. Call it after the fork: threads do not survive one."""
    if settings.ROLE.serves_staff:
        threading.Thread(target=_run, name="live", daemon=True).start()


def _run() -> None:
    listener = Listener([TOPIC])
    looked_at = -SECONDS_BETWEEN_LOOKS
    seconds_of_look = 0.0
    while True:
        try:
            is_told = bool(listener.wait(_SECONDS_BETWEEN_ROUNDS))
            time.sleep(max(_PAUSE_SECONDS, seconds_of_look))
            close_old_connections()
            began = time.monotonic()
            is_due = is_told or began - looked_at >= SECONDS_BETWEEN_LOOKS
            run_round(at_tips=is_due)
            seconds_of_look = time.monotonic() - began
            if is_due:
                looked_at = began
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The desk is not live: %s", type(error).__name__)
            time.sleep(_SECONDS_BETWEEN_ROUNDS)
        except Exception as error:  # a thread that ends would leave the desk to polls alone
            logger.error("The desk is not live: %s", type(error).__name__)
            time.sleep(_SECONDS_BETWEEN_ROUNDS)


def run_round(*, at_tips: bool) -> None:
    """Exchange with the other processes, and look again at what has changed."""
    has_moved = desk_watch.exchange()
    if at_tips or has_moved:
        desk_watch.look_again(at_tips=at_tips)
