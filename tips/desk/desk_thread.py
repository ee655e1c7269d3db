"""The thread of each staff web process that does what the desk owes without anyone asking: it ends shifts and days in the audit
trail, and looks at the views that officers follow."""

from __future__ import annotations

import logging
import threading
import time

from django.conf import settings
from django.db import close_old_connections

from tips.callers import form_counts
from tips.desk.queue import followed_views, summary_record

_SECONDS_BETWEEN_ROUNDS = 60.0

logger = logging.getLogger(__name__)


def start() -> None:
    """Start the thread in a process that serves staff. Call it after the fork: threads do not survive one."""
    if settings.ROLE.serves_staff:
        threading.Thread(target=_run, name="desk", daemon=True).start()


def _run() -> None:
    while True:
        time.sleep(_SECONDS_BETWEEN_ROUNDS)
        try:
            close_old_connections()
            summary_record.end_past_shifts()
            form_counts.record_past_days()
            followed_views.look()
        except Exception as error:  # a thread that ends would leave lists open for good
            logger.error("Shifts or days were not ended, or followed views not looked at: %s", type(error).__name__)
