"""Files of cities without a profile of their own, through the generic profile."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crimemap.importing import column_mapping
from crimemap.models import Incident, OffenceCode, Source
from tests.crimemap.importing.import_command import outcomes, run_import_command

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
    config = column_mapping.guess_columns(VANCOUVER.splitlines()[0].split(","))
    source(config)
    result = run_import_command("vancouver", path)
    assert outcomes(result) == (5, 0, 0, 0)
    assert result["held"] == 5
    assert outcomes(run_import_command("vancouver", path)) == (0, 0, 5, 0)
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


def test_codes_of_a_generic_profile_are_held_until_classified(tmp_path: Path) -> None:
    path = tmp_path / "crimedata.csv"
    path.write_text(VANCOUVER)
    source(column_mapping.guess_columns(VANCOUVER.splitlines()[0].split(",")))
    run_import_command("vancouver", path)
    codes = OffenceCode.objects.filter(scheme="generic:vancouver")
    assert codes.count() == 4
    assert not codes.exclude(category=None).exists()


def test_an_hour_column_gives_times_exact_to_the_hour(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("Kind,Y,M,D,H\nTheft,2023,7,4,15\nTheft,2023,13,4,15\nTheft,2023,7,4,9.0\n")
    source({"columns": {"code": "Kind", "year": "Y", "month": "M", "day": "D", "hour": "H"}})
    result = run_import_command("vancouver", path)
    assert (result["created"], result["rejected"]) == (2, 1)
    at = dt.datetime(2023, 7, 4, 22, tzinfo=dt.UTC)
    assert (at, "hour") in Incident.objects.values_list("occurred_at", "precision")


# Cities as they publish, a row each: header, row, time zone; what the guessed map of columns makes of it.
CITIES = {
    "toronto": (
        "X,Y,OBJECTID,EVENT_UNIQUE_ID,REPORT_DATE,OCC_DATE,REPORT_HOUR,OCC_YEAR,OCC_MONTH,OCC_DAY,OCC_HOUR,DIVISION,LOCATION_TYPE,"
        "UCR_CODE,OFFENCE,MCI_CATEGORY,HOOD_158,LONG_WGS84,LAT_WGS84",
        "-8850581.1,5423432.7,1,GO-2014126,2014/01/01 05:00:00+00,2013/06/01 04:00:00+00,8,2013,June,1,13,D42,Other,1430,Assault,"
        "Assault,146,-79.506281,43.739",
        "America/Toronto",
        {
            "at": "2013-06-01 13:00 hour",
            "code": "1430",
            "label": "Assault",
            "areas": "D42//146",
            "point": "43.7, -79.5",
        },
    ),
    "seattle": (
        "Report Number,Offense ID,Offense Start DateTime,Report DateTime,Offense,Offense Code,Precinct,Sector,Beat,MCPP,"
        "100 Block Address,Longitude,Latitude",
        "2020-044620,12605873663,02/05/2020 10:10:00 AM,02/05/2020 11:24:31 AM,Drug Violations,35A,W,Q,Q1,MAGNOLIA,"
        "32XX BLOCK OF 23RD AVE W,-122.385973723,47.649387230",
        "America/Los_Angeles",
        {"id": "12605873663", "at": "2020-02-05 10:10 minute", "code": "35A", "block": "3200 block of 23rd Ave W"},
    ),
    "washington": (
        "X,Y,CCN,REPORT_DAT,OFFENSE,BLOCK,WARD,DISTRICT,PSA,LATITUDE,LONGITUDE,START_DATE,END_DATE,OBJECTID,OCTO_RECORD_ID",
        "397230,138310,23000123,2023/01/02 05:00:00+00,THEFT F/AUTO,1300 - 1399 BLOCK OF K STREET NW,2,2,207,38.9,-77.03,"
        "2023/01/01 08:30:00+00,2023/01/01 09:00:00+00,1,23000123-01",
        "America/New_York",
        {"id": "23000123-01", "at": "2023-01-01 03:30 minute", "code": "THEFT F/AUTO", "areas": "2/207/"},
    ),
    "san francisco": (
        "IncidntNum,Category,Descript,DayOfWeek,Date,Time,PdDistrict,Resolution,Address,X,Y,Location,PdId",
        "150060275,LARCENY,PETTY THEFT,Monday,01/19/2015,14:00,MISSION,NONE,18TH ST / VALENCIA ST,-122.4216,37.7617,"
        '"(37.7617, -122.4216)",15006027571000',
        "America/Los_Angeles",
        {"id": "15006027571000", "at": "2015-01-19 14:00 minute", "code": "LARCENY", "block": "18th St / Valencia St"},
    ),
    "boston": (
        "INCIDENT_NUMBER,OFFENSE_CODE,OFFENSE_DESCRIPTION,DISTRICT,REPORTING_AREA,OCCURRED_ON_DATE,HOUR,STREET,Location",
        'I182070945,00619,LARCENY ALL OTHERS,D14,808,2018-09-02 13:00:00,13,LINCOLN ST,"(42.35779134, -71.13937053)"',
        "America/New_York",
        {"at": "2018-09-02 13:00 minute", "code": "00619", "block": "Lincoln St", "point": "42.4, -71.1"},
    ),
}


@pytest.mark.parametrize("city", CITIES)
def test_a_citys_columns_are_guessed_from_a_sample(tmp_path: Path, city: str) -> None:
    header, row, zone, expected = CITIES[city]
    path = tmp_path / "export.csv"
    path.write_text(f"{header}\n{row}\n")
    sample = column_mapping.read_sample(path)
    Source.objects.create(
        slug="city",
        name=city,
        profile="generic",
        time_zone=zone,
        profile_config=column_mapping.guess_columns(sample.header, sample),
    )
    assert outcomes(run_import_command("city", path)) == (1, 0, 0, 0)
    assert outcomes(run_import_command("city", path)) == (0, 0, 1, 0)
    result = Incident.objects.get()
    made = {
        "id": result.external_id,
        "at": f"{result.occurred_at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {result.precision}",
        "code": result.raw_code,
        "label": result.raw_label,
        "block": result.block_text,
        "areas": f"{result.district}/{result.beat}/{result.neighbourhood}",
        "point": f"{result.latitude:.1f}, {result.longitude:.1f}",
    }
    assert made | expected == made


def test_case_numbers_and_row_numbers_are_not_guessed_as_ids() -> None:
    assert (
        "external_id"
        not in column_mapping.guess_columns(["OBJECTID", "Incident Number", "Case Number", "Date", "Offense"])[
            "columns"
        ]
    )


@pytest.mark.parametrize(
    "place",
    [
        "(42.35779134, -71.13937053)",
        "POINT (-71.13937053 42.35779134)",
        "42.35779134,-71.13937053",
        "5 Elm St (42.357791, -71.139370)",
    ],
)
def test_a_point_in_the_block_column_is_never_stored_as_a_name(tmp_path: Path, place: str) -> None:
    path = tmp_path / "export.csv"
    path.write_text(f'When;What;Where\n2023-07-04 15:00;Theft;"{place}"\n')
    source({"columns": {"code": "What", "occurred": "When", "block": "Where"}})
    result = run_import_command("vancouver", path)
    assert (result["created"], "points in place of blocks" in result["cells"]) == (1, True)
    assert Incident.objects.get().block_text == ""
