"""The content read of an extract: streets, crossings, blocks from house numbers, water and the sea."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from crimemap.city_map import street_blocks
from crimemap.city_map.osm_extract import ExtractError, draw_sea, read_bounds, read_extract
from tests.crimemap.city_map.small_extract import BOX, SOUTH, STEP, WEST, house, street, write

ARDEN = street("Arden Street", (0, 0), (2, 0), (4, 0), (6, 0))
CROSSING = [street("1st Avenue", (2, -2), (2, 0), (2, 2)), street("2nd Avenue", (4, -2), (4, 0), (4, 2))]


def steps(longitude: float, latitude: float) -> tuple[float, float]:
    return round((longitude - WEST) / STEP, 2), round((latitude - SOUTH) / STEP, 2)


def find_blocks(path: Path) -> dict[str, tuple[float, float]]:
    found = street_blocks.find_blocks(read_extract(path, BOX))
    return {f"{block.hundred} {block.street}": steps(block.longitude, block.latitude) for block in found}


def test_a_block_lies_between_crossings_and_not_at_a_house(tmp_path):
    houses = {(2.3, 0.1): house("402", "Arden Street"), (2.4, -0.1): house("403", "ARDEN ST")}
    path = write(tmp_path, [ARDEN, *CROSSING], houses)
    one_house = write(tmp_path / "..", [ARDEN, *CROSSING], {(4.2, 0.1): house("512", "Arden Street")})
    assert find_blocks(one_house) == {"500 Arden Street": (5.0, 0.0)}
    assert list(find_blocks(path)) == ["400 Arden Street"]
    assert find_blocks(path)["400 Arden Street"] not in (steps(WEST + x * STEP, SOUTH) for x in (2.3, 2.4))


@pytest.mark.parametrize("numbers", [("402", "498", "502", "598"), ("598", "502", "498", "402")])
def test_hundreds_follow_the_numbers_along_the_street(tmp_path, numbers):
    spots = [(2.1, 0.1), (3.9, 0.1), (4.1, 0.1), (5.9, 0.1)]
    path = write(
        tmp_path,
        [ARDEN, *CROSSING],
        {spot: house(number, "Arden Street") for spot, number in zip(spots, numbers, strict=True)},
    )
    first, second = (3.0, 5.0) if numbers[0] == "402" else (5.0, 3.0)
    assert {name: x for name, (x, _y) in find_blocks(path).items()} == pytest.approx(
        {"400 Arden Street": first, "500 Arden Street": second}, abs=0.15
    )


@pytest.mark.parametrize(
    ("written", "blocks"),
    [
        ("12a", ["0 Arden Street"]), ("112-16", ["100 Arden Street"]), ("114;116", ["100 Arden Street"]), ("No 5", []),
        ("", []), ("0", []), ("²", []), ("99999999", []),
    ],
)  # fmt: skip
def test_a_house_number_is_the_number_it_begins_with(tmp_path, written, blocks):
    path = write(tmp_path, [ARDEN, *CROSSING], {(3, 0.1): house(written, "Arden Street")})
    assert list(find_blocks(path)) == blocks


def test_a_row_of_houses_counts_from_end_to_end(tmp_path):
    row = [(2.1, 0.1), (5.9, 0.1)], {"addr:interpolation": "even"}
    ends = {(2.1, 0.1): house("402", "Arden Street"), (5.9, 0.1): house("598", "Arden Street")}
    assert list(find_blocks(write(tmp_path, [ARDEN, *CROSSING, row], ends))) == ["400 Arden Street", "500 Arden Street"]


def test_houses_far_from_their_street_or_without_one_give_no_block(tmp_path):
    houses = {(3, 4): house("402", "Arden Street"), (3, 0.1): house("500", "Nowhere Street")}
    assert find_blocks(write(tmp_path, [ARDEN, *CROSSING], houses)) == {}


def test_streets_that_share_a_node_cross_and_bridges_do_not(tmp_path):
    over = street("Bridge Road", (3, -1), (3, 1))
    city = read_extract(write(tmp_path, [ARDEN, *CROSSING, over], {}), BOX)
    names = [crossing[:2] for crossing in street_blocks.find_crossings(city)]
    assert names == [("1st Avenue", "Arden Street"), ("2nd Avenue", "Arden Street")]


def test_a_street_of_two_lanes_crosses_another_once(tmp_path):
    lanes = [street("Wide Avenue", (2, -2), (2, 0), (2, 2)), street("Wide Avenue", (2.2, 2), (2.2, 0), (2.2, -2))]
    city = read_extract(write(tmp_path, [street("Arden Street", (0, 0), (2, 0), (2.2, 0), (6, 0)), *lanes], {}), BOX)
    [(first, second, longitude, latitude)] = street_blocks.find_crossings(city)
    assert (first, second, *steps(longitude, latitude)) == ("Arden Street", "Wide Avenue", 2.1, 0.0)


def test_what_is_drawn_is_sorted_by_kind_and_cut_at_the_box(tmp_path):
    square = [(0, 1), (1, 1), (1, 2), (0, 2), (0, 1)]
    ways = [
        ARDEN,
        street("Long Road", (-400, 1), (400, 1), kind="primary"),
        (square, {"leisure": "park", "name": "Green"}),
        ([(x + 2, y) for x, y in square], {"natural": "water"}),
        ([(x + 4, y) for x, y in square], {"building": "school", "amenity": "school", "name": "Hill School"}),
        ([(-3, 0), (3, 3)], {"railway": "rail"}),
    ]
    city = read_extract(write(tmp_path, ways, {(1, 3): {"place": "suburb", "name": "Old Town"}}), BOX)
    assert {(each.name, each.kind) for each in city.streets} == {("Arden Street", "minor"), ("Long Road", "major")}
    assert all(shapely.box(*BOX).buffer(1e-9).covers(each.shape) for each in city.streets)
    assert [len(each) for each in (city.parks, city.water, city.rails, city.buildings, city.labels)] == [1, 1, 1, 1, 1]
    [school] = city.landmarks[1:]
    assert (city.landmarks[0].kind, school.kind, school.name) == ("park", "school", "Hill School")


def test_the_sea_is_to_the_right_of_the_coast():
    box = (0.0, 0.0, 4.0, 4.0)
    eastward = shapely.LineString([(-1, 2), (2, 2), (5, 2)])
    assert [shape.bounds for shape in draw_sea([eastward], box)] == [(0, 0, 4, 2)]
    assert [shape.bounds for shape in draw_sea([eastward.reverse()], box)] == [(0, 2, 4, 4)]
    island = shapely.LineString([(1, 1), (3, 1), (3, 3), (1, 3), (1, 1)])  # land on the left, so inside
    [sea] = draw_sea([island], box)
    assert sea.area == pytest.approx(12)
    assert draw_sea([], box) == []


@pytest.mark.parametrize("name", ["letter.osm.pbf", "letter.osm", "letter.txt"])
def test_another_file_is_refused_with_a_sentence(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"Dear city,\n" * 1000)
    with pytest.raises(ExtractError, match="OpenStreetMap extract"):
        read_bounds(path)
    with pytest.raises(ExtractError, match="OpenStreetMap extract"):
        read_extract(path, BOX)


def test_an_extract_of_another_city_is_refused(tmp_path):
    path = write(tmp_path, [ARDEN], {})
    with pytest.raises(ExtractError, match="no streets there"):
        read_extract(path, (10.0, 10.0, 11.0, 11.0))
