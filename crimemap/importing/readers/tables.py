"""The rows of an agency's file: which line is the header, what separates cells, which lines are no rows.

    table = reading.table(part, fits)      # fits(header) says whether a profile knows these columns
    for number, cells in table.rows(): ...

CSV in any of the usual shapes; JSON as crimemap/importing/readers/json_rows.py reads it. Memory is bounded by MOST_CHARACTERS.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.utils.translation import gettext as _

from crimemap.importing.readers import json_rows
from crimemap.importing.readers.files import TableFile, UnreadableFileError

MOST_CHARACTERS = 1_000_000  # of a line
CELL = 131_072  # characters of a cell
HEADER_WITHIN = 20  # lines: titles and notes may stand above the header
DELIMITERS = ",;\t|"
_TOTALS = re.compile(r"\W*(grand |sub)?(total|sum|count|row count|records?|summe|gesamt)s?\b", re.IGNORECASE)

Row = tuple[int, list[str]]
Fits = Callable[[list[str]], bool]


@dataclass(slots=True)
class Table:
    """One table of a file. Row 1 is the first after the header, whatever it holds, so that people find it again."""

    part: TableFile
    header: list[str]
    reader: Callable[[], Iterator[Row]]

    def rows(self) -> Iterator[Row]:
        """(number, cells), as many cells as the header has columns or more; from the start each time. Raises UnreadableError."""
        return self.reader()


def open_table(part: TableFile, fits: Fits, delimiter: str = "") -> Table:
    """The part as a table whose header `fits`. Raises UnreadableError; HeaderError when no line is such a header."""
    head = ""
    for text in part.texts():
        head += text
        if len(head) > HEADER_WITHIN * 4096:
            break
    start = head.lstrip()[:1]
    if start in ("[", "{"):
        return _json_table(part, fits)
    for separator in delimiter or DELIMITERS:
        for at, cells in enumerate(_first_rows(head, separator)):
            header = [cell.strip() for cell in cells]
            if fits(header):
                if separator != ",":
                    part.met[f"separated by {'tab' if separator == TAB else separator}"] = 1
                if at:
                    part.met["lines above the header"] = at
                return Table(part, header, lambda: _csv_rows(part, separator, at, header))  # noqa: B023  (returned at once)
    best = max((next(_first_rows(head, separator), []) for separator in DELIMITERS), key=len)
    raise UnknownHeaderError([cell.strip() for cell in best])


TAB = "\t"


class UnknownHeaderError(UnreadableFileError):
    """No line is a header that the profile knows. `found`: the cells of the first line."""

    def __init__(self, found: list[str]) -> None:
        super().__init__(_("The columns are not those of this profile."))
        self.found = found


# CSV


def _first_rows(head: str, separator: str) -> Iterator[list[str]]:
    """The first rows that hold anything; where that line begins in the file is kept by counting empty ones, too."""
    csv.field_size_limit(CELL)
    try:
        yield from islice(csv.reader(io.StringIO(head, newline="\n"), delimiter=separator), HEADER_WITHIN)
    except csv.Error:
        return


def _csv_rows(part: TableFile, separator: str, at: int, header: list[str]) -> Iterator[Row]:
    csv.field_size_limit(CELL)
    lines = _Lines(part)
    rows = csv.reader(lines, delimiter=separator)
    width, met = len(header), part.met
    for _above in range(at + 1):
        next(rows)
    try:
        for number, cells in enumerate(rows, 1):
            length = len(cells)
            if length < width:
                cells.extend([""] * (width - length))
            elif length > width and not any(map(str.strip, cells[width:])):
                del cells[width:]
            # What is no row has little in it, or is the header; the rest needs no closer look.
            if cells.count("") < width - 3 and cells[0] != header[0]:
                yield number, cells
            elif kind := _no_row(cells, header):
                met[kind] = met.get(kind, 0) + 1
            else:
                yield number, cells
    except csv.Error as error:
        raise UnreadableFileError(
            _(
                "%(name)s: a cell that begins in or before line %(line)d does not end within %(most)d characters."
                " A quotation mark is probably missing there."
            )
            % {"name": part.name, "line": lines.number, "most": CELL}
        ) from error


def _no_row(cells: list[str], header: list[str]) -> str:
    """What a line is that is no row; empty for rows."""
    filled = [cell for cell in map(str.strip, cells) if cell]
    if not filled:
        return "empty lines"
    if [cell.strip() for cell in cells] == header:
        return "repeated header"
    return "totals" if len(filled) <= 3 and _TOTALS.match(filled[0]) else ""


class _Lines(Iterable[str]):
    """Lines with their ends; `number` is about that of the line being read, exact when one is too long."""

    def __init__(self, part: TableFile) -> None:
        self.part, self.number = part, 0

    def __iter__(self) -> Iterator[str]:
        rest = ""
        for text in self.part.texts():
            whole, end, left = text.rpartition("\n")
            if not end:
                rest += left
                self._check(rest)
                continue
            for line in io.StringIO(rest + whole + end, newline="\n"):
                self.number += 1
                yield line
            rest = left
            self._check(rest)
        if rest:
            self.number += 1
            yield rest

    def _check(self, rest: str) -> None:
        if len(rest) > MOST_CHARACTERS:
            raise UnreadableFileError(
                _("%(name)s: line %(line)d is longer than %(most)d characters.")
                % {"name": self.part.name, "line": self.number + 1, "most": MOST_CHARACTERS}
            )


# JSON


def _json_table(part: TableFile, fits: Fits) -> Table:
    """Objects leave out what is blank, so the columns are those of all rows together."""
    part.met["JSON"] = 1
    keys: dict[str, None] = {}
    for number, found in enumerate(json_rows.read_rows(part)):
        keys.update(dict.fromkeys(found))
        if number == 1000 and not fits(list(keys)):
            break
    header = list(keys)
    if not fits(header):
        raise UnknownHeaderError(header)
    return Table(
        part,
        header,
        lambda: (
            (number, [found.get(key, "") for key in header])
            for number, found in enumerate(json_rows.read_rows(part), 1)
            if found
        ),
    )
