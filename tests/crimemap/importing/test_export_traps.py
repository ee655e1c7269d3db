"""What records systems and spreadsheets do to an export, each with the value that is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from crimemap.importing import column_mapping
from crimemap.importing.column_mapping import Sample
from crimemap.importing.readers import cells, datetimes, tables
from crimemap.importing.readers.datetimes import DatetimeParser, minute_to_datetime
from crimemap.importing.readers.files import TableUnpacker
from crimemap.onboarding import guesses


def ignore(_kind: str) -> None:
    """Take no note of a quirk."""


def read_table(path: Path) -> tuple[list[list[str]], dict[str, int]]:
    with TableUnpacker() as unpacker:
        (file,) = unpacker.list_tables(path)
        return [row for _number, row in tables.open_unknown_table(file).rows()], file.quirks


# Dates and times


@pytest.mark.parametrize(
    ("date", "time", "read"),
    [
        ("2025-09-01 - 2025-09-03", None, "2025-09-01 00:00 day"),
        ("2025-09-01/2025-09-03", None, "2025-09-01 00:00 day"),
        ("9/12/2025 10:00 to 9/13/2025 08:00", None, "2025-09-12 10:00 minute"),
        ("09112025", None, "2025-09-11 00:00 day"),
        ("9112025", "105", "2025-09-11 01:05 minute"),
        ("20250911", "5", "2025-09-11 00:05 minute"),
        ("September 4th, 2025", None, "2025-09-04 00:00 day"),
        ("9/1/2025", "UNK", "2025-09-01 00:00 day"),
        ("9/1/2025", "9999", "2025-09-01 00:00 day"),
        ("9/1/2025", "Em hora incerta", "2025-09-01 00:00 day"),
        ("9/1/2025", "noon", "2025-09-01 12:00 minute"),
        ("9/1/2025", "midnight", "2025-09-01 00:00 day"),
        ("9/1/2025 0:00:00", "12/30/1899 13:45:00", "2025-09-01 13:45 minute"),
    ],
)
def test_dates_and_times_of_records_systems(date: str, time: str | None, read: str) -> None:
    moment = DatetimeParser("UTC").parse(date, time)
    assert f"{minute_to_datetime(moment.minute):%Y-%m-%d %H:%M} {moment.precision}" == read


def test_a_time_that_is_wrong_is_still_refused() -> None:
    for time in ("2500", "13:61", "12/30/1899 26:45"):
        with pytest.raises(cells.CellError):
            DatetimeParser("UTC").parse("9/1/2025", time)


def test_times_that_are_parts_of_the_day_are_told_by_the_whole_column() -> None:
    assert datetimes.are_day_fractions(["0.25", "", "0.5", "0", "unknown"])
    assert not datetimes.are_day_fractions(["0.25", "13.05"])  # a clock with a point
    assert not datetimes.are_day_fractions(["0", "1", ""])
    parser = DatetimeParser("UTC")
    parser.reads_day_fractions = True
    assert [parser.parse("2025-09-01", time).minute % 1440 for time in ("0.25", "0.54", "0.99")] == [360, 778, 1426]


@pytest.mark.parametrize(
    ("dates", "zone", "day_first"),
    [
        (["05/09/2025"], "Europe/London", True),
        (["05/09/2025"], "America/Bogota", True),
        (["05/09/2025"], "America/Chicago", False),
        (["05/09/2025"], "Asia/Manila", False),
        (["09/25/2025", "09/26/2025"], "Europe/London", False),
        (["25/09/2025", "26/09/2025"], "America/Chicago", True),
    ],
)
def test_a_new_source_keeps_the_order_of_its_first_file_or_of_its_country(
    dates: list[str], zone: str, *, day_first: bool
) -> None:
    sample = Sample("a.csv", ["Date"], [[date] for date in dates])
    assert guesses.puts_day_first(sample, "Date", zone) == day_first


# Points


@pytest.mark.parametrize(
    ("cell", "point"),
    [
        ("-87.62, 41.88", (41.88, -87.62)),  # longitude first
        ("(-122.41, 37.77)", (37.77, -122.41)),
        ("(41.88, -87.62)", (41.88, -87.62)),
        ("100 Main St 41.88, -87.62", (41.88, -87.62)),
        ("41.88° N, 87.62° W", (41.88, -87.62)),
        ("41°52'48\"N 87°37'12\"W", (41.88, -87.62)),
        ("40,4168, -3,7038", (40.4168, -3.7038)),
        ("40,4168; -3,7038", (40.4168, -3.7038)),
    ],
)
def test_pairs_of_coordinates_in_one_cell(cell: str, point: tuple[float, float]) -> None:
    pair = cells.parse_coordinates(*cells.split_coordinate_pair(cell), None, ignore)
    assert pair == pytest.approx(point, abs=1e-6)


@pytest.mark.parametrize("cell", ["12 Main St", "1,204", "12,50 34,20 Euro", "Apt 4, 5"])
def test_other_numbers_are_no_pair(cell: str) -> None:
    assert cells.split_coordinate_pair(cell) == ("", "")


def test_meters_keep_their_sign_and_their_groups() -> None:
    read = [
        cells.parse_meters(cell, ignore) for cell in ("-9755231.5", "\u22129755231", "4.474.156,21", "4,474,156.21")
    ]
    assert read == [-9755231.5, -9755231.0, 4474156.21, 4474156.21]


# Texts


@pytest.mark.parametrize("encoding", ["cp850", "mac-roman", "windows-1252", "utf-8", "utf-16"])
def test_letters_of_older_systems_are_recognized(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "letters.csv"
    text = "Número,Fecha,Delito,Calle\n1,2025-09-01,Agresión a niña,Calle Peña\n2,2025-09-02,ROBO A TRANSEÚNTE,Avenida Juárez\n"
    path.write_bytes(text.encode(encoding))
    sample = column_mapping.read_sample(path)
    assert (sample.reading.encoding, sample.header[0], sample.rows[1][2:]) == (
        encoding,
        "Número",
        ["ROBO A TRANSEÚNTE", "Avenida Juárez"],
    )


def test_letters_that_were_encoded_twice_are_mended(tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    text = "Fecha,Delito,Calle\n2025-09-01,ROBO A TRANSEÚNTE,AVENIDA JUÁREZ\n2025-09-02,Abuso de niña,Rua São João\n"
    path.write_bytes(text.encode().decode("latin-1").encode())
    rows, quirks = read_table(path)
    assert [row[1:] for row in rows] == [["ROBO A TRANSEÚNTE", "AVENIDA JUÁREZ"], ["Abuso de niña", "Rua São João"]]
    assert "letters encoded twice" in quirks


def test_portuguese_capitals_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "once.csv"
    path.write_text("Data,Natureza,Bairro\n2025-09-01,LESÃO,CONSOLAÇÃO\n", encoding="utf-8")
    rows, quirks = read_table(path)
    assert (rows[0][1:], "letters encoded twice" in quirks) == (["LESÃO", "CONSOLAÇÃO"], False)


# Rows

LONE = """id,occurred,offense,block
1,2025-09-01 13:00,THEFT,100 MAIN ST
2,2025-09-02 13:00,"THEFT,200 MAIN ST
3,2025-09-03 13:00,THEFT,300 MAIN ST
4,2025-09-04 13:00,"THEFT, GRAND",400 MAIN ST
5,2025-09-05 13:00,THEFT,"500 MAIN ST
6,2025-09-06 13:00,THEFT,600 MAIN ST
"""


def test_a_lone_quotation_mark_swallows_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "lone.csv"
    path.write_text(LONE, encoding="utf-8")
    rows, quirks = read_table(path)
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert [row[3] for row in rows if len(row) == 4] == [f"{n}00 MAIN ST" for n in (1, 2, 3, 5, 6)]
    assert len(rows[3]) > 4  # its cells are out of place: the import rejects it
    assert quirks["rows behind a lone quotation mark"] == 3


def test_a_cell_of_several_lines_stays_one_cell(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(
        'id,occurred,offense,block\n1,2025-09-01,"THEFT\n2 men, a car, a dog, fled",100 MAIN ST\n', encoding="utf-8"
    )
    rows, quirks = read_table(path)
    assert (len(rows), rows[0][3], "rows behind a lone quotation mark" in quirks) == (1, "100 MAIN ST", False)


# Roles

HEADERS = {
    "spillman": {"Nature": "code", "Date Occurred": "occurred_date", "Time Occurred": "occurred_time"},
    "uk": {"Crime Recorded Date": "", "Committed From": "occurred", "HO Offence": "code", "Offence Description": "label"},
    "socrata": {"date_occurred": "occurred", "nibrs_code": "code", "offense_code_name": "label"},
    "fixed": {"OCCDATE": "occurred", "UCR": "code", "UCRDESC": "label", "STNUM": "street_number", "STNAME": "street_name", "STSUF": "street_type"},
    "statute": {"Occurred": "occurred", "Statute": "code", "Charge Description": "label"},
    "words alone": {"Occurred": "occurred", "NIBRS Description": "code"},
    "são paulo": {"DATA_OCORRENCIA_BO": "occurred", "DESC_PERIODO": "", "RUBRICA": "code"},
    "status": {"occurred": "occurred", "offense": "code", "record_status": "outcome"},
}  # fmt: skip
CELLS = {
    "occurred": "2025-09-01",
    "occurred_date": "2025-09-01",
    "occurred_time": "1305",
    "": "2025-09-02",
    "street_number": "12",
}


@pytest.mark.parametrize("export", HEADERS)
def test_columns_of_records_systems_get_their_roles(export: str) -> None:
    roles = HEADERS[export]
    sample = Sample("a.csv", list(roles), [[CELLS.get(role, "Theft") for role in roles.values()]] * 4)
    found = guesses.guess_roles(sample, "America/Chicago")
    assert {name: found[name].role if name in found else "" for name in roles} == roles
