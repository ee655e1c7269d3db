"""Refuses files whose rows stand for several offenses: an incident is counted once, so that their totals would be wrong."""

from __future__ import annotations

from django.utils.translation import gettext as _

from crimemap.importing.profiles.base import normalize_header
from crimemap.importing.readers import cells
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.tables import Table

_NAMES = {
    "offensecount", "offencecount", "offensescount", "offencescount", "count", "counts", "incidentcount", "crimecount", "totaloffenses",
    "totaloffences", "numberofoffenses", "numberofoffences", "numoffenses", "numberofincidents", "totalincidents", "casos", "cantidad",
    "nombre", "nbfaits", "quantidade",
}  # fmt: skip


def refuse_counted_rows(table: Table) -> None:
    """Raises UnreadableFileError if a column of counts has a number above 1."""
    positions = [position for position, name in enumerate(table.header) if normalize_header(name) in _NAMES]
    if not positions:
        return
    for number, row in table.rows():
        for position in positions:
            text = cells.clean_number(row[position], lambda _kind: None) if position < len(row) else ""
            if text.isdecimal() and int(text) > 1:
                raise UnreadableFileError(
                    _(
                        "Row %(row)d counts %(count)s offenses (column “%(column)s”), but a row counts as one incident here."
                        " Export one row for each offense, or leave that column out to count every row once."
                    )
                    % {"row": number, "count": text, "column": table.header[position]}
                )
