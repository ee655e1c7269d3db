"""Yearly totals of what is hidden: nothing below five, and nothing below five to be worked out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crimemap.privacy.suppression import select_publishable, suppress_small_totals

Cells = dict[tuple[str, str, int], int]


def test_from_five_up() -> None:
    counts = {("1", "sexual", 2023): 5, ("2", "sexual", 2023): 7}
    result = suppress_small_totals(counts, 5)
    assert result.areas == counts
    assert result.categories == {("sexual", 2023): 12}
    assert result.years == {2023: 12}


def test_a_small_cell_takes_another_with_it() -> None:
    """12 - 8 would be the 4 that may not be told."""
    result = suppress_small_totals({("1", "sexual", 2023): 4, ("2", "sexual", 2023): 8, ("3", "sexual", 2023): 9}, 5)
    assert result.areas == {("3", "sexual", 2023): 9}
    assert result.categories == {("sexual", 2023): 21}


def test_two_small_cells_hide_each_other_when_their_sum_is_no_small_number() -> None:
    assert select_publishable({"a": 3, "b": 4, "c": 9}, 5) == {"c": 9}
    assert select_publishable({"a": 1, "b": 2, "c": 9, "d": 6}, 5) == {"c": 9}


def test_a_small_year_says_nothing_at_all() -> None:
    result = suppress_small_totals({("1", "sexual", 2023): 2, ("2", "family", 2023): 2}, 5)
    assert (result.areas, result.categories, result.years) == ({}, {}, {})


def test_parts_of_a_folded_category_do_not_unfold_it() -> None:
    result = suppress_small_totals({("1", "family", 2023): 3, ("1", "sexual", 2023): 10, ("2", "sexual", 2023): 10}, 5)
    assert result.years == {2023: 23}
    assert (result.categories, result.areas) == ({}, {})


CELLS = st.dictionaries(
    st.tuples(st.sampled_from("1234"), st.sampled_from(["family", "sexual", "child"]), st.sampled_from([2022, 2023])),
    st.integers(0, 12),
)


@given(CELLS)
def test_whatever_the_counts_no_rest_of_a_sum_is_small(counts: Cells) -> None:
    """For every sum that is shown, what its shown parts leave is nothing, or five and more that several parts share."""
    result = suppress_small_totals(counts, 5)
    for (area, category, year), count in result.areas.items():
        assert counts[area, category, year] == count >= 5
        assert (category, year) in result.categories
    for year, total in result.years.items():
        parts = {
            key: sum(n for k, n in counts.items() if k[1:] == key) for key in {k[1:] for k in counts} if key[1] == year
        }
        assert_safe(total, parts, {key: n for key, n in result.categories.items() if key[1] == year})
    for key, total in result.categories.items():
        parts = {cell: n for cell, n in counts.items() if cell[1:] == key}
        assert_safe(total, parts, {cell: n for cell, n in result.areas.items() if cell[1:] == key})


def assert_safe(total: int, parts: dict, told: dict) -> None:
    assert total == sum(parts.values()) >= 5
    left = [n for part, n in parts.items() if n and part not in told]
    assert not left or (sum(left) >= 5 and len(left) >= 2) or not told


@given(CELLS)
def test_the_order_of_the_counts_does_not_matter(counts: Cells) -> None:
    assert suppress_small_totals(counts, 5) == suppress_small_totals(dict(reversed(counts.items())), 5)
