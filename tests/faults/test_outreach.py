"""The bulk worker killed at the very point between what it sent and what it knows: posts on channels, mails about events."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from tests.outreach.channels.receivers import TOKEN, Receiver, receiving
from tests.stack import Stack, wait_until

WORKER = "worker-bulk"
STORY = """
import django.utils.timezone as timezone
from outreach.channels import transport
from outreach.models import Channel, Story
from outreach.stories import publication
from core.models import Account
by, _ = Account.objects.get_or_create(username="marsh")
story = Story.objects.create(slug={slug!r}, title="One gun fewer", author=by, edited_by=by)
Channel.objects.exclude(address={address!r}).update(enabled=False)
Channel.objects.create(name={slug!r}, address={address!r}, kind=transport.detect_kind({address!r}))
publication.publish(story, "", timezone.now())
"""
REMINDERS = """
import datetime as dt
from django.utils import timezone
from outreach.events import actions, reminders
from core.models import Account
by, _ = Account.objects.get_or_create(username="marsh")
starts = timezone.now() + dt.timedelta(days=9)
event = actions.create_event(dict(slug="tea", title="Tea", starts_at=starts, ends_at=starts + dt.timedelta(hours=1), place="Hall"), by)
event = actions.publish_event(event.pk, by)
for name in ("ada", "ben", "eve"):
    reminders.request_reminder(event, name + "@example.org")
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(
        tmp_path_factory.mktemp("spreading"), web=["all"], workers=["bulk"], variables={"WEB_CONCURRENCY": "1"}
    ) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def run(stack: Stack, code: str, task: str) -> None:
    """Run code that leaves work to `task`, and send that as beat does each minute: a message that takes 50 ms is given up."""
    stack.run_manage("shell", "--no-imports", "-c", code)
    stack.send_task(f"outreach.bulk.{task}", queue="bulk")


def again(stack: Stack, task: str) -> None:
    """Run one of beat's tasks and wait for its end. Tasks of a killed worker stay with the broker."""
    broker: Any = redis.Redis.from_url(stack.redis_url)
    held = broker.hlen("unacked")
    stack.send_task(f"outreach.bulk.{task}", queue="bulk")
    wait_until(lambda: not broker.llen("bulk") and broker.hlen("unacked") <= held, 120, f"{task} is done")


def value(stack: Stack, query: str) -> Any:
    connection = stack.connect("owner")
    with connection, connection.cursor() as cursor:
        cursor.execute(query)
        found = cursor.fetchone()
    connection.close()
    return found and found[0]


def once(act: Callable[[], None]) -> Callable[[], None]:
    calls: list[int] = []

    def guarded() -> None:
        calls.append(1)
        if len(calls) == 1:
            act()

    return guarded


def killed(stack: Stack) -> Callable[[], None]:
    return once(lambda: stack.children[WORKER].signal(signal.SIGKILL))


@pytest.mark.parametrize(("kind", "state", "request_count"), [("webhook", "unsure", 1), ("mastodon", "sent", 2)])
def test_a_worker_killed_after_the_channel_received_the_post(
    stack: Stack, receiver: Receiver, kind: str, state: str, request_count: int
) -> None:
    receiver.before = killed(stack)
    run(stack, STORY.format(slug=kind, address=getattr(receiver, kind)), "post")
    wait_until(lambda: not stack.children[WORKER].is_alive, 120, "the worker is killed")
    query = f"SELECT p.state FROM outreach_post p JOIN outreach_channel c ON c.id = channel_id WHERE c.name = '{kind}'"
    assert value(stack, query) == "sending"
    assert len(receiver.posts) == 1
    stack.start_worker("bulk")
    again(stack, "post")
    wait_until(lambda: value(stack, query) == state, 120, f"the post is {state}")
    again(stack, "post")
    assert value(stack, query) == state
    assert (len(receiver.posts), len(receiver.requests)) == (1, request_count)
    assert len({request["headers"].get("Idempotency-Key") for request in receiver.requests}) == 1


def test_a_worker_killed_after_the_mail_server_received_the_mail(stack: Stack) -> None:
    """One is repeated under its Message-ID; the others come once."""
    kill, take = killed(stack), stack.mails.handle_DATA
    stack.mails.clear()

    async def take_and_kill(*args: Any) -> str:
        answer = await take(*args)
        kill()
        return answer

    stack.mails.handle_DATA = take_and_kill  # type: ignore[method-assign]
    run(stack, REMINDERS, "remind")
    wait_until(lambda: not stack.children[WORKER].is_alive, 120, "the worker is killed")
    stack.start_worker("bulk")
    again(stack, "remind")
    mails = stack.mails.wait(4)
    again(stack, "remind")
    first, *rest = [mail["Message-ID"] for mail in mails]
    assert len(stack.mails.received) == 4
    assert rest.count(first) == 1
    assert len(set(rest)) == 3
    assert value(stack, "SELECT count(*) FROM outreach_remindermail WHERE state = 'waiting'") == 0


def test_no_log_holds_a_channels_secret_or_an_address(stack: Stack) -> None:
    words = "".join(path.read_text(errors="replace") for path in stack.logs.iterdir())
    assert TOKEN not in words
    assert "@example.org" not in words
