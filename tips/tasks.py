"""The tips' Celery tasks live with their rules; this module makes sure workers know them."""

from __future__ import annotations

from tips import officer_alerts, retention
from tips.files import worker

__all__ = ["officer_alerts", "retention", "worker"]
