"""The profile that an administrator makes of a sample: which column is what, kept in Source.profile_config.

{"columns": {"occurred": "Reported", "code": ["Type", "Detail"], "latitude": "Y"}, "day_first": true}
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from crimemap.importing.profiles.base import DATE_PARTS, FIELDS, Profile

MANY = ("code", "label")  # fields that several columns may make
TIMES = ("occurred", "occurred_date")


class ConfigError(ValueError):
    """What is wrong with a map of columns, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericConfig:
    """columns: field of base.FIELDS, "code", "label" or "domestic" -> header; code and label may be lists of headers.

    domestic_pattern: a regular expression searched in the domestic column; "" takes it for yes and no. scheme: a code list
    of crimemap/data/codes that the codes are of ("nibrs"); "" for the source's own. The rest as in base.Profile.
    """

    columns: dict[str, str | list[str]] = field(default_factory=dict)
    day_first: bool = False
    delimiter: str = ""
    code_width: int = 0
    area_widths: dict[str, int] = field(default_factory=dict)
    domestic_pattern: str = ""
    outcomes: dict[str, str] = field(default_factory=dict)
    points_are_public: bool = False
    scheme: str = ""

    @classmethod
    def parse(cls, told: dict[str, Any]) -> GenericConfig:
        """From JSON. Raises ConfigError."""
        unknown = sorted(set(told) - set(cls.__dataclass_fields__))
        if unknown:
            raise ConfigError(_("“%(name)s” is no setting of the generic profile.") % {"name": unknown[0]})
        config = cls(**told)
        for name in config.columns:
            if name not in (*FIELDS, *MANY, "domestic"):
                raise ConfigError(_("“%(name)s” is no field of an incident.") % {"name": name})
        parts = all(config.columns.get(name) for name in DATE_PARTS[:3])
        if not parts and not any(config.columns.get(name) for name in TIMES):
            raise ConfigError(_("Say which column holds when it happened."))
        if not config.columns.get("code"):
            raise ConfigError(_("Say which column holds the offense."))
        return config

    def headers(self, name: str) -> tuple[str, ...]:
        told = self.columns.get(name) or ()
        return (told,) if isinstance(told, str) else tuple(told)


def build_profile(told: dict[str, Any], source: str, time_zone: str) -> Profile:
    """The profile of the source with that short name. Raises ConfigError."""
    config = GenericConfig.parse(told)
    columns = {name: config.headers(name) for name in FIELDS if config.headers(name)}
    every = [headers for name in (*FIELDS, "code") for headers in [config.headers(name)] if headers]
    return Profile(
        name="generic",
        label=_("columns as mapped for this source"),
        scheme=config.scheme or own_scheme(source),
        columns=columns,
        codes=(config.headers("code"),),
        labels=config.headers("label"),
        required=tuple((header,) for headers in every for header in headers),
        time_zone=time_zone,
        day_first=config.day_first,
        code_width=config.code_width,
        area_widths=config.area_widths,
        domestic=dict.fromkeys(config.headers("domestic"), config.domestic_pattern),
        outcomes=config.outcomes,
        points_are_public=config.points_are_public,
        delimiter=config.delimiter,
    )


def own_scheme(source: str) -> str:
    """The code list that a source of the generic profile has to itself."""
    return f"generic:{source}"
