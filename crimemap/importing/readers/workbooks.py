"""Workbooks as tables: each sheet becomes a packed CSV file, written by a confined process (workbook_process.py)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from crimemap.importing.readers import workbook_process
from crimemap.importing.readers.errors import UnreadableFileError
from file_cleaning.confinement.child_process import ChildProcess

OLE_START = b"\xd0\xcf\x11\xe0"  # of .xls, and of any workbook with a password
# Isolated mode leaves the project's folder off the path.
_BOOTSTRAP = """
import sys
sys.path.append(sys.argv.pop(1))
from crimemap.importing.readers.workbook_process import main
main()
"""
_TABLE_NAME = re.compile(r"\d{1,3}\.csv\.gz")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet that was written as a table: its name, the packed CSV file, and how many cells its used range has."""

    name: str
    path: Path
    cell_count: int
    is_hidden: bool


def write_sheets(
    path: Path, name: str, folder: Path, *, packed_size: int | None = None, workbook_count: int = 1
) -> list[Sheet]:
    """Read a workbook in a confined process and write its sheets into an empty folder. Raises UnreadableFileError.

    packed_size: its bytes in the archive that it came in, with `workbook_count` workbooks. Its limits go by these, since an archive
    multiplies whatever is packed in it once more.
    """
    size = min(path.stat().st_size, packed_size or path.stat().st_size)
    limits = workbook_process.process_limits(size)
    with path.open("rb") as file:
        child = ChildProcess(_BOOTSTRAP, [str(folder), str(size), str(workbook_count)], folder, file.fileno())
        try:
            child.read_messages(limits.elapsed_seconds, None)
        finally:
            child.terminate()
    sheets = _check_sheets(child.reply.get("sheets"), folder)
    if sheets and not child.timed_out:
        return sheets
    if child.layers is None:
        raise UnreadableFileError(
            _("%(name)s can't be opened: the server can't start the process that reads workbooks. Tell the person who runs the server.")
            % {"name": name}
        )  # fmt: skip
    reason = child.reply.get("refused", "too-large")  # a process that was killed ran out of its time or memory
    raise UnreadableFileError(_sentences().get(str(reason), _sentences()["damaged"]) % {"name": name})


def _check_sheets(claim: Any, folder: Path) -> list[Sheet]:
    """Return the sheets that the process says it wrote; none if that is not so. A hostile file may have made it lie."""
    try:
        sheets = [
            Sheet(str(each["name"])[:80], folder / each["file"], int(each["cells"]), each["hidden"] is True)
            for each in claim
            if _TABLE_NAME.fullmatch(each["file"])
        ]
    except (TypeError, KeyError, ValueError):
        return []
    return [sheet for sheet in sheets if sheet.path.is_file() and not sheet.path.is_symlink()]


def _sentences() -> dict[str, str]:
    return {
        "password": _("%(name)s has a password. Save a copy without a password and import that."),
        "damaged": _(
            "%(name)s can't be read as a workbook: it is damaged, incomplete or of another kind. Open it in a spreadsheet program,"
            " save it as CSV and import that."
        ),
        "too-large": _(
            "%(name)s unpacks to more than a workbook of its size ever holds, so it was given up. If it is right, save it as CSV"
            " and import that."
        ),
        "empty": _("%(name)s has no sheet with cells in it. Check that you exported the right workbook."),
    }
