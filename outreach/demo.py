"""The stories of the demo city. Nobody and nothing here is real."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from outreach.models import Story

STORIES = [
    Story(
        slug="quarter-of-an-hour",
        title="A quarter of an hour, and one gun fewer",
        summary="A tip led officers to a loaded handgun. Nobody was hurt. We answered our source with thanks, and we still do not know who it is.",
        outcomes=["Within a quarter of an hour", "1 arrest", "1 firearm recovered"],
        picture="bridge",
        picture_text="Drawing of a bridge and lit windows at night",
    ),
    Story(
        slug="brighter-steps",
        title="Brighter lights on the Mill Street steps",
        summary="Forty of you named the same dark corner. The city replaced nine lamps and cut the hedge.",
        outcomes=["You said, we did"],
        picture="lamps",
        picture_text="Drawing of steps with street lamps at dusk",
    ),
    Story(
        slug="marked-bicycles",
        title="How marked frames found their way home",
        summary="Two hours of free engraving in spring. Eight months later a full van of bicycles went back to their owners.",
        outcomes=["22 bicycles returned"],
        picture="bicycles",
        picture_text="Drawing of a row of bicycles",
    ),
]
DAYS_AGO = (6, 13, 20)


def load() -> None:
    """Store the stories that are not there yet, the newest published some days ago."""
    known = set(Story.objects.values_list("slug", flat=True))
    for story, days in zip(STORIES, DAYS_AGO, strict=True):
        if story.slug not in known:
            Story.objects.create(
                slug=story.slug,
                title=story.title,
                summary=story.summary,
                outcomes=story.outcomes,
                picture=story.picture,
                picture_text=story.picture_text,
                published_on=timezone.localdate() - dt.timedelta(days=days),
            )
