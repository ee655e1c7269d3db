"""Posts a published story on each of the agency's channels, once.

There is one Post row per channel: its text is prepared with the story, publication releases it, the bulk worker sends it.
The row says that an attempt begins before anything is sent, so a worker that dies leaves a row in state SENDING. What
follows depends on the channel: if it drops a repeated post by its idempotency key, the post is sent again under the same
key; otherwise the post is UNSURE until staff have looked at the channel. Nothing is posted twice.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import uuid
from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit, queue
from core.advisory_locks import try_advisory_lock
from core.channel_services import DeliveryResult, Outcome
from core.models import Account
from outreach.channels import channel_addresses, post_text, transport
from outreach.channels.transport import KINDS
from outreach.models import Channel, Post, PublishedStory, Story

log = logging.getLogger(__name__)

State = Post.PostState
# Mastodon keeps a key for an hour (docs.joinmastodon.org/methods/statuses); after that a repeat would be a second post.
IDEMPOTENCY_WINDOW = dt.timedelta(minutes=50)
_BACK_OFF = [dt.timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 20, 40, 60, 120, 240, 480)]
_MAX_ATTEMPTS = 15  # about two days
_BATCH_SIZE = 50
EDITABLE = (State.PREPARED, State.LEFT_OUT)


class PostActionRefusedError(ValueError):
    """The post's text or state does not allow the action. The message is a sentence for staff."""


# Texts


def default_text(channel: Channel, title: str, summary: str, slug: str) -> str:
    """Fill in the channel's template. Too long a text loses words of the summary, then of the title, never of the link."""
    link = f"{settings.PORTAL_URL}/stories/{slug}/"
    values = {"title": title, "summary": summary, "link": link}
    text = _fill_template(channel.template, values)
    for name in ("summary", "title"):
        if find_text_problem(text, channel.kind) and f"{{{name}}}" in channel.template:

            def fill_in(shortened: str, name: str = name) -> str:
                return _fill_template(channel.template, values | {name: shortened})

            values[name] = post_text.shorten(
                values[name], lambda shortened: not find_text_problem(fill_in(shortened), channel.kind)
            )
            text = fill_in(values[name])
    return text.strip()


def _fill_template(template: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(title|summary|link)\}", lambda match: values[match[1]], template)


def find_text_problem(text: str, kind: str) -> str:
    """Return a sentence on what is wrong with a text, or an empty string."""
    if not text.strip():
        return _("Write a text, or turn off this channel for the story.")
    limit, length = KINDS[kind].max_characters, post_text.count_characters(text, kind)
    if length > limit:
        return _("This text has %(has)d characters. %(kind)s accepts up to %(longest)d: shorten the text.") % {
            "has": length, "longest": limit, "kind": KINDS[kind].label,
        }  # fmt: skip
    if not post_text.fits(text, kind, limit):
        return _("%(kind)s doesn't accept this many emoji and special characters. Leave some out.") % {
            "kind": KINDS[kind].label
        }
    return ""


# At the desk


def list_posts(story: Story) -> list[Post]:
    """Return the story's posts, by channel name. Before publication, channels without a post have an unsaved one."""
    posts = {post.channel_id: post for post in story.posts.select_related("channel", "story")}
    if PublishedStory.objects.filter(story=story).exists():
        return sorted(posts.values(), key=lambda post: post.channel.name)
    channels = Channel.objects.filter(Q(enabled=True) | Q(pk__in=posts))
    return [
        posts.get(channel.pk) or Post(story=story, channel=channel, text=_default_text_for(channel, story))
        for channel in channels
    ]


def count_overdue() -> int:
    """Return how many posts have been due for more than ten minutes: they are tried every minute."""
    due = Post.objects.filter(state__in=(State.WAITING, State.SENDING))
    return due.filter(next_attempt_at__lt=timezone.now() - dt.timedelta(minutes=10)).count()


def list_unsure_posts() -> list[Post]:
    """Return up to 20 posts that staff have to look for on the channel, the oldest first."""
    waiting = Post.objects.filter(state=State.UNSURE).select_related("channel", "story")
    return list(waiting.order_by("begun_at")[:20])


def prepare_post(story: Story, channel: Channel, text: str, *, wanted: bool) -> None:
    """Store the text for a channel until the story is published. Raises PostActionRefusedError."""
    text = text.strip().replace("\r\n", "\n")
    if wanted and (problem := find_text_problem(text, channel.kind)):
        raise PostActionRefusedError(problem)
    with transaction.atomic():
        post, _created = Post.objects.select_for_update().get_or_create(story=story, channel=channel)
        if post.state not in EDITABLE:
            raise PostActionRefusedError(_("This is already posted. You can't change it here."))
        post.text, post.state = text, State.PREPARED if wanted else State.LEFT_OUT
        post.save()


def release_posts(story: Story) -> None:
    """Release the story's prepared posts, and create default ones for channels in use that have none.

    Runs in the transaction that publishes. A second publication of the same story posts nothing again.
    """
    known_channels = story.posts.values_list("channel_id", flat=True)
    new_posts = [
        Post(story=story, channel=channel, state=State.WAITING, text=_default_text_for(channel, story))
        for channel in Channel.objects.filter(enabled=True).exclude(pk__in=list(known_channels))
    ]
    Post.objects.bulk_create(new_posts, ignore_conflicts=True)
    story.posts.filter(state=State.PREPARED).update(state=State.WAITING, next_attempt_at=timezone.now())
    queue.send_on_commit("outreach.bulk.post", expires=600)


def _default_text_for(channel: Channel, story: Story) -> str:
    return default_text(channel, story.title, story.summary, story.slug)


def settle_post(post_id: UUID, by: Account, *, again: bool) -> Post:
    """Record what staff saw on the channel: the post is there; or it is not, and is to be posted `again`.

    Raises PostActionRefusedError.
    """
    with transaction.atomic():
        post = Post.objects.select_for_update().select_related("channel", "story").get(pk=post_id)
        if post.state != State.UNSURE and not (again and post.state in (State.FAILED, State.LEFT_OUT)):
            raise PostActionRefusedError(_("Someone already handled this post. Reload the page."))
        if again:
            if not PublishedStory.objects.filter(story=post.story_id).exists():
                raise PostActionRefusedError(_("The story isn't published. Publish it first."))
            # A new key: for the old one the channel might still answer that it has the post.
            post.state, post.key, post.begun_at, post.attempts = State.WAITING, uuid.uuid4(), None, 0
            post.text = post.text or _default_text_for(post.channel, post.story)
            post.next_attempt_at = timezone.now()
            queue.send_on_commit("outreach.bulk.post", expires=600)
        else:
            post.state, post.sent_at = State.SENT, post.begun_at
        post.problem = ""
        post.save()
        audited = "asked to post again" if again else "confirmed as posted"
        audit.record(by, audited, f"story {post.story_id}", f"channel {post.channel.name}")
    return post


# In the bulk worker


@shared_task(name="outreach.bulk.post")  # type: ignore[untyped-decorator]
def post_due() -> None:
    """Send the posts that are due, also those that a killed worker left."""
    channel_addresses.seal_readable_addresses()
    due = _unfinished_posts().filter(next_attempt_at__lte=timezone.now()).order_by("next_attempt_at")
    for post_id in due.values_list("pk", flat=True)[:_BATCH_SIZE]:
        with try_advisory_lock(post_id) as alone:
            post = _unfinished_posts().filter(pk=post_id).select_related("channel").first() if alone else None
            if post is not None:
                _attempt_post(post)


def _unfinished_posts() -> QuerySet[Post]:
    return Post.objects.filter(state__in=(State.WAITING, State.SENDING))


def _attempt_post(post: Post) -> None:
    """Try to send a post once. The row says that the attempt begins before it does, and its result afterwards."""
    kind = KINDS[post.channel.kind]
    now = timezone.now()
    if post.begun_at is not None and not (kind.drops_repeats and now - post.begun_at < IDEMPOTENCY_WINDOW):
        _update_post(
            post, state=State.UNSURE, problem=post.problem or _("The system stopped while it was posting this.")
        )
        return
    if not PublishedStory.objects.filter(story=post.story_id).exists():
        may_have_arrived = post.begun_at is not None
        _update_post(
            post,
            state=State.UNSURE if may_have_arrived else State.FAILED,
            problem=_("The story is no longer published."),
        )
        return
    first_begun_at = post.begun_at
    _update_post(post, state=State.SENDING, begun_at=first_begun_at or now, attempts=post.attempts + 1)
    _record_result(post, _send(post), first_begun_at)


def _send(post: Post) -> DeliveryResult:
    try:
        address = channel_addresses.open_address(post.channel)
    except channel_addresses.KeyMissingError:
        sentence = _("The key that opens the channel's address is missing where we post from. Tell an administrator.")
        return DeliveryResult(Outcome.LATER, sentence)
    except channel_addresses.SealError:
        return DeliveryResult(
            Outcome.REFUSED, _("The channel's address can't be opened. Enter it again under Channels.")
        )
    return transport.send_post(address, post.text, str(post.key))


def _record_result(post: Post, result: DeliveryResult, first_begun_at: dt.datetime | None) -> None:
    """Write the result of an attempt. `first_begun_at` is set if an attempt before this one may have arrived."""
    kind, retry = KINDS[post.channel.kind], timezone.now() + _BACK_OFF[min(post.attempts, len(_BACK_OFF)) - 1]
    match result.outcome:
        case Outcome.SENT:
            _update_post(post, state=State.SENT, sent_at=timezone.now(), problem="")
        case Outcome.UNSURE if kind.drops_repeats:
            _update_post(post, state=State.WAITING, problem=result.explanation, next_attempt_at=retry)
        case Outcome.LATER if post.attempts < _MAX_ATTEMPTS:
            _update_post(
                post, state=State.WAITING, begun_at=first_begun_at, problem=result.explanation, next_attempt_at=retry
            )
        case Outcome.UNSURE:
            _update_post(post, state=State.UNSURE, problem=result.explanation)
        case _:
            state = State.FAILED if first_begun_at is None else State.UNSURE
            _update_post(post, state=state, begun_at=first_begun_at, problem=result.explanation)
    if result.outcome != Outcome.SENT:
        log.warning(
            "an attempt at a post did not arrive, or may not have (%s, %s)", post.channel.kind, result.outcome.value
        )


def _update_post(post: Post, **columns: Any) -> None:
    for name, value in columns.items():
        setattr(post, name, value)
    Post.objects.filter(pk=post.pk).update(**columns)
