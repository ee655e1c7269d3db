"""The base map that a command builds: what is stored, and the file of tiles as browsers ask for it."""

from __future__ import annotations

import gzip
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from core.web import byte_ranges, page_cache
from crimemap.city_map import build as build_module
from crimemap.city_map import tile_file
from crimemap.demo import osm_extract
from crimemap.models import Area, BaseLayer, BaseMapBuild, Block, Intersection, Landmark
from crimemap.places import base_map, lookup
from tests.crimemap.city_map.small_extract import house, street, write

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    page_cache.clear()
    settings.BASE_MAP = tmp_path / "tiles"
    return tmp_path / "tiles"


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    ways = [street("Arden Street", (0, 0), (2, 0), (4, 0)), street("Mill Street", (2, -2), (2, 0), (2, 2))]
    return write(
        tmp_path, ways, {(1, 0.1): house("412", "Arden Street"), (3, 1): {"amenity": "school", "name": "Hill School"}}
    )


def build(*words: object) -> str:
    out = StringIO()
    call_command("base_map", "build", *map(str, words), stdout=out)
    page_cache.clear()
    return out.getvalue()


def test_a_build_stores_tiles_lines_and_places(extract, folder):
    assert build(extract).startswith("2 streets, 1 blocks, 1 crossings, 1 landmarks.")
    stored = BaseMapBuild.objects.get()
    path = folder / f"{stored.tiles}.pmtiles"
    assert path.read_bytes().startswith(b"PMTiles")
    assert b"/" + str(folder.parent.name).encode() not in gzip.compress(path.read_bytes()) + path.read_bytes()
    assert stored.attribution == "OpenStreetMap"
    assert set(BaseLayer.objects.values_list("name", flat=True)) == {"land", "streets"}
    assert [each.name for each in lookup.search_places("412 arden")] == ["400 block of Arden Street"]
    assert [each.name for each in lookup.search_places("arden and mill")] == ["Arden Street and Mill Street"]
    [school] = lookup.search_places("school")
    assert (school.name, school.kind, lookup.find_place(school.ref)) == ("Hill School", "landmark", school)


def test_a_second_build_keeps_the_rows_and_removes_old_tiles(extract, folder, tmp_path):
    build(extract)
    before = {model: list(model.objects.values_list("pk", flat=True)) for model in (Block, Intersection, Landmark)}
    (folder / "0123456789abcdef.pmtiles").write_bytes(b"old")
    (folder / ".partial-left").write_bytes(b"old")
    build(extract, "--blocks", "--attribution", "Riverton GIS")
    assert before == {model: list(model.objects.values_list("pk", flat=True)) for model in before}
    assert [path.stem for path in folder.iterdir()] == [BaseMapBuild.objects.get().tiles]
    assert BaseMapBuild.objects.get().attribution == "Riverton GIS"


def test_blocks_of_the_agency_stay_unless_asked(extract):
    own = Block.objects.create(street="Harbor Road", hundred=100, latitude=41.5, longitude=-38.5)
    assert "The stored blocks were kept." in build(extract)
    assert list(Block.objects.all()) == [own]
    build(extract, "--blocks")
    assert [str(block) for block in Block.objects.all()] == ["400 block of Arden Street"]


def test_nothing_is_stored_when_a_step_fails(extract, folder, monkeypatch, tmp_path):
    build(extract)
    before = BaseMapBuild.objects.get(), set(folder.iterdir()), base_map.base_map_version()
    monkeypatch.setattr("crimemap.city_map.build._store_landmarks", lambda _rows: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build(extract, "--attribution", "other")
    monkeypatch.setattr("crimemap.city_map.tiles.shutil.which", lambda *_names, **_path: None)
    with pytest.raises(CommandError, match="tippecanoe isn't installed"):
        build(extract)
    with pytest.raises(CommandError, match="is not there"):
        build(tmp_path / "absent.osm.pbf")
    assert before == (BaseMapBuild.objects.get(), set(folder.iterdir()), base_map.base_map_version())


def test_the_demo_citys_extract_gives_its_places(riverton, tmp_path):
    osm_extract.write_extract(tmp_path / "riverton.osm.pbf")
    crossings = set(Intersection.objects.values_list("first", "second"))
    neighborhoods = Area.objects.filter(layer="neighbourhood").count()
    build(tmp_path / "riverton.osm.pbf", "--blocks")
    found = set(Intersection.objects.values_list("first", "second"))
    assert crossings <= found  # the extract also knows where bridges begin
    assert Block.objects.count() > 1300
    assert not Block.objects.exclude(areas__has_key="district").exclude(areas={}).exists()
    assert len(BaseLayer.objects.get(name="labels").geojson["features"]) == neighborhoods


# The file


@pytest.fixture
def stored(folder: Path) -> str:
    digest = tile_file.store(folder, bytes(range(200)))
    build_module.record_build(digest, attribution="")
    return digest


@pytest.mark.parametrize(
    ("asked", "status", "content", "told"),
    [
        ("bytes=0-3", 206, bytes(range(4)), "bytes 0-3/200"),
        ("bytes=5-5", 206, b"\x05", "bytes 5-5/200"),
        ("bytes=198-", 206, b"\xc6\xc7", "bytes 198-199/200"),
        ("bytes=-2", 206, b"\xc6\xc7", "bytes 198-199/200"),
        ("bytes=190-9999", 206, bytes(range(190, 200)), "bytes 190-199/200"),
        ("bytes=-9999", 206, bytes(range(200)), "bytes 0-199/200"),
        ("bytes=200-", 416, b"", "bytes */200"),
        ("bytes=-0", 416, b"", "bytes */200"),
        ("bytes=0-1,4-5", 200, bytes(range(200)), None),
        ("bytes=5-4", 200, bytes(range(200)), None),
        ("lines=0-3", 200, bytes(range(200)), None),
        ("bytes=-", 200, bytes(range(200)), None),
        ("bytes=٣-٤", 200, bytes(range(200)), None),
    ],
)
def test_single_ranges_are_answered(client, stored, asked, status, content, told):
    answer = client.get(f"/map/base/{stored}.pmtiles", headers={"range": asked, "accept-encoding": "gzip"})
    assert (answer.status_code, answer.getvalue(), answer.get("Content-Range")) == (status, content, told)
    if status != 416:
        assert answer["Content-Length"] == str(len(content))
        assert "immutable" in answer["Cache-Control"]
    assert not answer.cookies


def test_if_range_head_and_conditional_requests(client, stored):
    address = f"/map/base/{stored}.pmtiles"
    etag = client.get(address)["ETag"]
    assert client.get(address, headers={"range": "bytes=0-3", "if-range": etag}).status_code == 206
    assert client.get(address, headers={"range": "bytes=0-3", "if-range": '"another"'}).status_code == 200
    assert client.get(address, headers={"if-none-match": etag}).status_code == 304
    head = client.head(address, headers={"range": "bytes=0-3"})
    assert (head.status_code, head.getvalue(), head["Content-Range"]) == (206, b"", "bytes 0-3/200")
    assert client.post(address).status_code == 405
    for unknown in ("0123456789abcdef", "x", "..", stored[:15]):
        assert client.get(f"/map/base/{unknown}.pmtiles").status_code == 404


@given(st.one_of(st.text(max_size=30), st.from_regex(r"bytes=\d{0,4}-\d{0,4}", fullmatch=True)), st.integers(1, 300))
def test_a_range_never_leaves_the_file(header, size):
    try:
        wanted = byte_ranges.parse_range(header, size)
    except byte_ranges.UnsatisfiableRangeError:
        return
    assert wanted is None or 0 <= wanted.first <= wanted.last < size


def test_the_map_draws_tiles_where_their_file_is_there(client, riverton, incidents, stored, folder):
    page_cache.clear()
    page = client.get("/map/").content.decode()
    assert f"/map/base/{stored}.pmtiles" in page
    assert "Map data" not in page  # of the agency's own
    BaseMapBuild.objects.update(attribution="OpenStreetMap")
    (folder / f"{stored}.pmtiles").unlink()
    page_cache.clear()
    page = client.get("/map/").content.decode()
    assert ".pmtiles" not in page
    assert f"/map/base/{base_map.base_map_version()}.json" in page
    for address in ("/map/", "/map/embed/", "/map/about/"):
        assert "openstreetmap.org/copyright" in client.get(address).content.decode(), address
