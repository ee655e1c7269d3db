"""What visitors leave in cycles and in caches of libraries is dropped."""

from __future__ import annotations

import gc
import weakref
from urllib.parse import urlsplit

from core import visitor_traces


class Node:
    """An object in a cycle, as a request with its exception is."""

    def __init__(self) -> None:
        self.itself = self


def test_garbage_in_cycles_is_freed() -> None:
    node = weakref.ref(Node())
    visitor_traces.drop_traces()
    assert node() is None


def test_no_address_stays_in_a_cache() -> None:
    urlsplit("https://referrer.example/?q=canary")
    visitor_traces.drop_traces()
    assert urlsplit.cache_info().currsize == 0


def test_what_is_loaded_before_visitors_is_left_out_of_collections() -> None:
    before = gc.get_freeze_count()
    loaded: list[list[int]] = [[] for _ in range(1_000)]
    visitor_traces.freeze_loaded_code()
    assert gc.get_freeze_count() >= before + len(loaded)
