"""Single cells as agencies write them: yes and no, points in degrees and minutes, dates and times in words."""

from __future__ import annotations

import datetime as dt

import pytest

from crimemap.importing.readers.cells import CellError, parse_boolean, parse_degrees
from crimemap.importing.readers.datetimes import DatetimeParser, minute_to_datetime

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
