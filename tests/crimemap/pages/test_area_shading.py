"""Areas of the whole city: round classes by count, and the words of change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crimemap.pages import area_shading
from crimemap.pages.area_shading import CLASSES
from crimemap.pages.map_marks import ring_segments
from crimemap.usual_range import UsualRange, Verdict


@given(largest=st.integers(0, 3_000_000))
def test_four_round_classes_reach_the_largest_count(largest: int) -> None:
    step = area_shading._round_step(largest)
    assert step * CLASSES >= largest
    assert int(str(step).rstrip("0")) in (1, 2, 25, 5)
    assert step == 1 or (step * 0.4) * CLASSES <= largest, "no class is wider than it has to be"


def test_the_key_names_each_class() -> None:
    assert [each.name for each in area_shading._count_key(50)] == ["1–50", "51–100", "101–150", "over 150"]
    assert [each.name for each in area_shading._count_key(1)] == ["1", "2", "3", "over 3"]
    assert [each.name for each in area_shading._count_key(1000)][-1] == "over 3,000"
    assert [each.css_class for each in area_shading._change_key(2)] == ["unknown"]
    assert len(area_shading._change_key(5)) == 4


@pytest.mark.parametrize(
    ("compared", "sentence"),
    [
        (UsualRange(Verdict.USUAL, 133, 182, 5), "Old Town: 163 incidents, in the usual range, 133 to 182. Zoom in"),
        (UsualRange(Verdict.FEWER, 170, 200, 5), "Old Town: 163 incidents, fewer than usual (170 to 200). Zoom in"),
        (UsualRange(Verdict.MORE, 100, 150, 5), "Old Town: 163 incidents, more than usual (100 to 150). Zoom in"),
        (UsualRange(Verdict.TOO_FEW, years=5), "Old Town: 163 incidents, too few to tell if that is usual. Zoom in"),
        (UsualRange(Verdict.NO_RANGE, years=2), "Old Town: 163 incidents. Zoom in"),
    ],
)
def test_an_area_says_how_many_and_whether_that_is_usual(compared: UsualRange, sentence: str) -> None:
    assert area_shading._label("Old Town", 163, compared, area_shading._sentences()) == sentence


@given(
    st.dictionaries(st.sampled_from(["people", "theft", "drugs", "disorder", "other"]), st.integers(1, 500), min_size=1)
)
def test_segments_of_a_ring_stand_in_order_and_do_not_overlap(families: dict[str, int]) -> None:
    segments = ring_segments(families)
    assert [each.family for each in segments] == [
        slug for slug in ("people", "theft", "drugs", "disorder", "other") if slug in families
    ]
    starts = [each.start for each in segments]
    assert starts == sorted(starts)
    assert sum(each.length for each in segments) <= 102.5
