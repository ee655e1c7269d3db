"""What Celery finds of outreach."""

from __future__ import annotations

from celery import shared_task

from outreach.channels.posting import post_all
from outreach.content.pictures import rebuild, sweep
from outreach.events.reminders import remind
from outreach.stories import workflow

__all__ = ["post_all", "publish_due", "rebuild", "remind", "sweep"]


@shared_task(name="outreach.bulk.publish_due", expires=50)  # type: ignore[untyped-decorator]
def publish_due() -> None:
    """Publish the stories whose time has come."""
    workflow.publish_due_stories()
