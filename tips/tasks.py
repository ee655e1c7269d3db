"""The tips' Celery tasks live with their rules; this module makes sure workers know them."""

from __future__ import annotations

from tips import alerts, media, retention

__all__ = ["alerts", "media", "retention"]
