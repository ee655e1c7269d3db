"""The crime map in Django's admin: places, codes, sources and imports. Rules are in the modules named after them."""

from __future__ import annotations

from crimemap.admin import alerts, codes, places, runs, sources

__all__ = ["alerts", "codes", "places", "runs", "sources"]
