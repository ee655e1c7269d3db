"""The cost of stretching receipts in the process of the tests.

The full cost is 25 ms for each receipt, and most tests of tips send some, so they pay the lowest that Argon2id has. Portals that
tests start are processes of their own, and pay the full cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tips import vault

FULL = (vault.ARGON2_PASSES, vault.ARGON2_BYTES)
LOWEST = (1, 8 * 1024)


def set_cost(cost: tuple[int, int]) -> None:
    vault.ARGON2_PASSES, vault.ARGON2_BYTES = cost


@contextmanager
def full_cost() -> Iterator[None]:
    """Stretch as a portal does: for receipts that one gave out, and for the format's test vector."""
    before = vault.ARGON2_PASSES, vault.ARGON2_BYTES
    set_cost(FULL)
    try:
        yield
    finally:
        set_cost(before)
