"""What `/readyz` looks for."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from core import ephemeral_store
from core.roles import Role
from tests.stack import ROOT
from tests.tipportal.database.test_grants import acting_as
from tipportal import health
from tipportal.deploy import processes
from tipportal.doctor import portal


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the clients that the memory-only store has."""
    names = {process.name for process in (*processes.WORKERS, processes.BEAT)}
    monkeypatch.setattr(ephemeral_store, "list_client_names", lambda: names)
    return names


def ask() -> tuple[int, str]:
    answer = Client().get("/readyz", headers={"host": "10.0.0.7"})
    return answer.status_code, answer.content.decode()


@pytest.mark.django_db
def test_a_whole_portal_is_ready(connected: set[str], settings: Any) -> None:
    assert ask() == (200, "ok")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert Client().get("/readyz")["X-Portal-Version"] == version
    settings.ROLE = Role.PUBLIC  # residents' side: an attacker learns no version
    assert "X-Portal-Version" not in Client().get("/readyz")


@pytest.mark.django_db
def test_a_missing_worker_is_named(connected: set[str]) -> None:
    connected.remove("worker-alerts")
    assert ask() == (503, "missing: worker-alerts\n")


@pytest.mark.django_db
def test_an_absent_store_is_named_and_its_workers_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_store() -> set[str]:
        raise ephemeral_store.StoreDownError

    monkeypatch.setattr(ephemeral_store, "list_client_names", no_store)
    assert ask() == (503, "missing: memory store\n")


@pytest.mark.django_db
def test_a_migration_that_was_not_run_is_noticed(connected: set[str]) -> None:
    MigrationRecorder(connection).record_unapplied("tips", "0001_initial")
    assert ask() == (503, "missing: migrations\n")


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["public", "staff"])
def test_each_web_role_may_see_which_migrations_were_run(role: str) -> None:
    with acting_as(role):
        assert health.find_missing_database() == []


@pytest.mark.django_db
def test_an_absent_database_is_named(connected: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def no_database(*_: object) -> None:
        raise OperationalError

    monkeypatch.setattr(MigrationRecorder, "applied_migrations", no_database)
    assert ask() == (503, "missing: database\n")


@pytest.mark.django_db
def test_a_database_that_an_upgrade_has_closed_is_named(connected: set[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL default_transaction_read_only = on")
    assert ask() == (503, "missing: open database\n")
    (finding,) = portal.check_gate()
    assert "closed for an upgrade" in finding.sentence
    assert finding.is_fault


@pytest.mark.django_db
def test_missing_keys_are_named(connected: set[str], settings: Any) -> None:
    settings.RECEIPT_SALT = settings.AGENCY_PUBLIC_KEYS = None
    assert ask() == (503, "missing: agency key\nmissing: receipt salt\n")


@pytest.mark.django_db
def test_a_flood_of_questions_is_answered_from_one_look(connected: set[str]) -> None:
    client = Client()
    assert client.get("/readyz").status_code == 200
    connected.clear()
    assert client.get("/readyz").status_code == 200
