"""The tables of an agency's files: which line is the header, what separates the cells, which lines hold rows.

table = open_table(file, is_header)      # is_header(cells) says whether a profile knows these columns
for number, cells in table.rows(): ...
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crimemap.importing.readers import csv_rows, json_rows
from crimemap.importing.readers.csv_rows import DELIMITERS, MAX_HEADER_LINE, Row
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.files import AS_RECOGNIZED, ReadingOptions, TableFile

IsHeader = Callable[[list[str]], bool]

_LINE_CHARACTERS = 4096  # enough of a text for each line that may be the header
_SAMPLE_OBJECTS = 1000  # of JSON, before all objects are read for their columns
# Of so many rows less than this share may be rows of which each is a tenth of all. In data.police.uk's files, where rows without
# ids are often equal, the most frequent is a seven-hundredth.
REPETITION_ROWS, MAX_REPEATED_SHARE = 10_000, 0.9
MAX_COLUMNS = 1_000  # a short row is filled up to so many cells; exports reach 200
# Of a header that is guessed: columns, share of the widest row's cells that it fills, and share of its cells with letters.
MIN_COLUMNS, MIN_HEADER_SHARE, MIN_WORDED_SHARE = 3, 0.6, 0.8
_TAB = "\t"


class UnknownHeaderError(UnreadableFileError):
    """No line is a header that the profile knows. `first_row`: the cells of the first line. `is_table`: the file holds rows
    of several cells, and is not a note."""

    def __init__(self, first_row: list[str], *, is_table: bool) -> None:
        super().__init__(_("These are not the columns of this profile."))
        self.first_row, self.is_table = first_row, is_table


@dataclass(slots=True)
class Table:
    """One table of a file. Row 1 is the first after the header, whatever it holds, so that people find it again."""

    file: TableFile
    header: list[str]
    read_rows: Callable[[], Iterator[Row]]
    separator: str = ""  # "" for JSON
    header_line: int = 0  # 1 for the first; 0 for JSON
    is_regular: bool = True  # most of the first rows have as many cells: no note with a few commas

    def rows(self) -> Iterator[Row]:
        """Yield (number, cells) from the first row, at least as many cells as the header has. Raises UnreadableFileError,
        also for rows that repeat again and again: they pack to nothing, and each costs the importer as much as a real one."""
        counts: dict[int, int] = {}  # by hash of the cells
        met = 0
        for row in self.read_rows():
            cells = hash(tuple(row[1]))
            counts[cells] = counts.get(cells, 0) + 1
            met += 1
            if met == REPETITION_ROWS:
                _refuse_repetition(self.file, counts, row[0])
                counts.clear()
                met = 0
            yield row


def open_table(file: TableFile, is_header: IsHeader, options: ReadingOptions = AS_RECOGNIZED) -> Table:
    """Find the header by `is_header`, and what separates the cells, unless the options say where and what they are.

    Raises UnreadableFileError; UnknownHeaderError when no line is such a header.
    """

    def find_header(rows: list[list[str]]) -> int:
        return next((number for number, row in enumerate(rows) if is_header(row)), -1)

    # The highest header is the right one, then the widest: decimal commas separate cells of rows, not of the header.
    return _open(file, find_header, options, lambda found: (found.rows_above, -len(found.header)))


def open_unknown_table(file: TableFile, options: ReadingOptions = AS_RECOGNIZED) -> Table:
    """Guess which line is the header of a table whose columns nobody has named yet. Raises UnreadableFileError."""
    return _open(file, guess_header, options, lambda found: (-len(found.header), found.rows_above))


def guess_header(rows: list[list[str]]) -> int:
    """Return the first row that fills most of the columns with words; titles fill few, and data has numbers. -1 for none."""
    filled = [[cell for cell in row if cell] for row in rows]
    widest = max(map(len, filled), default=0)
    wide = [number for number, cells in enumerate(filled) if len(cells) >= max(MIN_COLUMNS, widest * MIN_HEADER_SHARE)]
    worded = (
        number
        for number in wide
        if sum(any(map(str.isalpha, cell)) for cell in filled[number]) >= len(filled[number]) * MIN_WORDED_SHARE
    )
    return next(worded, wide[0] if wide else -1)


class _FoundHeader(NamedTuple):
    rows_above: int
    header: list[str]
    separator: str


def _open(
    file: TableFile,
    find_header: Callable[[list[list[str]]], int],
    options: ReadingOptions,
    rank: Callable[[_FoundHeader], tuple[int, int]],
) -> Table:
    head = _read_head(file)
    if head.lstrip()[:1] in ("[", "{"):
        return _open_json(file, lambda header: find_header([header]) == 0)
    found, samples = [], []
    separators = options.delimiter or DELIMITERS
    for separator in separators:
        rows = [[cell.strip() for cell in row] for row in csv_rows.read_first_rows(head, separator)]
        samples.append(rows)
        line = options.header_line
        empty: list[str] = []
        asked = [[empty] * (line - 1) + rows[line - 1 : line]] if line else [_join_group_lines(rows), rows]
        for lines in asked:
            number = find_header(lines)
            if number >= 0:
                found.append(_FoundHeader(number, lines[number], separator))
                break
    if found:
        rows_above, header, separator = min(found, key=rank)
        _check_width(file, header)
        if separator != ",":
            file.quirks[f"separated by {'tab' if separator == _TAB else separator}"] = 1
        if rows_above:
            file.quirks["lines above the header"] = rows_above
        rows = samples[separators.index(separator)]
        return _csv_table(file, separator, header, rows_above, is_regular=_is_regular(rows))
    widest = max((next(iter(rows), []) for rows in samples), key=len)
    raise UnknownHeaderError(widest, is_table=any(map(_is_regular, samples)))


def _join_group_lines(rows: list[list[str]]) -> list[list[str]]:
    """Return the lines with headers of two lines as one, in place of the second: "Location" above "Latitude" and "Longitude"."""
    joined = list(rows)
    for number, (above, below) in enumerate(pairwise(rows)):
        if _is_group_line(above, below):
            joined[number : number + 2] = [], _join_group_line(above, below)
    return joined


def _is_group_line(above: list[str], below: list[str]) -> bool:
    """Return whether a line names groups of columns, and the line below it alone would not name each column once."""
    names = [name.casefold() for name in below if name]
    needs_group = len(set(names)) < len(names) or any(name and not of for name, of in _pair_lines(above, below))
    spans_columns = any(of and not name for name, of in _pair_lines(above, below))
    is_worded = not any(character.isdigit() for cell in above + below for character in cell)  # a row of data has a date
    return needs_group and spans_columns and is_worded and len(names) > 1 < sum(map(bool, above))


def _pair_lines(above: list[str], below: list[str]) -> list[tuple[str, str]]:
    return list(zip_longest(above, below, fillvalue=""))


def _join_group_line(above: list[str], below: list[str]) -> list[str]:
    header, group = [], ""
    for name, of in _pair_lines(above, below):
        group = name or (group if of else "")
        header.append(f"{group} {of}".strip())
    return header


def _is_regular(rows: list[list[str]]) -> bool:
    """Return whether rows have cells as a table has: several, and as many in most rows."""
    widths = [len(row) for row in rows if row]
    usual = statistics.mode(widths) if widths else 0
    return usual >= MIN_COLUMNS and widths.count(usual) > len(widths) / 2


def _read_head(file: TableFile) -> str:
    head = ""
    for text in file.read_text():
        head += text
        if len(head) > MAX_HEADER_LINE * _LINE_CHARACTERS:
            break
    return head


def _csv_table(file: TableFile, separator: str, header: list[str], rows_above: int, *, is_regular: bool) -> Table:
    return Table(
        file,
        header,
        lambda: csv_rows.read_rows(file, separator, header, rows_above),
        separator,
        rows_above + 1,
        is_regular,
    )


def _open_json(file: TableFile, is_header: IsHeader) -> Table:
    """Open a table of objects. They leave out blank values, so the columns are those of all objects together."""
    file.quirks["JSON"] = 1
    keys: dict[str, None] = {}
    for number, row in enumerate(json_rows.read_rows(file)):
        keys.update(dict.fromkeys(row))
        _check_width(file, keys)
        if number == _SAMPLE_OBJECTS and not is_header(list(keys)):
            break
    header = list(keys)
    if not is_header(header):
        raise UnknownHeaderError(header, is_table=True)
    return Table(
        file,
        header,
        lambda: (
            (number, [row.get(key, "") for key in header])
            for number, row in enumerate(json_rows.read_rows(file), 1)
            if row
        ),
    )


def _refuse_repetition(file: TableFile, counts: dict[int, int], last_number: int) -> None:
    repeated = [count for count in counts.values() if count >= REPETITION_ROWS / 10]
    if sum(repeated) >= REPETITION_ROWS * MAX_REPEATED_SHARE:
        raise UnreadableFileError(
            ngettext(
                "%(name)s repeats one row %(times)d times in the %(rows)d rows up to row %(last)d, which no real export does."
                " Check how the file was made, and export it again.",
                "%(name)s repeats %(count)d rows %(times)d times in the %(rows)d rows up to row %(last)d, which no real export does."
                " Check how the file was made, and export it again.",
                len(repeated),
            )
            % {
                "name": file.name,
                "count": len(repeated),
                "times": sum(repeated),
                "rows": REPETITION_ROWS,
                "last": last_number,
            }
        )


def _check_width(file: TableFile, columns: Collection[str]) -> None:
    if len(columns) > MAX_COLUMNS:
        raise UnreadableFileError(
            _("%(name)s has more than %(most)d columns, which no real export has. Check the file.")
            % {"name": file.name, "most": MAX_COLUMNS}
        )
