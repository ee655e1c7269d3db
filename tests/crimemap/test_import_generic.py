"""Files of a city that no profile knows, through a map of columns."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crimemap import sampling
from crimemap.models import Incident, OffenceCode, Source
from tests.crimemap.importer import imported, outcomes

pytestmark = pytest.mark.django_db

# As Vancouver's police publish: no id, a column for each part of the time, points in metres of a projection.
VANCOUVER = """TYPE,YEAR,MONTH,DAY,HOUR,MINUTE,HUNDRED_BLOCK,NEIGHBOURHOOD,X,Y
Theft from Vehicle,2023,7,4,15,5,11XX ROBSON ST,Central Business District,491285.0,5458714.2
Theft from Vehicle,2023,7,4,15,5,11XX ROBSON ST,Central Business District,491285.0,5458714.2
Mischief,2023,12,25,0,0,5XX W 24TH AVE,Riley Park,0.0,0.0
Break and Enter Commercial,2023,3,12,2,30,X ALEXANDER ST,Strathcona,492800.1,5458900.5
Offence Against a Person,2023,5,1,,,OFFSET TO PROTECT PRIVACY,,0,0
"""


def source(config: dict[str, Any]) -> Source:
    return Source.objects.create(
        slug="vancouver", name="Vancouver", profile="generic", profile_config=config, time_zone="America/Vancouver"
    )


def test_a_column_for_each_part_of_the_time(tmp_path: Path) -> None:
    path = tmp_path / "crimedata.csv"
    path.write_text(VANCOUVER)
    config = sampling.guess(VANCOUVER.splitlines()[0].split(","))
    source(config)
    told = imported("vancouver", path)
    assert outcomes(told) == (5, 0, 0, 0)
    assert told["held"] == 5
    assert outcomes(imported("vancouver", path)) == (0, 0, 5, 0)
    zone = ZoneInfo("America/Vancouver")
    times = {
        (incident.raw_code, incident.occurred_at.astimezone(zone).strftime("%m-%d %H:%M"), incident.precision)
        for incident in Incident.objects.all()
    }
    assert times == {
        ("THEFT FROM VEHICLE", "07-04 15:05", "minute"),
        ("MISCHIEF", "12-25 00:00", "day"),
        ("BREAK AND ENTER COMMERCIAL", "03-12 03:30", "hour"),
        ("OFFENCE AGAINST A PERSON", "05-01 00:00", "day"),
    }
    robson = Incident.objects.filter(raw_code="THEFT FROM VEHICLE")
    assert {(each.block_text, each.neighbourhood, each.point_kind) for each in robson} == {
        ("1100 block of Robson St", "Central Business District", "none")
    }


def test_codes_of_a_map_of_columns_are_held_until_somebody_classifies_them(tmp_path: Path) -> None:
    path = tmp_path / "crimedata.csv"
    path.write_text(VANCOUVER)
    source(sampling.guess(VANCOUVER.splitlines()[0].split(",")))
    imported("vancouver", path)
    codes = OffenceCode.objects.filter(scheme="generic:vancouver")
    assert codes.count() == 4
    assert not codes.exclude(category=None).exists()


def test_an_hour_alone_is_no_minute(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("Kind,Y,M,D,H\nTheft,2023,7,4,15\nTheft,2023,13,4,15\nTheft,2023,7,4,9.0\n")
    source({"columns": {"code": "Kind", "year": "Y", "month": "M", "day": "D", "hour": "H"}})
    told = imported("vancouver", path)
    assert (told["created"], told["rejected"]) == (2, 1)
    at = dt.datetime(2023, 7, 4, 22, tzinfo=dt.UTC)
    assert (at, "hour") in Incident.objects.values_list("occurred_at", "precision")
