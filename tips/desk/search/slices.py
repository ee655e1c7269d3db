"""Runs a search in slices of a second or two: each ends with the place where the next one goes on.

The page of a search posts that place back, sealed, with the words. So nothing of a search is kept in between, any web process of
any staff node can go on with it, and a search whose officer has left stops by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.models import Account
from tips.desk.search import scan, tip_batches
from tips.desk.search.matching import Term
from tips.desk.search.sealed_tips import BatchResult
from tips.desk.search.tip_batches import Position, Scope

# Takes terms and batches of ids of 16 bytes; yields the result of each batch in their order.
Engine = Callable[[Sequence[Term], Iterable[Sequence[bytes]]], Iterator[BatchResult]]

# The first batches are small, so that the first hits come at once. Sizes depend on nothing but what the account may open:
# neither progress nor time tells of hidden tips.
_FIRST_BATCHES, BATCH = (50, 100, 200), 400


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a search. `after` is where the next slice goes on, None if all tips are searched."""

    found: list[UUID]
    searched: int
    remaining: int
    unopened: int
    after: Position | None


def search(  # noqa: PLR0917
    account: Account,
    terms: Sequence[Term],
    scope: Scope,
    after: Position | None,
    seconds: float,
    max_found: int,
    engine: Engine = scan.match_batches,
) -> Slice:
    """Search for so long once the tips are listed, or until so many are found. Raises PermissionDenied."""
    candidates = tip_batches.list_candidates(account, scope, after)
    stop_at = time.monotonic() + seconds
    batches = list(_cut(len(candidates)))
    found: list[UUID] = []
    searched = unopened = 0

    def hand_out() -> Iterator[list[bytes]]:
        """Yield batches until the time is over. An engine takes some ahead: their results are waited for, not thrown away."""
        for start, end in batches:
            if start > 0 and time.monotonic() >= stop_at:
                return
            yield candidates.list_ids(start, end)

    results = engine(terms, hand_out())
    for (_start, searched), result in zip(batches, results, strict=False):  # noqa: B007
        found += result.found
        unopened += result.unopened
        if len(found) >= max_found:
            break
    close = getattr(results, "close", None)
    if close is not None:
        close()
    last = candidates.position(searched - 1) if searched < len(candidates) else None
    return Slice(_keep_visible(account, scope, found), searched, len(candidates) - searched, unopened, last)


def find_number(account: Account, number: int) -> UUID | None:
    """Return the tip with this number among all that the account may open."""
    return tip_batches.list_candidates(account, scope=None).find_number(number)


def _cut(count: int) -> Iterator[tuple[int, int]]:
    start = 0
    for size in _FIRST_BATCHES:
        if start < count:
            yield start, min(start + size, count)
            start += size
    yield from ((begin, min(begin + BATCH, count)) for begin in range(start, count, BATCH))


def _keep_visible(account: Account, scope: Scope, found: list[UUID]) -> list[UUID]:
    """Leave out tips that were erased, walled or handed over while the slice ran."""
    visible = set(tip_batches.find_tips(account, scope).filter(pk__in=found).values_list("pk", flat=True))
    return [tip_id for tip_id in found if tip_id in visible]
