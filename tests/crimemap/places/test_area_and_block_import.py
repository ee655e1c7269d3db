"""Boundary layers and the block layer of an agency, as files become them."""

from __future__ import annotations

import gzip
import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from crimemap.layer_files.layer_file import LayerFileError
from crimemap.models import Area, Block, ImportRun, Incident, Intersection, OffenceCode, Source
from crimemap.places import area_import, block_import, lookup
from crimemap.places.area_index import load_area_index
from crimemap.places.areas import area_outlines
from crimemap.street_names import restore_capitals
from tests.crimemap.importing.import_command import SHARED
from tests.crimemap.places import layer_files
from tests.crimemap.places.layer_files import EAST, SQUARE, codes, feature, file_of, polygon

BOW_TIE = [[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]


def replaced(layer: str, *features: dict[str, Any], **columns: Any) -> area_import.LayerImportResult:
    return layer_files.replace(layer, file_of(*features), **columns)


REAL = {
    "chicago_community_areas.geojson.gz": ("neighbourhood", "area_numbe", "community", 77, ("8", "Near North Side")),
    "chicago_police_districts_simple.geojson": ("district", "DIST_NUM", "", 25, ("9", "District 9")),
    "chicago_police_beats_simple.geojson": ("beat", "BEAT_NUM", "", 277, ("1713", "Beat 1713")),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in REAL if (SHARED / name).exists()])
def test_importing_a_real_layer_twice_changes_nothing(name: str) -> None:
    layer, code, named, count, (example, label) = REAL[name]
    features = layer_files.read((SHARED / name).read_bytes()).features
    columns = area_import.guess_columns(features, layer)
    assert columns == area_import.AreaColumns(code, named)
    first = area_import.replace_layer(area_import.plan_layer(layer, features, columns))
    areas = area_outlines(layer)
    assert first.created == len(areas) == len({feature.properties[code] for feature in features})
    assert len(features) == count
    assert {area.code: area.name for area in areas}[example] == label
    index = load_area_index(layer)
    assert index.codes_at([area.longitude for area in areas], [area.latitude for area in areas]) == codes(layer)
    again = area_import.replace_layer(area_import.plan_layer(layer, features, columns))
    assert (again.created, again.updated, again.unchanged, again.removed) == (0, 0, len(areas), 0)


@pytest.mark.django_db
class TestAreas:
    def test_an_import_replaces_its_layer_and_reuses_rows(self) -> None:
        replaced("district", polygon(SQUARE, district=1, name="Harbor"), polygon(EAST, district=2, name="Hill"))
        replaced("beat", polygon(SQUARE, beat="11"))
        ref = Area.objects.get(layer="district", code="1").pk
        done = replaced("district", polygon(SQUARE, district=1, name="Harbour"), polygon(EAST, district=3, name="Mill"))
        assert (done.created, done.updated, done.unchanged, done.removed) == (1, 1, 0, 1)
        assert codes() == ["1", "3"]
        assert Area.objects.get(pk=ref).name == "Harbour"
        assert codes("beat") == ["11"]
        assert [place.name for place in lookup.search_places("harbour")] == ["Harbour"]

    def test_areas_of_incidents_stay_and_are_reported(self) -> None:
        replaced("district", polygon(SQUARE, district=1), polygon(EAST, district=2))
        source = Source.objects.create(slug="city", name="City", profile="generic", time_zone="UTC")
        run = ImportRun.objects.create(source=source, origin="command")
        code = OffenceCode.objects.create(scheme="city", code="1")
        Incident.objects.create(
            source=source, external_id="1", occurred_at="2026-01-01T00:00Z", precision="day", raw_code="1",
            offence_code=code, district="2", beat="0017", content_hash=b"1", first_run=run, last_run=run,
        )  # fmt: skip
        done = replaced("district", polygon(SQUARE, district=1))
        assert codes() == ["1", "2"]
        assert done.notes == ["2 is not in the file but was kept, because stored incidents use it."]
        (note,) = replaced("beat", polygon(SQUARE, beat=17)).notes
        assert "0017" in note

    def test_parts_of_one_code_are_one_area(self) -> None:
        done = replaced("district", polygon(SQUARE, district=1), polygon(EAST, district=1))
        (area,) = area_outlines("district")
        assert len(done.notes) == 1
        assert load_area_index("district").codes_at([1, 3], [1, 1]) == ["1", "1"]
        assert area.name == "District 1"

    def test_a_self_intersecting_shape_is_repaired_and_reported(self) -> None:
        replaced("district", polygon(BOW_TIE, district="A"))
        (note,) = layer_files.read(file_of(polygon(BOW_TIE, district="A"))).facts.notes()
        assert note == "1 shape crossed itself and was repaired."
        (area,) = area_outlines("district")
        assert load_area_index("district").codes_at([area.longitude], [area.latitude]) == ["A"]

    def test_the_label_of_a_hook_shape_is_inside_it(self) -> None:
        hook = [[0, 0], [10, 0], [10, 10], [9, 10], [9, 1], [0, 1], [0, 0]]
        replaced("district", polygon(hook, district=1))
        (area,) = area_outlines("district")
        assert load_area_index("district").codes_at([area.longitude], [area.latitude]) == ["1"]

    def test_blocks_and_crossings_gain_and_lose_their_area(self) -> None:
        Block.objects.create(street="Mill St", hundred=100, latitude=1, longitude=1, areas={"beat": "7"})
        Intersection.objects.create(first="Elm St", second="Mill St", latitude=1, longitude=3)
        replaced("district", polygon(SQUARE, district=1), polygon(EAST, district=2))
        assert Block.objects.get().areas == {"beat": "7", "district": "1"}
        assert Intersection.objects.get().areas == {"district": "2"}
        replaced("district", polygon(EAST, district=2))
        assert Block.objects.get().areas == {"beat": "7"}


DEGREES = polygon(SQUARE, district=1)
REFUSED = {
    "no JSON": (b"x", "not JSON"),
    "other JSON": (b'{"type": "Topology"}', "TopoJSON"),
    "Esri JSON": (b'{"features": [{"geometry": {"rings": []}}]}', "Esri JSON"),
    "a geodatabase": (layer_files.pack({"gdbtable": b"x"}), "geodatabase"),
    "a drawing": (layer_files.pack({"dxf": b"x"}), "CAD"),
    "one part of a shapefile": (b"\x00\x00\x27\x0a", "one part of a shapefile"),
    "nothing in it": (file_of(), "no shapes"),
    "a cut gzip": (gzip.compress(file_of(DEGREES))[:-9], "damaged"),
    "a cut zip": (layer_files.pack({"geojson": file_of(DEGREES)})[:-9], "damaged"),
    "a line": (file_of(feature({"type": "LineString", "coordinates": SQUARE}, district=1)), "no areas"),
    "only a broken shape": (file_of(feature({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}, district=1)), "no shapes"),
    "a shape without surface": (file_of(polygon([[0, 0], [1, 1], [2, 2], [0, 0]], district=1)), "no shapes"),
    "no code": (file_of(polygon(EAST, district=None)), "Choose one of: district"),
    "no property": (file_of(polygon(SQUARE)), "guess which property"),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_an_invalid_layer_file_is_refused_with_a_sentence(content: bytes, message: str) -> None:
    replaced("district", polygon(EAST, district=5))
    with pytest.raises(LayerFileError, match=re.escape(message) + r".*\.$"):
        layer_files.replace("district", content)
    assert codes() == ["5"]


@pytest.mark.django_db
def test_shapes_and_codes_that_are_missing_are_left_out_and_counted() -> None:
    broken = feature({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}, district=4)
    content = file_of(
        DEGREES, feature(None, district=2), broken, polygon(EAST), feature({"type": "Point", "coordinates": [0, 0]})
    )
    read = layer_files.read(content)
    assert read.facts.notes() == ["1 shape can't be read and was left out."]
    done = layer_files.replace("district", content, code="district")
    assert done.notes == [
        "2 rows have no usable shape and were left out.",
        "1 point or line was left out.",
        "1 area has no usable code and was left out.",
    ]
    assert codes() == ["1"]


@pytest.mark.django_db
def test_properties_can_be_chosen(tmp_path: Path) -> None:
    file = tmp_path / "layer.geojson.gz"
    file.write_bytes(gzip.compress(file_of(polygon(SQUARE, NUM="1", KEY="x", NAME="OLD TOWN"))))
    out = io.StringIO()
    call_command("import_areas", "neighbourhood", file, code="KEY", stdout=out)
    assert [(area.code, area.name) for area in area_outlines("neighbourhood")] == [("x", "Old Town")]
    assert out.getvalue() == "Codes from “KEY”, names from “NAME”.\n1 new, 0 changed, 0 unchanged, 0 removed.\n"
    with pytest.raises(LayerFileError, match="It has: NUM, KEY, NAME"):
        area_import.choose_columns(layer_files.read(file.read_bytes()).features, "neighbourhood", "other")
    meters = tmp_path / "meters.geojson"
    meters.write_bytes(file_of(polygon([[x * 1000 for x in point] for point in SQUARE], district=1)))
    with pytest.raises(CommandError, match=r"EPSG:4326\)\.$"):
        call_command("import_areas", "district", meters)


@pytest.mark.parametrize(
    ("shouted", "written"),
    [
        ("W 24TH PL", "W 24th Pl"),
        ("O'HARE", "O'Hare"),
        ("MCKINLEY PARK", "McKinley Park"),
        ("ST. MARY'S RD SE", "St. Mary's Rd SE"),
        ("Martin-Luther-KING Dr", "Martin-Luther-KING Dr"),
    ],
)
def test_uppercase_names_are_written_in_mixed_case(shouted: str, written: str) -> None:
    assert restore_capitals(shouted) == written


# Blocks


def line(start: tuple[float, float], end: tuple[float, float], **properties: Any) -> dict[str, Any]:
    return feature({"type": "LineString", "coordinates": [start, end]}, **properties)


def sides(left: tuple[int, int], right: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    return dict(zip(("L_F_ADD", "L_T_ADD", "R_F_ADD", "R_T_ADD"), (*left, *right), strict=True))


def parsed(content: bytes) -> block_import.ParsedBlocks:
    file = layer_files.read(content)
    return block_import.parse_blocks(file, block_import.guess_columns(file))


def found(content: bytes) -> dict[tuple[str, int], tuple[float, float]]:
    """Block to (longitude, latitude)."""
    return {(block.street, block.hundred): (block.longitude, block.latitude) for block in parsed(content).blocks}


MIDPOINTS = {
    "street and hundred": b"street,hundred,latitude,longitude\nMill St,400,1.5,2.5\n",
    "semicolons, decimal commas, a mark": "\ufeffStreet;Hundred;Lat;Long\nMill St;400;1,5;2,5\n".encode(),
    "in words": b"block,lat,lon\n400 block of Mill St,1.5,2.5\n",
    "with crosses": b"BLOCK,Y,X\n004XX MILL ST,1.5,2.5\n",
    "points": file_of(feature({"type": "Point", "coordinates": [2.5, 1.5]}, street="Mill St", hundred=400.0)),
    "packed": gzip.compress(b"street\thundred\tlatitude\tlongitude\nMill St\t412\t1.5\t2.5\n"),
}


@pytest.mark.parametrize("content", MIDPOINTS.values(), ids=MIDPOINTS)
def test_midpoints(content: bytes) -> None:
    assert found(content) == {("Mill St", 400): (2.5, 1.5)}


def test_rows_without_a_block_are_skipped_and_reported() -> None:
    table = b"block,lat,lon\n0000X S STATE ST,1,2\nplaza,1,2\n100 block of Elm St,0,0\n0000X s state st,3,4\n"
    read = parsed(table)
    assert [(block.street, block.hundred) for block in read.blocks] == [("S State St", 0)]
    assert sorted(read.notes) == [
        "1 of 4 were left out: no block.",
        "1 of 4 were left out: no point.",
        "1 of 4 were left out: the block is a duplicate.",
    ]


class TestCentreLines:
    def test_a_line_of_two_hundreds_becomes_two_blocks(self) -> None:
        content = file_of(line((0, 0), (0.0198, 0), FULLNAME="MILL ST", **sides((401, 599), (400, 598))))
        assert found(content) == {("Mill St", 400): (0.0049, 0), ("Mill St", 500): (0.01485, 0)}

    def test_addresses_may_decrease_along_the_line(self) -> None:
        content = file_of(line((0, 0), (0.01, 0), FULLNAME="Mill St", **sides((0, 0), (250, 100))))
        assert found(content)[("Mill St", 200)] == (pytest.approx(0.001667), 0)

    def test_a_block_in_two_pieces_has_its_point_where_they_meet(self) -> None:
        first = line((0, 0), (0.003, 0), FULLNAME="Mill St", **sides((100, 148)))
        second = line((0.003, 0), (0.006, 0), FULLNAME="Mill St", **sides((150, 198)))
        assert found(file_of(first, second)) == {("Mill St", 100): (0.003, 0)}

    def test_two_directions_of_one_street_have_one_point_between_them(self) -> None:
        left = line((0, 0.001), (0.01, 0.001), FULLNAME="Mill St", **sides((101, 199)))
        right = line((0, 0), (0.01, 0), FULLNAME="Mill St", **sides((0, 0), (100, 198)))
        assert found(file_of(left, right)) == {("Mill St", 100): (pytest.approx(0.005, abs=1e-4), 0.0005)}

    def test_a_name_is_joined_from_its_parts(self) -> None:
        parts = {"PRE_DIR": "W", "STREET_NAM": "24TH", "STREET_TYP": "PL", "SUF_DIR": ""}
        assert set(found(file_of(line((0, 0), (1, 0), **parts, **sides((400, 498)))))) == {("W 24th Pl", 400)}

    def test_lines_without_addresses_or_names_are_skipped_and_reported(self) -> None:
        read = parsed(
            file_of(
                line((0, 0), (1, 0), FULLNAME="Mill St", **sides((100, 198))),
                line((0, 0), (1, 0), FULLNAME="Mill St", **sides((0, 0))),
                line((0, 0), (1, 0), FULLNAME="", **sides((100, 198))),
            )
        )
        assert len(read.blocks) == 1
        assert sorted(read.notes) == ["1 of 3 were left out: no addresses.", "1 of 3 were left out: no street."]


NO_BLOCKS = {
    "a table of other things": b"name,phone\nx,1\n",
    "no addresses at all": file_of(line((0, 0), (1, 0), FULLNAME="Mill St")),
    "polygons": file_of(polygon(SQUARE, street="Mill St", hundred=100)),
    "only rows without a point": b"block,lat,lon\n100 block of Elm St,,\n",
    "a quote that never ends": b'street,hundred,latitude,longitude\n"' + b"x" * 200_000,
}


@pytest.mark.parametrize("content", NO_BLOCKS.values(), ids=NO_BLOCKS)
def test_a_file_without_blocks_is_refused_with_a_sentence(content: bytes) -> None:
    with pytest.raises(LayerFileError, match=r"\.$"):
        parsed(content)


@pytest.mark.django_db
def test_unchanged_blocks_keep_their_row(tmp_path: Path) -> None:
    replaced("district", polygon(SQUARE, district=1))
    unchanged = Block.objects.create(street="MILL STREET", hundred=400, latitude=9, longitude=9)
    Block.objects.create(street="Elm St", hundred=100, latitude=1, longitude=1)
    file = tmp_path / "blocks.csv"
    file.write_bytes(b"street,hundred,latitude,longitude\nMill St,400,1.5,1.5\nOak St,0,8,8\n")
    out = io.StringIO()
    call_command("import_blocks", file, stdout=out)
    assert out.getvalue() == "1 new, 1 changed, 0 unchanged, 1 removed.\n"
    place = lookup.find_place(f"block:{unchanged.pk}")
    assert place is not None
    assert (place.name, place.latitude, place.district) == ("400 block of Mill St", 1.5, "District 1")
    assert lookup.search_places("oak st")[0].name == "0 block of Oak St"
    call_command("import_blocks", file, stdout=out)
    assert out.getvalue().endswith("0 new, 0 changed, 2 unchanged, 0 removed.\n")
