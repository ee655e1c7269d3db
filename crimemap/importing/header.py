"""Finds a profile's columns in the header of a file."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from crimemap.importing import profiles
from crimemap.importing.profiles.base import DATE_PARTS, JOINER, Profile, normalize_header


class HeaderColumns:
    """Positions of a profile's columns in a header; -1 for those that the file lacks."""

    def __init__(self, header: Iterable[str], profile: Profile) -> None:
        self.positions: dict[str, int] = {}
        for position, name in enumerate(header):
            self.positions.setdefault(normalize_header(name), position)
        self.profile = profile
        self.by_field = {name: self.find_first(headers) for name, headers in profile.columns.items()}
        self.codes = [group for group in profile.codes if all(self.has(header) for header in group)]
        self.labels = [header for header in profile.labels if self.has(header)]

    def has(self, header: str) -> bool:
        return normalize_header(header) in self.positions

    def find_first(self, headers: Iterable[str]) -> int:
        return next((self.positions[normalize_header(header)] for header in headers if self.has(header)), -1)

    def list_missing(self) -> list[tuple[str, ...]]:
        """Return the groups of headers that the file needs one each of, and has none of."""
        missing = [group for group in self.profile.required if self.find_first(group) < 0]
        times = [self.profile.columns.get(name, ()) for name in ("occurred", "occurred_date")]
        has_date_parts = all(self.by_field.get(name, -1) >= 0 for name in DATE_PARTS[:3])
        if not has_date_parts and not any(self.find_first(headers) >= 0 for headers in times):
            missing.append(tuple(header for headers in times for header in headers))
        if not self.codes:
            missing.append(tuple(JOINER.join(group) for group in self.profile.codes))
        return list(dict.fromkeys(missing))


def header_fits(header: list[str], profile: Profile) -> bool:
    return not HeaderColumns(header, profile).list_missing()


def find_fitting_profiles(header: list[str]) -> list[str]:
    """Return the names of the publishers' profiles that know these columns."""
    names = (name for name in profiles.NAMES if name != profiles.GENERIC)
    return [name for name in names if header_fits(header, profiles.get_profile(name))]


def describe_other_columns(file_name: str, first_row: list[str], profile: Profile) -> str:
    """Name the columns that are missing; of the first row only its length, since without a header it shows an incident."""
    lacking = "; ".join(_(" or ").join(group) for group in HeaderColumns(first_row, profile).list_missing())
    sentence = _("%(name)s is no file of “%(profile)s”: it has no column %(lacking)s (it has %(count)d columns).") % {
        "name": file_name,
        "profile": profile.label,
        "lacking": lacking,
        "count": len(first_row),
    }
    fitting = [name for name in find_fitting_profiles(first_row) if name != profile.name]
    if not fitting:
        return sentence
    return f"{sentence} {_('Its columns are those of the profile %(name)s.') % {'name': fitting[0]}}"


def list_read_columns(header: list[str], profile: Profile) -> list[str]:
    """Return the columns of a header that a profile reads; all others are never looked at."""
    named = [
        *(name for names in profile.columns.values() for name in names),
        *(name for group in profile.codes for name in group),
        *profile.labels,
        *profile.domestic,
    ]
    known = {normalize_header(name) for name in named}
    return [name for name in header if normalize_header(name) in known]
