from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.staticfiles import finders
from django.utils import timezone

from outreach import demo
from outreach.models import Story

pytestmark = pytest.mark.django_db


def test_stories_are_told_newest_first(client):
    demo.load()
    page = client.get("/stories/").content.decode()
    titles = [page.index(story.title) for story in demo.STORIES]
    assert titles == sorted(titles)
    assert page.count("<img ") >= 3


def test_a_story_of_tomorrow_waits(client):
    Story.objects.create(
        slug="s", title="Not yet", summary="x", published_on=timezone.localdate() + dt.timedelta(days=1)
    )
    assert "Not yet" not in client.get("/stories/").content.decode()


def test_without_stories_the_page_says_so(client):
    assert "No stories yet" in client.get("/stories/").content.decode()


def test_the_demo_stories_come_once_and_have_their_pictures():
    demo.load()
    demo.load()
    assert Story.objects.count() == 3
    assert all(finders.find(f"img/stories/{story.picture}.svg") for story in Story.objects.all())
