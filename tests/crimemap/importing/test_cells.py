"""Single cells as agencies write them: yes and no, points in degrees and minutes, dates and times in words."""

from __future__ import annotations

import datetime as dt

import pytest

from crimemap.importing.readers.cells import CellError, parse_boolean, parse_degrees
from crimemap.importing.readers.datetimes import DatetimeParser, detect_day_first, minute_to_datetime

PAIRS = ("Y/N", "yes/no", "T/F", "true/false", "1/0", "1.0/0.0", "J/N", "Ja/Nein", "S/N", "sí/no", "si/no", "Sim/Não", "SIM/NAO", "O/N",
         "oui/non", "V/F", "vrai/faux", "vero/falso", "verdadeiro/falso", "WAHR/FALSCH", "sì/no")  # fmt: skip


def test_yes_and_no_are_read_in_six_languages_and_told_only_in_other_ones() -> None:
    for pair in PAIRS:
        told: list[str] = []
        yes, no = pair.split("/")
        assert (pair, parse_boolean(yes, told.append), parse_boolean(no, told.append)) == (pair, True, False)
        assert bool(told) == (pair not in PAIRS[:6])
    # "Não" as a Mac writes it, with its accent as a character of its own.
    assert parse_boolean("Na\u0303o", list[str]().append) is False
    assert parse_boolean("maybe", list[str]().append) is None


@pytest.mark.parametrize(
    ("cell", "degrees"),
    [
        ("41°52'41.2\"N", 41.8781), ("087°37'47\"W", -87.6297), ("87° 37′ 47″ O", -87.6297), ("S 33 52.5", -33.875), ("41.8781° N", 41.8781),
        ("87.6298 W", -87.6298), ("-87.6298", -87.6298), ("41º52'", 41.8667), ("9°08,5' W", -9.1417), ("-33°52'", -33.8667),
        ("41°72'N", None), ("REDACTED", None), ("12 Main St E", None), ("N", None), ("", None),
    ],
)  # fmt: skip
def test_coordinates_are_read_in_degrees_and_minutes(cell: str, degrees: float | None) -> None:
    found = parse_degrees(cell, lambda _quirk: None)
    assert found == (None if degrees is None else pytest.approx(degrees, abs=1e-4))


@pytest.mark.parametrize(
    ("date", "time", "read"),
    [
        ("01.03.2026", "13h05min", "2026-03-01 13:05 minute"), ("1 March 2026", "1305 hrs", "2026-03-01 13:05 minute"), ("01.03.2026", "13:05 Uhr", "2026-03-01 13:05 minute"),
        ("1er mars 2026", "13h", "2026-03-01 13:00 minute"), ("1 de marzo de 2026", "13H05", "2026-03-01 13:05 minute"),
        ("1º de março de 2026", "NULL", "2026-03-01 00:00 day"), ("Sunday, March 1, 2026", "-", "2026-03-01 00:00 day"),
        ("domingo, 1 de marzo de 2026", "13 h", "2026-03-01 13:00 minute"), ("1 March 2026 1305 hrs", None, "2026-03-01 13:05 minute"),
        ("1 de março de 2026 às 13:05", None, "2026-03-01 13:05 minute"), ("Sun, 1 Mar 2026 13:05", None, "2026-03-01 13:05 minute"),
    ],
)  # fmt: skip
def test_dates_and_times_are_read_in_words(date: str, time: str | None, read: str) -> None:
    moment = DatetimeParser("UTC", day_first=True).parse(date, time)
    assert f"{minute_to_datetime(moment.minute):%Y-%m-%d %H:%M} {moment.precision}" == read


@pytest.mark.parametrize("cell", [
    "Mon Sep 01 2025 13:45:00 GMT-0500 (CDT)", "Mon Sep  1 13:45:00 CDT 2025", "Mon, 01 Sep 2025 18:45:00 GMT", "1756752300.0",
    "/Date(1756752300000-0500)/", "20250901134500", "20250901T184500Z", "2025-09-01T18:45:00.000+00:00", "2025-09-01T18:45:00 Z",
    "2025-09-01-13.45.00.000000", "01SEP2025:13:45:00", "2025Sep01 13:45", "2025 09 01 13:45", "13:45 9/1/2025", "Mon 9/1/2025 1:45P",
    "9/1/2025 1:45 p. m.", "9/1/2025 a las 13:45", "Sep. 1, 2025 1:45 PM CST", "1 Sep 2025 13:45:00:000", "1 de setembro de 2025 13:45",
    "lundi 1 septembre 2025 à 13h45", "1. September 2025 13:45 Uhr", "1/set/2025 13:45", "45901.57292",
])  # fmt: skip
def test_dates_are_read_as_programs_write_them(cell: str) -> None:
    moment = DatetimeParser("America/Chicago").parse(cell)
    assert minute_to_datetime(moment.minute) == dt.datetime(2025, 9, 1, 18, 45, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "cell",
    [
        "2025-09-01 13:45 EST",
        "1.7567523E+12",
        "2025-W36",
        "2025-W54-1",
        "25-09-01",
        pytest.param("mon " * 9_000, id="mon"),
    ],
)
def test_dates_that_may_be_read_in_two_ways_are_refused(cell: str) -> None:
    with pytest.raises(CellError):
        DatetimeParser("America/Chicago").parse(cell)


def test_weekdays_and_quotes_hide_no_order_of_day_and_month() -> None:
    assert detect_day_first(["Mon 13/01/2025", "Tue 14/01/2025", "Wed 01/02/2025"], default=False)
    assert detect_day_first(['="13/01/2025"', '="01/02/2025"'], default=False)
    assert DatetimeParser("UTC").parse("Mar 1, 2025") == DatetimeParser("UTC").parse("2025-03-01")


def test_other_words_are_no_date_and_no_time() -> None:
    parser = DatetimeParser("UTC")
    for date, time in (
        ("1 Main Street 2026", ""),
        ("March", ""),
        ("2026-03-01", "soon"),
        ("2026-03-01", "25h"),
        ("NULL", ""),
    ):
        with pytest.raises(CellError):
            parser.parse(date, time)
    assert minute_to_datetime(parser.parse("2026-03-01", "").minute) == dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
