"""The crime map in the admin: places, offense codes, sources, imports and counts of alerts. Rules are elsewhere."""

from __future__ import annotations

from crimemap.admin import alerts, import_runs, offence_codes, places, reported_values, sources

__all__ = ["alerts", "import_runs", "offence_codes", "places", "reported_values", "sources"]
