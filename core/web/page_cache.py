"""What is the same for every visitor, made once a minute a process, because pages must answer in milliseconds, under a
flood too: whole pages that differ in a few marks alone, and lists from the database. What staff change shows within that
minute."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.translation import get_language

KEPT_SECONDS = 60
Made = TypeVar("Made")
_kept: dict[tuple[object, ...], tuple[float, object]] = {}


def kept(key: tuple[object, ...], make: Callable[[], Made]) -> Made:
    """What `make` gave for `key`, at most a minute ago. Nothing of one visitor may be in it."""
    made_at, made = _kept.get(key, (-float("inf"), None))
    if time.monotonic() - made_at > KEPT_SECONDS:
        made_at, made = time.monotonic(), make()
        _kept[key] = made_at, made
    return cast("Made", made)


def rendered(request: HttpRequest, template: str, context: Callable[[], dict[str, Any]], *variant: object) -> str:
    """The page in the current language. `variant` is whatever else makes it another page."""
    return kept((template, get_language(), *variant), lambda: render_to_string(template, context(), request))


def forget() -> None:
    """Make everything anew when it is next asked for."""
    _kept.clear()
