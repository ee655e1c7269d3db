"""The rows of a CSV file in any of the usual shapes. Memory is bounded by MAX_LINE_CHARACTERS."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

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
        for number, cells in enumerate(_split_swallowed_rows(rows, file, delimiter, width), 1):
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


def _split_swallowed_rows(rows: Any, file: TableFile, delimiter: str, width: int) -> Iterator[list[str]]:
    """Yield the rows of a csv.reader, and those that a cell holds because a quotation mark opens it and none closes it."""
    last_line = rows.line_num
    for cells in rows:
        if rows.line_num - last_line > 1 and (found := _find_swallowed_rows(cells, delimiter, width)):
            file.quirks["rows behind a lone quotation mark"] = (
                file.quirks.get("rows behind a lone quotation mark", 0) + len(found) - 1
            )
            yield from found
        else:
            yield cells
        last_line = rows.line_num


def _find_swallowed_rows(cells: list[str], delimiter: str, width: int) -> list[list[str]]:
    """Return a row and those that its one cell of several lines holds; none if the lines are no rows that begin as this one.

    The last may have lost a cell's start to the quotation mark that ends it: it is made too long to be taken for a row.
    """
    position = next((number for number, cell in enumerate(cells) if "\n" in cell), -1)
    if position < 1:
        return []
    lines = list(csv.reader(filter(None, cells[position].split("\n")), delimiter=delimiter, quoting=csv.QUOTE_NONE))
    first, *inner = lines or [[]]
    rest = cells[position + 1 :]
    are_rows = all(_shape_of(row[0]) == _shape_of(cells[0]) for row in inner) and all(
        len(row) == width for row in inner[:-1]
    )
    if not inner or not are_rows or len(inner[-1]) + len(rest) < width - 1:
        return []
    if rest or len(inner[-1]) != width:
        inner[-1] += [*rest, *['"'] * (width + 1)]
    return [cells[:position] + first, *inner]


def _shape_of(cell: str) -> str:
    """Return a text with each run of digits as "0" and each of letters as "a"."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", cell.strip()))


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
