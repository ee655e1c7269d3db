"""Restart child processes that end, with a delay that doubles while they are short-lived."""

from __future__ import annotations

import time
from collections.abc import Callable

from tipportal.dev_stack.child_process import Child, ProcessControlError

STABLE_SECONDS = 60.0  # a process that lived longer restarts after the first delay
FIRST_DELAY_SECONDS = 1.0
MAX_DELAY_SECONDS = 30.0


class SupervisedChild:
    """A child process with the times of its restarts. `report` receives a sentence for each event."""

    def __init__(
        self, child: Child, start: Callable[[], None], report: Callable[[str], None], *, is_portal: bool = False
    ) -> None:
        self.child = child
        self.start = start
        self.report = report
        self.is_portal = is_portal
        self._delay_seconds = FIRST_DELAY_SECONDS
        self._started_at = time.monotonic()
        self._restart_at: float | None = None

    def restart_if_ended(self) -> None:
        """Plan a restart if the process has ended, and restart it once its delay is over."""
        now = time.monotonic()
        if self.child.is_alive:
            return
        if self._restart_at is None:
            is_stable = now - self._started_at > STABLE_SECONDS
            self._delay_seconds = FIRST_DELAY_SECONDS if is_stable else min(self._delay_seconds * 2, MAX_DELAY_SECONDS)
            self._restart_at = now + self._delay_seconds
            self.report(
                f"{self.child.name} ended ({_describe_exit(self.child)}); it restarts in {self._delay_seconds:.0f} s. Its log: {self.child.log}"
            )
        elif now >= self._restart_at:
            self._restart_at, self._started_at = None, now
            try:
                self.start()
            except ProcessControlError as error:
                self.report(str(error))


def _describe_exit(child: Child) -> str:
    exit_code = child.exit_code or 0
    return f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
