"""Messages in the real broker: what somebody who reads a stopped queue learns."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from celery import current_app
from django.test import Client

from core import ephemeral_store, queue
from crimemap.alerts import subscriptions
from crimemap.alerts.new_incidents import AlertCriteria
from crimemap.alerts.subscriptions import AlertSubscription
from tests.tips.source.pages import send_tip
from tips.models import Alert
from tips.walls import screening_thread


def messages_about(text: str) -> list[dict[str, Any]]:
    """Return the waiting messages whose task or arguments contain `text`, newest first; other tests send some as well."""
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as broker:
        waiting = [json.loads(raw) for name in ("alerts", "media", "bulk") for raw in broker.lrange(name, 0, -1)]
    return [each for each in waiting if text in each["headers"]["task"] + base64.b64decode(each["body"]).decode()]


def values_of(thing: Any) -> Iterator[Any]:
    if isinstance(thing, dict | list):
        for each in thing.values() if isinstance(thing, dict) else thing:
            yield from values_of(each)
    else:
        yield thing


def check_message(message: dict[str, Any], task: str, arguments: list[str]) -> None:
    own_id = message["headers"]["id"]
    assert message["headers"] == {"task": task, "id": own_id}
    assert json.loads(base64.b64decode(message["body"]))[:2] == [arguments, {}]
    words = {str(each) for each in values_of(message) if each is not None} - {message["body"], task, own_id}
    assert not [each for each in words if "@" in each or ":" in each or str(os.getpid()) in each]
    assert socket.gethostname() not in json.dumps(message)


@pytest.mark.django_db
def test_the_message_about_a_tip_holds_the_id_of_its_alert_alone(
    client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        send_tip(client, danger="yes")
        screening_thread.run_round(rechecks=False)
    alert_id = str(Alert.objects.get().pk)
    (message,) = messages_about(alert_id)
    check_message(message, "tips.alerts.spread", [alert_id])


@pytest.mark.django_db
def test_the_message_about_a_subscriber_holds_nothing(django_capture_on_commit_callbacks: Any) -> None:
    alert = AlertSubscription(AlertCriteria(None, None, frozenset()), "", "daily")
    with django_capture_on_commit_callbacks(execute=True):
        subscriptions.request_alert("maria@example.org", alert)
    check_message(messages_about("send_alerts")[0], "crimemap.bulk.send_alerts", [])


@pytest.mark.parametrize("task", ["tips.alerts.spread", "tips.media.rebuild", "crimemap.bulk.send_alerts"])
def test_a_message_of_a_web_process_is_the_one_that_celery_writes(task: str) -> None:
    argument = str(uuid4())
    current_app.send_task(task, args=[argument])
    queue.send(task, argument)
    ours, celerys = messages_about(argument)
    for message in (ours, celerys):
        for names in (["headers", "id"], ["properties", "correlation_id"], ["properties", "delivery_tag"]):
            assert UUID(message[names[0]].pop(names[1]))
        message["body"] = json.loads(base64.b64decode(message["body"]))
    assert ours == celerys


def test_a_message_that_has_to_expire_still_does() -> None:
    queue.send("crimemap.bulk.publish", "for the test of expiry", expires=60)
    (message,) = messages_about("for the test of expiry")
    assert set(message["headers"]) == {"task", "id", "expires"}


def test_a_redis_that_hangs_delays_a_page_by_tenths_of_a_second() -> None:
    given = [client.connection_pool.connection_kwargs for client in (queue._client(), ephemeral_store._client())]
    assert [each["retry"].get_retries() for each in given] == [0, 0]
    for each in (*given, current_app.conf.broker_transport_options):
        assert each["socket_timeout"] <= 0.1
        assert each["socket_connect_timeout"] <= 0.1
