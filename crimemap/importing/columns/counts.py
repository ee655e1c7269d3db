"""Columns of counts: a row that stands for several offenses becomes as many incidents, or its file is refused."""

from __future__ import annotations

from django.utils.translation import gettext as _

from crimemap.importing.profiles.base import normalize_header
from crimemap.importing.readers import cells
from crimemap.importing.readers.cells import CellError, NoteQuirk
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.tables import Table

MAX_COUNT = 1_000  # of one row; more is a total
# Names that files give their columns of counts, as normalize_header returns them.
USUAL_NAMES = (
    "offensecount", "offencecount", "offensescount", "offencescount", "count", "counts", "incidentcount", "crimecount", "totaloffenses",
    "totaloffences", "numberofoffenses", "numoffenses", "numberofincidents", "totalincidents", "casos", "cantidad",
    "nombre", "nbfaits", "quantidade", "victimisations", "victimizations", "numberofcrimes", "numberofoffences", "nombredefaits",
    "nbredefaits", "ocorrencias", "ocorrências", "numerodecasos", "totaldecasos", "anzahl", "anzahldelikte", "anzahlfälle", "fälle",
    "numerodereati", "conteggio",
)  # fmt: skip


def refuse_counted_rows(table: Table) -> None:
    """Raises UnreadableFileError if a column of counts has a number above 1, and nobody has said what it means."""
    positions = [position for position, name in enumerate(table.header) if normalize_header(name) in USUAL_NAMES]
    if not positions:
        return
    for number, row in table.rows():
        for position in positions:
            text = cells.clean_number(row[position], lambda _kind: None) if position < len(row) else ""
            if text.isdecimal() and int(text) > 1:
                raise UnreadableFileError(
                    _(
                        "Row %(row)d counts %(count)s offenses (column “%(column)s”), but a row counts as one incident here."
                        " Choose that column as “How many offenses” for this source, or leave it out to count every row once."
                    )
                    % {"row": number, "count": text, "column": table.header[position]}
                )


def parse_count(cell: str, note_quirk: NoteQuirk) -> int:
    """Return how many offenses a row stands for; 1 for a blank. Raises CellError for 0, other words and totals."""
    text = cells.clean_number(cell, note_quirk)
    if not text:
        return 1
    count = int(text) if text.isdecimal() and len(text) < 10 else 0
    if not 0 < count <= MAX_COUNT:
        raise CellError(
            "count-impossible",
            _("The number of offenses is not between 1 and %(most)d.") % {"most": MAX_COUNT},
        )
    return count
