"""Finds a profile's columns in the header of a file."""

from __future__ import annotations

from collections.abc import Iterable

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
