"""Which posts of the tip form wait for a thread behind which."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.journey import multipart
from tipportal.deploy.gunicorn_worker import decode_request_line
from tipportal.deploy.tip_posts import REPEATED_SECONDS, Standing, TipPosts, is_tip_post
from tips import form_tokens
from tips.source import throttle

RIPE_AFTER = throttle.RIPE_SECONDS + 1


@pytest.fixture
def posts() -> TipPosts:
    return TipPosts()


def bodies(token: str) -> Iterator[bytes]:
    yield f"token={token.replace('=', '%3D')}&category=drugs&description=x".encode()
    yield f"token={token}&category=drugs".encode()
    yield multipart({"token": token, "category": "drugs"}, [b"a"])


def test_a_form_that_a_person_had_time_to_fill_in_goes_first(posts: TipPosts) -> None:
    now = time.time() + RIPE_AFTER
    for body in bodies(form_tokens.issue()):
        assert posts.judge(body, now) is Standing.RIPE
        now += REPEATED_SECONDS + 1


def test_a_form_that_was_fetched_just_now_waits_behind(posts: TipPosts) -> None:
    for body in bodies(form_tokens.issue()):
        assert TipPosts().judge(body, time.time()) is Standing.YOUNG


def test_a_form_posted_again_at_once_waits_last_and_one_that_waited_as_told_does_not(posts: TipPosts) -> None:
    body, now = next(bodies(form_tokens.issue())), time.time() + RIPE_AFTER
    standings = [posts.judge(body, now + seconds) for seconds in (0, 0.1, 1, 1 + throttle.TURN_WAIT_SECONDS)]
    assert standings == [Standing.RIPE, Standing.ODD, Standing.ODD, Standing.RIPE]
    assert len(posts._posted_at) == len(posts._order) == 1
    # A clock that is set back makes no post a repeated one until it is past the old time.
    assert posts.judge(body, now - 600) is not Standing.ODD
    assert len(posts._order) == 1


@pytest.mark.parametrize(
    "body", [b"", b"token=rubbish", b"token=%FF%00", b"category=drugs", b"token=" + b"A" * 5000, b"\xff\xfe&token=="]
)
def test_a_post_without_a_token_of_ours_waits_last(posts: TipPosts, body: bytes) -> None:
    assert posts.judge(body, time.time()) is Standing.ODD


def test_a_token_of_another_server_or_an_old_one_waits_last(posts: TipPosts, monkeypatch: pytest.MonkeyPatch) -> None:
    body = next(bodies(form_tokens.issue()))
    assert posts.judge(body, time.time() + form_tokens.LIFETIME_SECONDS + 60) is Standing.ODD
    monkeypatch.setattr(form_tokens, "_keys", form_tokens._Keys())
    assert posts.judge(body, time.time() + RIPE_AFTER) is Standing.ODD


@pytest.mark.parametrize(
    ("line", "is_tip"),
    [
        (b"POST /tips/ HTTP/1.1", True),
        (b"POST /tips HTTP/1.1", True),
        (b"POST /%74ips/?a=b HTTP/1.1", True),
        (b"POST http://portal.example/tips/ HTTP/1.1", True),
        (b"GET /tips/ HTTP/1.1", False),
        (b"POST /tips/inbox/ HTTP/1.1", False),
        (b"POST /tips/files/ HTTP/1.1", False),
    ],
)
def test_posts_of_the_form_are_recognized_however_they_are_written(line: bytes, is_tip: bool) -> None:
    assert is_tip_post(decode_request_line(line + b"\r\nHost: a\r\n")) is is_tip
