"""Celery tasks of the crime map: each finds its work in the database, so any can be lost or run twice."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from crimemap import snapshot


@shared_task(name="crimemap.bulk.publish")  # type: ignore[untyped-decorator]
def publish(afresh: bool = False) -> None:
    """Bring what residents see up to date: after imports and classifications, and hourly, since embargoes end with the day."""
    if settings.INCIDENT_SNAPSHOTS is not None:
        snapshot.publish(afresh=afresh)
