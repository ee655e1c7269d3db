"""The publication rule, row by row, and what must never come out whatever goes in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crimemap.geometry import meters_between
from crimemap.privacy import locations, visibility
from crimemap.privacy.locations import coarsen_location
from crimemap.privacy.records import BEAT, BLOCK_TEXT, DISTRICT, LATITUDE, NEIGHBOURHOOD
from crimemap.privacy.visibility import LEVELS, decide_visibility, strictest_visibility
from crimemap.snapshot.format import NOWHERE
from tests.crimemap.sample_incidents import (
    ASSAULT,
    BURGLARY,
    CHILD,
    FRAUD,
    MIXED,
    SEXUAL,
    TODAY,
    UNKNOWN,
    records,
    rule,
)


def level(given: dict[str, Any], **agency: Any) -> str:
    return LEVELS[visibility.decide_levels(records(given), rule(**agency))[0]]


def shown(*given: dict[str, Any], **agency: Any) -> list[dict[str, Any]]:
    """The public rows of some incidents, in words."""
    stored = records(*given)
    rows = visibility.select_public_rows(stored, visibility.decide_levels(stored, rule(**agency)), rule(**agency))
    result = []
    for number in range(len(rows.time)):
        place = rows.places[rows.place[number]]
        result.append(
            {
                "id": rows.public_id[number].decode(),
                "day": int(rows.time[number]) // 24,
                "hour": int(rows.time[number]) % 24,
                "precision": ("minute", "hour", "day", "month")[rows.precision[number]],
                "category": rule().categories[rows.category[number]].slug,
                "point": None if place[LATITUDE] == NOWHERE else (place[0] / 1e5, place[1] / 1e5),
                "district": rows.texts[place[DISTRICT]],
                "beat": rows.texts[place[BEAT]],
                "neighbourhood": rows.texts[place[NEIGHBOURHOOD]],
                "block": rows.texts[place[BLOCK_TEXT]],
                "description": rows.texts[rows.description[number]],
                "outcome": rows.texts[rows.outcome[number]],
            }
        )
    return result


class TestVisibility:
    """Rows 1 to 4 of the rule: the visibility of a code."""

    @pytest.mark.parametrize(
        ("code", "category", "agency", "expected"),
        [
            ("block", "block", None, "block"),
            ("block", "area", None, "area"),
            ("area", "block", None, "area"),
            ("hidden", "block", None, "hidden"),
            ("block", "hidden", None, "hidden"),
            ("block", "block", "hidden", "hidden"),
            ("hidden", "block", "area", "hidden"),
            (None, "block", None, "held"),
            ("block", None, None, "held"),
            (None, None, "hidden", "held"),
        ],
    )
    def test_the_strictest_of_code_category_and_agency_applies(
        self, code: str | None, category: str | None, agency: str | None, expected: str
    ) -> None:
        assert decide_visibility(code, category, agency) == expected

    def test_the_result_is_never_looser_than_its_inputs(self) -> None:
        for first in visibility.STRICTNESS:
            for second in visibility.STRICTNESS:
                result = strictest_visibility(first, second)
                assert visibility.STRICTNESS.index(result) >= max(map(visibility.STRICTNESS.index, (first, second)))

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({"code": BURGLARY}, "block"),
            ({"code": FRAUD}, "area"),
            ({"code": MIXED}, "area"),
            ({"code": SEXUAL}, "hidden"),
            ({"code": CHILD}, "hidden"),
            ({"code": UNKNOWN}, "held"),
            ({"code": 0}, "held"),
            ({"code": 999}, "held"),
            ({"code": BURGLARY, "domestic": True}, "hidden"),
            ({"code": FRAUD, "domestic": True}, "hidden"),
            ({"code": UNKNOWN, "domestic": True}, "held"),
            ({"removed": True}, "removed"),
            ({"removed": True, "day": TODAY}, "removed"),
        ],
    )
    def test_visibility_of_a_row(self, given: dict[str, Any], expected: str) -> None:
        assert level(given) == expected

    def test_agency_may_be_stricter(self) -> None:
        assert level({"code": BURGLARY}, visibility={"burglary": "area"}) == "area"
        assert level({"code": BURGLARY}, visibility={"burglary": "hidden"}) == "hidden"
        assert level({"code": SEXUAL}, visibility={"sexual": "area"}) == "hidden"


class TestEmbargo:
    """Row 6 of the rule: seven whole days after the last day on which an incident can have happened."""

    @pytest.mark.parametrize(
        ("day", "embargo_days", "expected"),
        [(TODAY - 8, 7, "block"), (TODAY - 7, 7, "embargoed"), (TODAY, 7, "embargoed"), (TODAY + 5, 7, "embargoed")],
    )
    def test_the_embargo_is_counted_in_days(self, day: int, embargo_days: int, expected: str) -> None:
        assert level({"day": day, "hour": 23}, embargo_days=embargo_days) == expected

    def test_a_source_may_have_a_longer_embargo(self) -> None:
        assert level({"day": TODAY - 8}, embargo_days=30) == "embargoed"

    def test_the_embargo_starts_at_the_end_of_an_incident(self) -> None:
        assert level({"day": TODAY - 30, "end_day": TODAY - 2}) == "embargoed"

    def test_nothing_is_public_within_24_hours(self) -> None:
        loosest = rule(embargo_days=0)
        loosest.sources[1] = visibility.RuleSource("city", "City", 0, TODAY)
        stored = records({"day": TODAY - 1, "hour": 23}, {"day": TODAY - 2, "hour": 23})
        assert [LEVELS[n] for n in visibility.decide_levels(stored, loosest)] == ["embargoed", "block"]

    def test_incidents_of_a_deleted_source_are_embargoed(self) -> None:
        orphan = rule()
        orphan.sources.clear()
        assert LEVELS[visibility.decide_levels(records({}), orphan)[0]] == "embargoed"


class TestPublicRow:
    def test_a_row_shown_by_block(self) -> None:
        assert shown({"hour": 13}) == [
            {
                "id": "id0000000000",
                "day": TODAY - 100,
                "hour": 13,
                "precision": "hour",
                "category": "burglary",
                "point": (41.87811, -87.62981),
                "district": "004",
                "beat": "0411",
                "neighbourhood": "32",
                "block": "400 block of W 24th Pl",
                "description": "STREET",
                "outcome": "Arrest",
            }
        ]

    def test_a_row_shown_by_area_has_only_the_day_and_wide_areas(self) -> None:
        (row,) = shown({"code": FRAUD, "hour": 13})
        assert (row["hour"], row["precision"], row["point"], row["block"], row["beat"], row["description"]) == (
            *(0, "day", None, "", "", ""),
        )
        assert (row["district"], row["neighbourhood"]) == ("004", "32")

    def test_the_agency_chooses_the_area_layers(self) -> None:
        (row,) = shown({"code": FRAUD}, area_layers=("district",))
        assert (row["district"], row["neighbourhood"]) == ("004", "")

    def test_an_offense_against_a_person_has_no_kind_of_place(self) -> None:
        (row,) = shown({"code": ASSAULT, "description": "RESIDENCE"})
        assert row["description"] == ""
        assert row["block"]

    @pytest.mark.parametrize(("name", "field"), [("outcome", "outcome"), ("description", "description")])
    def test_the_agency_may_omit_fields(self, name: str, field: str) -> None:
        (row,) = shown({}, **{name: False})
        assert row[field] == ""

    @pytest.mark.parametrize(("precision", "hour", "day"), [("hour", 13, 0), ("day", 0, 0), ("month", 0, -25)])
    def test_precision_is_never_finer_than_stored(self, precision: str, hour: int, day: int) -> None:
        (row,) = shown({"precision": precision, "day": TODAY - 100, "hour": 13})
        assert row["precision"] == precision
        assert (row["hour"], row["day"]) == (hour, TODAY - 100 + day)  # TODAY - 100 is the 26th

    @pytest.mark.parametrize("given", [{"code": SEXUAL}, {"domestic": True}, {"code": UNKNOWN}, {"removed": True}])
    def test_hidden_rows_are_not_published(self, given: dict[str, Any]) -> None:
        assert shown(given) == []


class TestSnap:
    """Row 4: one point a block, of the block layer, of the publisher or of a fixed grid."""

    def test_the_block_layer_has_precedence(self) -> None:
        assert coarsen_location(41.9, -87.6, points_are_public=True, block_point=(41.5, -87.5)) == (
            41.5,
            -87.5,
            "block",
        )

    def test_a_block_without_coordinates_gets_those_of_the_layer(self) -> None:
        assert coarsen_location(None, None, points_are_public=False, block_point=(41.5, -87.5)) == (
            41.5,
            -87.5,
            "block",
        )

    def test_a_point_the_agency_published_is_unchanged(self) -> None:
        assert coarsen_location(41.81245, -87.6, points_are_public=True, block_point=None) == (
            41.81245,
            -87.6,
            "published",
        )

    @pytest.mark.parametrize("point", [(None, None), (41.0, None), (math.nan, 5.0), (91.0, 0.0), (0.0, math.inf)])
    def test_a_row_without_a_point_stays_without(self, point: tuple[float | None, float | None]) -> None:
        for public in (True, False):
            assert coarsen_location(*point, points_are_public=public, block_point=None) == (None, None, "none")

    @given(st.floats(-80, 80), st.floats(-179, 179))
    def test_grid_is_fixed_and_near(self, latitude: float, longitude: float) -> None:
        """A point's cell depends on nothing but the point: its centre is its own centre, and no farther than a half diagonal."""
        north, east, kind = coarsen_location(latitude, longitude, points_are_public=False, block_point=None)
        assert kind == "grid"
        assert north is not None
        assert east is not None
        assert meters_between(latitude, longitude, north, east) < 180
        assert coarsen_location(north, east, points_are_public=False, block_point=None) == (north, east, "grid")

    @given(st.floats(-80, 80), st.floats(-179, 179), st.floats(0, 1), st.floats(0, 1))
    def test_a_cell_has_one_point(self, latitude: float, longitude: float, up: float, right: float) -> None:
        """Wherever in the cell: the same point comes out, so it says nothing of where."""
        north, east = locations.grid_cell_center(latitude, longitude)
        height = 250 / 111_320
        width = height / math.cos(math.radians(north))
        inside = (north + (up - 0.5) * height * 0.99, east + (right - 0.5) * width * 0.99)
        assert locations.grid_cell_center(*inside) == (north, east)

    def test_no_published_coordinate_equals_an_exact_one(self) -> None:
        """An attacker stores random exact points and compares them with published ones."""
        random = np.random.default_rng(1)
        exact = {(41.8 + a, -87.7 + b) for a, b in random.random((2_000, 2)) * 0.1}
        published_points = {coarsen_location(*point, points_are_public=False, block_point=None)[:2] for point in exact}
        assert not published_points & {(round(a, 5), round(b, 5)) for a, b in exact}
        assert len(published_points) < 1_700  # cells of a box of 11 by 8 km


STORED = st.fixed_dictionaries(
    {
        "code": st.sampled_from([BURGLARY, ASSAULT, FRAUD, SEXUAL, UNKNOWN, MIXED, CHILD, 0, 77]),
        "precision": st.sampled_from(["minute", "hour", "day", "month"]),
        "domestic": st.booleans(),
        "removed": st.booleans(),
        "description": st.sampled_from(["", "STREET", "RESIDENCE"]),
        "outcome": st.sampled_from(["", "Arrest"]),
        "point": st.none() | st.tuples(st.floats(41, 42), st.floats(-88, -87)),
        "district": st.sampled_from(["", "004"]),
        "beat": st.sampled_from(["", "0411"]),
        "neighbourhood": st.sampled_from(["", "32"]),
        "block": st.sampled_from(["", "400 block of Arden St", "417 Arden St", "1200 block of Roe Arden St"]),
        "day": st.integers(TODAY - 40, TODAY + 3),
        "hour": st.integers(0, 23),
    }
)


@given(st.lists(STORED, max_size=12))
def test_no_incident_publishes_forbidden_values(given: list[dict[str, Any]]) -> None:
    by_id = {f"id{number:010}": row for number, row in enumerate(given)}
    for row in shown(*given):
        stored = by_id[row["id"]]
        assert not stored["domestic"]
        assert not stored["removed"]
        assert stored["code"] in (BURGLARY, ASSAULT, FRAUD, MIXED)
        assert stored["day"] <= TODAY - 8
        assert row["precision"] != "minute"
        assert "417" not in row["block"]
        if row["precision"] in ("day", "month"):
            assert row["hour"] == 0
        if stored["code"] in (ASSAULT, MIXED):
            assert row["description"] == ""
        if stored["code"] in (FRAUD, MIXED):
            assert row["point"] is None
            assert (row["block"], row["beat"], row["description"]) == ("", "", "")
            assert row["precision"] in ("day", "month")


@given(st.lists(STORED, max_size=8), STORED)
def test_another_incident_changes_no_published_row(given: list[dict[str, Any]], another: dict[str, Any]) -> None:
    """But for a label that may hold a resident's name, which only a shown incident of the street it hides can tell."""
    before, after = shown(*given), shown(*given, another)
    rows = after[: len(before)]
    if len(after) == len(before) or not after[-1]["block"]:
        assert rows == before
    for row, earlier in zip(rows, before, strict=True):
        assert row["block"] in (earlier["block"], "") or "Roe" in row["block"]
        assert row | {"block": ""} == earlier | {"block": ""}


def test_a_label_that_may_hold_a_residents_name_is_left_out_until_residents_see_three() -> None:
    first, second, third = ({"block": f"{number}00 block of Roe Arden St"} for number in (1, 2, 3))
    arden = {"block": "400 block of Arden St"}
    assert [row["block"] for row in shown(first, arden)] == ["", "400 block of Arden St"]
    assert [row["block"] for row in shown(first, second, third)] == [row["block"] for row in (first, second, third)]
    for hidden in ({"domestic": True}, {"code": SEXUAL}, {"code": FRAUD}):
        assert [row["block"] for row in shown(first, second, third | hidden)][:2] == ["", ""]


@pytest.mark.parametrize(
    "outcome", ["VOID", "Record expunged", "sealed", "Cancelled", "entered in error", "Duplicate", "ANULADO"]
)
def test_a_record_that_the_agency_has_taken_back_is_on_no_page(outcome: str) -> None:
    assert level({"outcome": outcome}) == "removed"
    assert shown({"outcome": outcome}) == []


def test_other_outcomes_take_no_record_back() -> None:
    for outcome in ("", "Open", "Unfounded", "Arrest", "Void where prohibited"):
        assert level({"outcome": outcome}) != "removed"
