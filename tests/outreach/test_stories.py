from __future__ import annotations

import pytest

from outreach import demo
from outreach.models import PublishedStory, Status, Story
from tipportal import staff
from tipportal.models import Account

pytestmark = pytest.mark.django_db


def _demo():
    Account.objects.create(username=staff.COMMUNICATIONS)
    demo.load()


def test_stories_are_told_newest_first(client):
    _demo()
    page = client.get("/stories/").content.decode()
    titles = [page.index(story["title"]) for story in demo.STORIES]
    assert titles == sorted(titles)


@pytest.mark.parametrize("status", [Status.DRAFT, Status.IN_REVIEW, Status.WITHDRAWN])
def test_a_story_that_is_not_published_is_not_told(client, status):
    by = Account.objects.create(username="writer")
    Story.objects.create(slug="s", title="Not yet", summary="x", status=status, author=by, edited_by=by)
    assert "Not yet" not in client.get("/stories/").content.decode()


def test_without_stories_the_page_says_so(client):
    assert "No stories yet" in client.get("/stories/").content.decode()


def test_the_demo_stories_come_once():
    _demo()
    demo.load()
    assert PublishedStory.objects.count() == 3
