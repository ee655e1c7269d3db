"""The files of everything that is published, written once for each version, and the page that offers them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import resource
import shutil
import zipfile
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.test import Client

from core.web import page_cache
from crimemap.exports import data_files
from crimemap.exports.fields import COLUMNS
from crimemap.models import Area
from crimemap.publishing import data_file_writer, row_tables, versions
from crimemap.snapshot import reader
from tests.crimemap import published_city
from tests.crimemap.sample_incidents import TODAY

pytestmark = pytest.mark.django_db
PAGE = "/map/downloads/"
ODD = {"point": (41.48512, -38.50231), "day": TODAY - 20, "hour": 3, "code": 1}


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def unzip(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = archive.namelist()
        return archive.read(name)


@pytest.fixture
def city(tmp_path: Path, settings: Any) -> Path:
    """A published city whose files may be written and removed."""
    page_cache.clear()
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path)
    return tmp_path


def test_all_formats_have_the_rows_of_a_download_of_all_days(
    client: Client, city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Area.objects.create(layer="district", code="1", name="=Harbor, “Łódź”", outline={}, latitude=0, longitude=0)
    monkeypatch.setattr(row_tables, "TABLE_ROWS", 300)
    assert data_file_writer.write_missing_files()
    published = reader.current()
    days = f"from={published.since}&to={published.until}"
    everything = body(client.get(f"/map/download.csv?{days}"))
    assert unzip(body(client.get(f"{PAGE}incidents.csv.zip"))) == everything
    assert "'=Harbor, “Łódź”" in everything.decode()
    features = json.loads(unzip(body(client.get(f"{PAGE}incidents.geojson.zip"))))
    assert features["features"] == json.loads(body(client.get(f"/map/download.geojson?{days}")))["features"]
    table = pl.read_parquet(io.BytesIO(body(client.get(f"{PAGE}incidents.parquet"))))
    rows = list(csv.DictReader(io.StringIO(everything.decode("utf-8-sig"), newline="")))
    assert table.columns == list(rows[0]) == list(COLUMNS)
    expected = [{name: value.removeprefix("'") for name, value in row.items()} for row in rows]
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in table.to_dicts()] == expected
    by_year = data_files.find_data_files(published).by_year
    assert [file.year for file in by_year] == list(range(published.until.year, published.since.year - 1, -1))
    lines = [line for file in by_year for line in unzip(body(client.get(PAGE + file.name))).splitlines()[1:]]
    assert lines == everything.splitlines()[1:]
    assert sum(file.rows for file in by_year) == len(table) == published.meta["rows"]


def test_the_list_tells_size_rows_days_and_checksum_of_each_file(client: Client, city: Path) -> None:
    assert data_file_writer.write_missing_files()
    published = reader.current()
    package = json.loads(body(client.get(f"{PAGE}datapackage.json")))
    assert package["version"] == published.version
    assert "licenses" not in package
    for each in package["resources"]:
        content = body(client.get(PAGE + each["path"]))
        assert (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}") == (each["bytes"], each["hash"])
        assert re.fullmatch(r"[a-z0-9.-]+", each["name"])
    whole = next(each for each in package["resources"] if each["path"] == "incidents.parquet")
    assert (whole["rows"], whole["since"], whole["until"]) == (
        published.meta["rows"],
        published.since.isoformat(),
        published.until.isoformat(),
    )
    schema = json.loads(body(client.get(f"{PAGE}columns.json")))
    assert [field["name"] for field in schema["fields"]] == list(COLUMNS)
    areas = body(client.get(f"{PAGE}areas.csv")).decode("utf-8-sig")
    assert "district,1,District 1\r\n" in areas


def test_files_are_sent_in_ranges_and_only_if_they_changed(client: Client, city: Path) -> None:
    assert data_file_writer.write_missing_files()
    address = f"{PAGE}incidents.parquet"
    whole = client.get(address, headers={"accept-encoding": "gzip"})
    content, etag = body(whole), whole["ETag"]
    assert whole["Content-Length"] == str(len(content))
    assert re.search(
        r'filename="incidents_\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d_[0-9a-f]{8}\.parquet"', whole["Content-Disposition"]
    )
    part = client.get(address, headers={"range": "bytes=4-9", "if-range": etag})
    assert (part.status_code, body(part)) == (206, content[4:10])
    assert client.get(address, headers={"range": f"bytes={len(content)}-"}).status_code == 416
    assert client.get(address, headers={"if-none-match": etag}).status_code == 304
    assert client.head(address)["Content-Length"] == str(len(content))
    assert not whole.cookies
    for unknown in ("incidents.xlsx", "..", "../meta.json", "time.npy", "meta.json", "incidents-1999.csv.zip"):
        assert client.get(PAGE + unknown).status_code == 404


def test_withdrawn_incidents_are_in_no_file_of_the_next_version(client: Client, city: Path, settings: Any) -> None:
    assert data_file_writer.write_missing_files()
    before = reader.current().version
    rows = published_city.rows()
    gone = rows.pop(100)["public_id"]
    published_city.write(city, rows)
    # From the moment of the publication nobody gets the files of the version before.
    assert client.get(f"{PAGE}incidents.parquet").status_code == 503
    assert "are being written" in client.get(PAGE).content.decode()
    assert data_file_writer.write_missing_files()
    assert reader.current().version != before
    assert not (city / before / "files").exists()
    for name in ("incidents.csv.zip", "incidents.geojson.zip"):
        assert gone.encode() not in unzip(body(client.get(PAGE + name)))
    assert gone not in pl.read_parquet(io.BytesIO(body(client.get(f"{PAGE}incidents.parquet"))))["id"]


def test_files_are_written_once_and_again_when_a_name_or_the_license_changes(city: Path, settings: Any) -> None:
    assert data_file_writer.write_missing_files()
    folder = data_files.folder_of(city, reader.current().version)
    first = (folder / "incidents.parquet").stat().st_ino
    digests = {path.name: path.read_bytes() for path in folder.glob("incidents*")}
    assert data_file_writer.write_missing_files()
    assert (folder / "incidents.parquet").stat().st_ino == first
    settings.DATA_LICENSE = "CC-BY-4.0"
    assert data_file_writer.write_missing_files()
    assert json.loads((folder / "datapackage.json").read_bytes())["licenses"][0]["name"] == "CC-BY-4.0"
    assert {path.name: path.read_bytes() for path in folder.glob("incidents*")} == digests  # equal rows, equal files


def test_a_full_disk_leaves_the_publication_and_no_part_of_a_file(
    client: Client, city: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    version = city / reader.current().version
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (2_000, 40_000):  # in the first CSV file; in the Parquet file, which polars writes
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, usual[1]))
        try:
            assert not data_file_writer.write_missing_files()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        assert {path.suffix for path in version.iterdir()} == {".npy", ".json"}
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10**9, 10**9, 1000))
    assert not data_file_writer.write_missing_files()
    assert "bytes of free disk space" in caplog.text
    assert client.get("/map/list/").status_code == 200
    monkeypatch.undo()
    (version / f"{versions.PARTIAL_FOLDER_PREFIX}files").mkdir()  # of a killed worker
    assert data_file_writer.write_missing_files()
    assert not list(version.glob(f"{versions.PARTIAL_FOLDER_PREFIX}*"))


def test_the_page_tells_what_the_files_are_and_keeps_the_selection(client: Client, city: Path, settings: Any) -> None:
    assert data_file_writer.write_missing_files()
    published = reader.current()
    page = unescape(client.get(f"{PAGE}?category=burglary&days=90&area=district:1").content.decode())
    for file in data_files.find_data_files(published).files.values():
        if file.name.startswith("incidents"):
            assert f'href="{PAGE}{file.name}"' in page
            assert file.year or file.sha256 in page
    assert 'href="/map/download.csv?category=burglary&days=90&area=district:1"' in page
    for name, words in COLUMNS.items():
        assert f"<code>{name}</code>" in page
        assert str(words)[1:] in page
    assert "has not chosen a license yet" in page
    assert f"Version {published.version[:8]}, published" in page
    assert '<td dir="auto">District 1</td>' in page
    settings.DATA_LICENSE = "CC0-1.0"
    assert "creativecommons.org/publicdomain/zero" in client.get(PAGE).content.decode()
    assert client.get(f"{PAGE}?days=8").status_code == 400
    assert PAGE in client.get("/sitemap.xml").content.decode()
    for address in ("/map/", "/map/areas/", "/map/list/", "/api/"):
        assert f'href="{PAGE}' in client.get(address).content.decode()
    examples = re.findall(r'href="(/api/v1/[^"]+)"', client.get("/api/").content.decode())
    assert len(examples) > 10
    assert {client.get(address).status_code for address in examples} == {200}


def test_without_incidents_the_files_are_empty_and_valid(client: Client, tmp_path: Path, settings: Any) -> None:
    settings.INCIDENT_SNAPSHOTS = tmp_path
    assert not data_file_writer.write_missing_files()
    assert client.get(f"{PAGE}incidents.parquet").status_code == 404
    published_city.write(tmp_path, [])
    assert data_file_writer.write_missing_files()
    assert unzip(body(client.get(f"{PAGE}incidents.csv.zip"))).startswith(b"\xef\xbb\xbfid,date")
    assert json.loads(unzip(body(client.get(f"{PAGE}incidents.geojson.zip"))))["features"] == []
    assert pl.read_parquet(io.BytesIO(body(client.get(f"{PAGE}incidents.parquet")))).columns == list(COLUMNS)
    assert client.get(PAGE).status_code == 200
