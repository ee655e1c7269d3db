"""The memory-only store: a Redis database that writes nothing to disk, for what must be gone when the power is.

Two users: inbox sessions and the form tokens' keys of the hour. Both must survive its absence: time-outs are short, and
callers get StoreDownError.
"""

from __future__ import annotations

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


class StoreDownError(Exception):
    """The store does not answer. What the caller does without it is the caller's rule."""


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.MEMORY_URL, socket_connect_timeout=0.1, socket_timeout=0.1, retry=Retry(NoBackoff(), 0)
    )


def get(name: str) -> bytes | None:
    try:
        return _bytes(_client().get(name))
    except redis.RedisError as error:
        raise StoreDownError from error


def get_and_touch(name: str, seconds: int) -> bytes | None:
    """Read a value and let it live `seconds` from now."""
    try:
        return _bytes(_client().getex(name, ex=seconds))
    except redis.RedisError as error:
        raise StoreDownError from error


def put(name: str, value: bytes, seconds: int) -> None:
    try:
        _client().set(name, value, ex=seconds)
    except redis.RedisError as error:
        raise StoreDownError from error


def put_once(name: str, value: bytes, seconds: int) -> bytes:
    """Store `value` unless there is one; return the one that stands."""
    try:
        pipeline = _client().pipeline(transaction=True)
        pipeline.set(name, value, ex=seconds, nx=True)
        pipeline.get(name)
        return pipeline.execute()[1] or value
    except redis.RedisError as error:
        raise StoreDownError from error


def forget(name: str) -> None:
    try:
        _client().delete(name)
    except redis.RedisError as error:
        raise StoreDownError from error


def _bytes(value: bytes | str | None) -> bytes | None:
    """The client is never told to decode, but its types do not know."""
    return value.encode() if isinstance(value, str) else value
