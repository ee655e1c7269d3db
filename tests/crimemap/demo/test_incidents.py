"""Riverton's records: believable, the same every day, imported and published as an agency's are."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crimemap.demo import incidents, load
from crimemap.models import ImportRun, Incident
from crimemap.snapshot import reader
from crimemap.snapshot.filters import Filter

pytestmark = pytest.mark.django_db
DAY = dt.date(2026, 11, 25)


@pytest.fixture
def city() -> None:
    load.load()


def export(today: dt.date) -> list[dict[str, str]]:
    stream = io.StringIO()
    incidents.write_export(stream, today)
    return list(csv.DictReader(io.StringIO(stream.getvalue())))


def test_five_years_look_like_a_city(city: None) -> None:
    rows = export(DAY)
    assert 58_000 < len(rows) < 62_000
    assert len({row["Report No"] for row in rows}) == len(rows)
    assert len({row["Occurred"][6:10] for row in rows}) == 6
    blocks = Counter(row["Block"] for row in rows if row["Block"])
    assert blocks.most_common(1)[0][0] == "400 block of Arden Street"
    hours = Counter(
        row["Occurred"][11:13] for row in rows if row["Offense Code"] == "13B" and "00:00" not in row["Occurred"]
    )
    assert hours["23"] > 4 * hours["06"]
    months = Counter(row["Occurred"][:2] for row in rows if row["Offense Code"] == "290")
    assert months["07"] > months["01"]


def test_tomorrows_export_contains_todays_incidents(city: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "YEARS", 1)
    today = {row["Report No"]: row for row in export(DAY)}
    tomorrow = {row["Report No"]: row for row in export(DAY + dt.timedelta(days=1))}
    gone = [number for number in today if number not in tomorrow]
    assert {number[:5] for number in gone} == {min(today)[:5]}  # the day that five years have passed of
    both = [number for number in today if number in tomorrow]
    changed = Counter(
        name for number in both for name, value in today[number].items() if value != tomorrow[number][name]
    )
    assert set(changed) == {"Status"}


def test_the_demo_is_imported_and_published_once_a_day(
    city: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(incidents, "YEARS", 1)
    settings.INCIDENT_SNAPSHOTS, settings.INCIDENT_CACHE = tmp_path / "public", tmp_path / "cache"
    call_command("demo_incidents")
    run = ImportRun.objects.get()
    assert (run.state, run.rejected, run.held) == (ImportRun.RunState.DONE, 0, 0)
    assert Incident.objects.exclude(point_kind="block").filter(latitude__isnull=False).count() == 0
    published = reader.current()
    shown = published.count(Filter(published.since, published.until))
    assert 0 < shown < run.created
    call_command("demo_incidents")
    assert ImportRun.objects.count() == 1
    assert f"{shown:,} incidents" in capsys.readouterr().out


def test_the_demo_refuses_a_real_portal_and_an_empty_city(settings: Any) -> None:
    with pytest.raises(CommandError, match="`manage"):
        call_command("demo_incidents")
    settings.DEMO = False
    with pytest.raises(CommandError, match="don't belong in a real portal"):
        call_command("demo_incidents")
