"""The report of an import: what was odd, how often, and why rows were rejected. ImportRun.report holds it as JSON.

Created, updated, unchanged and rejected rows are counted in the run's own fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from crimemap.importing.parsed_rows import ParsedRow
from crimemap.importing.periods.covered_period import PeriodFinder
from crimemap.importing.periods.snapshot_coverage import DaySpan
from crimemap.importing.readers.cells import LOST_ID, CellError
from crimemap.importing.readers.datetimes import minute_to_datetime
from crimemap.importing.readers.files import TableFile
from crimemap.importing.row_keys import RowKeys
from crimemap.importing.row_parser import RowParser
from crimemap.models import ImportProblem, ImportRun
from crimemap.privacy import known_streets

STRAY_DATES = "dates far from all others"
MAX_STORED_PROBLEMS = 1_000  # of a run; all are counted
MAX_STREETS, MIN_ADDRESSES = 20, 3  # of words in addresses that are not understood


class ImportReport:
    """Collects what an import has to report. Minutes count from 1970 in UTC."""

    def __init__(self, run: ImportRun, profile_name: str, mapping: str, *, forced: bool) -> None:
        self.run, self.profile_name, self.mapping, self.forced = run, profile_name, mapping, forced
        self.problems: list[ImportProblem] = []
        self.rejection_kinds: Counter[str] = Counter()
        self.quirks: Counter[str] = Counter()
        self.cell_quirks: dict[str, int] = {}  # kind -> the first row that has it: each distinct cell is parsed once
        self.unmapped_count = 0
        self.unread_count = 0
        self.undecided_count = 0  # of kinds of place and outcomes
        self.unread_addresses: Counter[str] = Counter()
        self.minutes = PeriodFinder()
        self.updated_minute = 0  # the latest change of a row by the publisher; 0 if unknown
        self.kept_spans: list[DaySpan] = []
        self.crowded: dict[str, Any] = {}  # the point that stopped the import
        self.codes: list[list[str | int]] = []  # of a test run, as CodeBook.list_counts() returns them
        self.current_row = 0

    def note_cell_quirk(self, kind: str) -> None:
        self.cell_quirks.setdefault(kind, self.current_row)

    def add_rejected(self, row_number: int, error: CellError) -> None:
        self.run.rejected += 1
        self.rejection_kinds[error.kind] += 1
        if len(self.problems) < MAX_STORED_PROBLEMS:
            self.problems.append(ImportProblem(run=self.run, row=row_number, code=error.kind, message=str(error)))

    def add_rows(self, rows: Sequence[ParsedRow]) -> None:
        if not rows:
            return
        self.minutes.add([row.incident.occurred_at for row in rows])
        self.updated_minute = max([self.updated_minute, *(row.updated_minute for row in rows)])
        self.unmapped_count += sum(row.incident.point_kind == "none" for row in rows)
        self.quirks["rows without an id"] += sum(row.external_id in ("", LOST_ID) for row in rows)
        self.quirks.update(row.location.problem for row in rows if row.location.problem)
        precisions = Counter(row.incident.precision for row in rows)
        self.quirks["times that tell the day alone"] += precisions["day"]
        self.quirks["times that tell the hour alone"] += precisions["hour"]

    def add_table(self, file: TableFile, parser: RowParser, keys: RowKeys) -> None:
        """Add what is odd about a table as a whole, once all its rows are read."""
        position = parser.columns.by_field.get
        self.quirks.update(file.quirks)
        self.quirks["rows that share their id with another"] += keys.shared_id_count
        self.quirks["rows repeated under one id, counted once"] += keys.copy_count
        self.quirks["dates blank, day of the report used"] += parser.times.reported_day_count
        self.quirks["streets with the words of another"] += parser.count_doubtful()
        self.unread_count += parser.unread_count
        self.unread_addresses.update(parser.unread_addresses)
        self.quirks["rows that are exactly alike"] += keys.identical_count
        self.quirks["no column of ids"] += position("external_id", -1) < 0
        self.quirks["no columns of coordinates"] += max(position("latitude", -1), position("point", -1)) < 0

    def add_skipped_table(self, file: TableFile) -> None:
        self.quirks[f"other columns, left out: {file.part}"] += 1

    @property
    def period(self) -> tuple[int, int] | None:
        """The first and last minute of all rows read; None without any."""
        return self.minutes.whole

    @property
    def main_period(self) -> tuple[int, int] | None:
        """The first and last minute of the rows without those far from all others, such as a mistyped year."""
        return self.minutes.without_strays()

    def _list_unread_streets(self) -> list[tuple[str, int]]:
        """Return words that rows of several addresses share. Those of one address alone may name a person or a home."""
        counts: Counter[str] = Counter()
        addresses: Counter[str] = Counter()
        for address, count in self.unread_addresses.items():
            words = known_streets.street_words(address)
            counts[words] += count
            addresses[words] += 1
        shared = Counter({words: counts[words] for words in counts if words and addresses[words] >= MIN_ADDRESSES})
        return shared.most_common(MAX_STREETS)

    def as_json(self) -> dict[str, Any]:
        """Return what ImportRun.report stores.

        as_of: the publisher's latest change of a row. quirks: kind -> how often. cells: kind -> the first row that has it.
        reasons: kind -> how many rows were rejected for it. unmapped: rows without a point. unread: rows whose
        address names no known street. undecided: kinds of place and outcomes that wait for a decision. streets: words that many of them share, with the number of rows: perhaps a street. kept: days that a file of a
        whole period does not cover, so that their incidents stay: [first, last, incidents]. crowded: the point that stopped the
        import, as sanity_checks.CrowdedPoint.as_json() returns it. mapping: a digest of how the columns were mapped. codes: of a test run, [code, rows, of them domestic].
        """
        return {
            "as_of": minute_to_datetime(self.updated_minute).isoformat() if self.updated_minute else None,
            "profile": self.profile_name,
            "mapping": self.mapping,
            "quirks": dict(sorted((+self.quirks + Counter({STRAY_DATES: self.minutes.stray_count})).items())),
            "cells": dict(sorted(self.cell_quirks.items())),
            "reasons": dict(self.rejection_kinds.most_common()),
            "unmapped": self.unmapped_count,
            "unread": self.unread_count,
            "undecided": self.undecided_count,
            "streets": self._list_unread_streets(),
            "forced": self.forced,
            "crowded": self.crowded,
            "codes": self.codes,
            "kept": [[span.first.isoformat(), span.last.isoformat(), span.incidents] for span in self.kept_spans],
        }
