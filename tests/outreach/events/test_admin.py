"""Admin pages of events and channels: input is never lost, edit conflicts are shown, and secrets are never shown."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from core.models import Account, AuditEntry
from core.staff import groups
from outreach.channels import channel_addresses, posting, transport
from outreach.events import actions
from outreach.models import Channel, Event, Post, Status, Story, Tag
from outreach.stories import publication
from tests import staff_session
from tests.outreach.events.test_events import planned
from tests.tips.desk.officers import read_audit_trail

pytestmark = pytest.mark.django_db
SECRET = "canary-secret-8Wz"
State = Post.PostState


def account(group: str) -> Account:
    account = Account.objects.create_user(group, is_staff=True)
    account.groups.set([Group.objects.get(name=group)])
    return account


@pytest.fixture
def by(db: None) -> Account:
    return account(groups.COMMUNICATIONS)


@pytest.fixture
def desk(by: Account) -> Client:
    client = Client()
    staff_session.sign_in(client, by)
    return client


def typed(**changes: Any) -> dict[str, Any]:
    day = (timezone.localtime() + dt.timedelta(days=10)).strftime("%Y-%m-%d")
    return {
        "title": "Coffee with an officer", "slug": "coffee", "starts_at_0": day, "starts_at_1": "10:00",
        "ends_at_0": day, "ends_at_1": "12:00", "place": "Library", "spot": "", "body": "Come.", "begun_from": "1",
        **changes,
    }  # fmt: skip


def change(event: Event) -> str:
    return f"/admin/outreach/event/{event.pk}/change/"


# Events


def test_an_event_is_planned_published_and_cancelled(desk: Client) -> None:
    page = desk.get("/admin/outreach/event/add/").content.decode()
    converter = re.search(r'data-paste-url="([^"]+)"', page)[1]
    assert desk.post(converter, {"html": "<b>Coffee</b>"}).json()["markdown"].strip() == "**Coffee**"
    assert "js/admin-story." in page
    response = desk.post("/admin/outreach/event/add/", typed())
    assert response.status_code == 302, response.content.decode()
    event = Event.objects.get()
    assert response["Location"] == change(event)
    assert timezone.localtime(event.starts_at).hour == 10
    page = desk.get(change(event)).content.decode()
    assert "see it yet." in page
    publish = f"/admin/outreach/event/{event.pk}/publish/"
    assert page.index('name="_save"') < page.index(f'formaction="{publish}" name="_publish"')  # Enter presses Save
    page = desk.post(publish, typed(title="", body="Typed", _publish="1")).content.decode()
    assert "Typed" in page
    desk.post(publish, typed(title="Typed here", _save="1"))  # Save, on the page that the refusal showed
    event.refresh_from_db()
    assert (event.title, event.status) == ("Typed here", "draft")
    desk.post(publish, typed(title="Typed too", begun_from="2", _publish="1"))
    event.refresh_from_db()
    assert (event.title, event.status) == ("Typed too", "published")
    assert "Residents can see it" in desk.get(change(event)).content.decode()
    page = desk.post(f"/admin/outreach/event/{event.pk}/cancel/", {"because": " "}).content.decode()
    assert "Write one sentence" in page
    desk.post(f"/admin/outreach/event/{event.pk}/cancel/", {"because": "The hall is flooded."})
    event.refresh_from_db()
    assert event.cancelled_because == "The hall is flooded."
    assert desk.get(change(event)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"starts_at_0": "2020-01-01"}, "This start is in the past"),
        # The agency's clocks go forward on March 14, 2027, from 2 to 3 a.m.
        (
            {"starts_at_0": "2027-03-13", "ends_at_0": "2027-03-14", "ends_at_1": "02:30"},
            "Clocks skip 2:30 a.m. on this day",
        ),
        (
            {"starts_at_0": "2027-03-14", "starts_at_1": "02:00", "ends_at_0": "2027-03-14"},
            "Clocks skip 2 a.m. on this day",
        ),
        ({"ends_at_1": "09:00"}, "The end must be after the start"),
        ({"starts_at_1": "quarter past"}, "Enter a valid time"),
        ({"spot": "Nowhere Boulevard"}, "find this place"),
        ({"slug": "past"}, "Another page uses this address"),
        ({"body": "x" * 20_001}, "at most 20000"),
    ],
)
def test_invalid_input_gets_a_sentence_and_stays_in_the_form(
    desk: Client, changes: dict[str, str], sentence: str
) -> None:
    response = desk.post("/admin/outreach/event/add/", typed(body="A long evening of writing.") | changes)
    page = response.content.decode()
    assert response.status_code == 200
    assert sentence in page
    assert changes.get("body", "A long evening of writing.") in page
    assert all(str(value) in page for value in changes.values())
    assert not Event.objects.exists()


def test_an_hour_that_clocks_repeat_is_the_first_of_the_two(desk: Client) -> None:
    """They go back on November 7, 2027, from 2 to 1 a.m."""
    times = {"starts_at_0": "2027-11-07", "starts_at_1": "00:30", "ends_at_0": "2027-11-07", "ends_at_1": "01:30"}
    assert desk.post("/admin/outreach/event/add/", typed(**times)).status_code == 302
    event = Event.objects.get()
    assert event.ends_at - event.starts_at == dt.timedelta(hours=1)


def test_a_past_event_can_still_be_corrected(desk: Client, by: Account) -> None:
    event = planned(by)
    Event.objects.update(starts_at=timezone.now() - dt.timedelta(days=2), ends_at=timezone.now() - dt.timedelta(days=1))
    event.refresh_from_db()
    starts, ends = timezone.localtime(event.starts_at), timezone.localtime(event.ends_at)
    same = {
        "starts_at_0": f"{starts:%Y-%m-%d}", "starts_at_1": f"{starts:%H:%M:%S}",
        "ends_at_0": f"{ends:%Y-%m-%d}", "ends_at_1": f"{ends:%H:%M:%S}", "begun_from": event.version,
    }  # fmt: skip
    assert desk.post(change(event), typed(title="Mended", **same)).status_code == 302
    assert Event.objects.get().title == "Mended"


def test_two_editors_on_one_event_see_both_texts_and_choose(desk: Client, by: Account) -> None:
    event = planned(by, publish=False)
    actions.change_event(event.pk, {"title": "Their title"}, by, 1)
    response = desk.post(change(event), typed(title="My title"))
    page = response.content.decode()
    assert "Someone else saved this event" in page
    assert "Their title" in page
    assert "My title" in page
    assert Event.objects.get().title == "Their title"
    assert 'name="begun_from" value="2"' in page
    assert desk.post(change(event), typed(title="My title", begun_from="2")).status_code == 302
    assert Event.objects.get().title == "My title"


def test_a_session_that_ended_while_writing_loses_nothing(by: Account) -> None:
    address, client = "/admin/outreach/event/add/", Client()
    staff_session.set_password(by)
    page = staff_session.post_as_typed_by(by, client, address, typed(title="Unsaved title"))
    assert page.status_code == 401
    page = staff_session.sign_in_on(page, client, address, by)
    assert "Press Save again" in page.content.decode()
    assert "Unsaved title" in page.content.decode()
    assert not Event.objects.exists()


def test_a_published_event_is_not_deleted_and_a_draft_is(desk: Client, by: Account) -> None:
    event, draft = planned(by), planned(by, publish=False, slug="draft")
    assert desk.post(f"/admin/outreach/event/{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert desk.post(f"/admin/outreach/event/{draft.pk}/delete/", {"post": "yes"}).status_code == 302
    assert list(Event.objects.values_list("slug", flat=True)) == ["coffee"]


@pytest.mark.parametrize("group", [groups.OFFICER, groups.SUPERVISOR, groups.ADMINISTRATOR])
def test_accounts_outside_communications_change_nothing(by: Account, group: str) -> None:
    event = planned(by, publish=False)
    client = Client()
    staff_session.sign_in(client, account(group))
    for path, data in (
        ("add/", typed()), (f"{event.pk}/change/", typed()), (f"{event.pk}/publish/", {}), (f"{event.pk}/cancel/", {}),
    ):  # fmt: skip
        assert client.post(f"/admin/outreach/event/{path}", data).status_code == 403
    assert client.post("/admin/outreach/channel/add/", {}).status_code == 403
    assert client.get(change(event)).status_code == (200 if group == groups.ADMINISTRATOR else 403)


STEERING = "\u202e\u200b"


def test_characters_that_feeds_cannot_hold_are_removed_and_merge_no_words(desk: Client) -> None:
    desk.post("/admin/outreach/event/add/", typed(title=f"Cof{STEERING}fee\x0bcake", place=f"Lib{STEERING}rary"))
    event = Event.objects.get()
    assert (event.title, event.place) == ("Coffee cake", "Library")
    desk.post("/admin/outreach/tag/add/", {"name": f"Fra{STEERING}ud", "slug": "fraud"})
    assert Tag.objects.get().name == "Fraud"


# Channels


def test_a_channels_secret_is_typed_and_never_shown_again(desk: Client, settings: Any) -> None:
    form = {
        "name": "Mastodon",
        "secret": f"mastodons://{SECRET}@social.example",
        "template": "{title} {link}",
        "enabled": "on",
    }
    assert desk.post("/admin/outreach/channel/add/", form).status_code == 302
    channel = Channel.objects.get()
    assert read_audit_trail()[-1][1:3] == ("added channel", f"channel {channel.pk}")
    assert (channel.kind, channel.host) == ("mastodon", "social.example")
    path = f"/admin/outreach/channel/{channel.pk}/change/"
    desk.post(path, form | {"secret": "", "name": "Press office"})
    channel.refresh_from_db()
    settings.ADDRESS_PRIVATE_KEYS = settings.ADDRESS_PUBLIC_KEYS.with_name("addresses-private")
    assert (channel.name, channel.address) == ("Press office", "")
    assert channel_addresses.open_address(channel) == form["secret"]
    pages = [
        desk.get(url).content.decode() for url in (path, "/admin/outreach/channel/", "/admin/", f"{path[:-7]}history/")
    ]
    log_rows = [str(row) for model in (AuditEntry, LogEntry) for row in model.objects.values()]
    assert SECRET not in "".join(pages + log_rows)


def test_without_the_key_no_channel_is_stored_and_the_page_says_what_to_do(
    desk: Client, settings: Any, tmp_path: Path
) -> None:
    settings.ADDRESS_PUBLIC_KEYS = tmp_path
    form = {"name": "Mastodon", "secret": f"mastodons://{SECRET}@social.example", "template": "{title} {link}"}
    page = desk.post("/admin/outreach/channel/add/", form).content.decode()
    assert "the key that protects it is missing on this server" in page
    assert not Channel.objects.exists()


@pytest.mark.parametrize(
    "lookup", ["address", "address__startswith", "address__regex", "id__in=1&address__gt", "sealed_address__startswith"]
)
def test_the_list_cannot_be_filtered_by_the_secret(desk: Client, lookup: str) -> None:
    channel(address=f"mastodons://{SECRET}@social.example")
    assert desk.get("/admin/outreach/channel/?enabled__exact=1").status_code == 200
    assert desk.get(f"/admin/outreach/channel/?{lookup}=mastodons://").status_code == 400


@pytest.mark.parametrize("address", ["", "exec://x", f"http://{SECRET}.example/", f"mastodon://{SECRET}"])
def test_an_invalid_address_is_explained_without_repeating_it(desk: Client, address: str) -> None:
    form = {"name": "Mastodon", "secret": address, "template": "{title} {link}"}
    response = desk.post("/admin/outreach/channel/add/", form)
    page = response.content.decode()
    assert response.status_code == 200
    assert 'class="errorlist"' in page
    assert SECRET not in page
    assert not Channel.objects.exists()


# Stories about events


@pytest.fixture
def story(by: Account) -> Story:
    return Story.objects.create(slug="gun", title="One gun fewer", summary="A tip.", author=by, edited_by=by)


def channel(name: str = "Mastodon", address: str = "mastodons://t@social.example") -> Channel:
    return Channel.objects.create(name=name, address=address, kind=transport.detect_kind(address))


def page_of(story: Story) -> str:
    return f"/admin/outreach/channel/of-story/{story.pk}/"


def test_texts_are_prepared_with_the_story_and_a_problem_loses_none(desk: Client, story: Story) -> None:
    first, second = channel(), channel("Newsroom", "jsons://hook.example/x")
    page = desk.get(page_of(story)).content.decode()
    assert page.count("One gun fewer http://127.0.0.1:8000/stories/gun/") == 4  # a text and how it reads, twice
    long = {f"text-{first.pk}": "x" * 501, f"wanted-{first.pk}": "on", f"text-{second.pk}": "Other words"}
    page = desk.post(page_of(story), long).content.decode()
    assert "501 of 500 characters" in page
    assert "Other words" in page
    assert not Post.objects.exists()
    desk.post(page_of(story), long | {f"text-{first.pk}": "Our words"})
    assert {(post.channel.name, post.state, post.text) for post in Post.objects.all()} == {
        ("Mastodon", State.PREPARED, "Our words"),
        ("Newsroom", State.LEFT_OUT, "Other words"),
    }
    publication.publish(story, "", timezone.now())
    Story.objects.update(status=Status.PUBLISHED, approved_by=story.author)
    assert "Waiting to be posted" in desk.get(page_of(story)).content.decode()
    desk.post(page_of(story), {f"text-{first.pk}": "Too late", f"wanted-{first.pk}": "on"})
    assert Post.objects.get(channel=first).text == "Our words"


@pytest.mark.parametrize(("decision", "state"), [("there", State.SENT), ("again", State.WAITING)])
def test_staff_settle_an_unsure_post_on_the_page_of_the_story(
    desk: Client, story: Story, decision: str, state: str
) -> None:
    channel()
    publication.publish(story, "", timezone.now())
    Post.objects.update(state=State.UNSURE, begun_at=timezone.now(), problem="Check if the post is there.")
    page = desk.get(page_of(story)).content.decode()
    assert "Check if the post is there." in page
    assert "It's there" in page
    assert "Post it again" in page
    assert "1 post" in desk.get("/admin/").content.decode()
    desk.post(page_of(story), {"settle": f"{decision}:{Post.objects.get().pk}"})
    assert Post.objects.get().state == state
    assert "Look at the channel" not in desk.get("/admin/").content.decode()


@pytest.mark.parametrize("settle", ["", "there", "there:", "again:x", "there:00000000-0000-0000-0000-000000000000"])
def test_a_decision_about_a_missing_post_does_nothing(desk: Client, story: Story, settle: str) -> None:
    channel()
    publication.publish(story, "", timezone.now())
    Post.objects.update(state=State.UNSURE, begun_at=timezone.now())
    assert desk.post(page_of(story), {"settle": settle}).status_code in (200, 302)
    assert Post.objects.get().state == State.UNSURE


def test_viewers_cannot_settle_posts(story: Story) -> None:
    channel()
    publication.publish(story, "", timezone.now())
    Post.objects.update(state=State.UNSURE, begun_at=timezone.now())
    client = Client()
    staff_session.sign_in(client, account(groups.ADMINISTRATOR))
    page = client.get(page_of(story))
    assert page.status_code == 200
    assert "It's there" not in page.content.decode()
    assert client.post(page_of(story), {"settle": f"there:{Post.objects.get().pk}"}).status_code == 403
    assert posting.list_posts(story)[0].state == State.UNSURE
