"""Reads the house numbers of an address: before a street or behind it, single or in a range, and the hundred they lie in."""

from __future__ import annotations

import re

# Between the ends of a range of houses: 8-10, 12-24; beyond the second limit, two numbers are no range: 555-0100.
_MAX_HOUSES_OF_RANGE, _MAX_NUMBERS_OF_RANGE = 12, 1_000
BEFORE_STREET = re.compile(r"(?i)(\d{1,5}|X{2,})(?:-?[A-Z])?(?:-(\d{1,5})[A-Z]?)?")
BEHIND_STREET = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?([A-Za-z]?)")


def is_house_or_range(number: re.Match[str]) -> bool:
    """Return whether a number behind a street is a house or a range: 45-12 is neither in Bogotá, nor 5-3 in a tower."""
    return not number[2] or int(number[1]) < int(number[2]) <= int(number[1]) + _MAX_NUMBERS_OF_RANGE


def hundred_of(number: re.Match[str], *, is_queens: bool) -> int | None:
    """Return the hundred that a house number lies in; None if it may be two, one of which would be a house.

    Queens counts blocks before the hyphen and houses behind it: 12-34 56th St is in block 1200. Elsewhere a hyphen makes a
    range of houses (815-25 is 815 to 825), whose first number must not pass for a block's. 8-10 56th St can be either.
    `is_queens`: the street is called by a number without a direction, as those of Queens are.
    """
    first, second = int(number[1]) if number[1].isdecimal() else 0, number[2]
    if second and len(second) > 2 and not first <= int(second) <= first + _MAX_NUMBERS_OF_RANGE:
        return None
    if second and len(second) == 2 and first < 1000:
        is_range = first >= 100 and int(second) > first % 100 and (int(second) - first) % 2 == 0
        if second[0] == "0":
            return first * 100
        if is_queens and not is_range:
            may_be_range = 0 < int(second) - first <= _MAX_HOUSES_OF_RANGE and (int(second) - first) % 2 == 0
            return None if may_be_range else first * 100
    return first // 100 * 100
