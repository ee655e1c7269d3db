"""Pages that differ between visitors in a few marks alone, or not at all: rendered once a minute a process, because they
must answer in milliseconds, under a flood too. What staff change shows within that minute."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import get_language

KEPT_SECONDS = 60
_pages: dict[tuple[object, ...], tuple[float, str]] = {}


def rendered(request: HttpRequest, template: str, context: Callable[[], dict[str, Any]], *variant: object) -> str:
    """The page in the current language, at most a minute old. `variant` is whatever else makes it another page; nothing
    of one visitor may be in `context`."""
    key = (template, get_language(), *variant)
    made_at, page = _pages.get(key, (-float("inf"), ""))
    if time.monotonic() - made_at > KEPT_SECONDS:
        made_at, page = time.monotonic(), render_to_string(template, context(), request)
        _pages[key] = made_at, page
    return page


def forget() -> None:
    """Render every page anew at its next request."""
    _pages.clear()
