"""Check whether servers, web processes and workers answer."""

from __future__ import annotations

import http.client

import psycopg2
import redis

from tipportal.deploy import processes
from tipportal.dev_stack.child_process import ProcessControlError


class ServerUnreachableError(ProcessControlError):
    """A server that an environment variable names does not answer. The message is a sentence that says what to do."""


def require_redis(url: str) -> None:
    """Raise ServerUnreachableError if the Redis or Valkey server does not answer."""
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise ServerUnreachableError(
            f"The server that REDIS_URL names doesn't respond ({error}). Start it, or unset REDIS_URL."
        ) from None


def require_database(url: str) -> None:
    """Raise ServerUnreachableError if the PostgreSQL server does not answer."""
    try:
        psycopg2.connect(url, connect_timeout=5).close()
    except (psycopg2.Error, ValueError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ServerUnreachableError(
            f"The server that DATABASE_URL names doesn't respond ({reason}). Start it, or unset DATABASE_URL."
        ) from None


def is_home_page_served(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def count_listening_workers(redis_url: str) -> int:
    """Count the Celery workers that wait for tasks on this server: each has one connection blocked in BRPOP."""
    try:
        with redis.Redis.from_url(redis_url, socket_timeout=2) as client:
            return sum(connection["cmd"].lower() == "brpop" for connection in client.client_list())
    except redis.RedisError:
        return 0


def is_beat_connected(redis_url: str) -> bool:
    """Return whether the scheduler has the connection that the desk knows it by."""
    try:
        with redis.Redis.from_url(redis_url, socket_timeout=2) as client:
            return any(connection["name"] == processes.BEAT.name for connection in client.client_list())
    except redis.RedisError:
        return False
