"""Commands of the installer that are begun before they are needed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT
from tipportal.deploy.setup.machine import Machine, StepFailedError

NO_DATABASE = {
    "PORTAL_ROLE": "owner",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://none",
}


def test_a_begun_command_does_nothing_until_it_is_finished(tmp_path: Path) -> None:
    done = tmp_path / "done"
    waiting = ("sh", "-c", 'read line && echo "$line" > "$0" && echo written', str(done))
    with Machine().begin(*waiting):
        pass
    assert not done.exists()
    with Machine().begin(*waiting) as command:
        assert command.finish("now\n") == "written"
    assert done.read_text() == "now\n"
    with pytest.raises(StepFailedError, match="has failed: a reason"), Machine().begin("false"):
        Machine().run("sh", "-c", "echo a reason >&2; exit 3")


def test_a_migration_that_waits_has_no_connection_yet_and_changes_nothing_without_its_word() -> None:
    """A connection older than the gate for writes would be bound by it."""
    command = (sys.executable, ROOT / "manage.py", "migrate", "--skip-checks", "--when-told")
    environment = {**NO_DATABASE, "PYTHONPATH": os.pathsep.join(sys.path)}
    with pytest.raises(StepFailedError, match="Nothing was changed"):
        Machine().run(*command, environment=environment)
    with pytest.raises(StepFailedError, match="connection"):
        Machine().run(*command, text="now\n", environment=environment)
