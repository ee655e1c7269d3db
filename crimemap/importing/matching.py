"""Rows that have lost their id are recognized by their content, so that a spreadsheet's copy of a file stores nothing twice.

Excel writes 202515001499 as 2.02515E+11, and somebody may delete the column. Such a row is the stored incident with an id that
is like it in every stored cell; and when the ids come later, the incidents that were stored without get theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from crimemap.importing.parsed_rows import ParsedRow
from crimemap.importing.readers.cells import LOST_ID
from crimemap.importing.staging import Staging, StoredIncident

Row = tuple[int, ParsedRow]  # with its position


class LostIdMatcher:
    """Of one import. `unknown`: rows without their id that are like no stored incident."""

    def __init__(self, staging: Staging) -> None:
        self.staging = staging
        self.claimed: set[int] = set()  # incidents: each is one row
        self.anonymous: bool | None = None  # whether the source has incidents that wait for their ids
        self.unknown = 0

    def find(self, rows: Sequence[Row], taken: Collection[int]) -> dict[int, StoredIncident]:
        """The stored incidents that rows not found by their key are, by position; none of `taken`."""
        if self.staging.first:
            return {}
        lost = [(at, row) for at, row in rows if row.external_id == LOST_ID]
        found = self._alike(lost, taken, anonymous=False)
        self.unknown += len(lost) - len(found)
        if self.anonymous is None:
            self.anonymous = self.staging.has_anonymous()
        if self.anonymous:
            others = [(at, row) for at, row in rows if row.external_id != LOST_ID]
            found |= self._alike(others, taken, anonymous=True)
        return found

    def _alike(self, rows: Sequence[Row], taken: Collection[int], *, anonymous: bool) -> dict[int, StoredIncident]:
        if not rows:
            return {}
        contents = {at: row.content() for at, row in rows}
        times = [row.incident.occurred_at for _at, row in rows]
        stored = self.staging.alike(list(contents.values()), min(times), max(times), anonymous=anonymous)
        found = {}
        for at, content in contents.items():
            free = (each for each in stored.get(content, ()) if each[0] not in self.claimed and each[0] not in taken)
            if incident := next(free, None):
                self.claimed.add(incident[0])
                found[at] = incident
        return found
