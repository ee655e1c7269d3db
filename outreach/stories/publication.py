"""The public copy of a story: written when the story is published, deleted when it is withdrawn.

Only outreach/stories/workflow.py calls this, with the story locked.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from outreach.channels import posting
from outreach.models import Correction, PublishedStory, Story, Withdrawal
from outreach.stories import texts


def is_live(story: Story) -> bool:
    """Return whether residents can read a version of the story now."""
    return PublishedStory.objects.filter(pk=story.pk).exists()


def was_published(story: Story) -> bool:
    """Return whether the story's address has ever been public. Such an address must not change."""
    return is_live(story) or Withdrawal.objects.filter(slug=story.slug).exists()


def start_of_day(day: dt.date) -> dt.datetime:
    """Return the day's first moment in the agency's time zone, for formats that want a time.

    Midnight UTC, or a day alone where a reader takes it for that, is the day before in America.
    """
    return timezone.make_aware(dt.datetime.combine(day, dt.time()), ZoneInfo(settings.TIME_ZONE))


def publish(story: Story, correction: str, now: dt.datetime) -> PublishedStory:
    """Write the public copy of the story and release its posts. The day is public, the hour is not.

    `correction` is stored if the story was public before; a first publication has none.
    """
    today = timezone.localdate(now)
    fields = {name: getattr(story, name) for name in texts.FIELDS}
    published = PublishedStory.objects.filter(pk=story.pk).first()
    if published is None:
        published = PublishedStory.objects.create(pk=story.pk, published_on=today, **fields)
        Withdrawal.objects.filter(slug=story.slug).delete()
    else:
        for name, value in fields.items():
            setattr(published, name, value)
        published.corrected_on = today
        published.save()
        Correction.objects.create(published=published, on=today, note=correction)
    published.tags.set(story.tags.all())
    published.pictures.set(story.pictures.all())
    posting.release_posts(story)
    return published


def withdraw(story: Story, now: dt.datetime) -> None:
    """Delete the public copy. The address of a story that was public then answers 410 Gone."""
    deleted_count, _by_model = PublishedStory.objects.filter(pk=story.pk).delete()
    if deleted_count:
        Withdrawal.objects.get_or_create(slug=story.slug, defaults={"on": timezone.localdate(now)})
