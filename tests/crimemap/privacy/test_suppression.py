"""Yearly totals of hidden incidents: no count below five is published or can be computed from others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crimemap.privacy.suppression import select_publishable, suppress_small_totals

Cells = dict[tuple[str, str, int], int]


def test_totals_of_five_and_more_are_published() -> None:
    counts = {("1", "sexual", 2023): 5, ("2", "sexual", 2023): 7}
    result = suppress_small_totals(counts, 5)
    assert result.areas == counts
    assert result.categories == {("sexual", 2023): 12}
    assert result.years == {2023: 12}


def test_a_small_cell_is_hidden_together_with_another() -> None:
    """Otherwise 12 - 8 would reveal the 4."""
    result = suppress_small_totals({("1", "sexual", 2023): 4, ("2", "sexual", 2023): 8, ("3", "sexual", 2023): 9}, 5)
    assert result.areas == {("3", "sexual", 2023): 9}
    assert result.categories == {("sexual", 2023): 21}


def test_two_small_cells_hide_each_other_if_their_sum_is_large_enough() -> None:
    assert select_publishable({"a": 3, "b": 4, "c": 9}, 5) == {"c": 9}
    assert select_publishable({"a": 1, "b": 2, "c": 9, "d": 6}, 5) == {"c": 9}


def test_a_small_year_is_not_published_at_all() -> None:
    result = suppress_small_totals({("1", "sexual", 2023): 2, ("2", "family", 2023): 2}, 5)
    assert (result.areas, result.categories, result.years) == ({}, {}, {})


def test_parts_of_a_hidden_category_do_not_reveal_it() -> None:
    result = suppress_small_totals({("1", "family", 2023): 3, ("1", "sexual", 2023): 10, ("2", "sexual", 2023): 10}, 5)
    assert result.years == {2023: 23}
    assert (result.categories, result.areas) == ({}, {})


CELLS = st.dictionaries(
    st.tuples(st.sampled_from("1234"), st.sampled_from(["family", "sexual", "child"]), st.sampled_from([2022, 2023])),
    st.integers(0, 12),
)


@given(CELLS)
def test_no_small_count_can_be_computed_from_published_totals(counts: Cells) -> None:
    """The unpublished rest of every published sum is zero, or at least five and spread over several parts."""
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


def assert_safe(total: int, parts: dict, published: dict) -> None:
    assert total == sum(parts.values()) >= 5
    rest = [n for part, n in parts.items() if n and part not in published]
    assert not rest or (sum(rest) >= 5 and len(rest) >= 2) or not published


@given(CELLS)
def test_the_order_of_the_counts_does_not_matter(counts: Cells) -> None:
    assert suppress_small_totals(counts, 5) == suppress_small_totals(dict(reversed(counts.items())), 5)
