"""Small CSV files (RFC 4180) as spreadsheet programs open them, with cells that no program runs as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

BOM = "\ufeff"  # without it, Excel reads UTF-8 as the local code page
FORMULA = frozenset("=+-@\t\r")  # first characters that make a cell a formula (OWASP, "CSV Injection")


def escape_formula(cell: Any) -> Any:
    """Return text that looks like a formula with an apostrophe in front, and any other value unchanged."""
    return f"'{cell}" if type(cell) is str and cell[:1] in FORMULA else cell


def render_csv(lines: Iterable[Iterable[Any]]) -> bytes:
    """Return the lines as a CSV file in UTF-8 with BOM."""
    text = io.StringIO()
    csv.writer(text).writerows([escape_formula(cell) for cell in line] for line in lines)
    return (BOM + text.getvalue()).encode()
