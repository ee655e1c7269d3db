"""The base map for browsers, and the picker that shows it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template import Context, Template

from core.web import page_cache
from crimemap.admin import places
from crimemap.models import Area, BaseLayer, BaseMapBuild
from crimemap.pages import street_plan
from crimemap.places import areas_at, base_map


def test_the_base_map_is_small_and_cached_forever(client, riverton):
    address = f"/map/base/{base_map.base_map_version()}.json"
    answer = client.get(address, headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert "immutable" in answer["Cache-Control"]
    assert "public" in answer["Cache-Control"]
    assert answer["Content-Encoding"] == "gzip"
    assert len(answer.content) < 60_000
    assert json.loads(gzip.decompress(answer.content)) == json.loads(base_map.base_map_json())
    assert not answer.cookies
    assert client.get(address, headers={"accept-encoding": "gzip", "if-none-match": answer["ETag"]}).status_code == 304


def test_the_base_map_is_sent_plain_to_clients_without_compression(client, riverton):
    answer = client.get(f"/map/base/{base_map.base_map_version()}.json")
    assert "Content-Encoding" not in answer
    assert json.loads(answer.content)["layers"]


def test_an_old_version_redirects_to_the_current_one(client, riverton):
    answer = client.get("/map/base/0123456789abcdef.json")
    assert answer.status_code == 302
    assert answer["Location"] == f"/map/base/{base_map.base_map_version()}.json"


def test_without_anything_to_draw_the_url_is_not_found(client, db):
    BaseLayer.objects.all().delete()
    Area.objects.all().delete()
    assert client.get("/map/base/0123456789abcdef.json").status_code == 404


def test_without_a_base_map_the_citys_own_outlines_are_drawn(client, riverton, incidents):
    with_streets = client.get("/map/").content.decode()
    assert 'class="streets' in with_streets
    BaseLayer.objects.all().delete()
    BaseMapBuild.objects.all().delete()
    page_cache.clear()
    page = client.get("/map/").content.decode()
    assert 'class="streets' not in page
    assert page.count('class="land"') == page.count('class="boundaries"') == 1
    assert ">Harbor District</text>" in page
    version = base_map.city_map_version()
    assert f"/map/base/{version}.json" in page
    drawn = client.get(f"/map/base/{version}.json").json()
    assert [layer["name"] for layer in drawn["layers"]] == ["land", "boundaries", "labels"]
    assert len(json.dumps(drawn)) < 30_000
    assert 'class="boundaries"' in client.get("/map/embed/").content.decode()
    Area.objects.filter(name="Harbor District").update(name="Old Docks")
    assert base_map.city_map_version() != version
    assert ">Old Docks</text>" in client.get("/map/").content.decode()
    Area.objects.all().delete()
    assert (base_map.city_map_version(), base_map.city_map_json()) == ("", b"")


@pytest.mark.parametrize("there", [True, False])
def test_the_picker_is_offered_only_with_a_base_map(riverton, there):
    if not there:
        BaseLayer.objects.all().delete()
    shown = Template("{% load places %}{% place_picker %}").render(Context())
    assert ("data-place-picker" in shown) is there
    assert "style=" not in shown


def collection(*shapes: object, **properties: object) -> dict[str, object]:
    return {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": properties, "geometry": shape} for shape in shapes],
    }


LINE = {"type": "LineString", "coordinates": [[-38.51, 41.49], [-38.5, 41.5]]}
BROKEN_LAYERS = [
    collection(),
    {},
    [],
    "land",
    {"features": "none"},
    {"features": [None, 5, {"geometry": None}, {"type": "Feature"}]},
    collection(None, {"type": "Polygon"}, {"type": "Polygon", "coordinates": []}, {"type": "Polygon", "coordinates": [[]]}),
    collection({"type": "Polygon", "coordinates": [[[-38.5, 41.5]]]}, {"type": "LineString", "coordinates": "abc"}),
    collection({"type": "Point", "coordinates": [-38.5, 41.5]}, {"type": "GeometryCollection", "geometries": [LINE]}),
    collection({"type": "LineString", "coordinates": [[491010.1, 5459170.2], [491266.4, 5459094.8]]}),
    collection({"type": "LineString", "coordinates": [["x", "y"], [None, 1]]}, {"type": 5, "coordinates": [0, 0]}),
]  # fmt: skip


@pytest.mark.parametrize("geojson", BROKEN_LAYERS)
def test_a_layer_without_anything_to_draw_is_refused_and_breaks_no_page(client, db, incidents, geojson):
    for model in (BaseLayer, Area):
        model.objects.all().delete()
    form = layer_form("land", json.dumps(geojson).encode())
    assert [*form.errors] == ["file"]
    assert form.errors["file"][0].endswith(".")
    BaseLayer(name="land", order=1, geojson=geojson).save()
    assert base_map.base_map_version() == ""
    assert client.get("/map/").status_code == 200
    BaseLayer(name="streets", order=2, geojson=collection(LINE, None, rank=5, name=["x"], turn="x")).save()
    assert base_map.base_map_version()
    assert b'class="streets' in client.get("/map/").content
    Area.objects.create(layer="district", code="1", name="One", outline=geojson, latitude=41.5, longitude=-38.5)
    page_cache.clear()
    assert client.get("/map/area/district/1/").status_code == 200
    assert client.get("/map/?area=district:1").status_code == 200
    assert not areas_at(41.6, -38.6)


def layer_form(layer, content, name="layer.geojson", instance=None):
    files = {"file": SimpleUploadedFile(name, content)} if content else {}
    return places.BaseLayerForm({"name": layer, "order": "1"}, files, instance=instance)


def test_a_layer_of_the_base_map_is_uploaded_and_stays_without_a_new_file(client, db, incidents):
    for model in (BaseLayer, Area):
        model.objects.all().delete()
    form = layer_form("streets", json.dumps(collection(LINE, name="Mill St", rank="main", owner="J. Roe")).encode())
    assert not form.errors
    form.save()
    layer = BaseLayer.objects.get()
    assert layer.geojson["features"][0]["properties"] == {"name": "Mill St", "rank": "main"}
    assert b'class="streets' in client.get("/map/").content
    kept = layer_form("streets", b"", instance=layer)
    assert not kept.errors
    assert kept.save().geojson == layer.geojson
    assert layer_form("streets", b"").errors["file"] == ["This field is required."]
    assert not list(Path(settings.INCIDENT_UPLOADS).glob("layer-*"))


def test_a_layer_of_the_base_map_in_meters_is_refused_with_what_to_do(db):
    meters = {"type": "LineString", "coordinates": [[491010.1, 5459170.2], [491266.4, 5459094.8]]}
    assert "Export it in WGS 84" in layer_form("streets", json.dumps(collection(meters)).encode()).errors["file"][0]


@pytest.mark.parametrize("odd", ['"a\\u0000b"', "NaN", "-Infinity", "1e999"])
def test_what_the_database_cannot_store_is_refused_or_left_out(db, odd):
    content = json.dumps(collection(LINE, rank="ODD")).replace('"ODD"', odd)
    form = layer_form("streets", content.encode())
    assert form.errors or form.save().pk


def test_positions_with_and_without_a_height_are_drawn_together(client, db, incidents):
    mixed = {"type": "LineString", "coordinates": [[-38.51, 41.49, 12.0], [-38.5, 41.5]]}
    BaseLayer.objects.all().delete()
    BaseLayer.objects.create(name="streets", order=1, geojson=collection(mixed))
    assert b'class="streets' in client.get("/map/").content


def test_the_home_page_draws_the_citys_own_streets_lightly_and_names_their_source(client, riverton):
    page = client.get("/").content.decode()
    address = f"/map/base/streets-{base_map.base_map_version()}.svg"
    assert f'<img class="street-plan" src="{address}" alt=""' in page
    answer = client.get(address, headers={"accept-encoding": "gzip"})
    assert answer["Content-Type"] == "image/svg+xml"
    assert "immutable" in answer["Cache-Control"]
    assert len(answer.content) < 15_000
    plan = gzip.decompress(answer.content).decode()
    assert plan.count("<path") >= 3
    assert "url(" not in plan
    assert "<text" not in plan
    old = client.get("/map/base/streets-0123456789abcdef.svg")
    assert (old.status_code, old["Location"]) == (302, address)
    attribution = client.get("/map/about/").content.decode().partition('class="attribution"')[2].partition("</p>")[0]
    assert attribution in page


def test_without_a_base_map_the_home_page_has_a_plain_band(client, db):
    BaseLayer.objects.all().delete()
    assert "street-plan" not in client.get("/").content.decode()
    assert client.get("/map/base/streets-0123456789abcdef.svg").status_code == 404


def test_of_a_large_city_the_plan_shows_the_middle_alone(db):
    streets = [[[-87.7 + n / 400, 41.8 + y / 800] for n in range(80)] for y in range(160)]
    shape = {"type": "MultiLineString", "coordinates": streets}
    layer = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": shape}]}
    BaseLayer.objects.all().delete()
    BaseLayer.objects.create(name=BaseLayer.Name.STREETS, geojson=layer)
    plan = street_plan.draw_plan(base_map.base_map_version())
    assert 1_000 < len(plan) < 40_000
