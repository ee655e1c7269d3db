"""The first page of communications, and the stories that others find there to approve."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from core.models import Account
from core.staff import groups
from outreach.models import Channel, Event, Guide, Post, Story
from outreach.stories import workflow
from outreach.stories.workflow_rules import StoryAction
from tests.outreach.desk import create_account, perform, story_values
from tests.tips.desk.officers import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer() -> Account:
    return create_account("marsh")


@pytest.fixture
def editor() -> Account:
    return create_account("koch")


def section(client: Client, name: str) -> str:
    page = client.get("/admin/").content.decode()
    return page[page.index(f'id="{name}"') :].partition("</section>")[0] if f'id="{name}"' in page else ""


def write(by: Account, title: str, *actions: StoryAction) -> Story:
    story = workflow.create_story(by, story_values(title=title, slug=title.lower().replace(" ", "-")))
    for action in actions:
        perform(action, story, by)
    return story


def test_a_story_waits_for_the_others_and_comes_back_with_their_words(writer: Account, editor: Account) -> None:
    story = write(writer, "Six arrests", StoryAction.SUBMIT)
    administrator = create_account("vance", groups.ADMINISTRATOR)
    assert "Six arrests" not in section(sign_in(writer), "stories-for-you")
    for other in (editor, administrator):
        assert "Read and decide" in section(sign_in(other), "stories-for-you")
    assert not section(sign_in(administrator), "in-work")
    assert not section(sign_in(create_account("okafor", groups.OFFICER)), "stories-for-you")
    perform(StoryAction.ASK_CHANGES, story, editor, note="Please name <nobody>.")
    returned = section(sign_in(writer), "stories-for-you")
    assert "Please name &lt;nobody&gt;." in returned
    assert "Six arrests" not in section(sign_in(editor), "stories-for-you")
    story.refresh_from_db()
    workflow.save_text(
        story.pk, writer, story_values(title="Six arrests", slug="six-arrests", body="New"), story.version
    )
    assert "Six arrests" not in section(sign_in(writer), "stories-for-you")


def test_the_next_days_and_work_in_progress(writer: Account, editor: Account) -> None:
    noon = timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0) + dt.timedelta(days=2)
    scheduled = write(writer, "A quarter of an hour", StoryAction.SUBMIT)
    perform(StoryAction.APPROVE, scheduled, editor)
    perform(StoryAction.SCHEDULE, scheduled, writer, publish_at=noon)
    draft = write(writer, "Holiday scams")
    Story.objects.filter(pk=draft.pk).update(edited_at=timezone.now() - dt.timedelta(days=12, hours=1))
    event = {"slug": "coffee", "title": "Coffee", "place": "Library", "status": "published"}
    Event.objects.create(starts_at=noon, ends_at=noon + dt.timedelta(hours=1), **event)
    client = sign_in(writer)
    days = section(client, "days")
    assert "noon story: A quarter of an hour" in days
    assert "noon event: Coffee" in days
    in_work = section(client, "in-work")
    assert in_work.index("A quarter of an hour") < in_work.index("Holiday scams")
    assert "approved by koch." in in_work
    assert "Draft, untouched for 12 days" in in_work
    assert "0 residents want a reminder" in section(client, "next-events")
    assert "This event has no place on the map" in section(client, "faults")


def test_what_is_out_and_what_failed(writer: Account, editor: Account) -> None:
    story = write(writer, "Brighter steps", StoryAction.SUBMIT)
    perform(StoryAction.APPROVE, story, editor)
    perform(StoryAction.PUBLISH, story, writer)
    channel = Channel.objects.create(name="Bluesky", kind="bluesky", address="x")
    Post.objects.create(story=story, channel=channel, state=Post.PostState.FAILED, problem="The password is wrong.")
    Guide.objects.all().delete()
    Guide.objects.create(
        slug="shed", title="Locking your shed", body="Lock it", shown=True, updated_on=dt.date(2020, 1, 2)
    )
    client = sign_in(writer)
    out = section(client, "out")
    assert "Brighter steps" in out
    assert "Bluesky: Not posted" in out
    faults = section(client, "faults")
    assert "Bluesky refused a post" in faults
    assert "The password is wrong." in faults
    assert "Locking your shed, last changed Jan. 2, 2020" in faults


def test_an_empty_page_says_what_will_appear(writer: Account) -> None:
    Guide.objects.all().delete()
    client = sign_in(writer)
    assert "No story is out yet." in section(client, "out")
    assert "No event is planned." in section(client, "next-events")
    assert "Nothing. Refused posts" in section(client, "faults")
