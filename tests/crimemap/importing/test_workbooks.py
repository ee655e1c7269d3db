"""Workbooks of agencies: read in a confined process, as the rows that their spreadsheet shows."""

from __future__ import annotations

import datetime as dt
import io
import os
import resource
import zipfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from crimemap.importing import column_mapping
from crimemap.importing.header import header_fits
from crimemap.importing.profiles import generic
from crimemap.importing.readers import tables, workbooks
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.files import ReadingOptions, TableUnpacker
from crimemap.models import Incident, Source
from tests.crimemap.importing.import_command import outcomes, refusal_of_import, run_import_command

HERE = Path(__file__).parent
ZONE = ZoneInfo("America/Chicago")
COLUMNS = {"external_id": "ID", "occurred": "Occurred", "code": "Offense", "block": "Block"}
HEADER = ["ID", "Occurred", "Offense", "Block"]
# As a workbook has them, times know no zone.
ROWS = [
    [202615001499, dt.datetime(2026, 9, 1, 13, 30), "THEFT", "400 BLOCK ARDEN ST"],  # noqa: DTZ001
    [202615001500, dt.datetime(2026, 9, 2, 0, 59), 240, "500 BLOCK ARDEN ST"],  # noqa: DTZ001
]


def make_source(**settings: Any) -> None:
    Source.objects.create(
        slug="feed",
        name="Feed",
        profile="generic",
        time_zone=str(ZONE),
        profile_config={"columns": COLUMNS, **settings},
    )


def save_workbook(path: Path, sheets: dict[str, Iterable[list[Any]]], hidden: str = "") -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if name == hidden:
            sheet.sheet_state = "hidden"
    book.save(path)
    return path


def stored() -> set[tuple[str, str, str, str]]:
    incidents = Incident.objects.filter(removed_at=None)
    return {
        (each.external_id, f"{each.occurred_at.astimezone(ZONE):%m-%d %H:%M}", each.raw_code, each.block_text)
        for each in incidents
    }


EXPECTED = {
    ("202615001499", "09-01 13:30", "THEFT", "400 block of Arden St"),
    ("202615001500", "09-02 00:59", "240", "500 block of Arden St"),
}


@pytest.mark.django_db
def test_rows_of_every_kind_of_workbook_are_those_of_its_sheet(tmp_path: Path) -> None:
    make_source()
    path = tmp_path / "export.xlsx"
    save_workbook(path, {"Data": [["Incidents of September 2026"], [], HEADER, *ROWS, [], ["Total", 2]]})
    book = openpyxl.load_workbook(path)
    book["Data"].merge_cells("A1:D1")
    book.save(path)
    result = run_import_command("feed", path)
    assert outcomes(result) == (2, 0, 0, 0)
    assert (result["quirks"]["totals"], result["quirks"]["lines above the header"]) == (1, 2)
    assert stored() == EXPECTED
    for name in ("excel97.xls", "opendocument.ods", "binary.xlsb"):
        assert outcomes(run_import_command("feed", HERE / "workbooks" / name)) == (0, 0, 2, 0)


TWO_LINES = [
    ["ID", "Occurred", "Offense", None, "Location", None],
    [None, None, "Code", "Text", "Latitude", "Longitude"],
]


def test_a_header_of_two_lines_is_read_as_one(tmp_path: Path) -> None:
    """Merged cells group columns, and the file is read again by the joined names."""
    rows = [[number, f"2026-03-{number:02} 10:15", "23H", "LARCENY", 39.93, -75.61] for number in range(1, 6)]
    book = save_workbook(tmp_path / "groups.xlsx", {"Data": [["Incidents of March"], *TWO_LINES, *rows]})
    text = tmp_path / "groups.csv"
    text.write_text("\n".join(",".join(map(str, (cell or "" for cell in row))) for row in [*TWO_LINES, *rows]))
    for path in (book, text):
        sample = column_mapping.read_sample(path)
        assert sample.header == [
            "ID",
            "Occurred",
            "Offense Code",
            "Offense Text",
            "Location Latitude",
            "Location Longitude",
        ]
        assert sample.rows[0] == ["1", "2026-03-01 10:15", "23H", "LARCENY", "39.93", "-75.61"]
        assert len(sample.rows) == 5
        columns = {"occurred": "Occurred", "code": "Offense Code", "latitude": "Location Latitude"}
        profile = generic.build_profile({"columns": columns | {"longitude": "Location Longitude"}}, "feed", "UTC")
        with TableUnpacker() as unpacker:
            (file,) = unpacker.list_tables(path)
            assert tables.open_table(file, partial(header_fits, profile=profile)).header == sample.header


@pytest.mark.parametrize(
    ("above", "header"),
    [
        (["Springfield Police", "", "", "Quarter one"], ["ID", "Occurred", "Offense", "Block"]),  # a title of two cells
        (["Incident", "", "Where", ""], ["ID", "Occurred", "Street", "Beat"]),  # each column has a name of its own
    ],
)
def test_a_header_that_names_each_column_once_stands_alone(tmp_path: Path, above: list[str], header: list[str]) -> None:
    path = tmp_path / "titled.csv"
    rows = [[str(number), f"2026-03-{number:02} 10:15", "LARCENY", "100 Mill St"] for number in range(1, 6)]
    path.write_text("\n".join(map(",".join, [above, header, *rows])))
    assert column_mapping.read_sample(path).header == header


@pytest.mark.django_db
def test_the_sheet_of_incidents_is_found_among_others(tmp_path: Path) -> None:
    """Beside it stand notes, a pivot table, and a hidden copy with rows that were taken out."""
    sheets = {
        "Notes": [["About this file"], ["Data are preliminary"]],
        "By month": [["Month", "Theft", "Assault", "Total"], ["September", 3, 4, 7]],
        "Data": [HEADER, *ROWS],
        "Old": [HEADER, *ROWS, [1, "2026-09-03 12:00", "ARSON", "600 BLOCK ARDEN ST"]],
    }
    path = save_workbook(tmp_path / "export.xlsx", sheets, hidden="Old")
    make_source()
    result = run_import_command("feed", path)
    assert outcomes(result) == (2, 0, 0, 0)
    assert stored() == EXPECTED
    assert {"other columns, left out: Notes", "other columns, left out: By month"} <= set(result["quirks"])

    sample = column_mapping.read_sample(path)
    assert (sample.reading.sheet, sample.header) == ("Data", HEADER)
    assert sample.sheets == ["Notes", "By month", "Data", "Old"]
    chosen = column_mapping.read_sample(path, ReadingOptions(sheet="by month"))
    assert chosen.header[0] == "Month"
    with pytest.raises(UnreadableFileError, match="It has: Notes, By month, Data, Old"):
        column_mapping.read_sample(path, ReadingOptions(sheet="Sept"))


@pytest.mark.django_db
def test_a_workbook_in_a_zip_archive_is_imported_beside_its_notes(tmp_path: Path) -> None:
    make_source()
    archive = tmp_path / "download.zip"
    book = save_workbook(tmp_path / "export.xlsx", {"Data": [HEADER, *ROWS]})
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("README.txt", "Thefts, assaults, and robberies.\nOne row for each.\n")
        packed.writestr("__MACOSX/._export.xlsx", b"\0\5\26\7")
        packed.write(book, "data/export.xlsx")
    assert outcomes(run_import_command("feed", archive, full_snapshot=True)) == (2, 0, 0, 0)
    assert column_mapping.read_sample(archive).header == HEADER


def xlsx_parts(sheet: Iterable[bytes], strings: Iterable[bytes] = ()) -> dict[str, Iterable[bytes]]:
    """Return the parts of the smallest workbook that is read."""
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packages = b"http://schemas.openxmlformats.org/package/2006/relationships"
    return {
        "[Content_Types].xml": [b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'],
        "_rels/.rels": [
            b'<Relationships xmlns="%b"><Relationship Id="a" Type="%b/officeDocument" Target="xl/workbook.xml"/></Relationships>'
            % (packages, relations)
        ],
        "xl/workbook.xml": [
            b'<workbook xmlns="%b" xmlns:r="%b"><sheets><sheet name="S" sheetId="1" r:id="a"/></sheets></workbook>'
            % (main, relations)
        ],
        "xl/_rels/workbook.xml.rels": [
            b'<Relationships xmlns="%b"><Relationship Id="a" Type="%b/worksheet" Target="worksheets/a.xml"/>'
            b'<Relationship Id="b" Type="%b/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
            % (packages, relations, relations)
        ],
        "xl/worksheets/a.xml": [b'<worksheet xmlns="%b"><sheetData>' % main, *sheet, b"</sheetData></worksheet>"],
        "xl/sharedStrings.xml": [b'<sst xmlns="%b">' % main, *strings, b"</sst>"],
    }


def pack(path: Path, parts: dict[str, Iterable[bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, pieces in parts.items():
            with archive.open(name, "w") as part:
                for piece in pieces:
                    part.write(piece)
    return path


def row(number: int, *columns: str) -> bytes:
    cells = "".join(f'<c r="{column}{number}"><v>1</v></c>' for column in columns)
    return f'<row r="{number}">{cells}</row>'.encode()


ENTITIES = b"<!DOCTYPE r [" + b"".join(
    b'<!ENTITY e%d "%b">' % (n, b"&e%d;" % (n - 1) * 10 if n else b"boom") for n in range(12)
) + b"]>"  # fmt: skip
BOMBS = {
    "a sheet of zeros": lambda: xlsx_parts([b" " * 1_000_000] * 120),
    "shared strings": lambda: xlsx_parts([row(1, "A")], [b"<si><t>" + b"a" * 1_000_000 + b"</t></si>"] * 120),
    "two far corners": lambda: xlsx_parts([row(1, "A"), row(1_048_576, "XFD")]),
    "many wide rows": lambda: xlsx_parts(row(number, "A", "XFD") for number in range(1, 20_000)),
    "a row a million times": lambda: {
        "mimetype": [b"application/vnd.oasis.opendocument.spreadsheet"],
        "META-INF/manifest.xml": [
            b'<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            b'<m:file-entry m:full-path="/" m:media-type="application/vnd.oasis.opendocument.spreadsheet"/></m:manifest>'
        ],
        "content.xml": [
            b'<o:document-content xmlns:o="%b:office:1.0" xmlns:t="%b:table:1.0" xmlns:p="%b:text:1.0"><o:body><o:spreadsheet>'
            b'<t:table t:name="S"><t:table-row t:number-rows-repeated="1000000"><t:table-cell o:value-type="string">'
            b"<p:p>THEFT</p:p></t:table-cell></t:table-row></t:table></o:spreadsheet></o:body></o:document-content>"
            % ((b"urn:oasis:names:tc:opendocument:xmlns",) * 3)
        ],
    },
    "entities": lambda: xlsx_parts([b"&e11;"]) | {"xl/sharedStrings.xml": [ENTITIES, b"<sst><si><t>&e11;</t></si></sst>"]},
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_seconds(name: str, tmp_path: Path) -> None:
    """The machine's load does not count: processor time does."""
    path = pack(tmp_path / "bomb.xlsx", BOMBS[name]())
    assert path.stat().st_size < 1_500_000
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(
        UnreadableFileError, match=r"bomb.xlsx (unpacks to more|can't be read as a workbook|has no sheet)"
    ):
        column_mapping.read_sample(path)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5


def test_an_archive_multiplies_no_workbook(tmp_path: Path) -> None:
    """One that isn't packed packs well, and many small ones would each be given what one may unpack to."""
    header = b"<row>" + b'<c t="str"><v>Word</v></c>' * 3 + b"</row>"
    sheet = header + (b"<row>" + b"<c><v>1</v></c>" * 3 + b"</row>") * 60_000
    stored = tmp_path / "stored.xlsx"
    with zipfile.ZipFile(stored, "w") as archive:
        for name, pieces in xlsx_parts([sheet]).items():
            archive.writestr(name, b"".join(pieces))
    padded = pack(tmp_path / "padded.xlsx", xlsx_parts([row(1, "A", "B"), b" " * 20_000_000]))
    for number, members in enumerate(({"a.xlsx": stored}, {f"{name}.xlsx": padded for name in range(4)})):
        path = tmp_path / f"{number}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, book in members.items():
                archive.write(book, name)
        with pytest.raises(UnreadableFileError, match="unpacks to more than a workbook of its size ever holds"):
            column_mapping.read_sample(path)
    assert column_mapping.read_sample(stored).rows  # by its own size


def test_a_hostile_workbook_reaches_neither_network_nor_other_files(tmp_path: Path, monkeypatch: Any) -> None:
    """A library that a workbook has taken over may write its tables and nothing else."""
    (tmp_path / "key").write_text("secret")
    attack = f"""
import json, os, socket
from crimemap.importing.readers import workbook_process
def attack(library, file, folder, size):
    found = []
    for attempt in (
        lambda: open({str(tmp_path / "key")!r}).read(), lambda: open("/etc/passwd").read(), lambda: socket.socket(),
        lambda: open("/proc/{os.getpid()}/environ").read(), lambda: os.fork(), lambda: os.execv("/bin/sh", ["sh"]),
        lambda: open({str(tmp_path / "new")!r}, "w"),
    ):
        try:
            attempt()
            found.append("done")
        except OSError as error:
            found.append(type(error).__name__)
    return [{{"name": " ".join(found), "file": "../key", "cells": 1, "hidden": False}}]
workbook_process._write_tables = attack
"""
    monkeypatch.setattr(workbooks, "_BOOTSTRAP", workbooks._BOOTSTRAP.replace("main()\n", f"{attack}\nmain()\n"))
    replies: list[Any] = []
    check = workbooks._check_sheets
    monkeypatch.setattr(
        workbooks, "_check_sheets", lambda claim, folder: (replies.append(claim), check(claim, folder))[1]
    )
    path = save_workbook(tmp_path / "export.xlsx", {"Data": [HEADER, *ROWS]})
    with pytest.raises(UnreadableFileError):
        column_mapping.read_sample(path)
    assert "done" not in replies[0][0]["name"]
    assert len(replies[0][0]["name"].split()) == 7
    assert not (tmp_path / "new").exists()


def test_files_that_are_no_workbook_are_named(tmp_path: Path) -> None:
    page = b"<html><body><table><tr><td>ID</td></tr></table></body></html>"
    old = b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">'
    word = io.BytesIO()
    with zipfile.ZipFile(word, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w/>")
    files = {
        "report.xls": (page, "is a web page with a table in it"),
        "old.xls": (old, "is an XML file of an old Excel"),
        "portal.xml": (b'<?xml version="1.0"?><response><row/></response>', "portal.xml is an XML file"),
        "bare.xml": (b"<response><row/></response>", "bare.xml is an XML file"),
        "letter.docx": (word.getvalue(), "can't be read as a workbook"),
        "torn.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "can't be read as a workbook"),
    }
    for name, (content, sentence) in files.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UnreadableFileError, match=sentence):
            column_mapping.read_sample(path)


@pytest.mark.django_db
def test_what_was_chosen_by_hand_overrules_the_guess(tmp_path: Path) -> None:
    """Two lines could be the header, a comma stands in a cell, and the text is neither UTF-8 nor Windows-1252."""
    path = tmp_path / "export.csv"
    text = (
        "ID|Occurred|Offense|Block\nNo.|When|What|Where\n1|2026-09-01 13:30|VOL À L'ÉTALAGE, ROBO|400 BLOCK ARDEN ST\n"
    )
    path.write_bytes(text.encode("cp850"))
    columns = {"external_id": "No.", "occurred": "When", "code": "What", "block": "Where"}
    Source.objects.create(
        slug="feed", name="Feed", profile="generic", time_zone=str(ZONE),
        profile_config={"columns": columns, "delimiter": "|", "encoding": "cp850", "header_line": 2},
    )  # fmt: skip
    assert outcomes(run_import_command("feed", path)) == (1, 0, 0, 0)
    assert Incident.objects.get().raw_code == "VOL À L'ÉTALAGE, ROBO"
    Source.objects.update(profile_config={"columns": columns, "header_line": 1})
    assert "No." in refusal_of_import("feed", path)
