"""The cache of pages that are the same for every visitor: it has an end."""

from __future__ import annotations

import pytest

from core.web import page_cache


def test_entries_that_are_out_of_date_or_too_many_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(page_cache.time, "monotonic", lambda: now)
    page_cache.clear()
    for number in range(3):
        page_cache.get_or_build(("old", number), lambda: "a page")
    now += page_cache.TTL_SECONDS + 1
    assert page_cache.get_or_build(("new",), lambda: "first") == "first"
    assert len(page_cache._entries) == 1

    for number in range(page_cache.MAX_ENTRIES + 20):
        page_cache.get_or_build(("version", number), lambda: "a page")
    assert len(page_cache._entries) == page_cache.MAX_ENTRIES
    assert page_cache.get_or_build(("new",), lambda: "again") == "again"
    newest = page_cache.MAX_ENTRIES + 19
    assert page_cache.get_or_build(("version", newest), lambda: "built again") == "a page"
