"""One profile per publisher: `get_profile("chicago_portal")`. `generic` is built from a source's own settings."""

from __future__ import annotations

from importlib import import_module

from crimemap.importing.profiles.base import Profile

GENERIC = "generic"
_LOCATIONS = {  # profile -> module, and the constant in it
    "chicago_portal": ("chicago", "PORTAL"),
    "chicago_soda": ("chicago", "SODA"),
    "police_uk": ("police_uk", "PROFILE"),
    "philadelphia": ("philadelphia", "PROFILE"),
    "los_angeles": ("los_angeles", "PROFILE"),
    "new_york": ("new_york", "PROFILE"),
}
NAMES = (*_LOCATIONS, GENERIC)


def get_profile(name: str) -> Profile:
    """Return a publisher's profile. Raises KeyError for any other name, also for GENERIC."""
    module, constant = _LOCATIONS[name]
    profile: Profile = getattr(import_module(f"crimemap.importing.profiles.{module}"), constant)
    return profile
