"""How the files of each publisher are read: `get("chicago_portal")`. What an administrator maps is `generic`."""

from __future__ import annotations

from importlib import import_module

from crimemap.importing.profiles.base import Profile

GENERIC = "generic"
_WHERE = {  # name -> module and the profile's name in it
    "chicago_portal": ("chicago", "PORTAL"),
    "chicago_soda": ("chicago", "SODA"),
    "police_uk": ("police_uk", "PROFILE"),
    "philadelphia": ("philadelphia", "PROFILE"),
    "los_angeles": ("los_angeles", "PROFILE"),
    "new_york": ("new_york", "PROFILE"),
}
NAMES = (*_WHERE, GENERIC)


def get(name: str) -> Profile:
    """The named profile. Raises KeyError for a name that is none; `generic` is made of a source's columns instead."""
    module, attribute = _WHERE[name]
    profile: Profile = getattr(import_module(f"crimemap.importing.profiles.{module}"), attribute)
    return profile
