"""Threads of the staff side are woken by the database, and no other role learns of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from unittest import mock

import pytest
from django.db import connection

from core import database_listener
from core.database_listener import Listener
from tests.stack import wait_until
from tests.tips.desk import officers
from tips.models import Arrival
from tips.walls import screening

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener(["arrivals"])
    assert listener.wait(10) == {"arrivals"}  # what came before it listened is unknown
    assert listener.wait(0) == set()
    yield listener
    listener.close()


def test_a_tip_wakes_a_thread_that_listens(listener: Listener) -> None:
    officers.send_tip()
    began = time.monotonic()
    assert listener.wait(60) == {"arrivals"}
    assert time.monotonic() - began < 30


def test_alerts_are_sent_on_at_once_when_a_page_has_compared_the_tip(listener: Listener) -> None:
    tip = officers.send_tip()
    Arrival.objects.create(tip=tip, is_recheck=False)
    while listener.wait(0.5):
        pass
    assert screening.screen_arrivals() == 1
    assert listener.wait(60) == {"arrivals"}


def test_a_broken_connection_is_made_again_and_nothing_is_missed(listener: Listener) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"
        )
        assert cursor.rowcount == 1
    assert listener.wait(60) == set()
    wait_until(lambda: listener.wait(0) == {"arrivals"}, 120, "a new connection")


def test_callers_look_by_themselves_while_there_is_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    away = connection.copy()
    away.settings_dict = away.settings_dict | {"HOST": "127.0.0.1", "PORT": "1"}
    monkeypatch.setattr(database_listener, "connection", mock.Mock(copy=lambda: away))
    monkeypatch.setattr(database_listener, "SECONDS_BETWEEN_TRIES", 0.0)
    listener = Listener(["arrivals"])
    began = time.monotonic()
    assert listener.wait(60) == set()
    assert time.monotonic() - began < 30


def test_a_notification_holds_nothing_and_its_channel_cannot_be_guessed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM staff_channel")
        (secret,) = cursor.fetchone()
    spy = connection.copy()
    try:
        spy.set_autocommit(True)
        with spy.cursor() as cursor:
            cursor.execute(f'LISTEN "arrivals {secret}"; LISTEN arrivals; LISTEN tips_arrival')
            officers.send_tip()
            cursor.execute("SELECT 1")
        heard = {(notification.channel, notification.payload) for notification in spy.connection.notifies}
    finally:
        spy.close()
    assert heard == {(f"arrivals {secret}", "")}
