"""Publishes scheduled stories when their time has come. Celery beat starts it each minute."""

from __future__ import annotations

import datetime as dt

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from outreach.models import Status, Story
from outreach.stories import publication, workflow
from outreach.stories.workflow_rules import CLOCK, ActionDetails, StoryAction, StoryState, decide


@shared_task(name="outreach.bulk.publish_due")  # type: ignore[untyped-decorator]
def publish_due() -> None:
    """Publish scheduled stories that are due."""
    publish_due_stories()


def publish_due_stories(now: dt.datetime | None = None) -> int:
    """Publish the scheduled stories that are due, each in its own transaction. Returns how many.

    Two workers at once, or a kill in between, publish once: the state changes together with the copy, under a lock.
    """
    now, published_count = now or timezone.now(), 0
    due = Story.objects.filter(status=Status.SCHEDULED, publish_at__lte=now).order_by("publish_at", "pk")
    for pk in due.values_list("pk", flat=True):
        published_count += _publish_if_due(pk, now)
    return published_count


@transaction.atomic
def _publish_if_due(pk: int, now: dt.datetime) -> bool:
    unlocked = Story.objects.select_for_update(of=("self",), skip_locked=True)
    story = unlocked.filter(pk=pk, status=Status.SCHEDULED).first()
    if story is None:
        return False
    state = StoryState(Status.SCHEDULED, is_live=publication.is_live(story), publish_at=story.publish_at)
    details = ActionDetails(now, note=story.correction)
    verdict = decide(StoryAction.PUBLISH, state, CLOCK, details, self_approval=False)
    if verdict.new_status is None:
        return False
    workflow.carry_out(story, StoryAction.PUBLISH, verdict.new_status, None, details)
    return True


def count_overdue() -> int:
    """Return how many stories should have been published more than ten minutes ago: that is looked at every minute."""
    late = timezone.now() - dt.timedelta(minutes=10)
    return Story.objects.filter(status=Status.SCHEDULED, publish_at__lt=late).count()
