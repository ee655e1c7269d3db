"""The demo city's stories are created through the ordinary workflow."""

from __future__ import annotations

import tomllib

import pytest

from outreach.demo import drawings, stories
from outreach.models import Correction, Picture, PublishedStory, Status, Story, StoryCategory, StoryStep
from tests.crimemap.conftest import _riverton_stands  # noqa: F401  (a fixture)
from tipportal.demo import tips as portal_demo

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_riverton_stands")]

TOLD = tomllib.loads(stories._SCRIPT.read_text(encoding="utf-8"))["story"]


@pytest.fixture(autouse=True)
def _people():
    portal_demo.make_accounts()


@pytest.fixture
def _no_pictures(monkeypatch):
    """Each picture is a process of its own: a second, all in all some."""
    monkeypatch.setattr(stories.pictures, "rebuild_picture", lambda _original: None)


def test_the_demo_stories_come_once_each_with_its_picture(monkeypatch):
    monkeypatch.setattr(drawings, "WIDTH", 40)
    stories.load()
    stories.load()
    assert Story.objects.count() == len(TOLD)
    published = PublishedStory.objects.all()
    assert {story.slug for story in published} == {told["slug"] for told in TOLD if "until" not in told}
    assert all(story.lead.state == Picture.PictureState.READY for story in published)
    assert set(published.values_list("category", flat=True)) >= set(StoryCategory.values) - {StoryCategory.OTHER}


@pytest.mark.usefixtures("_no_pictures")
def test_each_story_was_approved_by_a_second_person():
    stories.load()
    steps = list(StoryStep.objects.filter(action__in=("create", "approve")).values_list("action", "by__username"))
    assert {by for action, by in steps if action == "create"} == {"communications"}
    assert {by for action, by in steps if action == "approve"} == {"administrator"}


@pytest.mark.usefixtures("_no_pictures")
def test_one_was_corrected_and_one_waits_for_review():
    stories.load()
    assert Story.objects.get(slug="neighbors-and-a-spare-key").status == Status.IN_REVIEW
    assert Story.objects.get(slug="marked-bicycles").status == Status.CORRECTED
    assert PublishedStory.objects.get(slug="marked-bicycles").property_returned == 22
    assert "22" in Correction.objects.get().note


@pytest.mark.usefixtures("_no_pictures")
def test_an_interrupted_load_is_completed_by_the_next(monkeypatch):
    publish = stories._publish

    def cut(*args, **kwargs):
        if Story.objects.count() == 3:
            raise KeyboardInterrupt
        publish(*args, **kwargs)

    monkeypatch.setattr(stories, "_publish", cut)
    with pytest.raises(KeyboardInterrupt):
        stories.load()
    assert Story.objects.count() == 2
    monkeypatch.setattr(stories, "_publish", publish)
    stories.load()
    assert Story.objects.count() == len(TOLD)


@pytest.mark.usefixtures("_no_pictures")
def test_stories_are_created_without_pictures_where_none_can_be_rebuilt():
    stories.load()
    assert not PublishedStory.objects.filter(lead__isnull=False).exists()
    assert PublishedStory.objects.count() == len(TOLD) - 1
