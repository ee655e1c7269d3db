"""What residents read of a story: a copy made when it is published, and gone when it is withdrawn.

Called by outreach/stories/workflow.py alone, with the story locked.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from outreach.channels import posting
from outreach.models import Correction, PublishedStory, Story, Withdrawal
from outreach.stories import texts


def is_live(story: Story) -> bool:
    return PublishedStory.objects.filter(pk=story.pk).exists()


def was_published(story: Story) -> bool:
    """Whether its address has ever been public; it then stays as it is."""
    return is_live(story) or Withdrawal.objects.filter(slug=story.slug).exists()


def publish(story: Story, correction: str, now: dt.datetime) -> PublishedStory:
    """Copy the story's text to where residents read it; the day is public, the hour is not.

    The first publication has no correction; later ones carry theirs.
    """
    today = timezone.localdate(now)
    told = {name: getattr(story, name) for name in texts.FIELDS}
    published = PublishedStory.objects.filter(pk=story.pk).first()
    if published is None:
        published = PublishedStory.objects.create(pk=story.pk, published_on=today, **told)
        Withdrawal.objects.filter(slug=story.slug).delete()
    else:
        PublishedStory.objects.filter(pk=story.pk).update(corrected_on=today, **told)
        Correction.objects.create(published=published, on=today, note=correction)
    published.tags.set(story.tags.all())
    published.pictures.set(story.pictures.all())
    posting.release_posts(story)
    return published


def withdraw(story: Story, now: dt.datetime) -> None:
    """Nothing of it is left to read; its address says that it is gone."""
    gone, _by_model = PublishedStory.objects.filter(pk=story.pk).delete()
    if gone:
        Withdrawal.objects.get_or_create(slug=story.slug, defaults={"on": timezone.localdate(now)})
