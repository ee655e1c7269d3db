"""Per-process page cache with a time-to-live of 60 seconds.

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

TTL_SECONDS = 60
Value = TypeVar("Value")
_entries: dict[tuple[object, ...], tuple[float, object]] = {}


def get_or_build(key: tuple[object, ...], build: Callable[[], Value]) -> Value:
    """Return the value cached for `key`, or build and cache it. Nothing about a single visitor may be in it."""
    built_at, value = _entries.get(key, (-float("inf"), None))
    if time.monotonic() - built_at > TTL_SECONDS:
        built_at, value = time.monotonic(), build()
        _entries[key] = built_at, value
    return cast("Value", value)


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
