"""Commands typed beside `make run` get the database user they need, and no secret of another role."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tipportal.dev_stack import environment


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "environ", {"PATH": "/bin"})
    path = tmp_path / "environment"
    lines = [f"{role}DATABASE_URL=postgres://{role or 'ALL_'}" for role in ("", "OWNER_", "BULK_")]
    path.write_text(
        "\n".join(
            [*lines, "PORTAL_ROLE=all", "AUDIT_KEY=/k", "SECRET_KEY=s", "INCIDENT_CACHE=/c", "ADDRESS_PRIVATE_KEYS=/a"]
        )
    )
    return path


@pytest.mark.parametrize(
    ("command", "role", "has", "lacks"),
    [
        ("shell", "all", "AUDIT_KEY", "ADDRESS_PRIVATE_KEYS"),
        ("send_alerts", "bulk", "ADDRESS_PRIVATE_KEYS", "AUDIT_KEY"),
        ("migrate", "owner", "PORTAL_ROLE", "AUDIT_KEY"),
        ("import_incidents", "bulk", "INCIDENT_CACHE", "SECRET_KEY"),
        ("publish_incidents", "bulk", "INCIDENT_CACHE", "AUDIT_KEY"),
    ],
)
def test_a_command_gets_the_role_it_needs(file: Path, command: str, role: str, has: str, lacks: str) -> None:
    assert environment.load(command, file)
    assert os.environ["PORTAL_ROLE"] == role
    assert os.environ["DATABASE_URL"] == f"postgres://{role.upper()}_"
    assert has in os.environ
    assert lacks not in os.environ


def test_a_role_that_is_set_is_not_changed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "PORTAL_ROLE", "staff")
    assert not environment.load("import_incidents", file)
    assert "DATABASE_URL" not in os.environ
