"""Signs of life of the processes that write no heartbeat themselves: beat has no database user, and those of web processes may not.

They are in the memory-only store, by its clock. Workers copy them into the database (worker_thread.py). Any web process of a side
gives that side's sign: of several nodes or processes the last one that lives.
"""

from __future__ import annotations

import logging
import threading
import time

from django.conf import settings

from core import ephemeral_store
from core.ephemeral_store import StoreDownError
from tipportal.deploy import processes
from tipportal.heartbeats import records

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 10.0
_REMEMBERED_SECONDS = 600
_SUFFIX = " is alive"
WEB = (processes.WEB_PUBLIC.name, processes.WEB_STAFF.name)
_SIGNING = (processes.BEAT.name, *WEB)


def give(process: str) -> None:
    """Say that a process lives. Raises StoreDownError."""
    ephemeral_store.put(process + _SUFFIX, b"", _REMEMBERED_SECONDS)


def read_ages() -> dict[str, float]:
    """Return for each process how many seconds ago it gave a sign, without those that gave none in minutes. Raises StoreDownError."""
    left = {process: ephemeral_store.seconds_left(process + _SUFFIX) for process in _SIGNING}
    return {process: _REMEMBERED_SECONDS - seconds for process, seconds in left.items() if seconds}


def list_fresh() -> list[str]:
    """Return the processes that have given a sign lately, whether or not a worker has copied it. Raises StoreDownError."""
    return [process for process, age in read_ages().items() if age < records.LATE_SECONDS]


def start_web_thread() -> None:
    """Give the signs of a web process from now on. Call it after the fork: threads do not survive one."""
    threading.Thread(target=_give_again_and_again, name="signs of life", daemon=True).start()


def give_own() -> None:
    """Give the sign of each side that this web process serves. Raises StoreDownError."""
    for name, is_served in zip(WEB, (settings.ROLE.serves_public, settings.ROLE.serves_staff), strict=True):
        if is_served:
            give(name)


def _give_again_and_again() -> None:
    while True:
        try:
            give_own()
        except StoreDownError:
            pass  # the desk names the store
        except Exception as error:  # a thread that ends would make a living process look dead
            log.error("signs of life can't be given (%s)", type(error).__name__)
        time.sleep(INTERVAL_SECONDS)
