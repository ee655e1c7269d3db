"""Import the modules that define the tips' Celery tasks, so that workers know them."""

from __future__ import annotations

from tips import officer_alerts, retention, row_rewriting
from tips.files import media_worker
from tips.source import reading_days

__all__ = ["media_worker", "officer_alerts", "reading_days", "retention", "row_rewriting"]
