"""The Celery tasks of outreach."""

from __future__ import annotations

from celery import shared_task

from outreach.channels.posting import post_all
from outreach.content.pictures import rebuild, sweep
from outreach.events.reminders import remind
from outreach.stories import scheduled_publication

__all__ = ["post_all", "publish_due", "rebuild", "remind", "sweep"]


@shared_task(name="outreach.bulk.publish_due", expires=50)  # type: ignore[untyped-decorator]
def publish_due() -> None:
    """Publish scheduled stories that are due."""
    scheduled_publication.publish_due_stories()
