"""JSON for the map's scripts: bubbles, the incidents behind one, places."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from crimemap.pages import map_list
from crimemap.snapshot import bubbles, published_incidents, reader
from crimemap.snapshot.filters import Filter
from tests.crimemap import published_city
from tests.crimemap.sample_incidents import TODAY

pytestmark = pytest.mark.django_db  # the names of areas
EVER = {"from": "2023-01-01"}
CITY = "41.40,-38.60,41.60,-38.40"


def get_json(client: Any, name: str, **parts: Any) -> Any:
    return client.get(f"/map/data/{name}.json?{urlencode({'days': 365} | parts, safe=',:')}")


def get_list(client: Any, **parts: Any) -> Any:
    return client.get(f"/map/data/list.html?{urlencode({'days': 365} | parts, safe=',:')}")


def list_total(client: Any, **parts: Any) -> int:
    return int(re.search(r'data-total="(\d+)"', get_list(client, **parts).content.decode())[1])


def list_bubbles(client: Any, **parts: Any) -> list[list[float]]:
    answer = get_json(client, "bubbles", **({"view": CITY} | parts))
    assert answer.status_code == 200, answer.content
    result: list[list[float]] = answer.json()["bubbles"]
    return result


def sum_counts(found: list[list[float]]) -> int:
    return int(sum(sum(line[3:]) for line in found))


def test_bubbles_count_every_mapped_incident_of_the_filter(client, incidents):
    wanted = Filter.parse({}, incidents)
    mapped = incidents.count(wanted) - incidents.count_unmapped(wanted)
    assert 0 < sum_counts(list_bubbles(client, z=12)) == mapped
    theft = sum_counts(list_bubbles(client, z=12, category="family:theft"))
    assert 0 < theft < mapped
    assert sum_counts(list_bubbles(client, z=12, days=30)) < mapped / 4


def test_bubble_counts_are_in_the_order_of_the_families(client, incidents):
    answer = get_json(client, "bubbles", view=CITY, z=12, category="family:theft").json()
    assert answer["families"] == ["people", "theft", "drugs", "disorder", "other"]
    assert answer["zoom"] == 12
    for line in answer["bubbles"]:
        assert len(line) == 3 + len(answer["families"])
        assert [bool(count) for count in line[3:]] == [False, True, False, False, False]


def test_bubbles_split_at_higher_zoom(client, incidents):
    numbers = [len(list_bubbles(client, z=zoom)) for zoom in (9, 12, 14)]
    assert numbers == sorted(set(numbers))
    assert not any(line[2] for line in list_bubbles(client, z=9))
    assert all(line[2] for line in list_bubbles(client, z=18, view="41.485,-38.52,41.515,-38.48")[:3])


def test_views_of_the_same_cells_get_the_same_response(client, incidents):
    one = get_json(client, "bubbles", view="41.48000,-38.52000,41.51000,-38.48000", z=13)
    other = get_json(client, "bubbles", view="41.48010,-38.51990,41.50990,-38.48010", z=13)
    assert one["ETag"] == other["ETag"]
    assert one.content == other.content
    assert one["ETag"] != get_json(client, "bubbles", view="41.48,-38.52,41.51,-38.48", z=14)["ETag"]


def test_very_wide_view_is_answered_at_a_lower_zoom(client, incidents):
    answer = get_json(client, "bubbles", view="-90,-180,90,180", z=18).json()
    assert answer["zoom"] < 8
    assert sum_counts(answer["bubbles"]) == sum_counts(list_bubbles(client, z=12))


def test_client_with_the_response_gets_304_without_computation(client, incidents, monkeypatch):
    for name, parts in (("bubbles.json", {"view": CITY, "z": 12}), ("list.html", {"view": CITY})):
        first = client.get(f"/map/data/{name}?category=burglary,assault&{urlencode(parts, safe=',:')}")
        assert first.status_code == 200
        assert first["Cache-Control"] == "public, max-age=60"
        assert not first.cookies
        monkeypatch.setattr(bubbles, "bubbles", None)
        monkeypatch.setattr(published_incidents.PublishedIncidents, "read_page", None)
        again = client.get(
            f"/map/data/{name}?category=assault&category=burglary&{urlencode(parts)}",
            headers={"if-none-match": first["ETag"]},
        )
        assert again.status_code == 304
        assert again["ETag"] == first["ETag"]
        assert again["Cache-Control"] == first["Cache-Control"]
        monkeypatch.undo()


def test_data_is_compressed_for_clients_that_can_read_it(client, incidents):
    address = f"/map/data/bubbles.json?{urlencode({'view': CITY, 'z': 14}, safe=',:')}"
    plain, packed = client.get(address), client.get(address, headers={"accept-encoding": "gzip, br"})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert packed["ETag"] == f"W/{plain['ETag']}"
    assert "Content-Encoding" not in plain
    assert all("Accept-Encoding" in each["Vary"] for each in (plain, packed))
    again = client.get(address, headers={"accept-encoding": "gzip", "if-none-match": packed["ETag"]})
    assert again.status_code == 304


def test_points_are_exact_where_a_list_can_be_requested(client, incidents):
    known = set(zip(incidents.columns["latitude"].tolist(), incidents.columns["longitude"].tolist(), strict=True))
    for zoom in (9, 13, 16):
        for north, east, one, *counts in list_bubbles(client, z=zoom, days=7):
            if one or sum(counts) == 1:
                assert (round(north * 1e5), round(east * 1e5)) in known


def test_incidents_of_a_view_are_listed_in_pages(client, incidents):
    wanted = {"view": CITY, "days": 90}
    total = list_total(client, **wanted)
    assert total > map_list.PAGE_ROWS
    count = -(-total // map_list.PAGE_ROWS)
    pages = [get_list(client, **wanted, page=number + 1).content.decode() for number in range(count)]
    urls = [url for page in pages for url in re.findall(r'href="(/map/incident/\w+/)"', page)]
    assert len(set(urls)) == len(urls) == total
    row = re.search(r'<a class="row".*?</a>', pages[0])[0]
    assert re.search(r'data-at="41\.\d{5},-38\.\d{5}"', row)
    assert "block of Arden Street" in row
    assert "data-next" in pages[0]
    assert "data-next" not in pages[-1]
    beyond = get_list(client, **wanted, page=count + 1)
    assert beyond.status_code == 400
    assert beyond.json()["problems"][0]["offer"] == str(count)


def test_points_of_a_street_have_each_incident_by_category(client, incidents):
    wanted = Filter.parse({"days": "90"}, incidents)
    points = get_json(client, "points", view=CITY, days=90).json()["points"]
    assert sum(sum(categories.values()) for *_point, categories, _area in points) == incidents.count(
        wanted
    ) - incidents.count_unmapped(wanted)
    known = set(zip(incidents.columns["latitude"].tolist(), incidents.columns["longitude"].tolist(), strict=True))
    assert len({(north, east) for north, east, *_rest in points}) == len(points)
    for north, east, label, categories, area in points:
        assert area in label
        assert (round(north * 1e5), round(east * 1e5)) in known
        page = incidents.read_page_at_point(wanted, north, east)
        assert page.total == sum(categories.values())
        assert page.rows[0].block in label
    one = get_json(client, "points", view="41.48000,-38.52000,41.51000,-38.48000", days=90)
    other = get_json(client, "points", view="41.48010,-38.51990,41.50990,-38.48010", days=90)
    assert one["ETag"] == other["ETag"]


def test_areas_are_counted_and_their_outlines_are_cached_for_ever(client, riverton, incidents):
    wanted = Filter.parse({"days": "90", "category": "burglary"}, incidents)
    answer = get_json(client, "areas", days=90, category="burglary").json()
    counts = {code: count for code, _name, count, *_rest in answer["areas"] if count}
    assert counts == incidents.count_by_area(wanted, "neighbourhood")
    assert all(1 <= shade <= 4 for _code, _name, count, shade, *_rest in answer["areas"] if count)
    assert "over" in answer["key"]
    page = client.get("/map/").content.decode()
    address = re.search(r'data-outlines-url="([^"]*)"', page)[1]
    outlines = client.get(address)
    assert "immutable" in outlines["Cache-Control"]
    assert {code for code, *_rest in outlines.json()} == {code for code, *_rest in answer["areas"]}
    moved = client.get("/map/base/areas-0123.json")
    assert (moved.status_code, moved["Location"]) == (302, address)


def test_view_is_clipped_by_the_box_of_the_filter(client, incidents):
    west, east = "41.40,-38.60,41.60,-38.50", "41.40,-38.50,41.60,-38.40"
    whole = list_total(client, view=CITY)
    parts = [list_total(client, view=CITY, box=half) for half in (west, east)]
    assert all(0 < part < whole for part in parts)
    assert sum(parts) == whole
    assert list_total(client, view="41.40,-38.60,41.60,-38.55", box=east) == 0


@pytest.mark.parametrize(
    ("name", "parts", "part", "offer"),
    [
        ("bubbles", {"view": ""}, "view", ""),
        ("bubbles", {"view": "1,2,3"}, "view", ""),
        ("bubbles", {"view": "60,0,40,1"}, "view", ""),
        ("bubbles", {"view": "nan,0,40,1"}, "view", ""),
        ("bubbles", {"view": "-91,0,40,1"}, "view", ""),
        ("bubbles", {"view": "9" * 10_000}, "address", ""),
        ("bubbles", {"z": "99"}, "z", "18"),
        ("bubbles", {"z": "-1"}, "z", "12"),
        ("bubbles", {"category": "burglery"}, "category", "burglary"),
        ("points", {"view": "0,0,0"}, "view", ""),
        ("areas", {"category": "burglery"}, "category", "burglary"),
        ("list", {"view": "0,0,0"}, "view", ""),
        ("list", {"page": "0"}, "page", "1"),
        ("list", {"page": "123456789123"}, "page", "1"),
        ("list", {"page": "x"}, "page", "1"),
    ],
)
def test_each_invalid_parameter_is_reported(client, incidents, name, parts, part, offer):
    given = {"view": CITY} | parts
    answer = get_list(client, **given) if name == "list" else get_json(client, name, **given)
    assert answer.status_code == 400
    assert [(each["part"], each["offer"]) for each in answer.json()["problems"]] == [(part, offer)]
    assert answer.json()["problems"][0]["message"].endswith(".")


def test_form_fields_mean_the_same_as_on_the_page(client, incidents):
    """The script sends the form's own fields: a family with some of its types checked means those; hours are two fields."""
    form = "set=1&category=family:theft&category=family:people&category=burglary&days=&from=2024-01-01&to=2024-06-30"
    sent = client.get(f"/map/data/bubbles.json?view={CITY}&z=12&{form}&hour_from=22&hour_to=4&area=")
    parts = {"category": "family:people,burglary", "hour": "22-4", "from": "2024-01-01", "to": "2024-06-30"}
    named = get_json(client, "bubbles", view=CITY, z=12, **parts)
    assert sum_counts(named.json()["bubbles"]) > 0
    assert sent.content == named.content
    assert sent["ETag"] == named["ETag"]


def test_data_is_not_found_while_nothing_is_published(client, settings, tmp_path):
    settings.INCIDENT_SNAPSHOTS = tmp_path
    assert get_json(client, "bubbles", view=CITY).status_code == 404
    assert get_list(client, view=CITY).status_code == 404
    assert get_json(client, "points", view=CITY).status_code == 404
    assert get_json(client, "areas").status_code == 404


def test_largest_response_is_under_30_kb(client, settings, tmp_path):
    """Fill a wide screen with incidents of every family in every cell."""
    random = np.random.default_rng(5)
    spots = random.random((60_000, 2)) * [0.36, 0.48] + [41.30, -38.70]
    rows = [
        {"point": spot, "code": int(code), "day": TODAY - 9, "public_id": f"{number:05}abcdefg"}
        for number, (spot, code) in enumerate(
            zip(np.round(spots, 5).tolist(), random.choice([1, 2], 60_000), strict=True)
        )
    ]
    settings.INCIDENT_SNAPSHOTS = published_city.write(tmp_path, rows)
    reader.current()
    url = "/map/data/bubbles.json?view=41.30,-38.70,41.66,-38.22&z=14"
    answer = client.get(url, headers={"accept-encoding": "gzip"})
    assert answer["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(answer.content))["bubbles"]) > 1000
    assert len(answer.content) < 30_000
