"""The stories of the demo city. Nobody and nothing here is real."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from outreach.models import HowSoon, Kind, PublishedStory, Status, Story
from tipportal import staff
from tipportal.models import Account

STORIES: list[dict[str, Any]] = [
    {
        "slug": "quarter-of-an-hour",
        "title": "A quarter of an hour, and one gun fewer",
        "summary": "A tip led officers to a loaded handgun. Nobody was hurt. We answered our source with thanks, and we still do not know who it is.",
        "category": Kind.WEAPONS,
        "how_soon": HowSoon.QUARTER_HOUR,
        "arrests": 1,
        "weapons": 1,
    },
    {
        "slug": "brighter-steps",
        "title": "Brighter lights on the Mill Street steps",
        "summary": "Forty of you named the same dark corner. The city replaced nine lamps and cut the hedge.",
        "category": Kind.YOU_SAID,
        "you_said": "The steps at Mill Street are dark after five.",
        "we_did": "The city replaced nine lamps and cut the hedge.",
    },
    {
        "slug": "marked-bicycles",
        "title": "How marked frames found their way home",
        "summary": "Two hours of free engraving in spring. Eight months later a full van of bicycles went back to their owners.",
        "category": Kind.PROPERTY,
        "property_returned": 22,
        "property_words": "bicycles",
    },
]
DAYS_AGO = (6, 13, 20)


def load() -> None:
    """Store the stories that are not there yet, by the demo's communications account, the newest published some days ago."""
    known = set(Story.objects.values_list("slug", flat=True))
    by = Account.objects.get(username=staff.COMMUNICATIONS)
    for told, days in zip(STORIES, DAYS_AGO, strict=True):
        if told["slug"] in known:
            continue
        story = Story.objects.create(**told, status=Status.PUBLISHED, author=by, edited_by=by, approved_by=by)
        PublishedStory.objects.create(story=story, **told, published_on=timezone.localdate() - dt.timedelta(days=days))
