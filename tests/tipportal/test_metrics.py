"""`/metrics`: for those who know the token, and without anything by which a tip's arrival could be timed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from environs import ValidationError

from core import ephemeral_store
from tests.tipportal.database.test_grants import acting_as
from tests.tips.desk import officers
from tipportal import health, metrics
from tipportal import settings as portal_settings
from tipportal.heartbeats import records
from tips import statistics
from tips.models import Tip

pytestmark = pytest.mark.django_db

TOKEN = "a token of the monitor's own"


@pytest.fixture(autouse=True)
def _token(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.METRICS_TOKEN = TOKEN
    monkeypatch.setattr(health, "list_missing", lambda: ["worker-bulk"])
    now = timezone.now()
    monkeypatch.setattr(metrics, "timezone", SimpleNamespace(now=lambda: now))  # no hour ends during a test
    name = f"metrics of {now:%Y-%m-%d %H}"
    ephemeral_store.forget(name)
    yield
    ephemeral_store.forget(name)


def read(authorization: str = f"Bearer {TOKEN}") -> tuple[int, str]:
    answer = Client().get("/metrics", headers={"authorization": authorization, "host": "10.0.0.7"})
    return answer.status_code, answer.content.decode()


def test_it_names_what_is_missing_to_those_who_know_the_token() -> None:
    records.note("worker-alerts")
    status, text = read()
    assert status == 200
    assert 'portal_part_missing{part="worker-bulk"} 1.0' in text
    assert 'portal_heartbeat_age_seconds{process="worker-alerts"}' in text
    assert 'portal_rows_overdue{queue="imports"} 0.0' in text
    assert "portal_feeds_late 0.0" in text


def test_without_the_token_there_is_no_such_page(settings: Any) -> None:
    unknown = Client().get("/metrics", headers={"host": "localhost"})
    assert unknown.status_code == 404
    for wrong in ("", "Bearer ", "Bearer x", TOKEN, f"Bearer {TOKEN}x", "Bearer \xe9"):
        assert read(wrong)[0] == 400  # this host is judged, as for all pages
    settings.METRICS_TOKEN = ""
    for wrong in ("", "Bearer ", "Bearer"):
        assert read(wrong)[0] == 400
    for too_short in ("x", "x" * 19):
        with pytest.raises(ValidationError):
            portal_settings.check_token(too_short)
    portal_settings.check_token("")


def test_tips_are_counted_by_the_hour_and_from_five_on(monkeypatch: pytest.MonkeyPatch) -> None:
    hour = metrics.timezone.now().replace(minute=0, second=0, microsecond=0)
    for _ in range(4):
        officers.send_tip()
    Tip.objects.update(received_at=hour - dt.timedelta(hours=1))
    assert statistics.count_received_in_hour_before(hour) is None
    assert "portal_tips" not in read()[1]
    officers.send_tip()
    officers.send_tip()
    Tip.objects.update(received_at=hour - dt.timedelta(hours=1))
    with acting_as("staff"):
        assert statistics.count_received_in_hour_before(hour) == 5
    # Within the hour the figure stays what it was at first: no step tells of one tip.
    assert "portal_tips" not in read()[1]
    ephemeral_store.forget(f"metrics of {hour:%Y-%m-%d %H}")
    assert "portal_tips_last_full_hour 5.0" in read()[1]
    for word in ("request", "duration", "latency", "_total", "created"):
        assert word not in read()[1]


def test_without_a_database_it_still_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_database() -> None:
        raise OperationalError

    monkeypatch.setattr(metrics, "_read_heartbeats", no_database)
    status, text = read()
    assert status == 200
    assert "portal_part_missing" in text
    assert "portal_feeds_late" not in text
