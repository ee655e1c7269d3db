"""The tables of an agency's files: which line is the header, what separates the cells, which lines hold rows.

table = open_table(file, is_header)      # is_header(cells) says whether a profile knows these columns
for number, cells in table.rows(): ...
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from crimemap.importing.readers import csv_rows, json_rows
from crimemap.importing.readers.csv_rows import DELIMITERS, MAX_HEADER_LINE, Row
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.files import TableFile

IsHeader = Callable[[list[str]], bool]

_LINE_CHARACTERS = 4096  # enough of a text for each line that may be the header
_SAMPLE_OBJECTS = 1000  # of JSON, before all objects are read for their columns
MAX_COLUMNS = 1_000  # a short row is filled up to so many cells; exports reach 200
_TAB = "\t"


class UnknownHeaderError(UnreadableFileError):
    """No line is a header that the profile knows. `first_row`: the cells of the first line."""

    def __init__(self, first_row: list[str]) -> None:
        super().__init__(_("These are not the columns of this profile."))
        self.first_row = first_row


@dataclass(slots=True)
class Table:
    """One table of a file. Row 1 is the first after the header, whatever it holds, so that people find it again."""

    file: TableFile
    header: list[str]
    read_rows: Callable[[], Iterator[Row]]

    def rows(self) -> Iterator[Row]:
        """Yield (number, cells) from the first row, at least as many cells as the header has. Raises UnreadableFileError."""
        return self.read_rows()


def open_table(file: TableFile, is_header: IsHeader, delimiter: str = "") -> Table:
    """Find the header by `is_header`, and what separates the cells unless `delimiter` says so.

    Raises UnreadableFileError; UnknownHeaderError when no line is such a header.
    """
    head = _read_head(file)
    if head.lstrip()[:1] in ("[", "{"):
        return _open_json(file, is_header)
    found = [each for separator in delimiter or DELIMITERS if (each := _find_header(head, separator, is_header))]
    if found:
        # The highest header is the right one, then the widest: decimal commas separate cells of rows, not of the header.
        rows_above, header, separator = min(found, key=lambda each: (each[0], -len(each[1])))
        _check_width(file, header)
        if separator != ",":
            file.quirks[f"separated by {'tab' if separator == _TAB else separator}"] = 1
        if rows_above:
            file.quirks["lines above the header"] = rows_above
        return _csv_table(file, separator, header, rows_above)
    widest = max((next(csv_rows.read_first_rows(head, separator), []) for separator in DELIMITERS), key=len)
    raise UnknownHeaderError([cell.strip() for cell in widest])


def _find_header(head: str, separator: str, is_header: IsHeader) -> tuple[int, list[str], str] | None:
    """Return how many lines are above the header, the header, and the separator; None if no line is a header."""
    for rows_above, cells in enumerate(csv_rows.read_first_rows(head, separator)):
        header = [cell.strip() for cell in cells]
        if is_header(header):
            return rows_above, header, separator
    return None


def _read_head(file: TableFile) -> str:
    head = ""
    for text in file.read_text():
        head += text
        if len(head) > MAX_HEADER_LINE * _LINE_CHARACTERS:
            break
    return head


def _csv_table(file: TableFile, separator: str, header: list[str], rows_above: int) -> Table:
    return Table(file, header, lambda: csv_rows.read_rows(file, separator, header, rows_above))


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
        raise UnknownHeaderError(header)
    return Table(
        file,
        header,
        lambda: (
            (number, [row.get(key, "") for key in header])
            for number, row in enumerate(json_rows.read_rows(file), 1)
            if row
        ),
    )


def _check_width(file: TableFile, columns: Collection[str]) -> None:
    if len(columns) > MAX_COLUMNS:
        raise UnreadableFileError(
            _("%(name)s has more than %(most)d columns, which no real export has. Check the file.")
            % {"name": file.name, "most": MAX_COLUMNS}
        )
