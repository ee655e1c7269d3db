"""Yearly totals of what is not shown one by one, so that no small number can be read or worked out. Pure functions.

Incidents that are hidden enter totals of area x category x calendar year from `least` up. The sums of a category in a year,
and of a year, are published too; where a sum and its parts would give away a small rest, one more part is folded into the
rest (complementary suppression, as statistical offices do it: Hundepool et al., Statistical Disclosure Control, 2012, ch. 4).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Part = TypeVar("Part", bound=Hashable)


@dataclass(frozen=True, slots=True)
class PublicTotals:
    """Only numbers that may be shown; what is absent is "fewer than `least`" or folded into the sum above it.

    areas: (area code, category, year) to count; categories: (category, year) to count; years: year to count.
    """

    areas: dict[tuple[str, str, int], int]
    categories: dict[tuple[str, int], int]
    years: dict[int, int]


def totals(counts: Mapping[tuple[str, str, int], int], least: int) -> PublicTotals:
    """What may be shown of hidden incidents counted by (area code, category, year)."""
    by_category: dict[tuple[str, int], int] = defaultdict(int)
    by_year: dict[int, int] = defaultdict(int)
    for (_area, category, year), count in counts.items():
        by_category[category, year] += count
        by_year[year] += count
    years = {year: count for year, count in by_year.items() if count >= least}
    lines: dict[int, dict[tuple[str, int], int]] = defaultdict(dict)
    for key, count in by_category.items():
        lines[key[1]][key] = count
    categories: dict[tuple[str, int], int] = {}
    for year in years:
        categories |= shown(lines[year], least)
    cells: dict[tuple[str, int], dict[tuple[str, str, int], int]] = defaultdict(dict)
    for cell, count in counts.items():
        cells[cell[1:]][cell] = count
    areas: dict[tuple[str, str, int], int] = {}
    for key in categories:  # the parts of a folded one would unfold it
        areas |= shown(cells[key], least)
    return PublicTotals(areas, categories, years)


def shown(parts: Mapping[Part, int], least: int) -> dict[Part, int]:
    """The parts of a shown sum that may be shown: each at least `least`, and what is left out is nothing or at least it, too.

    A rest of at least `least` must also come from two parts or more, else the sum would tell the one. Folded are the
    smallest, in the order of their names where they are equal, so that the same counts always give the same answer.
    """
    kept = dict(
        sorted(((part, n) for part, n in parts.items() if n >= least), key=lambda item: (-item[1], str(item[0])))
    )
    rest = [n for n in parts.values() if 0 < n < least]
    while kept and rest and (sum(rest) < least or len(rest) < 2):
        rest.append(kept.popitem()[1])
    return kept
