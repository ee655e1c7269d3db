"""The roof of the project: settings, URLs, processes and the demo city."""

from __future__ import annotations

from tipportal.celery import app as celery_app

__all__ = ["celery_app"]
