"""The profile that an administrator makes from a sample: what each column holds, stored in Source.profile_config.

{"columns": {"occurred": "Reported", "code": ["Type", "Detail"], "latitude": "Y"}, "day_first": true}
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from django.utils.translation import gettext as _

from crimemap.importing.profiles.base import DATE_PARTS, FIELDS, Profile
from crimemap.importing.readers.files import ReadingOptions

MULTI_COLUMN_FIELDS = ("code", "label")
TIME_FIELDS = ("occurred", "occurred_date")


class ConfigError(ValueError):
    """The settings of a generic profile are wrong; the message is a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericConfig:
    """The settings, as Source.profile_config stores them.

    columns: field of base.FIELDS, "code", "label" or "domestic" -> header; code and label may be lists of headers.
    domestic_pattern: a regular expression searched in the domestic column; "" for a column of yes and no. scheme: the name
    of a list in crimemap/data/codes ("nibrs"); "" for the source's own. delimiter, encoding, header_line and sheet are those
    of readers.files.ReadingOptions. The others are those of base.Profile.
    """

    columns: dict[str, str | list[str]] = field(default_factory=dict)
    day_first: bool = False
    times_are_local: bool = False
    delimiter: str = ""
    encoding: str = ""
    header_line: int = 0
    sheet: str = ""
    code_width: int = 0
    area_widths: dict[str, int] = field(default_factory=dict)
    domestic_pattern: str = ""
    outcomes: dict[str, str] = field(default_factory=dict)
    coordinate_system: str = ""
    lost_signs: list[str] = field(default_factory=list)
    copies_are_one: bool = False
    points_are_public: bool = False
    scheme: str = ""

    @classmethod
    def parse(cls, settings: dict[str, Any]) -> GenericConfig:
        """Raises ConfigError."""
        unknown = sorted(set(settings) - set(cls.__dataclass_fields__))
        if unknown:
            raise ConfigError(_("“%(name)s” is no setting of the generic profile.") % {"name": unknown[0]})
        config = cls(**settings)
        for name in config.columns:
            if name not in (*FIELDS, *MULTI_COLUMN_FIELDS, "domestic"):
                raise ConfigError(_("“%(name)s” is no field of an incident.") % {"name": name})
        has_date_parts = all(config.columns.get(name) for name in DATE_PARTS[:3])
        if not has_date_parts and not any(config.columns.get(name) for name in TIME_FIELDS):
            raise ConfigError(_("Choose the column that says when it happened."))
        if not config.columns.get("code"):
            raise ConfigError(_("Choose the column that says the offense."))
        return config

    def reading_options(self) -> ReadingOptions:
        return ReadingOptions(self.delimiter, self.encoding, self.header_line, self.sheet)

    def headers(self, name: str) -> tuple[str, ...]:
        headers = self.columns.get(name) or ()
        return (headers,) if isinstance(headers, str) else tuple(headers)


def build_profile(settings: dict[str, Any], source_slug: str, time_zone: str) -> Profile:
    """Build a source's profile from its settings. Raises ConfigError."""
    config = GenericConfig.parse(settings)
    columns = {name: config.headers(name) for name in FIELDS if config.headers(name)}
    mapped = [headers for name in (*FIELDS, "code") for headers in [config.headers(name)] if headers]
    return Profile(
        name="generic",
        label=_("columns as mapped for this source"),
        scheme=config.scheme or own_scheme(source_slug),
        columns=columns,
        codes=(config.headers("code"),),
        labels=config.headers("label"),
        required=tuple((header,) for headers in mapped for header in headers),
        time_zone=time_zone,
        day_first=config.day_first,
        times_are_local=config.times_are_local,
        code_width=config.code_width,
        area_widths=config.area_widths,
        domestic=dict.fromkeys(config.headers("domestic"), config.domestic_pattern),
        outcomes=config.outcomes,
        coordinate_system=config.coordinate_system,
        lost_signs=tuple(config.lost_signs),
        copies_are_one=config.copies_are_one,
        points_are_public=config.points_are_public,
        reading=config.reading_options(),
    )


def stored_reading_options(settings: dict[str, Any]) -> ReadingOptions:
    """Return how a person said to read a source's files, from its settings, which may be those of no complete profile yet."""
    return ReadingOptions(
        **{option.name: settings[option.name] for option in fields(ReadingOptions) if option.name in settings}
    )


def own_scheme(source_slug: str) -> str:
    """Return the name of the code list that a source of the generic profile has to itself."""
    return f"generic:{source_slug}"
