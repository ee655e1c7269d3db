"""The places that columns of coordinates give incidents: projected systems, the agency's outline, and points that are mistakes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from core.models import Account
from crimemap.importing import column_mapping
from crimemap.importing.arrival import jobs
from crimemap.importing.columns import projections
from crimemap.models import Area, ImportRun, Incident, Source
from crimemap.onboarding import fixes
from tests.crimemap.importing.administrators import create_account, read_roles, roles_data, sign_in, uploaded_file
from tests.crimemap.importing.import_command import outcomes, run_import_command

pytestmark = pytest.mark.django_db
VANCOUVER = (
    "TYPE,YEAR,MONTH,DAY,HOUR,MINUTE,HUNDRED_BLOCK,X,Y\nTheft,2026,6,19,3,40,10XX EXAMPLE ST,491010.1,5459170.2\n"
)
VANCOUVER += "Theft,2026,6,20,4,10,11XX EXAMPLE ST,491266.4,5459094.8\nTheft,2026,6,21,4,10,,0,0\n"


@pytest.fixture
def ada(db: None) -> Account:
    return create_account()


def make_source(columns: dict[str, str], **settings: Any) -> Source:
    source, _ = Source.objects.update_or_create(
        slug="feed",
        defaults={
            "name": "Feed", "profile": "generic", "time_zone": "America/Vancouver", "profile_config": {"columns": columns, **settings}
        },
    )  # fmt: skip
    return source


def import_rows(folder: Path, points: list[str]) -> dict[str, Any]:
    """Import rows with these points, each "latitude,longitude", under ids from 1."""
    path = folder / "export.csv"
    rows = [f"{number},2026-10-01 13:30,THEFT,{point}" for number, point in enumerate(points, 1)]
    path.write_text("\n".join(["ID,Occurred,Offense,Latitude,Longitude", *rows]))
    make_source(
        {
            "external_id": "ID",
            "occurred": "Occurred",
            "code": "Offense",
            "latitude": "Latitude",
            "longitude": "Longitude",
        }
    )
    return run_import_command("feed", path)


def parse_csv(text: str) -> tuple[list[str], list[list[str]]]:
    header, *rows = (line.split(",") for line in text.splitlines())
    return header, rows


def square(south: float, west: float, north: float, east: float) -> dict[str, Any]:
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}


def without_point() -> set[str]:
    return set(Incident.objects.filter(latitude=None).values_list("external_id", flat=True))


def test_meters_are_recognized_shown_on_a_map_and_imported_where_they_belong(ada: Account, tmp_path: Path) -> None:
    source = make_source({})
    source.profile_config = {}
    source.save()
    address = f"/admin/crimemap/source/{source.pk}/columns/"
    page = sign_in(ada)
    shown = page.post(address, {"sample": uploaded_file(VANCOUVER.encode(), "crimedata.csv")}).content.decode()
    assert "These look like meters or feet, not degrees" in shown
    assert re.search(r"NAD83 / UTM zone 10N \(EPSG:26910, meters\): near 49\.28\d+, -123\.12\d+, \d km from", shown)
    rows = re.findall(r'name="rows" value="([^"]*)"', shown)[0].replace("&quot;", '"')
    roles = read_roles(shown)
    assert (roles["latitude"], roles["longitude"]) == ("Y", "X")
    data = {"rows": rows, "time_zone": source.time_zone, **roles_data(shown)}
    several = page.post(address, {**data, "coordinate_system": "utm zone 10n", "save": "1"})
    assert several.status_code == 422
    assert "Several systems fit" in several.content.decode()
    assert "There is no coordinate system" in page.post(address, {**data, "coordinate_system": "4326"}).content.decode()
    preview = page.post(address, {**data, "suggested_system": "EPSG:26910"}).content.decode()
    assert preview.count('<circle class="point"') == 2
    assert page.post(address, {**data, "coordinate_system": "epsg 26910", "save": "1"}).status_code == 302

    path = tmp_path / "crimedata.csv"
    path.write_text(VANCOUVER)
    result = run_import_command("feed", path)
    assert (outcomes(result), result["unmapped"], result["quirks"]["zero coordinates"]) == ((3, 0, 0, 0), 1, 1)
    first = Incident.objects.earliest("occurred_at")
    assert abs(first.latitude - 49.285) < 0.003
    assert abs(first.longitude + 123.124) < 0.003


def test_meters_of_another_region_are_told_without_a_suggestion(ada: Account) -> None:
    Area.objects.create(
        layer="district", code="1", name="One", outline=square(41.7, -87.8, 41.9, -87.6), latitude=41.8, longitude=-87.7
    )
    source = make_source({})
    Source.objects.update(profile_config={})
    sample = {"sample": uploaded_file(VANCOUVER.encode(), "crimedata.csv")}
    shown = sign_in(ada).post(f"/admin/crimemap/source/{source.pk}/columns/", sample).content.decode()
    assert "no system puts them near your areas" in shown
    assert '<details class="feed-reading" open><summary>Dates' in shown  # where the system is typed
    sample = column_mapping.Sample("crimedata.csv", *parse_csv(VANCOUVER))
    source.profile_config = {"columns": {"latitude": "Y", "longitude": "X", "occurred": "YEAR", "code": "TYPE"}}
    (told,) = [fix for fix in fixes.list_fixes(sample, source) if not fix.button]
    assert "no system puts them near your city" in told.question


def test_the_preview_tells_why_a_row_of_the_sample_has_no_point() -> None:
    rows = [
        ["1", "2026-10-01 13:30", "THEFT", "47.61", longitude]
        for longitude in ("-122.33", "-122.33", "-122.34", "122.33")
    ]
    columns = {name.casefold(): name for name in ("Occurred", "Latitude", "Longitude")} | {"code": "Offense"}
    source = make_source(columns)
    sample = column_mapping.Sample("signs.csv", ["ID", "Occurred", "Offense", "Latitude", "Longitude"], rows)
    _rows, quirks = column_mapping.preview_rows(sample, source.profile_config, source)
    assert quirks["coordinates with a lost sign"] == 1


@pytest.mark.parametrize(
    ("points", "city", "code"),
    [
        ([(1176352.0, 1900927.0)], (41.85, -87.65), "EPSG:3435"),  # Chicago, feet of the state plane
        ([(530000.0, 180400.0)], (51.5, -0.12), "EPSG:27700"),  # London, the national grid
        ([(4880000.0, 2072000.0)], (4.65, -74.08), "EPSG:9377"),  # Bogotá, the national origin
    ],
)
def test_the_system_of_a_city_is_among_the_suggestions(
    points: list[tuple[float, float]], city: tuple[float, float], code: str
) -> None:
    suggested = projections.suggest_systems(points, city, projections.CITY_KILOMETERS)
    assert code in [each.system.code for each in suggested]


def test_the_city_of_a_time_zone_is_where_it_is() -> None:
    for name, place in (("America/Vancouver", (49.27, -123.12)), ("America/Chicago", (41.85, -87.65))):
        found = projections.city_of_time_zone(name)
        assert found
        assert max(abs(found[0] - place[0]), abs(found[1] - place[1])) < 0.02
    assert projections.city_of_time_zone("UTC") is None


def test_points_that_are_mistakes_are_told_apart_and_counted(tmp_path: Path) -> None:
    near = [f"47.61{n},-122.33{n}" for n in range(6)]
    wrong = ["47.61,122.33", "-47.61,-122.33", "-122.33,47.61", "0,0", "52.5,13.4", "", "47.61,122.33"]
    result = import_rows(tmp_path, [*near, *(each or "," for each in wrong)])
    assert without_point() == {str(number) for number in range(7, 14)}
    kinds = ("coordinates with a lost sign", "latitude and longitude swapped", "zero coordinates", "points outside")
    assert [result["quirks"].get(kind) for kind in kinds] == [3, 1, 1, 1]


def test_a_point_beyond_the_outline_of_the_agency_is_left_out(tmp_path: Path) -> None:
    """Also where the file's own points would allow it; an outline of one part of the city alone decides nothing."""
    Area.objects.create(
        layer="district", code="1", name="One", outline=square(47.5, -122.4, 47.7, -122.2), latitude=47.6, longitude=-122.3
    )  # fmt: skip
    near = [f"47.61{n},-122.33{n}" for n in range(8)]
    result = import_rows(tmp_path, [*near, "47.71,-122.3", "47.9,-122.3"])
    assert without_point() == {"10"}
    assert result["quirks"]["points outside"] == 1
    Incident.objects.all().delete()
    result = import_rows(tmp_path, [*near[:4], *(f"47.8{n},-122.33{n}" for n in range(4))])
    assert without_point() == set()


def test_a_busy_place_is_named_and_confirmed_once_and_for_all(ada: Account, tmp_path: Path, settings: Any) -> None:
    settings.INCIDENT_UPLOADS = tmp_path
    source = make_source(
        {"external_id": "ID", "occurred": "Occurred", "code": "Offense", "block": "Block", "latitude": "Latitude", "longitude": "Longitude"}
    )  # fmt: skip
    mall = [f"{n},2026-01-0{n % 9 + 1} 00:10,SHOPLIFTING,400 BLOCK MALL WAY,47.70860,-122.32460" for n in range(130)]
    others = [f"{n},2026-02-02 01:10,THEFT,100 BLOCK EXAMPLE ST,47.6{n:04},-122.3{n:04}" for n in range(200, 2200)]
    content = "\n".join(["ID,Occurred,Offense,Block,Latitude,Longitude", *mall, *others]).encode()
    page = sign_in(ada)

    def upload(name: str) -> ImportRun:
        page.post("/admin/crimemap/importrun/add/", {"source": source.pk, "sent": uploaded_file(content, name)})
        run = ImportRun.objects.latest("id")
        jobs.process_run(run.pk)
        run.refresh_from_db()
        return run

    run = upload("first.csv")
    assert run.state == "stopped"
    words = "130 of 2,130 rows are at one point: 47.708"
    assert run.message.startswith(words), run.message
    assert "(400 block of Mall Way), most of them “SHOPLIFTING”." in run.message
    address = f"/admin/crimemap/importrun/{run.pk}/"
    shown = page.get(f"{address}change/").content.decode()
    assert shown.count('<circle class="point"') == 1
    page.post(f"{address}decide/", {"act": "real_place"})
    jobs.process_run(run.pk)
    run.refresh_from_db()
    assert (run.state, run.created) == ("done", 2130)
    Incident.objects.all().delete()
    assert upload("second.csv").state == "done"


def test_degrees_are_preferred_to_meters_beside_them() -> None:
    header = ["ID", "Date", "Offense", "X", "Y", "Latitude", "Longitude"]
    rows = [["1", "2026-01-01", "THEFT", "1176352", "1900927", "41.88", "-87.63"]]
    sample = column_mapping.Sample("a.csv", header, rows)
    columns = column_mapping.guess_columns(header, sample)["columns"]
    assert (columns["latitude"], columns["longitude"]) == ("Latitude", "Longitude")
