"""Codes as a spreadsheet: downloaded, filled in where an agency works best, and uploaded again. All of it is saved, or nothing."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import NamedTuple

from django.utils.translation import gettext as _

from crimemap.importing.profiles.base import normalize_header
from crimemap.importing.readers import tables
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.files import TableUnpacker
from crimemap.models import Category, Visibility
from crimemap.offences.classification import Assignment
from crimemap.offences.code_table import CodeTable

COLUMNS = ("code list", "code", "label", "rows", "category", "visibility", "suggested category", "suggested visibility")
_NEEDED = ("code", "category", "visibility")
_FORMULA = "=+-@\t\r"  # first characters that make a cell a formula
_ESCAPE = "'"
MAX_ROWS = 20_000


class SheetProblem(NamedTuple):
    """A line of the sheet that can't be carried out; line 1 is the first below the header."""

    line: int
    message: str


class SheetContent(NamedTuple):
    assignments: list[Assignment]
    problems: list[SheetProblem]


def write_sheet(table: CodeTable) -> str:
    """Return the codes of a table as CSV. Texts that look like formulas are escaped."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in table.rows:
        code, suggestion = row.code, row.suggestion
        category = code.category.slug if code.category else ""
        cells = (
            code.scheme, code.code, code.label, str(row.row_count or ""), category, code.visibility, suggestion.category, suggestion.visibility,
        )  # fmt: skip
        writer.writerow([f"{_ESCAPE}{cell}" if cell and cell[0] in _FORMULA else cell for cell in cells])
    return text.getvalue()


def read_sheet(path: Path, table: CodeTable) -> SheetContent:
    """Return what a filled-in sheet says of the table's codes; codes without a category stay as they are.

    Raises UnreadableFileError for a file that is no such sheet.
    """
    codes = {(row.code.scheme, _key(row.code.code)): row.code.pk for row in table.all_rows}
    schemes = {scheme for scheme, _code in codes}
    categories = {name.casefold(): each for each in Category.objects.all() for name in (each.slug, each.name)}
    assignments: dict[int, Assignment] = {}
    problems: list[SheetProblem] = []
    for line, cells in _read_rows(path):
        code_text, category_text = _unescape(cells["code"]), cells["category"].strip()
        if not category_text:
            continue
        scheme = cells.get("codelist", "").strip() or (next(iter(schemes)) if len(schemes) == 1 else "")
        code_id = codes.get((scheme, _key(code_text)))
        category = categories.get(category_text.casefold())
        visibility = cells["visibility"].strip().casefold()
        message = ""
        if code_id is None:
            message = _("There is no code “%(code)s” in this list.") % {"code": code_text[:80]}
        elif category is None:
            message = _("There is no category “%(name)s”.") % {"name": category_text[:60]}
        elif visibility not in Visibility.values:
            message = _("The visibility must be block, area or hidden.")
        elif code_id in assignments and assignments[code_id] != Assignment(code_id, category, visibility):
            message = _("The code “%(code)s” is in the file twice, with different values.") % {"code": code_text[:80]}
        if message or code_id is None:
            problems.append(SheetProblem(line, message))
        else:
            assignments[code_id] = Assignment(code_id, category, visibility)
    return SheetContent(list(assignments.values()), problems)


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return each row as cells by the normalized name of their column."""

    def is_header(cells: list[str]) -> bool:
        return {normalize_header(cell) for cell in cells}.issuperset(_NEEDED)

    with TableUnpacker() as unpacker:
        for file in unpacker.list_tables(path):
            try:
                table = tables.open_table(file, is_header)
            except tables.UnknownHeaderError:
                continue
            names = [normalize_header(name) for name in table.header]
            rows = [(line, dict(zip(names, cells, strict=False))) for line, cells in table.rows()]
            if len(rows) > MAX_ROWS:
                raise UnreadableFileError(_("This file has too many lines for a list of codes."))
            return rows
    raise UnreadableFileError(
        _("This file has no columns named code, category and visibility. Download the list, fill it in, and upload it.")
    )


def _key(code: str) -> str:
    return " ".join(code.split()).casefold()


def _unescape(cell: str) -> str:
    return cell[1:] if cell[:1] == _ESCAPE and cell[1:2] and cell[1] in _FORMULA else cell
