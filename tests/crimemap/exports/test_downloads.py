"""The filter's incidents as CSV and GeoJSON: the same rows as on the page, written as they are read."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from crimemap.exports import downloads
from crimemap.exports.csv_text import FORMULA
from crimemap.exports.fields import COLUMNS
from crimemap.snapshot import published_incidents, row_scan
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from tests.crimemap import published_city
from tests.crimemap.sample_incidents import TODAY

CSV, GEOJSON, README = "/map/download.csv", "/map/download.geojson", "/map/columns.txt"
pytestmark = pytest.mark.django_db  # a closed answer looks after connections, if there are any
ODD = {"point": (41.48512, -38.50231), "day": TODAY - 20, "hour": 3, "code": 1}


def read_csv(body: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


@pytest.mark.parametrize("file", [CSV, GEOJSON, README])
def test_without_published_incidents_there_is_no_file(client: Client, settings: Any, tmp_path: Path, file: str) -> None:
    settings.INCIDENT_SNAPSHOTS = tmp_path
    assert client.get(file).status_code == 404


@pytest.mark.parametrize("query", ["days=365", "category=burglary&days=90", "area=district:1&days=365&hour=22-4"])
def test_both_files_have_the_filters_rows_newest_first(
    client: Client, incidents: PublishedIncidents, query: str
) -> None:
    chosen = Filter.parse(dict(part.split("=") for part in query.split("&")), incidents)
    expected = incidents.read_page(chosen, limit=1000)
    lines = read_csv(body(client.get(f"{CSV}?{query}")))
    features = json.loads(body(client.get(f"{GEOJSON}?{query}")))["features"]
    assert len(lines) == len(features) == expected.total > 10
    ids = [row.public_id for row in expected.rows]
    assert [line["id"] for line in lines][:1000] == ids
    assert [feature["id"] for feature in features][:1000] == ids


def test_a_line_has_only_published_fields(client: Client, incidents: PublishedIncidents) -> None:
    lines = {line["id"]: line for line in read_csv(body(client.get(CSV)))}
    whole = Filter(incidents.since, incidents.until)
    for row in incidents.read_page(whole, limit=200).rows:
        line = lines[row.public_id]
        assert list(line) == list(COLUMNS)
        assert line["date"] == row.at.date().isoformat()
        assert line["hour"] == (str(row.at.hour) if row.precision == "hour" else "")
        assert (line["latitude"], line["longitude"]) == (
            ("", "") if row.latitude is None else (str(row.latitude), str(row.longitude))
        )
        assert line["category_name"] == incidents.category_names[line["category"]]
        assert line["district"] == row.areas.get("district", "")


def test_points_are_longitude_first_and_null_where_there_is_none(client: Client, incidents: PublishedIncidents) -> None:
    answer = json.loads(body(client.get(GEOJSON)))
    assert answer["type"] == "FeatureCollection"
    chosen = Filter.parse({}, incidents)
    assert sum(feature["geometry"] is None for feature in answer["features"]) == incidents.count_unmapped(chosen) > 0
    for feature in answer["features"]:
        if feature["geometry"]:
            east, north = feature["geometry"]["coordinates"]
            assert -39 < east < -38
            assert 41 < north < 42
        assert feature["type"] == "Feature"
        assert set(feature["properties"]) == set(COLUMNS) - {"id", "latitude", "longitude"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula_and_numbers_stay_numbers(tmp_path, settings, client: Client, start: str) -> None:
    cell = f'{start}cmd|"/c calc",2\n'
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, [ODD | {"block": f"{start}1+1", "district": cell}])
    (line,) = read_csv(body(client.get(CSV)))
    assert line["district"] == f"'{cell}"
    assert not line["block"].startswith(tuple(FORMULA))
    assert line["longitude"] == "-38.50231"
    (feature,) = json.loads(body(client.get(GEOJSON)))["features"]
    assert feature["properties"]["district"] == cell


def test_csv_is_readable_by_excel(tmp_path, settings, client: Client) -> None:
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, [ODD | {"block": "100 block of Łódź Street"}])
    answer = client.get(CSV)
    text = body(answer)
    assert text.startswith(b"\xef\xbb\xbfid,date,hour,")
    assert text.count(b"\r\n") == 2
    assert "Łódź" in text.decode()
    assert answer["Content-Type"].startswith("text/csv; charset=utf-8")


def test_a_file_is_named_after_its_days_and_version(client: Client, incidents: PublishedIncidents) -> None:
    answer = client.get(f"{CSV}?from=2024-03-01&to=2024-03-31")
    assert answer["Content-Disposition"] == (
        f'attachment; filename="incidents_2024-03-01_2024-03-31_{incidents.version[:8]}.csv"'
    )
    everything = client.get(f"{GEOJSON}?from=1000-01-01&to=9000-01-01")
    assert f"{incidents.since}_{incidents.until}" in everything["Content-Disposition"]
    assert everything["Content-Disposition"].endswith('.geojson"')


@pytest.mark.parametrize("address", [CSV, GEOJSON])
def test_an_empty_file_is_valid(client: Client, incidents: PublishedIncidents, address: str) -> None:
    text = body(client.get(f"{address}?from=1990-01-01&to=1990-01-02"))
    if address == CSV:
        assert read_csv(text) == []
        assert text.decode("utf-8-sig").startswith("id,")
    else:
        assert json.loads(text)["features"] == []


@pytest.mark.parametrize("address", [CSV, GEOJSON])
def test_rows_are_read_only_as_fast_as_the_client_reads(
    client: Client, incidents: PublishedIncidents, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    read: list[int] = []
    read_rows = published_incidents.PublishedIncidents.read_rows
    monkeypatch.setattr(
        published_incidents.PublishedIncidents,
        "read_rows",
        lambda self, numbers: read.append(len(numbers)) or read_rows(self, numbers),
    )
    monkeypatch.setattr(row_scan, "SLICE_ROWS", 160)
    answer = client.get(address)
    assert not read
    pieces = iter(answer.streaming_content)
    next(pieces), next(pieces)
    assert 0 < sum(read) <= 160
    answer.close()  # as the web server does when the client is gone
    assert sum(read) <= 160
    assert list(pieces) == []
    assert sum(read) <= 160


def test_rows_are_written_in_bounded_batches(
    client: Client, incidents: PublishedIncidents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "BATCH_ROWS", 7)
    pieces = list(client.get(CSV).streaming_content)
    assert max(piece.count(b"\r\n") for piece in pieces) <= 8


def test_concurrent_downloads_are_limited_and_their_slots_released(
    client: Client, incidents: PublishedIncidents, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = [client.get(CSV) for _ in range(downloads.MAX_CONCURRENT_DOWNLOADS)]
    refused = client.get(CSV)
    assert refused.status_code == 503
    assert refused["Retry-After"] == "60"
    assert "Too many people are downloading" in refused.content.decode()
    assert client.head(CSV).status_code == 200
    running[0].close()  # before anything was read
    body(running[1])  # to the end
    monkeypatch.setattr(published_incidents.PublishedIncidents, "read_rows", lambda self, numbers: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        body(running[2])
    monkeypatch.undo()
    again = [client.get(CSV) for _ in range(3)]
    assert [each.status_code for each in again] == [200] * 3
    assert client.get(CSV).status_code == 503
    for answer in running + again:
        answer.close()


def test_files_are_compressed(client: Client, incidents: PublishedIncidents) -> None:
    plain = body(client.get(CSV))
    packed = client.get(CSV, headers={"accept-encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(body(packed)) == plain


@pytest.mark.parametrize("address", [CSV, GEOJSON, README])
def test_a_matching_etag_is_answered_with_304(
    client: Client, incidents: PublishedIncidents, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    first = client.get(f"{address}?days=30&category=burglary", headers={"accept-encoding": "gzip"})
    first.close()
    assert first["Cache-Control"] == "public, max-age=60"
    assert not first.cookies
    for name in ("iterate_csv", "iterate_geojson"):
        monkeypatch.setattr(downloads, name, lambda *given: 1 / 0)
    again = client.get(f"{address}?category=burglary&days=30", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    assert again["ETag"].removeprefix("W/") == first["ETag"].removeprefix("W/")


def test_different_filters_have_different_etags(client: Client, incidents: PublishedIncidents) -> None:
    tags = {client.head(f"{CSV}?days={days}")["ETag"] for days in (7, 30)} | {client.head(GEOJSON)["ETag"]}
    assert len(tags) == 3


def test_the_readme_explains_every_column(client: Client, incidents: PublishedIncidents) -> None:
    answer = client.get(README)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    text = answer.content.decode()
    for name in COLUMNS:
        assert re.search(rf"^  {name} +\S", text, re.MULTILINE)
    assert incidents.version in text
    assert "Incidents appear 7 days after they happen, or later" in text
    assert "{" not in text
    assert "&#" not in text


@pytest.mark.parametrize("address", [CSV, GEOJSON, README])
def test_an_invalid_filter_is_refused_with_a_valid_url(
    client: Client, incidents: PublishedIncidents, address: str
) -> None:
    answer = client.get(f"{address}?category=burglry&days=30")
    assert answer.status_code == 400
    assert f"{address}?category=burglary&amp;days=30" in answer.content.decode()
    assert client.post(address).status_code == 405


def test_a_stream_releases_its_slot_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"a"

    stream = downloads.DownloadStream(pieces())
    assert list(stream) == [b"a"]
    stream.close()
    stream.close()
    assert list(stream) == []


def test_only_one_download_is_computed_at_a_time() -> None:
    inside: list[int] = []
    most: list[int] = []
    together = threading.Barrier(4)

    def pieces() -> Iterator[bytes]:
        for _ in range(50):
            inside.append(1)
            most.append(len(inside))
            sum(range(20_000))  # long enough for another thread to come in between
            inside.pop()
            yield b"a"

    def read(stream: downloads.DownloadStream) -> None:
        together.wait()
        list(stream)

    streams = [downloads.DownloadStream(pieces()) for _ in range(4)]
    threads = [threading.Thread(target=read, args=(stream,)) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 200
    assert max(most) == 1
