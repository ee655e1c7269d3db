"""The confined process that reads one workbook: Excel or OpenDocument on standard input, a table for each sheet on disk.

Arguments: the folder for the tables, the packed size of the workbook in bytes, and how many workbooks its archive has. Standard output is one JSON object a line: the
active layers of the sandbox, then the reply: {"sheets": [...]} or {"refused": reason}. Each table is CSV in UTF-8, packed
with gzip. No byte of the workbook is read before the first line is written. Started by workbooks.py; knows no Django.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from file_cleaning.confinement import reply, sandbox
from file_cleaning.confinement.sandbox import ProcessLimits, SandboxLayers

MIB = 1024**2
# Beyond so many bytes no workbook may unpack to more than this multiple of its size. Sheets of real exports reach 25.
UNCHECKED_BYTES, MAX_UNPACK_RATIO = 60 * MIB, 60
MAX_CELLS = 60_000_000  # of a sheet's used range: a sheet has at most 1,048,576 rows
# Beyond so many rows each must have taken so many bytes of the workbook. Rows that repeat pack to less.
UNCHECKED_ROWS, MIN_PACKED_ROW_BYTES = 50_000, 3
MAX_SHEETS = 250
MAX_COLUMNS = 2_000  # written; the reader of tables refuses more than a thousand
TABLE_BYTES = 512 * MIB  # packed


class WorkbookRefusedError(Exception):
    """The workbook cannot be read. The message is a key of workbooks.py's sentences."""


def process_limits(size: int) -> ProcessLimits:
    """Return the limits for a workbook of `size` bytes: its time grows with it, so that a small bomb costs seconds."""
    seconds = 4 + size // (MIB // 2)
    return ProcessLimits(
        memory_bytes=3 * 1024 * MIB, file_bytes=TABLE_BYTES, cpu_seconds=seconds, elapsed_seconds=4 * seconds
    )


def main() -> None:
    folder, size, workbook_count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    memory, namespace = sandbox.confine_before_imports(process_limits(size))
    # After the limits are set, since it parses what is not trusted.
    import python_calamine

    landlock, seccomp = sandbox.confine_before_reading(folder, sandbox.SYSTEM_FOLDERS, None)
    pipe = reply.begin(SandboxLayers(namespace=namespace, landlock=landlock, seccomp=seccomp, memory=memory))
    try:
        with open(0, "rb", closefd=False) as file:
            _refuse_bomb(file, size, UNCHECKED_BYTES // workbook_count)
            answer: dict[str, Any] = {"sheets": _write_tables(python_calamine, file, folder, size)}
    except WorkbookRefusedError as refusal:
        answer = {"refused": str(refusal)}
    except python_calamine.PasswordError:
        answer = {"refused": "password"}
    except MemoryError:
        answer = {"refused": "too-large"}
    except Exception:  # whatever a library makes of a damaged or hostile file
        answer = {"refused": "damaged"}
    reply.send(pipe, answer)


def _refuse_bomb(file: BinaryIO, size: int, unchecked_bytes: int) -> None:
    """Refuse a packed workbook that unpacks to a multiple that no real one reaches. Raises WorkbookRefusedError."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > max(unchecked_bytes, MAX_UNPACK_RATIO * size):
            raise WorkbookRefusedError("too-large")
    file.seek(0)


def _write_tables(library: Any, file: BinaryIO, folder: Path, size: int) -> list[dict[str, Any]]:
    """Write each sheet that has cells; return name, file, number of cells and whether it is hidden, of each."""
    workbook = library.CalamineWorkbook.from_filelike(file)
    sheets = []
    most_rows = max(UNCHECKED_ROWS, size // MIN_PACKED_ROW_BYTES)
    for number, about in enumerate(workbook.sheets_metadata[:MAX_SHEETS]):
        if about.typ is not library.SheetTypeEnum.WorkSheet:
            continue
        sheet = workbook.get_sheet_by_index(number)
        cells = sheet.height * sheet.width
        if cells > MAX_CELLS:
            raise WorkbookRefusedError("too-large")
        if not cells:
            continue
        name = f"{number}.csv.gz"
        with gzip.open(folder / name, "wt", compresslevel=1, encoding="utf-8", newline="") as table:
            csv.writer(table).writerows(_read_rows(sheet, most_rows))
        is_hidden = about.visible is not library.SheetVisibleEnum.Visible
        sheets.append({"name": about.name, "file": name, "cells": cells, "hidden": is_hidden})
    if not sheets:
        raise WorkbookRefusedError("empty")
    return sheets


def _read_rows(sheet: Any, most_rows: int) -> Iterator[list[str]]:
    """Yield the rows as texts, without empty cells at their ends and empty rows at the end of the sheet.

    Raises WorkbookRefusedError for more than `most_rows`.
    """
    empty_rows = row_count = 0
    for row in sheet.iter_rows():
        cells = _as_texts(row[:MAX_COLUMNS])
        if not cells:
            empty_rows += 1
            continue
        yield from ([] for _empty in range(empty_rows))
        empty_rows = 0
        row_count += 1
        if row_count > most_rows:
            raise WorkbookRefusedError("too-large")
        yield cells


def _as_texts(row: Iterable[Any]) -> list[str]:
    cells = [cell if type(cell) is str else _as_text(cell) for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _as_text(cell: Any) -> str:
    """Return a cell as an export writes it: whole numbers without decimals, times to the second, true and false."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e16 else repr(cell)
    if isinstance(cell, dt.datetime):
        return (cell + dt.timedelta(milliseconds=500)).strftime("%Y-%m-%d %H:%M:%S")  # a time is a fraction of a day
    if isinstance(cell, dt.timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if isinstance(cell, dt.time):
        return cell.strftime("%H:%M:%S")
    return str(cell)


if __name__ == "__main__":
    main()
