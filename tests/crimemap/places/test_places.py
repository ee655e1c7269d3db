"""crimemap.places.lookup as the tip form uses it."""

from __future__ import annotations

import json
import math
from importlib import import_module

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.web import page_cache
from crimemap.demo.load import load
from crimemap.models import Area, BaseLayer, Block, Intersection
from crimemap.places import areas, base_map, lookup
from crimemap.places.area_index import load_area_index


def names(text, limit=8):
    return [place.name for place in lookup.search_places(text, limit)]


@pytest.mark.parametrize(
    "text",
    ["412 arden", "400 Arden Street", "400 block of Arden St.", "  400   BLOCK arden ", "499 arden st", "412 ardén"],
)
def test_a_number_and_a_street_find_the_block(riverton, text):
    assert names(text)[0] == "400 block of Arden Street"


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("O'Hare Avenue", "o\u2019hare ave"),
        ("O\u2019Hare Avenue", "400 O\u02bcHARE AVENUE"),
        ("Lili\u02bbuokalani Avenue", "liliuokalani"),
        ("Søren Łódź Street", "soren lodz st"),
        ("Saint-Denis Street", "４００　saint\u2011denis"),
        ("Saint\u2013Denis Street", "saint\u00a0denis"),
        ("Straße", "STRASSE"),
        ("Willow Street", "wil\u00adlow\u200b st\u200d."),
    ],
)
def test_a_street_is_found_however_name_and_query_are_written(db, stored, typed):
    Block.objects.create(street=stored, hundred=400, latitude=1.0, longitude=1.0)
    assert names(typed) == [f"400 block of {stored}"]


def test_names_stored_by_an_earlier_release_are_found_as_well(db):
    Block.objects.create(street="Lili\u02bbuokalani Avenue", hundred=400, latitude=1.0, longitude=1.0)
    Block.objects.update(key="lili\u02bbuokalani avenue")
    import_module("crimemap.migrations.0002_place_keys").normalize_keys(apps, None)
    assert names("liliuokalani ave") == ["400 block of Lili\u02bbuokalani Avenue"]


def test_streets_joined_by_a_full_width_sign_find_their_crossing(riverton):
    assert names("ＡＲＤＥＮ＆ｍｉｌｌ") == ["Arden Street and Mill Street"]


@pytest.mark.parametrize(
    "text", ["arden & mill", "arden and mill", "arden/mill", "Mill St @ Arden St", "mill st at arden st", "MILL+ARDEN"]
)
def test_two_streets_find_their_crossing(riverton, text):
    assert names(text) == ["Arden Street and Mill Street"]


def test_one_street_of_a_crossing_lists_its_crossings(riverton):
    found = names("& arden")
    assert len(found) == 8
    assert all("Arden Street" in name for name in found)


def test_streets_that_do_not_meet_have_no_crossing(riverton):
    assert names("arden & observatory") == []


def test_an_area_and_landmarks_come_before_the_streets_named_like_them(riverton):
    found = lookup.search_places("observatory")
    assert (found[0].kind, found[0].name) == ("area", "Observatory")
    assert (found[1].kind, found[1].name) == ("landmark", "Observatory College")
    assert found[2].name.endswith("Observatory Street")


@pytest.mark.parametrize(
    ("slip", "meant"), [("ardne", "Arden"), ("412 obsrvatory", "Observatory"), ("ropwalk", "Ropewalk")]
)
def test_a_typo_is_corrected_if_nothing_matches_exactly(riverton, slip, meant):
    assert meant in names(slip)[0]


def test_an_exact_name_wins_over_a_similar_one(riverton):
    assert all("Opal" in name for name in names("opal"))


def test_a_number_past_the_end_of_a_street_gives_its_last_blocks(riverton):
    last = Block.objects.filter(street="Arden Street").order_by("-hundred").first()
    assert names("99999 arden")[0] == str(last)


def test_results_are_limited(riverton):
    assert len(lookup.search_places("street", 3)) == 3


def test_a_found_place_has_its_district(riverton):
    place = lookup.search_places("412 arden")[0]
    assert place.kind == "block"
    assert place.district == "North District"
    assert lookup.search_places("harbor district")[0].district == "Harbor District"


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=300) | st.text("0123456789 &/%_\\'\"street arden", max_size=40))
def test_any_text_is_safe_to_search_for(riverton, text):
    assert len(lookup.search_places(text)) <= 8


@pytest.mark.parametrize("text", ["", " ", "%", "_", "\\", "\x00", "'; --", "x" * 100_000, "12", "\ud800", "ارض", "🚲"])
def test_odd_input_raises_nothing(riverton, text):
    assert all(place.name for place in lookup.search_places(text))


def test_find_place_resolves_the_refs_of_search(riverton):
    for text in ("412 arden", "arden & mill", "old town"):
        place = lookup.search_places(text)[0]
        assert lookup.find_place(place.ref) == place


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "block",
        "block:",
        "block:x",
        "block:-1",
        "block:1e3",
        "block:999999999999999999",
        "baselayer:1",
        "b" * 999,
        "block:٣",
        "block:1\n",
    ],
)
def test_find_place_returns_none_for_a_broken_ref(riverton, ref):
    assert lookup.find_place(ref) is None


def test_find_nearest_block_returns_the_nearest_block(riverton):
    block = Block.objects.get(street="Arden Street", hundred=400)
    assert lookup.find_nearest_block(block.latitude + 0.0001, block.longitude).name == str(block)


def test_find_nearest_block_returns_none_far_from_all_blocks(riverton):
    assert lookup.find_nearest_block(41.5, -38.3) is None
    assert lookup.find_nearest_block(math.nan, 0) is None
    assert lookup.find_nearest_block(90, 0) is None


def test_find_nearest_block_searches_within_two_hundred_meters(riverton):
    west = Block.objects.order_by("longitude").first()
    metre = 1 / (111_320 * math.cos(math.radians(west.latitude)))
    assert lookup.find_nearest_block(west.latitude, west.longitude - 190 * metre) is not None
    assert lookup.find_nearest_block(west.latitude, west.longitude - 210 * metre) is None


def test_points_inside_and_outside_of_the_city(riverton):
    assert lookup.in_city(41.5, -38.5)
    assert not lookup.in_city(41.6, -38.5)
    assert not lookup.in_city(math.nan, -38.5)


def test_areas_of_a_layer_are_sorted_by_code(riverton):
    assert [area.code for area in areas.area_outlines("district")] == ["1", "2", "3", "4"]
    assert areas.area_outlines("nonsense") == []
    assert areas.area_outlines("beat")[0].outline["type"] == "Polygon"


def test_names_of_an_unknown_layer_are_not_cached(riverton):
    known = len(page_cache._entries)
    assert areas.area_names("of-a-strangers-address") == {}
    assert len(page_cache._entries) == known


def test_the_base_map_holds_all_layers_and_its_bounds(riverton):
    base = json.loads(base_map.base_map_json())
    assert [layer["name"] for layer in base["layers"]] == [
        "land",
        "water",
        "parks",
        "streets",
        "bridges",
        "boundaries",
        "labels",
    ]
    (south, west), (north, east) = base["bounds"]
    assert south < 41.5 < north
    assert west < -38.5 < east


def test_the_version_changes_with_the_content_of_the_base_map(riverton):
    before, drawn = base_map.base_map_version(), base_map.base_map_json()
    layer = BaseLayer.objects.get(name="parks")
    layer.geojson["features"] = layer.geojson["features"][:1]
    layer.save()
    assert base_map.base_map_version() != before
    assert base_map.base_map_json() != drawn


def test_an_empty_database_finds_nothing(db):
    for model in (Area, Block, Intersection, BaseLayer):
        model.objects.all().delete()
    assert (
        lookup.search_places("412 arden") == lookup.search_places("arden & mill") == lookup.search_places("arden") == []
    )
    assert lookup.find_place("block:1") is None
    assert lookup.find_nearest_block(41.5, -38.5) is None
    assert not lookup.in_city(41.5, -38.5)
    assert areas.area_outlines("district") == []
    assert (base_map.base_map_version(), base_map.base_map_json()) == ("", b"")


def test_loading_again_changes_nothing(riverton):
    before = list(Block.objects.order_by("pk").values())
    assert load() is False
    assert list(Block.objects.order_by("pk").values()) == before


def test_a_new_street_plan_keeps_the_ids_of_unchanged_places(riverton, monkeypatch):
    block_id = Block.objects.get(street="Arden Street", hundred=400).pk
    Block.objects.create(street="Gone Street", hundred=100, latitude=41.5, longitude=-38.5)
    monkeypatch.setattr("crimemap.demo.load._source", lambda: "another plan")
    assert load() is True
    assert Block.objects.get(street="Arden Street", hundred=400).pk == block_id
    assert not Block.objects.filter(street="Gone Street").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Block.objects.create(street="A Street", hundred=150, latitude=0, longitude=0),
        lambda: Block.objects.create(street="A Street", hundred=100, latitude=91, longitude=0),
        lambda: Block.objects.bulk_create([Block(street="A", hundred=100, latitude=0, longitude=0)] * 2),
        lambda: Intersection.objects.create(first="B", second="A", latitude=0, longitude=0),
        lambda: Intersection.objects.create(first="A", second="A", latitude=0, longitude=0),
        lambda: Area.objects.create(layer="moon", code="1", name="x", outline={}, latitude=0, longitude=0),
        lambda: Area.objects.create(layer="district", code="1", name="x", outline={}, latitude=0, longitude=0),
        lambda: BaseLayer.objects.create(name="satellite", geojson={}),
    ],
)
def test_the_database_refuses_invalid_rows(riverton, wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        wrong()


def square(west: float, south: float, size: float) -> list[list[float]]:
    east, north = west + size, south + size
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


@pytest.fixture
def beats(db):
    """Two squares with a common border, the first with a hole; and a beat of two parts."""
    Area.objects.all().delete()
    outlines = {
        "1": {"type": "Polygon", "coordinates": [square(0, 0, 10), square(4, 4, 2)]},
        "2": {"type": "Polygon", "coordinates": [square(10, 0, 10)]},
        "3": {"type": "MultiPolygon", "coordinates": [[square(30, 0, 1)], [square(32, 0, 1)]]},
    }
    for code, outline in outlines.items():
        Area.objects.create(layer="beat", code=code, name=code, outline=outline, latitude=0, longitude=0)


@pytest.mark.parametrize(
    ("longitude", "latitude", "code"),
    [
        (1, 1, "1"),
        (5, 5, None),  # in the hole
        (4, 5, "1"),  # on the hole's edge
        (10, 5, "1"),  # on the common border: the first by code
        (11, 5, "2"),
        (30.5, 0.5, "3"),
        (31.5, 0.5, None),  # between the parts
        (32.5, 0.5, "3"),
    ],
)
def test_areas_at_handles_holes_parts_and_borders(beats, longitude, latitude, code):
    expected = [("beat", code)] if code else []
    assert lookup.areas_at(latitude, longitude) == expected
    assert load_area_index("beat").codes_at([longitude], [latitude]) == [code or ""]


def test_areas_at_follows_every_change(beats):
    area = Area.objects.get(code="2")
    assert lookup.areas_at(5, 15) == [("beat", "2")]
    Area.objects.filter(pk=area.pk).update(code="9")
    assert lookup.areas_at(5, 15) == [("beat", "9")]
    area.delete()
    assert lookup.areas_at(5, 15) == []


def test_areas_at_reads_outlines_once(beats, django_assert_num_queries):
    lookup.areas_at(5, 15)
    with django_assert_num_queries(1):
        assert lookup.areas_at(5, 5) == []
