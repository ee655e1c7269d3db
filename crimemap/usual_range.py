"""The usual range of a count: the same days in up to five years before. Pure functions of counts.

One rule for all pages: a mean of counts that vary by chance alone varies by its square root, so the range reaches two square
roots to each side of the mean, or as far as the years did.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

MAX_YEARS, MIN_YEARS = 5, 3
FEW_MEAN, FEW_COUNT = 5, 10  # below both, chance decides


class Verdict(enum.Enum):
    """A count compared with its usual range."""

    USUAL = "usual"
    MORE = "more"
    FEWER = "fewer"
    TOO_FEW = "too few"
    NO_RANGE = "no range"


@dataclass(frozen=True, slots=True)
class UsualRange:
    """The verdict on a count; `low` and `high` are 0 unless it is USUAL, MORE or FEWER. `years`: how many were compared."""

    verdict: Verdict
    low: int = 0
    high: int = 0
    years: int = 0

    @property
    def is_known(self) -> bool:
        """Return whether there is a range to compare with."""
        return self.verdict in (Verdict.USUAL, Verdict.MORE, Verdict.FEWER)


def judge_count(count: int, before: Sequence[int]) -> UsualRange:
    """Judge a count by those of the same days in the years before, in any order; more than MAX_YEARS are not expected.

    The range is rounded inward: only whole counts that lie within it are usual.
    """
    if len(before) < MIN_YEARS:
        return UsualRange(Verdict.NO_RANGE, years=len(before))
    mean = sum(before) / len(before)
    if mean < FEW_MEAN and count < FEW_COUNT:
        return UsualRange(Verdict.TOO_FEW, years=len(before))
    reach = 2 * math.sqrt(mean)
    low = max(0, math.ceil(min(*before, mean - reach)))
    high = math.floor(max(*before, mean + reach))
    verdict = Verdict.MORE if count > high else Verdict.FEWER if count < low else Verdict.USUAL
    return UsualRange(verdict, low, high, len(before))
