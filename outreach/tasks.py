"""The Celery tasks of outreach."""

from __future__ import annotations

from celery import shared_task

from outreach.channels.posting import post_due
from outreach.content.pictures import rebuild_picture, rebuild_waiting_pictures
from outreach.events.reminders import remind
from outreach.stories import scheduled_publication

__all__ = ["post_due", "publish_due", "rebuild_picture", "rebuild_waiting_pictures", "remind"]


@shared_task(name="outreach.bulk.publish_due", expires=50)  # type: ignore[untyped-decorator]
def publish_due() -> None:
    """Publish scheduled stories that are due."""
    scheduled_publication.publish_due_stories()
