"""Per-process page cache with a time-to-live of 60 seconds, or until the agency's settings change.

It holds whole pages and lists from the database that are the same for every visitor, because pages must answer in
milliseconds even under a flood. Changes by staff appear within a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import get_language

from core.agency import current_settings

TTL_SECONDS = 60
# Published versions, languages, areas and numbers of files are in keys: without a bound each new one would stay for good.
MAX_ENTRIES = 512
Value = TypeVar("Value")
# In the order in which they were built.
_entries: dict[tuple[object, ...], tuple[float, object]] = {}


def get_or_build(key: tuple[object, ...], build: Callable[[], Value]) -> Value:
    """Return the value cached for `key`, or build and cache it. Nothing about a single visitor may be in it."""
    key = (current_settings.current(), *key)
    built_at, value = _entries.get(key, (-float("inf"), None))
    if time.monotonic() - built_at > TTL_SECONDS:
        built_at, value = time.monotonic(), build()
        _entries.pop(key, None)
        _entries[key] = built_at, value
        _drop_old_entries()
    return cast("Value", value)


def _drop_old_entries() -> None:
    """Drop what is out of date, and the oldest beyond MAX_ENTRIES. Other threads may do so at the same time."""
    oldest_wanted = time.monotonic() - TTL_SECONDS
    for key, (built_at, _value) in list(_entries.items()):
        if built_at >= oldest_wanted and len(_entries) <= MAX_ENTRIES:
            return
        _entries.pop(key, None)


def render_cached(
    request: HttpRequest, template: str, build_context: Callable[[], dict[str, Any]], *variant: object
) -> str:
    """Return the page in the current language. `variant` holds everything else that distinguishes versions of it."""
    return get_or_build(
        (template, get_language(), *variant), lambda: render_to_string(template, build_context(), request)
    )


def clear() -> None:
    """Empty the cache of this process."""
    _entries.clear()
