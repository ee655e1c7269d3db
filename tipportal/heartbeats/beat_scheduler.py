"""Beat's scheduler: Celery's, which leaves a sign of life at each round and copes with a clock that is set back."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from typing import Any

from celery.beat import Scheduler

from core.ephemeral_store import StoreDownError
from tipportal.deploy import processes
from tipportal.heartbeats import signs

log = logging.getLogger(__name__)

_STEP_SECONDS = 2.0


class HeartbeatScheduler(Scheduler):
    """A scheduler in memory. `tick` is one round of beat's loop, at least every `beat_max_loop_interval` seconds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._offset = _read_offset()
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        with suppress(StoreDownError):
            signs.give(processes.BEAT.name)
        self._cope_with_step()
        seconds: float = super().tick(*args, **kwargs)
        return seconds

    def _cope_with_step(self) -> None:
        """Count anew from now if the clock was set back: otherwise no task would be due until it is past the old time."""
        offset, before = _read_offset(), self._offset
        self._offset = offset
        if offset > before - _STEP_SECONDS:
            return
        log.warning("the clock was set back by %d seconds", before - offset)
        for entry in self.schedule.values():
            entry.last_run_at = entry.default_now()
        self._heap = None


def _read_offset() -> float:
    """Return the difference between the clock and the time since the machine started, in seconds: it changes when one is set."""
    return time.time() - time.monotonic()
