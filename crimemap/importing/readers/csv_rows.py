"""The rows of a CSV file in any of the usual shapes. Memory is bounded by MAX_LINE_CHARACTERS."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from django.utils.translation import gettext as _

from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.files import TableFile

MAX_LINE_CHARACTERS = 1_000_000
MAX_CELL_CHARACTERS = 131_072
MAX_HEADER_LINE = 20  # titles and notes may stand above the header
DELIMITERS = ",;\t|"
_TOTALS = re.compile(
    r"\W*(grand |sub)?(total|sum|count|row count|records?|summe|gesamt|suma|soma|somme|ensemble|insgesamt)s?\b",
    re.IGNORECASE,
)

Row = tuple[int, list[str]]  # number and cells


def read_first_rows(head: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the first rows of a text, empty ones too: the header is found again by its number."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    try:
        yield from islice(csv.reader(io.StringIO(head, newline="\n"), delimiter=delimiter), MAX_HEADER_LINE)
    except csv.Error:
        return


def read_rows(file: TableFile, delimiter: str, header: list[str], rows_above: int) -> Iterator[Row]:
    """Yield the rows below the header, without empty lines, repeated headers and totals. Raises UnreadableFileError."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    lines = _Lines(file)
    rows = csv.reader(lines, delimiter=delimiter)
    width, quirks = len(header), file.quirks
    for _above in range(rows_above + 1):
        next(rows)
    try:
        for number, cells in enumerate(rows, 1):
            length = len(cells)
            if not any(cells):  # before it is filled up to a thousand columns: such lines cost a file nothing
                quirks["empty lines"] = quirks.get("empty lines", 0) + 1
                continue
            if length < width:
                cells.extend([""] * (width - length))
            elif length > width and not any(map(str.strip, cells[width:])):
                del cells[width:]
            # Lines to leave out are almost empty or the header; others need no closer look.
            if cells.count("") < width - 3 and cells[0] != header[0]:
                yield number, cells
            elif kind := _noise_kind(cells, header):
                quirks[kind] = quirks.get(kind, 0) + 1
            else:
                yield number, cells
    except csv.Error as error:
        raise UnreadableFileError(
            _(
                "%(name)s: a cell that begins in or before line %(line)d does not end within %(most)d characters."
                " A quotation mark is probably missing there."
            )
            % {"name": file.name, "line": lines.number, "most": MAX_CELL_CHARACTERS}
        ) from error


def _noise_kind(cells: list[str], header: list[str]) -> str:
    """Return the kind of a line that holds no row; empty for rows."""
    filled = [cell for cell in map(str.strip, cells) if cell]
    if not filled:
        return "empty lines"
    if [cell.strip() for cell in cells] == header:
        return "repeated header"
    return "totals" if len(filled) <= 3 and _TOTALS.match(filled[0]) else ""


class _Lines(Iterable[str]):
    """A file's lines with their ends. `number` is about that of the line being read, exact when a line is too long."""

    def __init__(self, file: TableFile) -> None:
        self.file, self.number = file, 0

    def __iter__(self) -> Iterator[str]:
        unfinished = ""
        for text in self.file.read_text():
            complete, end, tail = text.rpartition("\n")
            if not end:
                unfinished += tail
                self._check_length(unfinished)
                continue
            for line in io.StringIO(unfinished + complete + end, newline="\n"):
                self.number += 1
                yield line
            unfinished = tail
            self._check_length(unfinished)
        if unfinished:
            self.number += 1
            yield unfinished

    def _check_length(self, line: str) -> None:
        if len(line) > MAX_LINE_CHARACTERS:
            raise UnreadableFileError(
                _("%(name)s: line %(line)d is longer than %(most)d characters.")
                % {"name": self.file.name, "line": self.number + 1, "most": MAX_LINE_CHARACTERS}
            )
