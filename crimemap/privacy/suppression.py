"""Statistical disclosure control for yearly totals of hidden incidents: no small number can be read or derived.

Totals are published by area x category x calendar year, by category x year, and by year, each only from `threshold` up.
Where a sum and its published parts would reveal a small remainder, one more part is suppressed as well (complementary
suppression: Hundepool et al., Statistical Disclosure Control, 2012, ch. 4). Pure functions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Part = TypeVar("Part", bound=Hashable)


@dataclass(frozen=True, slots=True)
class PublicTotals:
    """Totals that may be published. A missing one is below the threshold or suppressed.

    areas: (area code, category, year) to count; categories: (category, year) to count; years: year to count.
    """

    areas: dict[tuple[str, str, int], int]
    categories: dict[tuple[str, int], int]
    years: dict[int, int]


def suppress_small_totals(counts: Mapping[tuple[str, str, int], int], threshold: int) -> PublicTotals:
    """Return the publishable totals of hidden incidents counted by (area code, category, year)."""
    by_category: dict[tuple[str, int], int] = defaultdict(int)
    by_year: dict[int, int] = defaultdict(int)
    for (_area, category, year), count in counts.items():
        by_category[category, year] += count
        by_year[year] += count
    years = {year: count for year, count in by_year.items() if count >= threshold}
    categories_by_year: dict[int, dict[tuple[str, int], int]] = defaultdict(dict)
    for key, count in by_category.items():
        categories_by_year[key[1]][key] = count
    categories: dict[tuple[str, int], int] = {}
    for year in years:
        categories |= select_publishable(categories_by_year[year], threshold)
    areas_by_category: dict[tuple[str, int], dict[tuple[str, str, int], int]] = defaultdict(dict)
    for cell, count in counts.items():
        areas_by_category[cell[1:]][cell] = count
    areas: dict[tuple[str, str, int], int] = {}
    for key in categories:  # the parts of a suppressed category would reveal it
        areas |= select_publishable(areas_by_category[key], threshold)
    return PublicTotals(areas, categories, years)


def select_publishable(parts: Mapping[Part, int], threshold: int) -> dict[Part, int]:
    """Return the parts of a published sum that may be published as well.

    Each part reaches `threshold`, and so does the suppressed remainder, which also comes from at least two parts:
    otherwise the sum would reveal the single one. The smallest parts are suppressed first, equal ones in the order of
    their names, so that the same counts always give the same result.
    """
    publishable = dict(
        sorted(((part, n) for part, n in parts.items() if n >= threshold), key=lambda item: (-item[1], str(item[0])))
    )
    suppressed = [n for n in parts.values() if 0 < n < threshold]
    while publishable and suppressed and (sum(suppressed) < threshold or len(suppressed) < 2):
        suppressed.append(publishable.popitem()[1])
    return publishable
