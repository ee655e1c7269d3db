"""Refuses tables that count offenses, by period or in a column for each kind, where the map needs a row for each incident."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.utils.translation import gettext as _

from crimemap.importing.columns import counts
from crimemap.importing.profiles.base import normalize_header
from crimemap.importing.readers import cells
from crimemap.importing.readers.cells import CellError
from crimemap.importing.readers.datetimes import MONTH, DatetimeParser, month_number
from crimemap.importing.readers.errors import UnreadableFileError

_MIN_PERIOD_COLUMNS, _MIN_QUARTER_COLUMNS, _MIN_OFFENSE_COLUMNS = 6, 4, 3
_MIN_DATES_SHARE = 0.8
_YEAR = re.compile(r"(?:19|20)\d{2}")
_QUARTER = re.compile(r"(?i)(?:(?:19|20)\d{2}[-/_. ]?[QT][1-4]|[QT][1-4][-/_. ]?(?:19|20)\d{2})")
_DAY_FIRST = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2}")
_YEAR_NAMES = frozenset(("year", "ano", "año", "anio", "annee", "année", "jahr", "anno"))
# What serious offenses begin with in six languages.
_OFFENSES = re.compile(
    r"(?i)\b(?:homicid|murder|robber|burglar|theft|thefts|larcen|assault|arson|rape|robo|hurto|lesion|furto|roubo|estupro"
    r"|vol|vols|cambriol|viol|incendi|diebst|einbruch|raub|mord|brandst|omicid|rapin)"
)


def refuse_count_table(file_name: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Raises UnreadableFileError for a table that counts offenses. rows: the first ones, as wide as the header."""
    columns = {name: [row[i] for row in rows if row[i].strip()] for i, name in enumerate(header)}
    parser = DatetimeParser("UTC")
    if _is_by_period(header, parser):
        raise UnreadableFileError(
            _(
                "%(name)s has a column for each month, quarter or year, so it counts offenses. The map needs a row for each"
                " incident. Ask for the records that were counted."
            )
            % {"name": file_name}
        )
    if any(_has_dates(filled, parser) for filled in columns.values()):
        return
    if (
        sum(bool(_OFFENSES.match(name)) and _is_numeric(filled) for name, filled in columns.items())
        >= _MIN_OFFENSE_COLUMNS
    ):
        raise UnreadableFileError(
            _(
                "%(name)s has a column for each kind of offense and no dates, so it counts offenses. The map needs a row for"
                " each incident. Ask for the records that were counted."
            )
            % {"name": file_name}
        )
    if any(filled and all(map(_QUARTER.fullmatch, filled)) for filled in columns.values()) or _counts_by_year(columns):
        raise UnreadableFileError(
            _(
                "%(name)s counts offenses by month, quarter or year: no column has the dates of single incidents. The map needs"
                " a row for each incident. Ask for the records that were counted."
            )
            % {"name": file_name}
        )


def _is_by_period(header: Sequence[str], parser: DatetimeParser) -> bool:
    quarters = sum(_QUARTER.fullmatch(name) is not None for name in header)
    return quarters >= _MIN_QUARTER_COLUMNS or sum(_is_period(name, parser) for name in header) >= _MIN_PERIOD_COLUMNS


def _is_period(name: str, parser: DatetimeParser) -> bool:
    """Return whether a column's name is a month, with or without a year, or a year."""
    if _YEAR.fullmatch(name) or (name.isalpha() and month_number(name)):
        return True
    try:
        return parser.parse(name).precision == MONTH
    except CellError:
        return False


def _has_dates(filled: Sequence[str], parser: DatetimeParser) -> bool:
    """Return whether a column's cells are dates of days or moments. Short numbers aren't, though a spreadsheet's dates are."""
    return bool(filled) and sum(_is_date(cell, parser) for cell in filled) >= len(filled) * _MIN_DATES_SHARE


def _is_date(cell: str, parser: DatetimeParser) -> bool:
    if cell.isdigit() and len(cell) not in (8, 10, 13):
        return False
    if _DAY_FIRST.match(cell):
        return True
    try:
        return parser.parse(cell).precision != MONTH
    except CellError:
        return False


def _is_numeric(filled: Sequence[str]) -> bool:
    return all(cells.clean_number(cell, lambda _kind: None).isdecimal() for cell in filled)


def _counts_by_year(columns: dict[str, list[str]]) -> bool:
    """Return whether a table has a column of years, and one of numbers of offenses."""
    names = {normalize_header(name): filled for name, filled in columns.items()}
    has_years = any(
        filled and all(map(_YEAR.fullmatch, filled)) for name, filled in names.items() if name in _YEAR_NAMES
    )
    has_days = any(name in ("day", "dia", "día", "jour", "tag", "giorno", "occday", "occurrenceday") for name in names)
    counted = [
        filled for name, filled in names.items() if name in counts.USUAL_NAMES and filled and _is_numeric(filled)
    ]
    return has_years and not has_days and any(max(map(_number, filled)) > 1 for filled in counted)


def _number(cell: str) -> int:
    return int(cells.clean_number(cell, lambda _kind: None))
