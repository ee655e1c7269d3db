"""Names, birthdays and telephone numbers, planted in every column of every profile, are nowhere in what residents get."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.web import page_cache
from crimemap.importing import profiles
from crimemap.importing.profiles.base import FIELDS, normalize_header
from crimemap.models import Category, Incident, OffenceCode, Source
from crimemap.offences import catalogue
from crimemap.privacy import area_names
from crimemap.privacy.records import DISTRICT
from crimemap.publishing import publisher
from crimemap.snapshot import reader
from tests.crimemap.importing.import_command import run_import_command
from tests.crimemap.importing.test_profiles import HEADERS
from tests.crimemap.sample_incidents import records

NAME, TELEPHONE, BIRTHDAY = "Xanthe Quillfeather", "555-867-5309", "03/04/1987"
TRACES = ("quillfeather", "xanthe", "867-5309", "5558675309", "03/04/1987", "03041987", "1234 Example", "1234 EXAMPLE")
USUAL = {
    "date": "01/05/2024 10:15:00 AM", "dateocc": "01/05/2024", "timeocc": "1015", "cmplntfrdt": "01/05/2024", "cmplntfrtm": "10:15:00",
    "month": "2024-01", "dispatchdatetime": "2024-01-05 15:15:00+00", "dispatchdate": "2024-01-05", "dispatchtime": "10:15:00",
    "block": "001XX EXAMPLE ST", "location": "On or near Example Street", "locationblock": "100 BLOCK EXAMPLE ST", "iucr": "0810",
    "primarytype": "THEFT", "description": "OVER $500", "arrest": "false", "domestic": "false", "beat": "0111", "district": "1",
    "communityarea": "8", "crimetype": "Other theft", "lsoacode": "E01014370", "crmcd": "440", "crmcddesc": "THEFT PLAIN", "area": "1",
    "rptdistno": "111", "kycd": "341", "ofnsdesc": "PETIT LARCENY", "pdcd": "333", "pddesc": "LARCENY,PETIT FROM STORE", "dcdist": "6",
    "addrpctcd": "14", "ucrgeneral": "600", "textgeneralcode": "Thefts", "locationdescription": "STREET", "premisdesc": "STREET",
    "premtypdesc": "STREET", "statusdesc": "Invest Cont", "lastoutcomecategory": "Under investigation", "fallswithin": "City Police",
}  # fmt: skip
GENERIC = {name: f"{name} column" for name in (*FIELDS, "code", "label", "domestic") if name not in
           ("year", "month", "day", "hour", "minute", "occurred_date", "occurred_time", "end_date", "end_time", "point")}  # fmt: skip
USUAL |= {
    "occurredcolumn": "2024-01-05 10:15", "codecolumn": "THEFT", "labelcolumn": "Theft", "blockcolumn": "100 BLOCK EXAMPLE ST",
    "districtcolumn": "Downtown", "neighbourhoodcolumn": "Old Mill", "locationdescriptioncolumn": "STREET", "outcomecolumn": "OPEN",
    "domesticcolumn": "no",
}  # fmt: skip
FILES = {name: next(csv.reader([headers[0]])) for name, headers in HEADERS.items()} | {"generic": [*GENERIC.values()]}


def planted_file(header: list[str]) -> str:
    """Return a file with usual rows, and for each column rows in which it has what belongs to a person."""
    columns = [*header, "Victim", "Narrative"]
    usual = [USUAL.get(normalize_header(name), "") for name in columns]
    rows = [[*usual] for _ in range(5)]
    for position, value in enumerate(usual):
        for planted in (NAME, f"{value} {NAME}".strip(), f"{value} TEL {TELEPHONE} DOB {BIRTHDAY}", "5558675309", "03041987",
                        f"RES OF {NAME.upper()} 1234 EXAMPLE ST"):  # fmt: skip
            rows.append([*usual[:position], planted, *usual[position + 1 :]])
    out = io.StringIO()
    csv.writer(out).writerows([columns, *rows])
    return out.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("name", FILES)
def test_what_belongs_to_a_person_is_nowhere(name: str, client: Any, settings: Any, tmp_path: Path) -> None:
    settings.INCIDENT_SNAPSHOTS, settings.INCIDENT_CACHE = tmp_path / "public", tmp_path / "cache"
    settings.INCIDENT_SNAPSHOTS.mkdir()
    (tmp_path / "file.csv").write_text(planted_file(FILES[name]), encoding="utf-8")
    catalogue.create_missing_codes()
    config = {"columns": GENERIC} if name == profiles.GENERIC else {}
    Source.objects.create(slug="city", name="City", profile=name, profile_config=config, time_zone="America/Chicago")
    result = run_import_command("city", tmp_path / "file.csv", force=True)
    assert result["created"] >= result["read"] / 2
    theft = Category.objects.get(slug="theft")
    for code in OffenceCode.objects.filter(pk__in=Incident.objects.values("offence_code")):
        OffenceCode.objects.filter(pk=code.pk).update(category=theft, visibility="block")
    Incident.objects.update(domestic=False)
    page_cache.clear()
    shown = publisher.publish().shown
    assert shown == result["created"]
    texts = {path.name: path.read_bytes() for path in settings.INCIDENT_SNAPSHOTS.rglob("*") if path.is_file()}
    addresses = ["/map/", "/map/list/", "/map/charts/", "/map/about/", "/map/areas/", "/map/embed/", "/map/feed/all.atom",
                 "/map/download.csv", "/map/download.geojson", "/api/v1/incidents", "/api/v1/areas", "/api/v1/about"]  # fmt: skip
    for address in addresses:
        texts[address] = b"".join(client.get(address, {"days": "365"}))
    published = reader.current()
    for row in list(Incident.objects.values_list("public_id", flat=True))[::20]:
        texts[row] = b"".join(client.get(f"/map/incident/{row}/"))
    found = {
        (place, trace) for place, text in texts.items() for trace in TRACES if trace in text.decode("utf-8", "replace").casefold()
        or trace.casefold() in text.decode("utf-8", "replace").casefold()
    }  # fmt: skip
    assert found == set()
    areas = {code for layer in published.areas.values() for code in layer}
    assert ("Old Mill" in areas) is (name == "generic")


def test_a_name_among_codes_or_once_among_many_is_no_area() -> None:
    select = area_names.select_public_names
    assert select({"1": 1, "12B": 1, "E01014370": 1, "NW": 1, "Jane Roe": 3}, set()) == {"1", "12B", "E01014370", "NW"}
    assert select({"1": 1, "Old Mill": 1}, {"Old Mill"}) == {"1", "Old Mill"}
    assert select({"North/South": 1, "A, B & C": 1, "L'Exemple": 1}, set()) == {"North/South", "A, B & C", "L'Exemple"}
    assert select({"Old Mill": 40, "Harbor": 3, "Jane Roe": 1}, set()) == {"Old Mill", "Harbor"}
    assert select({"Old Mill": 40, "Mrs Roe": 30}, set()) == {"Old Mill"}
    assert select({"": 9, "Jane Roe": 2}, set()) == set()
    assert select({"": 5, "Old Mill": 40}, set()) == {"Old Mill"}
    assert select({}, set()) == set()


def test_a_source_without_areas_hides_no_area_of_another() -> None:
    given = records(*[{"neighbourhood": ""}] * 30, *[{"neighbourhood": "Old Mill"}] * 5)
    given.kinds[30:, 0] = 2  # another source
    hidden = area_names.hide_stray_names(given, np.ones(35, bool), ())
    assert {given.texts[number] for number in hidden.places[:, area_names.NEIGHBOURHOOD]} == {"Old Mill", ""}


def test_only_incidents_that_residents_see_make_an_area() -> None:
    rows = [{"neighbourhood": "Old Mill"}] * 9 + [{"neighbourhood": "Jane Roe"}] * 3
    given = records(*rows)
    shown = np.arange(12) < 10
    hidden = area_names.hide_stray_names(given, shown, ())
    assert {given.texts[number] for number in hidden.places[:, area_names.NEIGHBOURHOOD]} == {"Old Mill", ""}
    assert (
        area_names.hide_stray_names(given, shown, [("neighbourhood", "Jane Roe")]).places.tolist()
        == given.places.tolist()
    )
    unseen = area_names.hide_stray_names(given, np.zeros(12, bool), ())
    assert unseen.places[:, DISTRICT].tolist() == given.places[:, DISTRICT].tolist()  # codes, for the yearly totals
    assert not unseen.places[:, area_names.NEIGHBOURHOOD].any()
