"""The memory-only store: a Redis database that writes nothing to disk, so that a power cut erases it.

Its users are inbox sessions, the hourly keys of form tokens, the marks of forms whose tip was deleted, the tips whose answers
were read today, the counts of failed sign-ins by address, where officers are at the desk, and signs of life of processes. All must cope with its absence:
time-outs are short, and callers get StoreDownError.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import cast

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


class StoreDownError(Exception):
    """The store does not answer. Each caller has its own rule for that case."""


class ConfigurationHiddenError(Exception):
    """The server does not let this user read its configuration."""


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.MEMORY_URL, socket_connect_timeout=0.1, socket_timeout=0.1, retry=Retry(NoBackoff(), 0)
    )


def get(name: str) -> bytes | None:
    try:
        return _as_bytes(_client().get(name))
    except redis.RedisError as error:
        raise StoreDownError from error


def get_and_touch(name: str, seconds: int) -> bytes | None:
    """Return a value and have it expire `seconds` from now."""
    try:
        return _as_bytes(_client().getex(name, ex=seconds))
    except redis.RedisError as error:
        raise StoreDownError from error


def put(name: str, value: bytes, seconds: int) -> None:
    try:
        _client().set(name, value, ex=seconds)
    except redis.RedisError as error:
        raise StoreDownError from error


def put_once(name: str, value: bytes, seconds: int) -> bytes:
    """Store `value` unless the name is taken; return the value stored now."""
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


def count_up(name: str, seconds: int) -> int:
    """Add one to a count that is forgotten `seconds` after it began; return it."""
    try:
        pipeline = _client().pipeline(transaction=True)
        pipeline.set(name, 0, ex=seconds, nx=True)
        pipeline.incr(name)
        return int(pipeline.execute()[1])
    except redis.RedisError as error:
        raise StoreDownError from error


def count_down(name: str, seconds: int) -> None:
    """Take one from a count, down to zero."""
    try:
        if int(_client().decr(name)) < 0:
            _client().set(name, 0, ex=seconds)
    except redis.RedisError as error:
        raise StoreDownError from error


def seconds_left(name: str) -> int:
    """Return the seconds until a value is forgotten, rounded up; 0 if there is none."""
    try:
        milliseconds = int(_client().pttl(name))
    except redis.RedisError as error:
        raise StoreDownError from error
    return max(0, -(-milliseconds // 1000))


def put_field(name: str, field: str, value: bytes, expires_at: dt.datetime) -> None:
    """Store one field of a map that expires as a whole, so that no field has a time of its own."""
    try:
        pipeline = _client().pipeline(transaction=True)
        pipeline.hset(name, field, value)
        pipeline.expireat(name, expires_at)
        pipeline.execute()
    except redis.RedisError as error:
        raise StoreDownError from error


def read_fields(name: str) -> dict[str, bytes]:
    """Return the fields of a map; none if it has expired."""
    try:
        fields = cast("dict[bytes, bytes]", _client().hgetall(name))
    except redis.RedisError as error:
        raise StoreDownError from error
    return {field.decode(): value for field, value in fields.items()}


def forget_field(name: str, field: str) -> None:
    try:
        _client().hdel(name, field)
    except redis.RedisError as error:
        raise StoreDownError from error


def list_names(prefix: str) -> list[str]:
    """Return the names that begin with `prefix`, which must not hold the wildcards of Redis."""
    try:
        return [name.decode() for name in _client().scan_iter(match=f"{prefix}*", count=1000)]
    except redis.RedisError as error:
        raise StoreDownError from error


def list_client_names() -> set[str]:
    """Return the names that the server's clients have given their connections."""
    try:
        return {str(client.get("name")) for client in _client().client_list()}
    except redis.RedisError as error:
        raise StoreDownError from error


def read_configuration(*names: str) -> dict[str, str]:
    """Return these settings of the server, those that it has. Raises ConfigurationHiddenError."""
    try:
        found = cast("dict[str, str]", _client().config_get(*names))
    except redis.ResponseError as error:
        raise ConfigurationHiddenError from error
    except redis.RedisError as error:
        raise StoreDownError from error
    return {name: str(value) for name, value in found.items()}


def read_clock() -> float:
    """Return the server's time in seconds since 1970."""
    try:
        seconds, microseconds = _client().time()
    except redis.RedisError as error:
        raise StoreDownError from error
    return seconds + microseconds / 1e6


def _as_bytes(value: bytes | str | None) -> bytes | None:
    """Narrow a reply to bytes: the client never decodes, but its type hints say it may."""
    return value.encode() if isinstance(value, str) else value
