"""The ways to publish: a command with words, a task, the clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crimemap import tasks
from crimemap.snapshot import reader
from tests.crimemap.sample_incidents import Agency
from tipportal.celery import app


@pytest.fixture
def agency(tmp_path: Path, settings: Any, db: None) -> Agency:
    settings.INCIDENT_SNAPSHOTS, settings.INCIDENT_CACHE = tmp_path / "public", tmp_path / "cache"
    settings.PUBLICATION_RULES = None
    return Agency()


def run_publish_incidents(*args: str) -> str:
    out = StringIO()
    call_command("publish_incidents", *args, stdout=out)
    return out.getvalue()


def test_the_command_prints_counts_of_shown_and_hidden_incidents(agency: Agency) -> None:
    for code in ("burglary", "fraud", "sexual", "unknown"):
        agency.add(code)
    agency.add(occurred_at=datetime.now(UTC))
    words = run_publish_incidents()
    assert "is published." in words
    assert "2 incidents are shown, 1 count in yearly totals only, 1 wait for their codes" in words
    assert "1 are under embargo" in words
    again = json.loads(run_publish_incidents("--json", "--afresh"))
    assert {name: again[name] for name in ("changed", "shown", "hidden", "held", "embargoed")} == {
        "changed": False,
        "shown": 2,
        "hidden": 1,
        "held": 1,
        "embargoed": 1,
    }


def test_looser_rules_are_printed_and_recorded_in_the_version(agency: Agency, settings: Any, tmp_path: Path) -> None:
    settings.PUBLICATION_RULES = tmp_path / "ours.toml"
    settings.PUBLICATION_RULES.write_text(
        'embargo_days = 2\n[looser]\nembargo_days = {by = "Lt. Okafor", on = 2026-03-02, why = "Resolution 26"}'
    )
    assert "Looser than the default: embargo_days (Lt. Okafor, 2026-03-02: Resolution 26)." in run_publish_incidents()
    assert reader.current().meta["looser"] == ["embargo_days"]  # the name of who decided it is not the public's


def test_an_invalid_rule_file_changes_nothing(agency: Agency, settings: Any, tmp_path: Path) -> None:
    agency.add()
    run_publish_incidents()
    settings.PUBLICATION_RULES = tmp_path / "ours.toml"
    settings.PUBLICATION_RULES.write_text("embargo_days = 0")
    with pytest.raises(CommandError, match="embargo_days is a whole number of at least 1"):
        run_publish_incidents()
    assert reader.current().meta["rows"] == 1


def test_without_a_folder_the_command_fails_and_the_task_does_nothing(agency: Agency, settings: Any) -> None:
    settings.INCIDENT_SNAPSHOTS = None
    with pytest.raises(CommandError, match="INCIDENT_SNAPSHOTS"):
        run_publish_incidents()
    tasks.publish()


def test_the_task_publishes(agency: Agency) -> None:
    agency.add()
    tasks.publish()
    assert reader.current().meta["rows"] == 1


def test_beat_publishes_hourly_and_in_full_once_a_day() -> None:
    entries = [entry for entry in app.conf.beat_schedule.values() if entry["task"] == tasks.publish.name]
    assert [entry.get("kwargs", {}) for entry in entries] == [{}, {"afresh": True}]
    assert app.amqp.router.route({}, tasks.publish.name)["queue"].name == "bulk"
