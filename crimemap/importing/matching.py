"""Matches rows that have lost their id by their content, so that a spreadsheet's copy of a file stores nothing twice.

Excel writes 202515001499 as 2.02515E+11, and people delete the column. Such a row is the stored incident with an id that
equals it in every stored field; and when a later file has the ids, incidents that were stored without get theirs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from crimemap.importing.parsed_rows import ParsedRow
from crimemap.importing.readers.cells import LOST_ID
from crimemap.importing.staging import Staging, StoredIncident

MIN_EQUAL_FIELDS = 3  # of code, label, block, point, areas, place, outcome and domestic flag, that are not blank
IndexedRow = tuple[int, ParsedRow]  # with its index in the batch


class LostIdMatcher:
    """Matches the rows of one import. `unmatched_count`: rows without their id that equal no stored incident."""

    def __init__(self, staging: Staging) -> None:
        self.staging = staging
        self.claimed: set[int] = set()  # primary keys: an incident is one row only
        self.has_lost_ids: bool | None = None  # whether stored incidents lack an id; None: not queried yet
        self.unmatched_count = 0
        self.unrecognized_count = 0  # rows that match_remapped() took for new incidents

    def match(self, rows: Sequence[IndexedRow], taken: Collection[int]) -> dict[int, StoredIncident]:
        """Return by index the stored incidents of rows that no key found; none with a primary key of `taken`."""
        if self.staging.is_first_import:
            return {}
        lost = [(index, row) for index, row in rows if row.external_id == LOST_ID]
        matches = self._match_content(lost, taken, lost_ids=False)
        self.unmatched_count += len(lost) - len(matches)
        if self.has_lost_ids is None:
            self.has_lost_ids = self.staging.has_lost_ids()
        if self.has_lost_ids:
            others = [(index, row) for index, row in rows if row.external_id != LOST_ID]
            matches |= self._match_content(others, taken, lost_ids=True)
        return matches

    def match_remapped(self, rows: Sequence[IndexedRow], taken: Collection[int]) -> dict[int, StoredIncident]:
        """Return by index the stored incidents without an id that rows are, although their columns have been mapped anew.

        Such an incident is of the same minute and equal in MIN_EQUAL_FIELDS others; the most equal one is taken.
        """
        candidates = self.staging.find_without_ids([row.incident.occurred_at for _index, row in rows])
        matches = {}
        for index, row in rows:
            fields = [str(value) for value in row.incident[3:]]
            best, most_equal = None, MIN_EQUAL_FIELDS - 1
            for incident, stored in candidates.get(row.incident.occurred_at, ()):
                if incident.id in self.claimed or incident.id in taken:
                    continue
                equal_count = sum(bool(value) and value == other for value, other in zip(fields, stored, strict=True))
                if equal_count > most_equal:
                    best, most_equal = incident, equal_count
            if best:
                self.claimed.add(best.id)
                matches[index] = best
            else:
                self.unrecognized_count += 1
        return matches

    def _match_content(
        self, rows: Sequence[IndexedRow], taken: Collection[int], *, lost_ids: bool
    ) -> dict[int, StoredIncident]:
        if not rows:
            return {}
        contents = {index: row.content_hash() for index, row in rows}
        minutes = [row.incident.occurred_at for _index, row in rows]
        stored = self.staging.find_by_content(list(contents.values()), min(minutes), max(minutes), lost_ids=lost_ids)
        matches = {}
        for index, content in contents.items():
            free = (
                incident
                for incident in stored.get(content, ())
                if incident.id not in self.claimed and incident.id not in taken
            )
            if incident := next(free, None):
                self.claimed.add(incident.id)
                matches[index] = incident
        return matches
