"""Riverton: the same at every build, whole, and where no real place is."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from crimemap import geometry
from crimemap.demo import load, plan, plane_geometry
from crimemap.demo.riverton import Riverton


@pytest.fixture(scope="module")
def city() -> Riverton:
    return Riverton()


def test_the_city_has_enough_of_everything(city):
    assert len(city.blocks) > 1300
    assert len(city.corners) > 700
    assert len(city.streets) > 60
    assert Counter(area.layer for area in city.areas) == {"city": 1, "district": 4, "beat": 12, "neighbourhood": 10}


def test_two_builds_are_identical(city):
    again = Riverton()
    assert again.blocks == city.blocks
    assert again.corners == city.corners
    assert load._layers(again) == load._layers(city)


def test_street_names_and_blocks_are_unique(city):
    names = [street.name for street in city.streets]
    assert len(names) == len(set(names))
    blocks = [(block.street, block.hundred) for block in city.blocks]
    assert len(blocks) == len(set(blocks))
    assert all(hundred % 100 == 0 and hundred > 0 for _, hundred in blocks)


def test_house_numbers_grow_along_a_street(city):
    for _, blocks in itertools.groupby(city.blocks, key=lambda block: block.street):
        numbers = [block.hundred for block in blocks]
        assert numbers == sorted(numbers)


def test_every_block_lies_in_one_area_of_each_layer(city):
    layers = {"district", "beat", "neighbourhood"}
    for block in city.blocks:
        areas = city.areas_of(block.point)
        assert set(areas) == layers
        assert areas["beat"].startswith(areas["district"])


def test_areas_of_a_layer_fill_the_city_without_overlap(city):
    whole = abs(plane_geometry.signed_area(city.limits))
    for layer in ("district", "beat", "neighbourhood"):
        parts = sum(abs(plane_geometry.signed_area(area.ring)) for area in city.areas if area.layer == layer)
        assert parts == pytest.approx(whole, rel=1e-6)


def test_no_block_is_in_the_river(city):
    assert not [block for block in city.blocks if geometry.inside(block.point, city.water)]


def test_minor_streets_avoid_parks(city):
    for street in city.streets:
        for piece in street.pieces:
            middle = plane_geometry.cut_line(piece, plane_geometry.length(piece) / 2, plane_geometry.length(piece))[0]
            crossed = [name for name, ring in city.park_rings.items() if geometry.inside(middle, ring)]
            assert street.rank == "major" or not crossed


def test_bridges_join_the_quays(city):
    for bridge in city.bridges:
        assert (
            min(
                plane_geometry.distance_to_edge(bridge.north, [a, b])
                for a, b in itertools.pairwise(city.quays["north"])
            )
            < 0.1
        )
        assert (
            min(
                plane_geometry.distance_to_edge(bridge.south, [a, b])
                for a, b in itertools.pairwise(city.quays["south"])
            )
            < 0.1
        )
    assert (
        max(abs(x) for x, _ in plan.CITY_LIMITS) < geometry.METERS_PER_DEGREE * 0.1
    )  # all of it within a tenth of a degree
