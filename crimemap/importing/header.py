"""TODO docstring."""

from __future__ import annotations

from collections.abc import Iterable

from crimemap.importing.profiles.base import JOINER, Profile, normalize_header


class HeaderColumns:
    """Where a profile's columns stand in a header; -1 for those that are not there."""

    def __init__(self, header: Iterable[str], profile: Profile) -> None:
        self.at: dict[str, int] = {}
        for number, name in enumerate(header):
            self.at.setdefault(normalize_header(name), number)
        self.profile = profile
        self.by_field = {name: self.first(headers) for name, headers in profile.columns.items()}
        self.codes = [group for group in profile.codes if all(self.has(header) for header in group)]
        self.labels = [header for header in profile.labels if self.has(header)]

    def has(self, header: str) -> bool:
        return normalize_header(header) in self.at

    def first(self, headers: Iterable[str]) -> int:
        return next((self.at[normalize_header(header)] for header in headers if self.has(header)), -1)

    def missing(self) -> list[tuple[str, ...]]:
        """Groups of headers of which the file has none, though it needs one of each."""
        missing = [group for group in self.profile.required if self.first(group) < 0]
        times = [self.profile.columns.get(name, ()) for name in ("occurred", "occurred_date")]
        parts = all(self.by_field.get(name, -1) >= 0 for name in ("year", "month", "day"))
        if not parts and not any(self.first(headers) >= 0 for headers in times):
            missing.append(tuple(header for headers in times for header in headers))
        if not self.codes:
            missing.append(tuple(JOINER.join(group) for group in self.profile.codes))
        return list(dict.fromkeys(missing))


def header_fits(header: list[str], profile: Profile) -> bool:
    return not HeaderColumns(header, profile).missing()
