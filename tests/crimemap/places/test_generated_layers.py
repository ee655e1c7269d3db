"""No geography of an agency makes a public page fail: generated layers of areas, base maps and codes of incidents."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from django.urls import reverse
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.web import page_cache
from crimemap.layer_files.layer_file import LayerFileError
from crimemap.models import Area, BaseLayer
from crimemap.places import base_map
from tests.crimemap import published_city
from tests.crimemap.places import layer_files
from tests.crimemap.sample_incidents import TODAY

PIECES = ["9", "009", "North", "/", "//", "..", ".", "%", "%2F", "%00", "#", "?", "&", "=", ";", ":", ",", "+", "~", "~2F", "\\", "'", '"',
          "<b>", "{{ x }}", "ROOSEVELT/RAVENNA", "Ñuñoa", "Île-de-France", "東京", "\u05e6\u05e4\u05d5\u05df", "\u202e", "\u200b", "\x0b", "\x00",
          "\x7f", "\n", "\t", " ", "\U0001f600", "e\u0301", "x" * 61, "x.atom", "district", "null", "None", "0", "-1", "1e9", "tag=1&days=7"]  # fmt: skip
codes = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join) | st.text(max_size=12)
values: st.SearchStrategy[Any] = (
    codes | st.none() | st.integers() | st.floats() | st.booleans() | st.just([]) | st.just({"a": None})
)
numbers = st.sampled_from([-38.5, -38.49, -38.4, 41.5, 41.51, 0, 0.0, 1e-9, 85.5, 90, -180, 180])
points = st.tuples(numbers, numbers).map(list) | st.just([-38.5, 41.5, 12.0])


@st.composite
def squares(draw: st.DrawFn) -> dict[str, Any]:
    west, south = -38.5 + draw(st.integers(0, 5)) / 100, 41.48 + draw(st.integers(0, 5)) / 100
    width = draw(st.sampled_from([0.01, 0.02, 1e-7, 0]))
    ring = [[west, south], [west + width, south], [west + width, south + width], [west, south + width], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


odd_shapes = st.one_of(
    st.none(),
    st.lists(points, max_size=6).map(lambda ring: {"type": "Polygon", "coordinates": [[*ring, *ring[:1]]]}),
    st.lists(points, max_size=4).map(lambda line: {"type": "LineString", "coordinates": line}),
    points.map(lambda point: {"type": "Point", "coordinates": point}),
    st.sampled_from(
        [{}, {"type": "Polygon"}, {"type": "Polygon", "coordinates": []}, {"type": "MultiPolygon", "coordinates": [[[]]]}, {"type": 5},
         {"type": "GeometryCollection", "geometries": []}, {"type": "Polygon", "coordinates": "abc"}, "POLYGON EMPTY"]
    ),
)  # fmt: skip
properties = (
    st.none()
    | st.just({})
    | st.just([])
    | st.fixed_dictionaries({"DIST": values}, optional={"NAME": values, "note": values})
)


def layers(shapes: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    features = st.fixed_dictionaries({"type": st.just("Feature"), "properties": properties, "geometry": shapes})
    named = st.fixed_dictionaries(
        {"properties": st.fixed_dictionaries({"DIST": codes, "NAME": codes}), "geometry": squares()}
    )
    whole = st.lists(features, max_size=4) | st.lists(named, min_size=1, max_size=4)
    return st.fixed_dictionaries({"type": st.just("FeatureCollection"), "features": whole})


PAGES = ("/map/", "/map/list/", "/map/charts/", "/map/about/", "/map/areas/", "/map/compare/", "/map/embed/", "/map/alerts/", "/api/v1/areas",
         "/api/v1/about", "/map/feed/all.atom", "/map/data/list.html", "/map/data/bubbles.json")  # fmt: skip
VIEW = {"view": "41.4,-38.6,41.6,-38.4", "z": "13"}


def failing_pages(client: Any, names: list[str]) -> list[tuple[str, int]]:
    """Return the public pages that fail, of all pages and of those about areas with these codes."""
    wanted = [(page, VIEW if "data" in page else {}) for page in PAGES]
    for code in names:
        area = {"area": f"district:{code}", "days": "365"}
        wanted += [
            (reverse("crimemap:area", args=["district", code]), {}),
            (reverse("crimemap:feed_area", args=["district", code]), {}),
        ]
        wanted += [
            (page, area | (VIEW if "data" in page else {})) for page in ("/map/", "/map/list/", "/map/data/list.html")
        ]
        wanted += [
            ("/api/v1/incidents", area),
            ("/map/download.csv", area),
            ("/map/compare/", {"a": area["area"], "b": area["area"]}),
        ]
        wanted += [("/map/list/", {"q": code[:40]}), (f"/map/area/district/{quote(code, safe='')}/", {})]
    failing = []
    for address, query in wanted:
        answer = client.get(address, query)
        b"".join(answer)  # a download holds its place until it is read
        if answer.status_code >= 500:
            failing.append((address, answer.status_code))
    return failing


SETTINGS = settings(
    max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate],  # an example takes a second: no shrinking
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@SETTINGS
@given(
    layer=layers(squares() | odd_shapes),
    base=layers(odd_shapes | squares()),
    reported=st.lists(codes, min_size=1, max_size=3),
)
def test_no_layer_and_no_code_breaks_a_public_page(
    client: Any, db: None, settings: Any, tmp_path: Any, layer: Any, base: Any, reported: list[str]
) -> None:
    client.raise_request_exception = False
    Area.objects.all().delete()
    BaseLayer.objects.all().delete()
    refusal = "."
    try:
        content = json.dumps(layer).encode()
        layer_files.replace("district", content)
    except LayerFileError as error:
        refusal = str(error)
    assert refusal.endswith(".")
    stored = json.loads(re.sub(r"\\u0000|NaN|-?Infinity", "0", json.dumps(base)))  # PostgreSQL has no room for these
    if any(base_map.drawable_features(stored, "land")):
        BaseLayer.objects.create(name="land", geojson=stored, order=1)
    names = [code.strip() for code in reported if code.strip() and "\x00" not in code]
    rows = published_city.rows(6)
    for number, row in enumerate(rows):
        row |= {"code": 1, "day": TODAY - 20, "district": names[number % len(names)] if names else ""}
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, rows)
    page_cache.clear()
    known = list(Area.objects.values_list("code", flat=True))
    assert failing_pages(client, [*names, *known]) == []
