"""What Celery finds of outreach."""

from __future__ import annotations

from celery import shared_task

from outreach import editorial
from outreach.pictures import rebuild, sweep

__all__ = ["publish_due", "rebuild", "sweep"]


@shared_task(name="outreach.bulk.publish_due", expires=50)  # type: ignore[untyped-decorator]
def publish_due() -> None:
    """Publish the stories whose time has come."""
    editorial.publish_due()
