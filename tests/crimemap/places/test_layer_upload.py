"""Layers that an administrator uploads: looked at first, then stored; and what becomes of links to codes that are gone."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import zipfile
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pyproj
import pytest
from django.test import Client

from core.models import Account
from core.staff import groups
from core.web import page_cache
from crimemap.alerts import planning
from crimemap.layer_files import archives, uploads
from crimemap.layer_files.layer_file import LayerFileError
from crimemap.models import Area, Block, FormerAreaCode, ImportRun, Incident, Intersection, OffenceCode, Subscription
from crimemap.places import area_import, areas, former_codes
from crimemap.privacy import visibility
from crimemap.publishing import publisher
from crimemap.snapshot import reader
from outreach.events import public_events
from outreach.models import Event
from tests.crimemap import published_city
from tests.crimemap.importing.administrators import audit_entries, create_account, create_source, sign_in, uploaded_file
from tests.crimemap.places import layer_files
from tests.crimemap.places.layer_files import EAST, SQUARE, codes, file_of, pack, polygon, shapefile_parts
from tests.crimemap.sample_incidents import records, rule

pytestmark = pytest.mark.django_db
IMPORT, BLOCKS = "/admin/crimemap/area/import/", "/admin/crimemap/block/import/"
UTM = pyproj.CRS.from_epsg(32624)  # of Riverton
NORTH_OF_IT = [[0, 2], [0, 4], [2, 4], [2, 2], [0, 2]]


@pytest.fixture
def ada(db: None) -> Account:
    return create_account()


@pytest.fixture(autouse=True)
def _uploads(settings: Any, tmp_path: Path) -> None:
    settings.INCIDENT_UPLOADS = tmp_path / "uploads"
    settings.INCIDENT_UPLOADS.mkdir()
    page_cache.clear()


def send(client: Client, content: bytes, name: str = "districts.geojson", layer: str = "district") -> str:
    """Upload a layer, and return the address of its preview."""
    answer = client.post(IMPORT, {"layer": layer, "file": uploaded_file(content, name)})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer.headers["Location"])


def shown(client: Client, address: str, **query: str) -> str:
    return " ".join(unescape(client.get(address, query).content.decode()).split())


def hidden_fields(page: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)}


def counts_of(page: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page))


def in_meters(ring: list[list[float]], epsg: int = 32624) -> list[list[float]]:
    project = pyproj.Transformer.from_crs(4326, epsg, always_xy=True).transform
    return [list(project(-38.5 + x / 100, 41.5 + y / 100)) for x, y in ring]


def add_incident(district: str, latitude: float = 1, longitude: float = 1) -> Incident:
    source = create_source(f"city{Incident.objects.count()}")
    run = ImportRun.objects.create(source=source, origin="command")
    code, _new = OffenceCode.objects.get_or_create(scheme="city", code="1")
    return Incident.objects.create(
        source=source, external_id="1", occurred_at="2026-01-01T00:00Z", precision="day", raw_code="1", offence_code=code,
        district=district, latitude=latitude, longitude=longitude, point_kind="block", content_hash=b"1", first_run=run, last_run=run,
    )  # fmt: skip


class TestPreview:
    def test_nothing_is_replaced_before_the_administrator_says_so(self, ada: Account) -> None:
        layer_files.replace(
            "district", file_of(polygon(SQUARE, district=1, name="Harbor"), polygon(EAST, district=2, name="Hill"))
        )
        add_incident("2", latitude=1, longitude=1)
        client = sign_in(ada)
        north = polygon(NORTH_OF_IT, district=3, name="<b>Mill</b>", area_sq=4)
        address = send(
            client,
            file_of(polygon(EAST, district=1, name="Harbour"), polygon(SQUARE, district="D2", name="Hill"), north),
        )
        page = shown(client, address)
        assert counts_of(page) == {
            "Areas in the file": "3", "Unchanged": "0", "New": "2", "Renamed": "1", "Other outline": "1", "Not in the file": "1",
        }  # fmt: skip
        assert "<b>Renamed</b>" not in page  # it moved, too
        assert "was “Harbor”; 0% of its ground is the same" in page
        assert "1 stored incident lies in another area than before." in page
        assert "<b>Mill</b>" not in client.get(address).content.decode()
        assert page.count('class="after"') == 4
        assert page.count('class="before"') == 3
        assert codes() == ["1", "2"]
        assert audit_entries() == []
        kept = client.post(address, hidden_fields(page) | {"replace": "1", "successor_0": ""}, follow=True)
        assert "2 new, 1 changed, 0 unchanged, 0 removed." in kept.content.decode()
        assert "2 is not in the file but was kept" in kept.content.decode()
        assert codes() == ["1", "2", "3", "D2"]
        assert audit_entries()[-1][1:3] == ("imported a layer", "layer district")
        assert client.get(address).headers["Location"] == IMPORT  # the file is gone
        assert list(uploads._uploads_folder().iterdir()) == []

    def test_the_properties_are_chosen_by_sight(self, ada: Account) -> None:
        client = sign_in(ada)
        areas = [polygon(SQUARE, district=1, KEY="a", WORDS="Old Town"), polygon(EAST, district=2, KEY="b", WORDS=None)]
        address = send(client, file_of(*areas))
        page = shown(client, address)
        assert re.search(r'name="code" value="district" checked', page)
        assert (
            '<bdi>Old Town</bdi></td> <td class="number">1</td><td class="number">1</td>' in page
        )  # one value, one blank
        page = shown(client, address, code="KEY", name="WORDS")
        assert "District b" in page
        client.post(address, hidden_fields(page) | {"replace": "1"})
        assert list(Area.objects.values_list("code", "name")) == [("a", "Old Town"), ("b", "District b")]
        download = client.get("/admin/crimemap/area/download/?layer=district")
        assert layer_files.read(download.content).features[0].properties == {"code": "a", "name": "Old Town"}
        assert client.get("/admin/crimemap/area/download/?layer=x").status_code == 404

    def test_a_change_by_someone_else_in_between_is_shown_first(self, ada: Account) -> None:
        client = sign_in(ada)
        address = send(client, file_of(polygon(SQUARE, district=1)))
        fields = hidden_fields(shown(client, address))
        layer_files.replace("district", file_of(polygon(EAST, district=7)))
        late = client.post(address, fields | {"replace": "1"})
        assert late.status_code == 409
        assert "Someone changed the areas" in late.content.decode()
        assert codes() == ["7"]
        wrong = hidden_fields(late.content.decode()) | {"replace": "1", "successor_0": "x"}
        assert client.post(address, wrong).status_code == 422
        assert codes() == ["7"]
        client.post(address, hidden_fields(late.content.decode()) | {"replace": "1", "successor_0": "1"})
        assert codes() == ["1"]

    def test_a_file_is_its_accounts_alone_and_can_be_given_up(self, ada: Account) -> None:
        client = sign_in(ada)
        address = send(client, file_of(polygon(SQUARE, district=1)))
        other = sign_in(create_account("bea", mail="bea@example.org"))
        for who, where in (
            (other, address),
            (client, address.replace("area", "block")),
            (client, f"{IMPORT}..%2F..%2Fx/"),
        ):
            assert who.get(where).status_code in (302, 404)
        officer = sign_in(create_account("cy", groups.OFFICER, "cy@example.org"))
        assert officer.get(address).status_code == 403
        assert "This layer lies" not in shown(client, address)  # there is no other layer to compare with
        layer_files.replace("city", file_of(polygon([[x + 50, y] for x, y in SQUARE], name="Riverton")))
        assert re.search(r"This layer lies 5,?\d{3} km from the middle of your city", shown(client, address))
        client.post(address, {"give_up": "1"})
        assert client.get(address).status_code == 302
        assert codes() == []

    def test_a_server_without_a_folder_and_a_file_that_is_none_are_told(self, ada: Account, settings: Any) -> None:
        client = sign_in(ada)
        answer = client.post(IMPORT, {"layer": "district", "file": uploaded_file(b"x", "districts.geojson")})
        assert answer.status_code == 422
        assert "not a GeoJSON file" in answer.content.decode()
        assert list(uploads._uploads_folder().iterdir()) == []
        settings.INCIDENT_UPLOADS = None
        answer = client.post(IMPORT, {"layer": "district", "file": uploaded_file(b"x", "districts.geojson")})
        assert "Set INCIDENT_UPLOADS" in answer.content.decode()


class TestShapefiles:
    def test_a_projected_shapefile_is_read_and_its_null_shapes_counted(self, ada: Account) -> None:
        rows = [([in_meters(SQUARE)], 1, "Ñuñoa"), (None, 2, "Nowhere"), ([in_meters(EAST)], 3, "Hill")]
        content = pack(shapefile_parts(rows, UTM.to_wkt("WKT1_ESRI"), "1252", "cp1252"), "folder/DISTRICTS")
        client = sign_in(ada)
        address = send(client, content, "districts.zip")
        page = shown(client, address)
        assert "layer “DISTRICTS”: 3 rows. Coordinate system: WGS 84 / UTM zone 24N." in page
        assert "1 row has no usable shape and was left out." in page
        client.post(address, hidden_fields(page) | {"replace": "1"})
        assert list(Area.objects.values_list("code", "name")) == [("1", "Ñuñoa"), ("3", "Hill")]
        area = Area.objects.get(code="1")
        assert (area.latitude, area.longitude) == (pytest.approx(41.51, abs=1e-4), pytest.approx(-38.49, abs=1e-4))

    def test_a_missing_system_is_suggested_by_the_values(self, ada: Account) -> None:
        around = [[-38.6, 41.4], [-38.6, 41.6], [-38.4, 41.6], [-38.4, 41.4], [-38.6, 41.4]]
        layer_files.replace("city", file_of(polygon(around, name="Riverton")))
        content = pack(shapefile_parts([([in_meters(SQUARE)], 1, "Harbor")]), without="cpg shx")
        client = sign_in(ada)
        address = send(client, content, "districts.zip")
        page = shown(client, address)
        assert "The coordinates are not degrees" in page
        assert "WGS 84 / UTM zone 24N (EPSG:32624)" in page
        assert "Replace the layer" not in page
        assert client.post(address, {"replace": "1"}).status_code == 200
        for wrong in ({"system": "99999"}, {"system": "UTM zone"}, {}):
            assert client.post(address, wrong | {"read": "1"}).status_code == 422
        assert client.post(address, {"read": "1", "system": "", "suggested": "EPSG:32624"}).status_code == 302
        page = shown(client, address)
        assert "The index of the shapefile (.shx) is missing." in page
        client.post(address, hidden_fields(page) | {"replace": "1"})
        assert Area.objects.get(code="1").latitude == pytest.approx(41.51, abs=1e-4)

    def test_one_layer_of_several_is_chosen(self, ada: Account) -> None:
        target = io.BytesIO(pack(shapefile_parts([([SQUARE], 1, "Harbor")]), "beats"))
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr("docs/readme.txt", "Districts of 2026")
            archive.writestr("__MACOSX/._districts.shp", "x")
            archive.writestr("districts.geojson", file_of(polygon(EAST, district=7)))
        client = sign_in(ada)
        address = send(client, target.getvalue(), "layers.zip")
        assert "layer “beats”" in shown(client, address)
        client.post(address, {"read": "1", "layer": "districts"})
        page = shown(client, address)
        assert "layer “districts”" in page
        client.post(address, hidden_fields(page) | {"replace": "1"})
        assert codes() == ["7"]

    @pytest.mark.parametrize(
        ("without", "message"),
        [("shp", "not the shapes (.shp)"), ("dbf", "has no table (.dbf)"), ("shp dbf shx", "has no layer in it")],
    )
    def test_a_missing_part_is_named(self, without: str, message: str) -> None:
        parts = shapefile_parts([([SQUARE], 1, "Harbor")], pyproj.CRS.from_epsg(4326).to_wkt("WKT1_ESRI"))
        with pytest.raises(LayerFileError, match=re.escape(message)):
            layer_files.read(pack(parts, without=without))

    def test_degrees_without_a_system_and_systems_by_text_alone(self) -> None:
        read = layer_files.read(pack(shapefile_parts([([SQUARE], 1, "Harbor")]), without="prj"))
        assert "taken as such" in read.facts.notes()[0]
        parts = shapefile_parts([([in_meters(SQUARE)], 1, "Harbor")])
        own = re.sub(r"(PROJCS|GEOGCS)\[\"[^\"]*\"", r'\1["Riverton grid"', UTM.to_wkt("WKT1_ESRI")).replace(
            "500000.0", "0.0"
        )
        read = layer_files.read(pack(parts | {"prj": own.encode()}))
        assert read.facts.system == "Riverton grid"
        assert pyproj.CRS.from_wkt(own).to_epsg() is None
        damaged = layer_files.read(pack(parts | {"prj": b"PROJCS[" * 1000}))
        assert damaged.facts.needs_system
        named = json.loads(file_of(polygon(in_meters(SQUARE), district=1)))
        named["crs"] = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32624"}}
        (area,) = layer_files.read(json.dumps(named).encode()).features
        assert area.shape.bounds[1] == pytest.approx(41.5)


class TestHostileFiles:
    def test_a_bomb_and_a_file_that_lies_are_refused_by_the_confined_process(self, ada: Account) -> None:
        bomb = io.BytesIO()
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("districts.shp", "w", force_zip64=True) as member:
                for _piece in range(archives.MAX_UNPACKED_BYTES // (1 << 20) + 2):
                    member.write(b"\x00" * (1 << 20))
            archive.writestr("districts.dbf", b"x")
        client = sign_in(ada)
        answer = client.post(IMPORT, {"layer": "district", "file": uploaded_file(bomb.getvalue(), "bomb.zip")})
        assert answer.status_code == 422
        assert "unpacks to more than the portal reads" in answer.content.decode()

    @pytest.mark.filterwarnings("ignore::shapefile.PossiblyCorruptFileHeader")
    @pytest.mark.parametrize("end", ["shp", "shx", "dbf", "prj", "cpg"])
    def test_a_shapefile_with_broken_parts_is_refused_with_a_sentence_or_read(self, end: str) -> None:
        parts = shapefile_parts([([SQUARE], 1, "Harbor"), ([EAST], 2, "Hill")], pyproj.CRS.from_epsg(4326).to_wkt())
        whole, sentences = parts[end], []
        for broken in (
            b"",
            whole[:50],
            whole[: len(whole) // 2],
            b"\xff" * len(whole),
            whole[::-1],
            whole[:24] + b"\x7f" * 40 + whole[64:],
        ):
            try:
                layer_files.read(pack(parts | {end: broken or b"\x00"}))
            except LayerFileError as error:
                sentences.append(str(error))
        assert all(sentence.endswith(".") for sentence in sentences)

    def test_outlines_too_fine_for_a_page_are_simplified_and_neighbors_keep_their_border(self) -> None:
        border = [[0.1 + 0.000002 * (step % 2), step / 50_000] for step in range(5_001)]
        west = [[0, 0], *border, [0, 0.1], [0, 0]]
        east = [[0.2, 0], *border, [0.2, 0.1], [0.2, 0]]
        read = layer_files.read(file_of(polygon(west, district=1), polygon(east, district=2)))
        assert read.facts.points > 10_000
        assert read.facts.points_left < read.facts.points / 4
        assert read.features[0].shape.intersection(read.features[1].shape).area == 0


def publish(folder: Path, known: tuple[tuple[str, str, str], ...] = ()) -> None:
    """Publish incidents of districts 1 and 2, as the bulk worker does with these former codes."""
    stored = records(*published_city.rows(200))
    areas = tuple(sorted(Area.objects.values_list("layer", "code")))
    its_rule = replace(rule(), former_areas=known, known_areas=areas)
    publisher.write_version(folder, stored, visibility.decide_levels(stored, its_rule), its_rule, [])


class TestFormerCodes:
    @pytest.fixture
    def renamed(self, ada: Account, settings: Any, tmp_path: Path) -> Client:
        """District 1 is D1 since this morning; the incidents are published again."""
        layer_files.replace("district", file_of(polygon(SQUARE, district=1), polygon(EAST, district=2)))
        Area.objects.filter(code="1").update(contact="Ask for Ada.")
        layer_files.replace(
            "district", file_of(polygon(SQUARE, district="D/1"), polygon(EAST, district=2)), {"1": "D/1"}
        )
        page_cache.clear()
        settings.INCIDENT_SNAPSHOTS = tmp_path / "public"
        settings.INCIDENT_SNAPSHOTS.mkdir()
        publish(settings.INCIDENT_SNAPSHOTS, (("district", "1", "D/1"),))
        return Client()

    def test_old_links_filters_and_feeds_lead_to_the_area_under_its_new_code(self, renamed: Client) -> None:
        assert Area.objects.get(code="D/1").contact == "Ask for Ada."
        assert reader.current().areas["district"][1:] == ["2", "D/1"]
        assert renamed.get("/map/area/district/1/").headers["Location"] == "/map/area/district/D~2F1/"
        assert renamed.get("/map/area/district/1/").status_code == 301
        assert renamed.get("/map/feed/district/1.atom").headers["Location"] == "/map/feed/district/D~2F1.atom"
        for address in ("/map/", "/map/list/", "/api/v1/incidents", "/map/download.csv", "/map/alerts/"):
            answer = renamed.get(address, {"area": "district:1"})
            assert answer.status_code == 200, address
            b"".join(answer)
        old, new = (renamed.get("/api/v1/incidents", {"area": f"district:{code}"}).json() for code in ("1", "D/1"))
        assert old["total"] == new["total"] > 0
        assert renamed.get("/map/compare/", {"a": "district:1", "b": "district:2"}).status_code == 200
        assert renamed.get("/map/list/", {"area": "district:9"}).status_code == 400

    def test_alerts_and_events_follow(self, renamed: Client) -> None:
        row = Subscription(layer="district", code="1")
        criteria = planning.read_criteria(row)
        assert criteria.area == ("district", "D/1")
        when = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
        Event.objects.create(
            title="Open house", slug="open-house", starts_at=when, ends_at=when + dt.timedelta(hours=1), areas=[["district", "1"]], status="published",
            latitude=1, longitude=1,
        )  # fmt: skip
        assert renamed.get("/stories/area/district/1/").status_code == 200
        assert [event.title for event in public_events.upcoming_events(("district", "D/1"))] == ["Open house"]

    def test_a_code_that_comes_back_means_its_own_area_again(self, renamed: Client) -> None:
        layer_files.replace(
            "district",
            file_of(polygon(SQUARE, district="D/1"), polygon(EAST, district=2), polygon(NORTH_OF_IT, district=1)),
        )
        page_cache.clear()
        assert renamed.get("/map/area/district/1/").status_code == 200

    def test_an_old_link_is_answered_while_names_are_a_minute_older_than_codes(
        self, renamed: Client, monkeypatch: Any
    ) -> None:
        Area.objects.filter(code="D/1").update(code="X")
        former_codes.record("district", {"5": "X"})
        page_cache.clear()
        links = "/map/area/district/5/", "/map/feed/district/5.atom"
        assert [renamed.get(link).status_code for link in links] == [301, 301]
        page_cache.clear()
        monkeypatch.setattr(areas, "area_names", lambda _layer: {"5": "Harbor"})
        assert [renamed.get(link).status_code for link in links] == [200, 200]

    def test_a_new_code_in_the_admin_keeps_old_links(self, renamed: Client, ada: Account) -> None:
        area = Area.objects.get(code="D/1")
        Block.objects.create(street="Mill St", hundred=100, latitude=1, longitude=1)
        data = {"layer": "district", "code": "X", "name": "Harbor", "contact": "", "latitude": 1, "longitude": 1}
        sign_in(ada).post(f"/admin/crimemap/area/{area.pk}/change/", data)
        page_cache.clear()
        assert Block.objects.get().areas == {"district": "X"}
        assert set(FormerAreaCode.objects.values_list("code", "area__code")) == {("1", "X"), ("D/1", "X")}

    def test_areas_that_became_one_lead_there(self, renamed: Client) -> None:
        both = [[0, 0], [0, 2], [4, 2], [4, 0], [0, 0]]
        features = layer_files.read(file_of(polygon(both, district="W"))).features
        plan = area_import.plan_layer("district", features, area_import.choose_columns(features, "district"))
        assert plan.successors == {"2": "W", "D/1": "W"}
        done = area_import.replace_layer(plan, plan.successors)
        assert (done.created, done.updated, done.removed) == (0, 1, 1)
        assert codes() == ["W"]
        assert dict(FormerAreaCode.objects.values_list("code", "area__code")) == {"1": "W", "2": "W", "D/1": "W"}


class TestBlocks:
    def test_properties_of_center_lines_are_chosen_by_sight(self, ada: Account) -> None:
        line = {"type": "LineString", "coordinates": [[0, 0], [0.0198, 0]]}
        properties = {"LINEAR_NAME_FULL": "Mill St", "LO_NUM_L": 401, "HI_NUM_L": 599}
        content = file_of({"type": "Feature", "properties": properties, "geometry": line})
        client = sign_in(ada)
        answer = client.post(BLOCKS, {"file": uploaded_file(content, "streets.geojson")})
        address = answer.headers["Location"]
        assert "Center lines need a street name and address ranges" in shown(client, address)
        chosen = {"street": "LINEAR_NAME_FULL", "left_from": "LO_NUM_L", "left_to": "HI_NUM_L"}
        page = shown(client, address, **chosen)
        assert "400 block of Mill St" in page
        assert counts_of(page)["New"] == "2"
        assert Block.objects.count() == 0
        done = client.post(address, hidden_fields(page) | {"replace": "1"}, follow=True)
        assert "2 new, 0 changed, 0 unchanged, 0 removed." in done.content.decode()
        assert sorted(Block.objects.values_list("street", "hundred")) == [("Mill St", 400), ("Mill St", 500)]
        assert audit_entries()[-1][1:3] == ("imported a layer", "layer blocks")

    def test_a_table_in_an_archive_is_read(self, ada: Account) -> None:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("blocks.csv", "street,hundred,latitude,longitude\nMill St,400,1,2\n")
        client = sign_in(ada)
        address = client.post(BLOCKS, {"file": uploaded_file(target.getvalue(), "blocks.zip")}).headers["Location"]
        page = shown(client, address)
        client.post(address, hidden_fields(page) | {"replace": "1"})
        assert Block.objects.get().hundred == 400
        address = send(client, target.getvalue(), "blocks.zip")
        assert "This is a table without shapes." in shown(client, address)


def test_a_block_and_a_crossing_typed_by_hand_know_their_areas(ada: Account) -> None:
    layer_files.replace("district", file_of(polygon(SQUARE, district=1, name="Harbor")), code="district", name="name")
    page_cache.clear()
    client = sign_in(ada)
    point = {"latitude": "1.0", "longitude": "1.0"}
    wrong = client.post("/admin/crimemap/block/add/", {"street": "Mill St", "hundred": "412", **point})
    assert "Enter a whole hundred" in wrong.content.decode()
    assert (
        client.post("/admin/crimemap/block/add/", {"street": "Mill St", "hundred": "400", **point}).status_code == 302
    )
    assert Block.objects.get(street="Mill St").areas == {"district": "1"}
    crossing = {"first": "Mill St", "second": "Elm St", **point}
    assert client.post("/admin/crimemap/intersection/add/", crossing).status_code == 302
    assert Intersection.objects.values_list("first", "second", "areas").get() == (
        "Elm St",
        "Mill St",
        {"district": "1"},
    )
    again = client.post("/admin/crimemap/intersection/add/", crossing | {"second": "Mill St"})
    assert "Enter the street that crosses" in again.content.decode()
    assert client.get("/admin/crimemap/area/add/").url == IMPORT
    assert "Add area" not in client.get("/admin/crimemap/area/").content.decode()
