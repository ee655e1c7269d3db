"""The thread of each staff web process that compares what arrives with the names of staff, and sends alerts on.

The database wakes it when a tip or message arrives, and it looks every few seconds besides, so that nothing is lost where a
notification is.
"""

from __future__ import annotations

import logging
import threading
import time

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections

from core import visitor_traces
from core.database_listener import Listener
from tips.walls import alert_routing, screening

SECONDS_BETWEEN_ROUNDS = 5.0
SECONDS_BETWEEN_RECHECKS = 60.0
# After a round that had something to do. Under a flood, tips are compared by tens and not one by one.
_PAUSE_SECONDS = 0.1
_PAUSE_AFTER_ERROR_SECONDS = 1.0

logger = logging.getLogger(__name__)


def start() -> None:
    """Start the thread in a process that serves staff. Call it after the fork: threads do not survive one."""
    if settings.ROLE.serves_staff:
        threading.Thread(target=_run, name="screening", daemon=True).start()


def _run() -> None:
    rechecked_at = -SECONDS_BETWEEN_RECHECKS
    listener = Listener(["arrivals"])
    while True:
        try:
            listener.wait(SECONDS_BETWEEN_ROUNDS)
            close_old_connections()
            is_recheck_due = time.monotonic() - rechecked_at >= SECONDS_BETWEEN_RECHECKS
            if run_round(rechecks=is_recheck_due):
                visitor_traces.drop_traces()
                time.sleep(_PAUSE_SECONDS)
            if is_recheck_due:
                rechecked_at = time.monotonic()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Tips were not compared with the names of staff: %s", type(error).__name__)
            time.sleep(_PAUSE_AFTER_ERROR_SECONDS)
        except Exception as error:  # a thread that ends would hide all tips to come
            logger.error("Tips were not compared with the names of staff: %s", type(error).__name__)
            time.sleep(_PAUSE_AFTER_ERROR_SECONDS)


def run_round(*, rechecks: bool) -> int:
    """Compare what waits, and with `rechecks` also what is to be compared again. Return how much was done."""
    done = _screen_and_route()
    if rechecks:
        alert_routing.route_unheard_alerts()
        again = screening.list_waiting(rechecks=True)
        for start_index in range(0, len(again), screening.BATCH):
            screening.screen(again[start_index : start_index + screening.BATCH])
            done += _screen_and_route()
        done += len(again)
    return done


def _screen_and_route() -> int:
    waiting = screening.list_waiting()
    screening.screen(waiting)
    alert_routing.escalate_walled_alerts()
    return len(waiting) + alert_routing.route_held_alerts()
