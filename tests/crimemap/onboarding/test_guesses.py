"""Guesses of what columns hold: by names in six languages and by cells, each with how certain it is."""

from __future__ import annotations

import pytest

from crimemap.importing.column_mapping import Sample
from crimemap.onboarding import guesses
from crimemap.onboarding.guesses import Confidence

CELLS = {
    "occurred": "2026-04-03",
    "code": "Arson",
    "block": "100 Elm St",
    "latitude": "41.8",
    "longitude": "-87.6",
    "district": "7",
}


def guess(columns: dict[str, list[str]]) -> dict[str, tuple[str, str]]:
    """Return role and confidence by column; `columns` are their cells by name."""
    header = list(columns)
    rows = [list(cells) for cells in zip(*columns.values(), strict=True)]
    found = guesses.guess_roles(Sample("a.csv", header, rows), "America/Chicago")
    return {name: (each.role, str(each.confidence)) for name, each in found.items()}


@pytest.mark.parametrize(
    "names",
    [
        ("Occurred On", "Offense", "Block", "Latitude", "Longitude", "District"),
        ("Fecha del hecho", "Delito", "Dirección", "Latitud", "Longitud", "Comisaría"),
        ("Date faits", "Infraction", "Adresse", "Latitude", "Longitude", "Arrondissement"),
        ("Data hora", "Natureza", "Logradouro", "Latitude", "Longitude", "Delegacia"),
        ("Tatzeit", "Delikt", "Straße", "Breitengrad", "Längengrad", "Bezirk"),
        ("Data ora", "Reato", "Indirizzo", "Latitudine", "Longitudine", "Municipio"),
    ],
)
def test_headers_of_six_languages_are_known(names: tuple[str, ...]) -> None:
    columns = {name: [cell] * 3 for name, cell in zip(names, CELLS.values(), strict=True)}
    found = guess(columns)
    assert [found[name][0] for name in names] in (
        list(CELLS),
        ["occurred_date", *list(CELLS)[1:]],
    )


def test_a_guess_is_sure_if_name_and_cells_agree_and_is_to_be_checked_if_only_one_does() -> None:
    found = guess(
        {
            "Occurred": ["2026-04-03 10:00", "2026-04-04 11:00", "2026-04-05 12:00"],
            "Offense": ["Arson", "Arson", "Theft"],
            "Block": ["12", "13", "14"],  # no addresses
            "When it came in": ["x", "y", "z"],
        }
    )
    assert found["Occurred"] == ("occurred", Confidence.SURE)
    assert found["Offense"] == ("code", Confidence.SURE)
    assert found["Block"] == ("block", Confidence.CHECK)
    assert "When it came in" not in found


def test_a_vague_name_is_never_sure() -> None:
    assert guess({"Date": ["2026-04-03"] * 2, "Type": ["Arson"] * 2, "Text": ["a"] * 2})["Date"] == (
        "occurred",
        Confidence.LIKELY,
    )


def test_missing_roles_are_found_by_cells_but_never_sure() -> None:
    found = guess(
        {
            "Wann": ["03.04.2026 10:00", "04.04.2026 11:00", "05.04.2026 12:00", "06.04.2026 13:00"],
            "Was": ["Diebstahl", "Diebstahl", "Raub", "Diebstahl"],
            "Wo": ["(48.1, 11.5)", "(48.2, 11.6)", "(48.3, 11.7)", "(48.1, 11.4)"],
            "Nr": ["1", "2", "3", "4"],
        }
    )
    assert found == {"Wann": ("occurred", "check"), "Was": ("code", "check"), "Wo": ("point", "check")}
