"""Import the modules that define the tips' Celery tasks, so that workers know them."""

from __future__ import annotations

from tips import officer_alerts, retention
from tips.files import worker

__all__ = ["officer_alerts", "retention", "worker"]
