"""Columns as agencies fill them: false zones, addresses in parts, counts, rows repeated under one id."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crimemap.importing import column_mapping
from crimemap.models import ImportRun, Incident, Source
from tests.crimemap.importing.import_command import outcomes, refusal_of_import, run_import_command

pytestmark = pytest.mark.django_db
ZONE = "America/New_York"


def import_text(folder: Path, text: str, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """Import a file through the columns that the portal guesses, with changed settings."""
    path = folder / "export.csv"
    path.write_text(text, encoding="utf-8")
    sample = column_mapping.read_sample(path)
    config = column_mapping.guess_columns(sample.header, sample)
    config["columns"] |= (settings or {}).get("columns", {})
    config |= {name: value for name, value in (settings or {}).items() if name != "columns"}
    Source.objects.update_or_create(
        slug="feed", defaults={"name": "Feed", "profile": "generic", "time_zone": ZONE, "profile_config": config}
    )
    return run_import_command("feed", path)


def local_times() -> list[tuple[str, str]]:
    incidents = Incident.objects.order_by("id")
    return [(f"{each.occurred_at.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M}", each.precision) for each in incidents]


def test_a_false_zone_is_overruled_and_told(tmp_path: Path) -> None:
    """As Washington's police export: local times, marked as UTC; and as ArcGIS does: milliseconds since 1970."""
    text = (
        "ID,Start,Offense\n1,2026-01-10T01:26:04.000Z,THEFT\n2,2026-07-10T16:20:00+00:00,THEFT\n"
        "3,2026-01-01T00:00:00Z,THEFT\n4,1767951964000,THEFT\n"
    )
    result = import_text(tmp_path, text, {"columns": {"occurred": "Start"}, "times_are_local": True})
    assert outcomes(result) == (4, 0, 0, 0)
    assert local_times() == [
        ("2026-01-10 01:26", "minute"), ("2026-07-10 16:20", "minute"), ("2026-01-01 00:00", "day"), ("2026-01-09 09:46", "minute"),
    ]  # fmt: skip
    assert "zones of times overruled" in ImportRun.objects.get().report["cells"]
    import_text(tmp_path, text, {"columns": {"occurred": "Start"}})
    assert local_times()[:2] == [("2026-01-09 20:26", "minute"), ("2026-07-10 12:20", "minute")]


def test_an_address_in_columns_becomes_its_block(tmp_path: Path) -> None:
    text = (
        "RecordID,Offense,BlockNumber,StreetName,StreetType,Suffix,Occurred\n"
        "1,Vandalism,1600,EXAMPLE,AVE,NW,2026-07-20 03:17\n2,Vandalism,300-399,SAMPLE,ST,-,2026-07-20 04:17\n"
        "3,Vandalism,,SAMPLE,ST,,2026-07-20 05:17\n"
    )
    assert outcomes(import_text(tmp_path, text)) == (3, 0, 0, 0)
    blocks = list(Incident.objects.order_by("id").values_list("block_text", flat=True))
    assert blocks[:2] == ["1600 block of Example Ave NW", "300 block of Sample St"]
    assert "block of" not in blocks[2]


COUNTED = (
    "Date,Hour,Offense,Beat,Block,Offense Count\n8/1/26,0,Theft,22B40,15400 BLOCK EXAMPLE BLVD,1\n"
    "8/1/26,4,Aggravated Assault,22B40,15500 BLOCK EXAMPLE BLVD,3\n8/1/26,5,Theft,22B40,15500 BLOCK EXAMPLE BLVD,2\n"
    "8/1/26,6,Theft,22B40,15500 BLOCK EXAMPLE BLVD,0\n"
)


def test_a_row_that_stands_for_several_offenses_is_counted_as_many_times(tmp_path: Path) -> None:
    result = import_text(tmp_path, COUNTED)
    assert outcomes(result) == (6, 0, 0, 1)
    assert result["quirks"]["more offenses that rows count"] == 3
    assert Incident.objects.filter(raw_code="AGGRAVATED ASSAULT").count() == 3
    assert outcomes(import_text(tmp_path, COUNTED)) == (0, 0, 6, 1)
    with_ids = "\n".join(f"{n},{line}" if n else f"ID,{line}" for n, line in enumerate(COUNTED.splitlines()))
    Incident.objects.all().delete()
    assert outcomes(import_text(tmp_path, with_ids)) == (6, 0, 0, 1)
    assert set(Incident.objects.values_list("external_id", flat=True)) == {"1", "2", "2#2", "2#3", "3", "3#2"}
    Source.objects.update(profile_config={"columns": {"occurred": "Date", "code": "Offense"}})
    assert "Choose that column as “How many offenses”" in refusal_of_import("feed", tmp_path / "export.csv")


def test_copies_under_one_id_are_one_incident(tmp_path: Path) -> None:
    """An export with a row for each victim repeats all that is read; another offense under the id is another incident."""
    text = (
        "ID,Occurred,Offense,Victim\n1,2026-01-10 13:30,ROBBERY,a\n1,2026-01-10 13:30,ROBBERY,b\n"
        "1,2026-01-10 13:30,ASSAULT,a\n1,2026-01-10 13:30,ASSAULT,b\n2,2026-01-10 13:30,ROBBERY,c\n"
    )
    result = import_text(tmp_path, text)
    assert outcomes(result) == (3, 0, 2, 0)
    assert result["quirks"]["rows repeated under one id, counted once"] == 2
    assert sorted(Incident.objects.values_list("raw_code", flat=True)) == ["ASSAULT", "ROBBERY", "ROBBERY"]
    assert outcomes(import_text(tmp_path, text)) == (0, 0, 5, 0)
    reordered = "\n".join([text.splitlines()[0], *reversed(text.splitlines()[1:])])
    assert outcomes(import_text(tmp_path, reordered)) == (0, 0, 5, 0)


def test_columns_mapped_anew_do_not_store_the_same_rows_twice(tmp_path: Path) -> None:
    """The file has no ids. Where even the time is read anew, nobody can tell, and the import stops."""
    lines = [
        f"2026-09-{n % 28 + 1:02} {n % 24:02}:{n % 60:02},{('THEFT', 'ARSON')[n % 2]},C{n % 3},{n % 40}00 BLOCK ARDEN ST,{n % 5},Street,{n % 7}"
        for n in range(120)
    ]
    text = "\n".join(["When,What,Class,Where,Sector,Place,Zone", *lines])
    columns = {"occurred": "When", "code": "What", "block": "Where", "beat": "Sector", "district": "Zone"}
    assert outcomes(import_text(tmp_path, text, {"columns": columns})) == (120, 0, 0, 0)
    public_ids = dict(Incident.objects.values_list("id", "public_id"))
    remapped = {"columns": columns | {"location_description": "Place", "label": "Class"}}
    result = import_text(tmp_path, text, remapped)
    assert outcomes(result) == (0, 120, 0, 0)
    assert dict(Incident.objects.values_list("id", "public_id")) == public_ids
    assert outcomes(import_text(tmp_path, text, remapped)) == (0, 0, 120, 0)
    Source.objects.update(time_zone="America/Denver")
    config = Source.objects.get().profile_config
    Source.objects.update(profile_config=config | {"columns": config["columns"] | {"outcome": "Class"}})
    assert "have a new meaning" in refusal_of_import("feed", tmp_path / "export.csv")
    assert Incident.objects.count() == 120
