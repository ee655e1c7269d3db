"""The report of an import: what was odd, how often, and why rows were rejected. ImportRun.report holds it as JSON.

Created, updated, unchanged and rejected rows are counted in the run's own fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from crimemap.importing.parsed_rows import ParsedRow
from crimemap.importing.readers.cells import LOST_ID, CellError
from crimemap.importing.readers.datetimes import minute_to_datetime
from crimemap.importing.readers.files import TableFile
from crimemap.importing.row_keys import RowKeys
from crimemap.importing.row_parser import RowParser
from crimemap.importing.snapshot_coverage import DaySpan
from crimemap.models import ImportProblem, ImportRun

MAX_STORED_PROBLEMS = 1_000  # of a run; all are counted


class ImportReport:
    """Collects what an import has to report. Minutes count from 1970 in UTC."""

    def __init__(self, run: ImportRun, profile_name: str, *, forced: bool) -> None:
        self.run, self.profile_name, self.forced = run, profile_name, forced
        self.problems: list[ImportProblem] = []
        self.rejection_kinds: Counter[str] = Counter()
        self.quirks: Counter[str] = Counter()
        self.cell_quirks: dict[str, int] = {}  # kind -> the first row that has it: each distinct cell is parsed once
        self.unmapped_count = 0
        self.first_minute: int | None = None
        self.last_minute: int | None = None
        self.updated_minute = 0  # the latest change of a row by the publisher; 0 if unknown
        self.kept_spans: list[DaySpan] = []
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
        minutes = [row.incident.occurred_at for row in rows]
        self.first_minute = min(minutes if self.first_minute is None else [self.first_minute, *minutes])
        self.last_minute = max(minutes if self.last_minute is None else [self.last_minute, *minutes])
        self.updated_minute = max([self.updated_minute, *(row.updated_minute for row in rows)])
        self.unmapped_count += sum(row.incident.point_kind == "none" for row in rows)
        self.quirks["rows without an id"] += sum(row.external_id in ("", LOST_ID) for row in rows)
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
        self.quirks["rows that are exactly alike"] += keys.identical_count
        self.quirks["no column of ids"] += position("external_id", -1) < 0
        self.quirks["no columns of coordinates"] += max(position("latitude", -1), position("point", -1)) < 0

    def add_skipped_table(self, file: TableFile) -> None:
        self.quirks[f"other columns, left out: {file.part}"] += 1

    @property
    def period(self) -> tuple[int, int] | None:
        """The first and last minute of the rows read; None without any."""
        if self.first_minute is None or self.last_minute is None:
            return None
        return self.first_minute, self.last_minute

    def as_json(self) -> dict[str, Any]:
        """Return what ImportRun.report stores.

        as_of: the publisher's latest change of a row. quirks: kind -> how often. cells: kind -> the first row that has it.
        reasons: kind -> how many rows were rejected for it. unmapped: rows without a point. kept: days that a file of a
        whole period hardly covers, so that their incidents stay: [first, last, incidents].
        """
        return {
            "as_of": minute_to_datetime(self.updated_minute).isoformat() if self.updated_minute else None,
            "profile": self.profile_name,
            "quirks": dict(sorted((+self.quirks).items())),
            "cells": dict(sorted(self.cell_quirks.items())),
            "reasons": dict(self.rejection_kinds.most_common()),
            "unmapped": self.unmapped_count,
            "forced": self.forced,
            "kept": [[span.first.isoformat(), span.last.isoformat(), span.incidents] for span in self.kept_spans],
        }
