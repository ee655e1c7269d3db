"""A published story is posted on each channel once, and the outcome of each post is known."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
import requests
from apprise.plugins.bluesky import NotifyBlueSky
from django.utils import timezone

from core import channel_services
from core.channel_services import Outcome
from core.models import Account, AuditEntry
from outreach.channels import post_text, posting, transport
from outreach.models import Channel, Post, Status, Story, StoryCategory
from outreach.stories import publication
from tests.outreach.channels.receivers import TOKEN, Receiver, receiving
from tests.tipportal.database.test_grants import acting_as

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("opens_addresses")]
State = Post.PostState


class KilledError(BaseException):
    pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def by(db: None) -> Account:
    return Account.objects.create_user("marsh", is_staff=True)


@pytest.fixture
def story(by: Account) -> Story:
    return Story.objects.create(
        slug="gun", title="One gun fewer", summary="A tip led to it.", category=StoryCategory.WEAPONS,
        status=Status.PUBLISHED, author=by, edited_by=by, approved_by=by,
    )  # fmt: skip


def channel(address: str, name: str = "Press office", **columns: object) -> Channel:
    kind = transport.detect_kind(address)
    return Channel.objects.create(name=name, kind=kind, address=address, **columns)


def publish(story: Story) -> None:
    publication.publish(story, "", timezone.now())


def only() -> Post:
    return Post.objects.get()


def later(monkeypatch: pytest.MonkeyPatch, **time: float) -> None:
    moment = timezone.now() + dt.timedelta(**time)
    monkeypatch.setattr(timezone, "now", lambda: moment)


# Posts and their channels


def test_publication_releases_one_post_per_enabled_channel(story: Story, receiver: Receiver) -> None:
    channel(receiver.mastodon, "Mastodon")
    channel(receiver.webhook, "Newsroom")
    channel(receiver.webhook, "Old", enabled=False)
    publish(story)
    posting.post_due()
    posting.post_due()
    assert receiver.posts == ["One gun fewer http://127.0.0.1:8000/stories/gun/"] * 2
    assert set(Post.objects.values_list("state", flat=True)) == {State.SENT}
    assert Post.objects.count() == 2


def test_a_correction_is_not_posted_again(story: Story, receiver: Receiver) -> None:
    channel(receiver.webhook)
    publish(story)
    posting.post_due()
    publication.publish(story, "The day was wrong.", timezone.now())
    posting.post_due()
    assert len(receiver.posts) == 1


def test_prepared_posts_are_sent_and_left_out_ones_are_not(story: Story, receiver: Receiver) -> None:
    first, second = channel(receiver.mastodon, "Mastodon"), channel(receiver.webhook, "Newsroom")
    posting.prepare_post(story, first, "Our own words", wanted=True)
    posting.prepare_post(story, second, "", wanted=False)
    posting.post_due()
    assert receiver.requests == []  # not published yet
    publish(story)
    posting.post_due()
    assert receiver.posts == ["Our own words"]
    assert {post.channel.name: post.state for post in Post.objects.all()} == {
        "Mastodon": State.SENT,
        "Newsroom": State.LEFT_OUT,
    }


def test_a_text_that_is_too_long_or_empty_gets_a_sentence(story: Story, receiver: Receiver) -> None:
    place = channel(receiver.mastodon)
    for text in ("x" * 501, "   "):
        with pytest.raises(posting.PostActionRefusedError, match=r"accepts up to 500|Write a text"):
            posting.prepare_post(story, place, text, wanted=True)
    posting.prepare_post(story, place, "x" * 476 + " http://127.0.0.1:8000/" + "y" * 100, wanted=True)


@pytest.mark.parametrize("kind", list(transport.KINDS))
def test_the_text_from_the_template_always_fits_and_keeps_its_link(kind: str) -> None:
    place = Channel(kind=kind, template="{title}: {summary} {link}")
    text = posting.default_text(place, "T" * 100, "S" * 300 * 20, "slug")
    assert posting.find_text_problem(text, kind) == ""
    assert text.endswith("/stories/slug/")
    assert text.startswith("T" * 100)


def test_a_template_is_only_filled_in(story: Story) -> None:
    place = Channel(kind="webhook", template="{title.__class__} {0} {link}")
    assert posting.default_text(place, "{summary}", "no", "s").startswith("{title.__class__} {0} http")


def test_a_story_withdrawn_meanwhile_is_not_posted(story: Story, receiver: Receiver) -> None:
    channel(receiver.webhook)
    publish(story)
    publication.withdraw(story, timezone.now())
    posting.post_due()
    assert receiver.requests == []
    assert only().state == State.FAILED


def test_each_database_role_has_only_the_rights_it_needs(story: Story, receiver: Receiver) -> None:
    first, _second = channel(receiver.mastodon, "Mastodon"), channel(receiver.webhook, "Newsroom")
    with acting_as("staff"):
        posting.prepare_post(story, first, "Our own words", wanted=True)
        publish(story)
    with acting_as("bulk"):
        publication.publish(story, "The day was wrong.", timezone.now())
        receiver.status = 500
        posting.post_due()
    with acting_as("staff"):
        posting.settle_post(Post.objects.get(state=State.UNSURE).pk, story.author, again=False)
    assert sorted(request.get("status") or request["message"] for request in receiver.requests) == [
        "One gun fewer http://127.0.0.1:8000/stories/gun/",
        "Our own words",
    ]


# Results of sending


@pytest.mark.parametrize(
    ("status", "state"),
    [(200, State.SENT), (202, State.SENT), (302, State.UNSURE), (401, State.FAILED), (404, State.FAILED),
     (408, State.UNSURE), (429, State.WAITING), (500, State.UNSURE), (503, State.UNSURE), (None, State.UNSURE)],
)  # fmt: skip
def test_the_response_of_a_webhook_decides_the_state(
    story: Story, receiver: Receiver, status: int | None, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.status = status
    channel(receiver.webhook)
    publish(story)
    posting.post_due()
    assert only().state == state
    receiver.status = 200
    later(monkeypatch, hours=1)
    posting.post_due()
    assert len(receiver.requests) == (2 if state == State.WAITING else 1)  # nothing unsure is tried again by itself
    assert all(request["path"] == f"/{TOKEN}" for request in receiver.requests)  # nobody is followed elsewhere


@pytest.mark.parametrize("status", [500, 503, 302, None])
def test_mastodon_gets_the_same_post_again_under_the_same_key(
    story: Story, receiver: Receiver, status: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.status = status
    channel(receiver.mastodon)
    publish(story)
    posting.post_due()
    assert only().state == State.WAITING
    receiver.status = 200
    later(monkeypatch, minutes=2)
    posting.post_due()
    assert only().state == State.SENT
    assert len(receiver.posts) == 1
    first, second = (request["headers"]["Idempotency-Key"] for request in receiver.requests)
    assert first == second


def test_mastodon_is_not_tried_once_its_key_may_be_forgotten(
    story: Story, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.status = None
    channel(receiver.mastodon)
    publish(story)
    posting.post_due()
    later(monkeypatch, minutes=51)
    posting.post_due()
    assert only().state == State.UNSURE
    assert len(receiver.requests) == 1


def test_a_refusal_after_an_attempt_that_may_have_arrived_is_unsure(
    story: Story, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.status = None
    channel(receiver.mastodon)
    publish(story)
    posting.post_due()
    receiver.status = 401
    later(monkeypatch, minutes=2)
    posting.post_due()
    assert only().state == State.UNSURE


def test_a_server_that_cannot_be_reached_is_tried_for_days_and_then_given_up(
    story: Story, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = channel(receiver.mastodon)
    Channel.objects.update(address=f"mastodon://{TOKEN}@127.0.0.1:1")
    publish(story)
    tries = 0
    while only().state == State.WAITING:
        due = only().next_attempt_at
        monkeypatch.setattr(timezone, "now", lambda due=due: due)
        posting.post_due()
        tries += 1
    assert (only().state, tries) == (State.FAILED, 15)
    Channel.objects.update(address=place.address)
    posting.settle_post(only().pk, story.author, again=True)
    posting.post_due()
    assert receiver.posts == ["One gun fewer http://127.0.0.1:8000/stories/gun/"]


# Formats of the channels


@pytest.fixture
def _bluesky(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NotifyBlueSky, "get_identifier", lambda *_args: receiver.bluesky_account)


@pytest.mark.usefixtures("_bluesky")
def test_links_and_hashtags_work_on_bluesky(story: Story, receiver: Receiver) -> None:
    """By the lexicon app.bsky.richtext.facet: positions are bytes of the UTF-8 text."""
    place = channel(receiver.bluesky)
    text = "Café 👩‍👩‍👧 “back” (https://example.org/a_(b)), #Riverton #1 & https://example.org/#part."
    posting.prepare_post(story, place, text, wanted=True)
    publish(story)
    posting.post_due()
    assert only().state == State.SENT
    signed_in, posted = receiver.requests
    assert (signed_in["identifier"], signed_in["password"]) == ("did:plc:riverton", TOKEN)
    assert posted["headers"]["Authorization"] == "Bearer session"
    assert (posted["repo"], posted["collection"]) == ("did:plc:riverton", "app.bsky.feed.post")
    record = posted["record"]
    assert set(record) == {"$type", "text", "createdAt", "facets"}
    assert (record["$type"], record["text"]) == ("app.bsky.feed.post", text)
    assert dt.datetime.fromisoformat(record["createdAt"])
    assert record["createdAt"].endswith("Z")
    facets = [
        (text.encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode(), *facet["features"])
        for facet in record["facets"]
    ]
    kind = "app.bsky.richtext.facet"
    assert facets == [
        ("https://example.org/a_(b)", {"$type": f"{kind}#link", "uri": "https://example.org/a_(b)"}),
        ("#Riverton", {"$type": f"{kind}#tag", "tag": "Riverton"}),
        ("https://example.org/#part", {"$type": f"{kind}#link", "uri": "https://example.org/#part"}),
    ]


@pytest.mark.usefixtures("_bluesky")
@pytest.mark.parametrize(
    ("sign_in_status", "status", "state"),
    [(401, 200, State.FAILED), (500, 200, State.WAITING), (429, 200, State.WAITING), (200, 400, State.FAILED),
     (200, 500, State.UNSURE), (200, None, State.UNSURE)],
)  # fmt: skip
def test_what_bluesky_answers_decides_the_state(
    story: Story, receiver: Receiver, sign_in_status: int, status: int | None, state: State
) -> None:
    receiver.sign_in_status, receiver.status = sign_in_status, status
    channel(receiver.bluesky)
    publish(story)
    posting.post_due()
    assert only().state == state


@pytest.mark.parametrize(
    ("address", "text_sent"),
    [
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "One gun fewer & more https://e-x.org/s_t/?a=1&b=2"),
        # Slack reads &amp; as & and makes bare links itself (api.slack.com/reference/surfaces/formatting).
        (
            "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
            "One gun fewer &amp; more https://e-x.org/s_t/?a=1&amp;b=2",
        ),
        (
            "workflow://example.org:443/643a8b4a8e7c4d6e/dGhlIHNpZ25hdHVyZQ",
            "One gun fewer & more [https://e-x.org/s\\_t/?a=1&b=2](https://e-x.org/s_t/?a=1&b=2)",
        ),
    ],
)
def test_a_post_goes_out_whole_with_a_link_that_works_and_no_picture(
    address: str, text_sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    class Answer:
        status_code, text, content = 200, "ok", b"ok"
        headers: ClassVar[dict[str, str]] = {}

    def answer(*_args: object, data: str, **_options: object) -> Answer:
        sent.append(data)
        return Answer()

    monkeypatch.setattr(requests, "post", answer)
    monkeypatch.setattr(requests, "request", answer)
    result = transport.send_post(address, "One gun fewer & more https://e-x.org/s_t/?a=1&b=2", "key")
    assert result.outcome == Outcome.SENT
    [body] = sent
    assert text_sent in _strings_in(json.loads(body))
    assert "github" not in body  # where apprise keeps its pictures


def _strings_in(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    values = content.values() if isinstance(content, dict) else content if isinstance(content, list) else []
    return [text for value in values for text in _strings_in(value)]


@pytest.mark.parametrize(
    ("kind", "text", "length"),
    [
        ("mastodon", "👩‍👩‍👧 é 🇺🇸", 5),
        ("mastodon", f"(https://example.org/{'x' * 100}).", 26),
        ("bluesky", "👩‍👩‍👧 é 🇺🇸", 5),
        ("discord", "👩 é", 4),
    ],
)
def test_characters_are_counted_as_the_channel_counts_them(kind: str, text: str, length: int) -> None:
    assert post_text.count_characters(text, kind) == length


def test_a_text_of_too_many_bytes_for_bluesky_gets_a_sentence() -> None:
    text = "👩‍👩‍👧" * 200  # 200 of 300 graphemes, 3,600 of 3,000 bytes
    assert "Leave some out" in posting.find_text_problem(text, "bluesky")
    place = Channel(kind="bluesky", template="{title} {link}")
    assert posting.find_text_problem(posting.default_text(place, text, "", "slug"), "bluesky") == ""


# A worker that dies


def dies_before_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The post is with the channel, the row does not know it: as after a kill at this very point."""

    def killed(*_args: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(posting, "_record_result", killed)
        with pytest.raises(KilledError):
            posting.post_due()


def test_after_a_kill_a_webhook_is_unsure_and_not_posted_twice(
    story: Story, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel(receiver.webhook)
    publish(story)
    dies_before_it_knows(monkeypatch)
    assert only().state == State.SENDING
    posting.post_due()
    assert only().state == State.UNSURE
    assert len(receiver.posts) == 1


def test_after_a_kill_mastodon_is_posted_under_the_same_key_and_once(
    story: Story, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel(receiver.mastodon)
    publish(story)
    dies_before_it_knows(monkeypatch)
    posting.post_due()
    assert only().state == State.SENT
    assert (len(receiver.requests), len(receiver.posts)) == (2, 1)


# Staff's decisions on unsure posts


@pytest.mark.parametrize("again", [True, False])
def test_staff_settle_unsure_posts(story: Story, by: Account, receiver: Receiver, again: bool) -> None:
    receiver.status = None
    channel(receiver.webhook)
    publish(story)
    posting.post_due()
    key = only().key
    receiver.status = 200
    posting.settle_post(only().pk, by, again=again)
    posting.post_due()
    assert only().state == State.SENT
    assert len(receiver.requests) == (2 if again else 1)
    assert (only().key != key) == again
    assert AuditEntry.objects.get().subject == f"story {story.pk}"
    with pytest.raises(posting.PostActionRefusedError):
        posting.settle_post(only().pk, by, again=again)


def test_posting_again_to_mastodon_uses_a_new_key(story: Story, by: Account, receiver: Receiver) -> None:
    """Under the old one the server would answer with the post that somebody has just deleted there."""
    channel(receiver.mastodon)
    publish(story)
    posting.post_due()
    Post.objects.update(state=State.UNSURE, sent_at=None)
    posting.settle_post(only().pk, by, again=True)
    posting.post_due()
    assert len(receiver.posts) == 2


# The secret


@pytest.mark.parametrize("status", [200, 401, 500, None])
@pytest.mark.parametrize("kind", ["mastodon", "webhook"])
def test_logs_rows_and_audit_trail_contain_no_channel_address(
    story: Story, by: Account, receiver: Receiver, status: int | None, kind: str, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    receiver.status = status
    channel(getattr(receiver, kind))
    publish(story)
    posting.post_due()
    # apprise's own lines are led nowhere (settings.LOGGING; tests/faults/test_outreach.py reads a real worker's log).
    lines = [record.getMessage() for record in caplog.records if not record.name.startswith("apprise")]
    output = "\n".join([*lines, *capfd.readouterr(), *(str(row) for row in AuditEntry.objects.values())])
    output += str(Post.objects.values())
    assert TOKEN not in output
    assert only().problem or status == 200


def test_only_the_kind_of_a_library_error_is_recorded(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError(f"at {TOKEN}")

    monkeypatch.setattr(transport, "notify", broken)
    answer = transport.send_post(receiver.webhook, "text", str(uuid.uuid4()))
    assert answer.outcome == Outcome.UNSURE
    assert TOKEN not in answer.explanation


@pytest.mark.parametrize(
    "address",
    ["", "exec://ls", "file:///etc/passwd", "syslog://", "dbus://", "mailto://a:b@example.org", "http://example.org/x",
     "mastodon://", f"json://{TOKEN},other", f"slack://TokenA12/TokenB345/{TOKEN}0123456789012/#a/#b"],
)  # fmt: skip
def test_an_address_that_we_do_not_post_to_gets_a_sentence_without_it(address: str) -> None:
    with pytest.raises(channel_services.ChannelAddressError) as refused:
        transport.detect_kind(address)
    assert TOKEN not in str(refused.value)


def test_retries_and_redirects_in_an_address_are_ignored(receiver: Receiver) -> None:
    receiver.status = 500
    transport.send_post(f"{receiver.webhook}?retry=3&wait=0", "text", "key")
    receiver.status = 307
    transport.send_post(f"{receiver.webhook}?redirect=yes", "text", "key")
    assert len(receiver.requests) == 2


def test_only_the_server_of_an_address_is_visible(receiver: Receiver) -> None:
    assert transport.visible_host(receiver.mastodon) == "127.0.0.1"
    assert transport.visible_host("bsky://name:secret@example.org".replace(":secret@example.org", "@secret")) == ""
