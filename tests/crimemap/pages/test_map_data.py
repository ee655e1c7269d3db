"""JSON for the map's scripts: bubbles, the incidents behind one, places."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from crimemap.snapshot import bubbles, published_incidents, reader
from crimemap.snapshot.filters import Filter
from crimemap.views import data
from tests.crimemap import published_city
from tests.crimemap.sample_incidents import TODAY

EVER = {"from": "2023-01-01"}
CITY = "41.40,-38.60,41.60,-38.40"


def get_json(client: Any, name: str, **parts: Any) -> Any:
    return client.get(f"/map/data/{name}.json?{urlencode(parts, safe=',:')}")


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
    for name, parts in (("bubbles", {"view": CITY, "z": 12}), ("rows", {"view": CITY})):
        first = get_json(client, name, **parts, category="burglary,assault")
        assert first.status_code == 200
        assert first["Cache-Control"] == "public, max-age=60"
        assert not first.cookies
        monkeypatch.setattr(bubbles, "bubbles", None)
        monkeypatch.setattr(published_incidents.PublishedIncidents, "read_page", None)
        again = client.get(
            f"/map/data/{name}.json?category=assault&category=burglary&{urlencode(parts)}",
            headers={"if-none-match": first["ETag"]},
        )
        assert again.status_code == 304
        assert again["ETag"] == first["ETag"]
        assert again["Cache-Control"] == first["Cache-Control"]
        monkeypatch.undo()


def test_points_are_exact_where_a_list_can_be_requested(client, incidents):
    known = set(zip(incidents.columns["latitude"].tolist(), incidents.columns["longitude"].tolist(), strict=True))
    for zoom in (9, 13, 16):
        for north, east, one, *counts in list_bubbles(client, z=zoom, days=7):
            if one or sum(counts) == 1:
                assert (round(north * 1e5), round(east * 1e5)) in known


def test_incidents_behind_a_bubble_are_listed_in_pages(client, incidents):
    north, east, *_ = max(
        (line for line in list_bubbles(client, z=18, **EVER) if line[2]), key=lambda line: sum(line[3:])
    )
    point = f"{north},{east},{north},{east}"
    first = get_json(client, "rows", view=point, **EVER).json()
    assert first["total"] > data.PAGE_ROWS == len(first["rows"])
    pages = [
        get_json(client, "rows", view=point, page=number + 1, **EVER).json()["rows"] for number in range(first["pages"])
    ]
    urls = [row["url"] for page in pages for row in page]
    assert len(set(urls)) == len(urls) == first["total"]
    assert all(url.startswith("/map/incident/") for url in urls)
    row = first["rows"][0]
    assert set(row) == {"url", "category", "family", "when", "block", "outcome"}
    assert "block of Arden Street" in row["block"]
    assert "2024" in row["when"] or "2023" in row["when"]
    beyond = get_json(client, "rows", view=point, page=first["pages"] + 1, **EVER)
    assert beyond.status_code == 400
    assert beyond.json()["problems"][0]["offer"] == str(first["pages"])


def test_view_is_clipped_by_the_box_of_the_filter(client, incidents):
    west, east = "41.40,-38.60,41.60,-38.50", "41.40,-38.50,41.60,-38.40"
    whole = get_json(client, "rows", view=CITY).json()["total"]
    parts = [get_json(client, "rows", view=CITY, box=half).json()["total"] for half in (west, east)]
    assert all(0 < part < whole for part in parts)
    assert sum(parts) == whole
    assert get_json(client, "rows", view="41.40,-38.60,41.60,-38.55", box=east).json()["total"] == 0


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
        ("rows", {"view": "0,0,0"}, "view", ""),
        ("rows", {"page": "0"}, "page", "1"),
        ("rows", {"page": "123456789123"}, "page", "1"),
        ("rows", {"page": "x"}, "page", "1"),
    ],
)
def test_each_invalid_parameter_is_reported(client, incidents, name, parts, part, offer):
    answer = get_json(client, name, **({"view": CITY} | parts))
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
    assert get_json(client, "rows", view=CITY).status_code == 404


def test_place_search_responses_are_not_cached(client, riverton, incidents):
    answer = get_json(client, "places", q="412 arden", days=30)
    assert answer["Cache-Control"] == "no-store"
    [place] = answer.json()["places"]
    assert place["name"] == "400 block of Arden Street"
    assert re.fullmatch(r"days=30&near=41\.[0-9]{5},-38\.[0-9]{5}&radius=500", place["query"])
    [area] = get_json(client, "places", q="central district", days=30).json()["places"]
    assert area["query"] == "days=30&area=district:2"
    assert get_json(client, "places", q="zzzz").json() == {"places": []}
    assert get_json(client, "places").json() == {"places": []}


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
