"""Malformed files end in a sentence, store nothing and take bounded memory."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import resource
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from crimemap.importing import pipeline, sanity_checks
from crimemap.importing.readers import tables, unpacking, unpacking_process
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.files import TableFile
from crimemap.models import ImportRun, Incident, Source
from tests.crimemap.importing import agency_exports
from tests.crimemap.importing.agency_exports import CHICAGO
from tests.crimemap.importing.import_command import refusal_of_import, run_import_command

pytestmark = pytest.mark.django_db

MEGABYTE = 2**20
ROWS = [dict(zip(CHICAGO, row, strict=True)) for row in agency_exports.chicago(200)]
GOOD = agency_exports.text_of(ROWS, CHICAGO)
HEADER, FIRST, *_ = GOOD.splitlines()


def random_bytes(count: int) -> bytes:
    return random.Random(1).randbytes(count)


def workbook() -> bytes:
    return agency_exports.zipped({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"})


def encrypted() -> bytes:
    """A ZIP whose only member says it is encrypted."""
    content = bytearray(agency_exports.zipped({"export.csv": GOOD.encode()}))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    return bytes(content)


def damaged_zip() -> bytes:
    content = bytearray(agency_exports.zipped({"export.csv": GOOD.encode()}))
    content[200:260] = random_bytes(60)
    return bytes(content)


NOT_INCIDENTS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "blank lines": lambda: b"\r\n\r\n  \r\n",
    "header alone of another kind": lambda: b"name,phone,address\r\n",
    "other columns": lambda: b"name,phone\r\nAnn,555\r\n",
    "no header": lambda: "\r\n".join(GOOD.splitlines()[1:]).encode(),
    "a web page": lambda: b"<!DOCTYPE html><html><body>Sign in to download</body></html>",
    "a PDF": lambda: b"%PDF-1.7\n" + random_bytes(5000),
    "a picture": lambda: b"\x89PNG\r\n\x1a\n" + random_bytes(5000),
    "a workbook": workbook,
    "nothing but zeros": lambda: bytes(100_000),
    "random": lambda: random_bytes(100_000),
    "broken JSON": lambda: b'[{"id": "1", "date": ',
    "JSON of another kind": lambda: b'{"error": true, "message": "Row or column access denied"}',
    "GeoJSON cut short": lambda: agency_exports.geojson(ROWS)[:-20],
    "GeoJSON of another kind": lambda: (
        b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}}]}'
    ),
    "a portal's download cut in its description": lambda: agency_exports.whole_download(ROWS)[:300],
    "a portal's download without columns": lambda: b'{"meta": {"view": 1}, "data": [[1, 2], [3, 4]]}',
    "brackets within brackets": lambda: b'{"data": [' + b"[" * 100_000,
    "a JSON object without end": lambda: b'{"meta": "' + b"x" * 3_000_000,
    "a truncated gzip": lambda: gzip.compress(random_bytes(10) + GOOD.encode())[:-400],
    "a truncated gzip of rows": lambda: gzip.compress(GOOD.encode())[:-400],
    "a gzip with a damaged end": lambda: gzip.compress(GOOD.encode())[:-8] + b"\0" * 8,
    "a truncated zip": lambda: agency_exports.zipped({"export.csv": GOOD.encode()})[:-100],
    "a damaged zip": damaged_zip,
    "an encrypted zip": encrypted,
    "a zip without a table": lambda: agency_exports.zipped({"readme.pdf": b"%PDF-1.7", "photo.jpg": b"\xff\xd8"}),
    "a file cut in a cell": lambda: GOOD.encode()[: len(HEADER) + 2] + b'1,"JA',
}


@pytest.mark.parametrize("content", NOT_INCIDENTS.values(), ids=NOT_INCIDENTS)
def test_files_without_incidents_are_refused_in_a_sentence(tmp_path: Path, content: Callable[[], bytes]) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content())
    words = refusal_of_import("city", path, profile="chicago_portal")
    assert words.endswith(".")
    assert "Traceback" not in words
    assert "Error" not in words
    assert not Incident.objects.exists()
    assert not ImportRun.objects.exclude(state="failed").exists()


def test_the_sentence_about_other_columns_names_what_was_expected(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(b"name,phone\r\nAnn,555\r\n")
    words = refusal_of_import("city", path, profile="chicago_portal")
    assert "Date" in words
    assert "Primary Type" in words or "IUCR" in words


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "missing.csv" in refusal_of_import("city", tmp_path / "missing.csv", profile="chicago_portal")
    assert refusal_of_import("city", tmp_path, profile="chicago_portal").endswith(".")


def test_unknown_sources_and_profiles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(GOOD)
    assert "city" in refusal_of_import("city", path)
    assert "chicago_portal" in refusal_of_import("city", path, profile="springfield")
    assert not Source.objects.exists()


def test_a_limit_below_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(GOOD)
    assert "1 or more" in refusal_of_import("city", path, profile="chicago_portal", limit=-5)


# Each holds its bad row between good ones: the good ones are stored, the bad one is reported with its row.
BAD_ROWS = {
    "no date": {"Date": ""},
    "a date that is none": {"Date": "yesterday"},
    "the 30th of February": {"Date": "02/30/2024 10:00:00 AM"},
    "hour 27": {"Date": "02/20/2024 27:00:00"},
    "a date to come": {"Date": "01/01/2190 10:00:00 AM"},
    "a date of the Middle Ages": {"Date": "01/01/1190 10:00:00 AM"},
    "a point where an area belongs": {"District": "(41.889010347, -87.890900512)"},
    "a date where an area belongs": {"Community Area": "05/17/2025 03:40:52 PM"},
    "neither code nor type": {"IUCR": "", "Primary Type": "", "Description": ""},
}


@pytest.mark.parametrize("wrong", BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_rejected_and_reported_with_its_number(tmp_path: Path, wrong: dict[str, str]) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(agency_exports.text_of([*ROWS[:50], ROWS[50] | wrong, *ROWS[51:]], CHICAGO).encode())
    result = run_import_command("city", path, profile="chicago_portal")
    assert (result["created"], result["rejected"]) == (len(ROWS) - 1, 1)
    (problem,) = ImportRun.objects.latest("id").problems.all()
    assert problem.row in (51, 52)  # of the rows, or of the file's lines
    assert problem.message.endswith(".")


@pytest.mark.parametrize("line", ["1,2,3", FIRST + ",surplus,cells,in,it", FIRST.replace(",", ";")])
def test_a_row_of_another_width_loses_no_other(tmp_path: Path, line: str) -> None:
    lines = GOOD.splitlines()
    path = tmp_path / "export.csv"
    path.write_text("\r\n".join([*lines[:100], line, *lines[100:]]))
    result = run_import_command("city", path, profile="chicago_portal")
    assert result["read"] in (len(ROWS), len(ROWS) + 1)
    assert Incident.objects.filter(external_id__in=[row["ID"] for row in ROWS]).count() == len(ROWS)


ODD_POINTS = {
    "zero": ("0", "0"),
    "zero state plane": ("36.619446395", "-91.686565684"),
    "words": ("north", "west"),
    "infinite": ("inf", "nan"),
    "off the earth": ("141.8", "-187.6"),
    "swapped": ("-87.63", "41.81"),
    "half": ("41.81", ""),
}


@pytest.mark.parametrize("point", ODD_POINTS.values(), ids=ODD_POINTS)
def test_an_unusable_point_is_none_and_the_row_counts(tmp_path: Path, point: tuple[str, str]) -> None:
    path = tmp_path / "export.csv"
    odd = ROWS[0] | {"Latitude": point[0], "Longitude": point[1]}
    path.write_bytes(agency_exports.text_of([odd, *ROWS[1:]], CHICAGO).encode())
    assert run_import_command("city", path, profile="chicago_portal")["created"] == len(ROWS)
    incident = Incident.objects.get(external_id=odd["ID"])
    assert (incident.latitude, incident.longitude, incident.point_kind) == (None, None, "none")


HOSTILE = {
    "formula": '=HYPERLINK("http://evil.example","x")',
    "command": "@SUM(1+1)*cmd|' /C calc'!A0",
    "script": "<script>alert(1)</script>",
    "SQL": "'; DROP TABLE crimemap_incident; --",
    "COPY": "\\N\t\\.\\x00\\",
    "control": "a\x00b\x07c\x1b[31md\u202ee",
    "long": "x" * 5000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_stays_text(tmp_path: Path, text: str) -> None:
    hostile = ROWS[0] | {
        "Block": text,
        "Location Description": text,
        "Description": text,
        "District": text,
        "Beat": text,
    }
    path = tmp_path / "export.csv"
    path.write_bytes(agency_exports.text_of([hostile, *ROWS[1:]], CHICAGO).encode())
    result = run_import_command("city", path, profile="chicago_portal")
    assert result["created"] + result["rejected"] == len(ROWS)
    assert Incident.objects.count() == result["created"] >= len(ROWS) - 1
    for incident in Incident.objects.filter(external_id=hostile["ID"]):
        for told_text in (incident.block_text, incident.location_description, incident.raw_label, incident.district):
            assert not told_text.startswith(("=", "+", "-", "@"))
            assert told_text.isprintable()


def test_invalid_utf_8_is_read_as_windows_1252(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(GOOD.encode() + FIRST.replace("10000000", "77").replace("STREET", "CAFÉ – BAR").encode("cp1252"))
    run_import_command("city", path, profile="chicago_portal")
    assert Incident.objects.get(external_id="77").location_description == "CAFÉ – BAR"


# Memory


def peak(work: Callable[[], object]) -> float:
    """Return the peak of Python's memory during `work`, in megabytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / MEGABYTE
    finally:
        tracemalloc.stop()


def gzip_of(parts: list[tuple[bytes, int]], level: int = 6) -> bytes:
    """A gzip whose content is each part so many times, without ever holding it."""
    press = zlib.compressobj(level, zlib.DEFLATED, 31)
    return b"".join(press.compress(part) for part, times in parts for _ in range(times)) + press.flush()


def test_a_zip_bomb_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip_of([(bytes(MEGABYTE), 150)]))
    assert peak(lambda: refusal_of_import("city", path, profile="chicago_portal")) < 50
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.csv", "w", force_zip64=True) as member,
    ):
        member.write(f"{HEADER}\r\n".encode())
        for _ in range(150):
            member.write((b" " * 8190 + b"\r\n") * 128)
    path.write_bytes(out.getvalue())
    assert peak(lambda: refusal_of_import("city", path, profile="chicago_portal")) < 50


def test_a_small_file_of_endless_rows_is_refused_before_a_row_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "open_table", lambda *_arguments: pytest.fail("a row was read"))
    rows = (f"{FIRST}\r\n" * 4000).encode()
    packed = gzip_of([(f"{HEADER}\r\n".encode(), 1), (rows, 150)])
    archive = agency_exports.zipped({"a.csv": rows * 20, "b.csv": rows * 20, "c.csv": b"1"})
    lines, objects = gzip_of([(b"\n" * MEGABYTE, 4)]), gzip_of([(b"[", 1), (b"{}," * 100_000, 10)])
    alternating = agency_exports.zipped({"a.csv": f"{FIRST}\r\n{FIRST[::-1]}\r\n".encode() * 30_000})
    for content in (packed, archive, gzip_of([(b"1,\n" * 100_000, 18)]), lines, objects, alternating):
        path = tmp_path / "export"
        path.write_bytes(content)
        assert len(content) < MEGABYTE
        assert "which no real export does" in refusal_of_import("city", path, profile="chicago_portal")


def test_rows_that_repeat_again_and_again_are_refused(tmp_path: Path) -> None:
    """Few of them pack as badly as real rows, and each costs the importer as much; true repeats are kept."""
    path = tmp_path / "export"
    plain = f"{HEADER}\r\n" + "".join(
        f"{FIRST}\r\n" if number % 20 else f"{number},{FIRST}\r\n" for number in range(12_000)
    )
    objects = json.dumps([{"id": number % 3, "date": "2024-01-01", "kind": "theft"} for number in range(12_000)])
    for text, sentence in ((plain, "repeats one row 9500 times"), (objects, "repeats 3 rows 10000 times")):
        path.write_text(text)
        table = tables.open_unknown_table(TableFile(path.name, path))
        with pytest.raises(UnreadableFileError, match=sentence):
            list(table.rows())
    kinds = "".join(f"2024-01,kind {number % 20},beat {number % 17}\n" * 30 for number in range(400))
    path.write_text("month,kind,beat\n" + kinds)
    assert len(list(tables.open_unknown_table(TableFile(path.name, path)).rows())) == 12_000


def test_lines_without_cells_cost_no_more_than_their_bytes(tmp_path: Path) -> None:
    """Under a header of a thousand columns, each would be filled up to as many cells."""
    path = tmp_path / "export"
    path.write_text(",".join(f"column {number}" for number in range(999)) + "\n" * 300_000 + "1,2,3,4,5\n")
    table = tables.open_unknown_table(TableFile(path.name, path))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    assert len(list(table.rows())) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 3  # 12 with cells
    assert table.file.quirks["empty lines"] >= 299_999


def test_a_file_with_a_dictionary_of_gigabytes_is_refused(tmp_path: Path) -> None:
    content = bytearray(agency_exports.zipped({"a.csv": GOOD.encode()}, zipfile.ZIP_LZMA))
    properties = content.index(b"a.csv") + len("a.csv") + 4  # LZMA's version, and the size of what follows
    content[properties + 1 : properties + 5] = b"\xff" * 4
    path = tmp_path / "export.zip"
    path.write_bytes(content)
    assert "took too long or too much memory" in refusal_of_import("city", path, profile="chicago_portal")


BROKEN_UNPACKERS = {
    "silence": "import time; time.sleep(60)",
    "killed at once": "import os; os.kill(os.getpid(), 9)",
    "killed on the way": "os.write(1, head + content[:150]); os.kill(os.getpid(), 9)",
    "closed and still there": "import time; os.write(1, head + content); os.close(1); time.sleep(60)",
    "another status": "os.write(1, head + content); sys.exit(77)",
    "endless": "os.write(1, head)\nwhile True: os.write(1, b'x' * 65536)",
    "nonsense in the list": 'os.write(1, head + b\'{"tables": [[1]], "count": "many"}\\n\')',
}


@pytest.mark.parametrize("name", BROKEN_UNPACKERS)
def test_a_process_that_unpacks_wrongly_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A hostile file may have taken it over."""
    path = tmp_path / "export.csv.gz"
    path.write_bytes(gzip.compress(GOOD.encode()))
    broken = f"import os, sys\nhead, content = b'{{\"layers\": {{}}}}\\n', {GOOD.encode()!r}\n{BROKEN_UNPACKERS[name]}"
    command = "list" if "list" in name else "read"
    monkeypatch.setattr(unpacking, "MAX_SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(
        unpacking,
        "_BOOTSTRAP",
        unpacking._BOOTSTRAP.replace(
            "from", f"if sys.argv[1] == {command!r}:\n    exec({broken!r})\n    sys.exit()\nfrom"
        ),
    )
    sentence = refusal_of_import("city", path, profile="chicago_portal")
    assert sentence.endswith(".")
    assert "Traceback" not in sentence
    assert not Incident.objects.exists()


def test_what_unpacks_a_file_reaches_neither_network_nor_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("secret")
    attack = f"""
import os, socket
from crimemap.importing.readers import unpacking_process
def attack(file, member):
    done = []
    for name, attempt in (
        ("read", lambda: open({str(tmp_path / "key")!r}).read()), ("environment", lambda: open("/proc/{os.getpid()}/environ").read()),
        ("write", lambda: open({str(tmp_path / "new")!r}, "w")), ("network", lambda: socket.socket()), ("fork", lambda: os.fork()),
    ):
        try:
            attempt()
            done.append(name)
        except OSError:
            pass
    yield ("done: " + " ".join(done)).encode()
unpacking_process._read_member = attack
"""
    monkeypatch.setattr(unpacking, "_BOOTSTRAP", unpacking._BOOTSTRAP.replace("main()\n", f"{attack}\nmain()\n"))
    path = tmp_path / "export.gz"
    path.write_bytes(gzip.compress(GOOD.encode()))
    with unpacking.open_member(path, unpacking_process.GZIP_MEMBER, path.name) as stream:
        assert stream.read(1000) == b"done: "
    assert not (tmp_path / "new").exists()


def test_a_large_file_of_worthless_rows_is_given_up_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "BATCH_ROWS", 50)
    monkeypatch.setattr(sanity_checks, "MIN_READ_SO_FAR", 100)
    path = tmp_path / "export.csv"
    path.write_text(f"{HEADER}\r\n{FIRST}\r\n" + "1,2,99/99/2025\r\n" * 1000)
    sentence = refusal_of_import("city", path, profile="chicago_portal")
    assert "99 of the first 100 rows can't be read" in sentence
    assert "Check that the file and the settings of its source fit together" in sentence
    run = ImportRun.objects.latest("id")
    assert (run.state, run.read) == (ImportRun.RunState.STOPPED, 100)
    assert run.problems.exists()
    assert not Incident.objects.exists()
    # Rows that an old export lacks a date of, at the beginning, stop no import of which most can be read.
    path.write_text(f"{HEADER}\r\n" + "1,2,99/99/2025\r\n" * 20 + GOOD.partition("\n")[2])
    run_import_command("city", path, profile="chicago_portal", force=True)
    assert ImportRun.objects.latest("id").read == len(ROWS) + 20


def test_a_table_of_a_hundred_thousand_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide"
    wide = HEADER + "," * 70_000 + "\r\n" + "1,\r\n" * 1000
    objects = "[" + ",".join(json.dumps({f"k{row}-{key}": 1 for key in range(50)}) for row in range(100)) + "]"
    for text in (wide, objects):
        path.write_text(text)
        assert "more than 1000 columns" in refusal_of_import("city", path, profile="chicago_portal")


@pytest.mark.parametrize("opening", ["", '"'], ids=["a line", "an open quotation mark"])
def test_a_gigantic_cell_is_refused_in_bounded_memory(tmp_path: Path, opening: str) -> None:
    path = tmp_path / "line.csv.gz"
    head, letters = f"{HEADER}\r\n{FIRST}\r\n1,{opening}".encode(), random_bytes(MEGABYTE // 2).hex().encode()
    path.write_bytes(gzip_of([(head, 1), (letters, 60)], level=1))  # higher ones take seconds
    said = []

    def work() -> None:
        said.append(refusal_of_import("city", path, profile="chicago_portal"))

    assert peak(work) < 50
    assert "3" in said[0]  # the line
    assert not Incident.objects.exists()
