"""Guesses of what columns hold: by names in six languages and by cells, each with how certain it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from crimemap.importing import column_mapping
from crimemap.importing.column_mapping import Sample
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.models import Source
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


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("Occ From", "Occ To"),
        ("Offense Begin", "Offense End"),
        ("Incident Start", "Incident End"),
        ("Occurred_Begin", "x"),
    ],
)
def test_the_begin_of_an_incident_is_its_time_and_the_report_fills_its_blanks(begin: str, end: str) -> None:
    """The date of the report comes first in the file, and its name alone has the word date."""
    times = ["05/26/2026 0114", "04/01/2026 2051", ""]
    found = guess(
        {
            "Report Date/Time": ["05/27/2026 0300"] * 3,
            begin: times,
            end: times,
            "Incident #": ["1", "2", "3"],
            "Offense": ["Arson"] * 3,
        }
    )
    assert found[begin][0] == "occurred"
    assert found["Report Date/Time"][0] == "reported"
    assert end not in found


def test_the_report_stands_in_for_the_incident_where_nothing_else_does_and_is_to_be_looked_at() -> None:
    found = guess({"Report Date/Time": ["05/27/2026 0300"] * 3, "Offense": ["Arson"] * 3, "Address": ["1 Elm St"] * 3})
    assert found["Report Date/Time"] == ("occurred", Confidence.LIKELY)


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


# Columns as agencies name them, with a cell of each, and the roles that they must get. "-" is a column that gets none.
EXPORTS = {
    "seattle": {"Offense ID": ("7700", "external_id"), "Report DateTime": ("2024 Jan 05 01:10:00 PM", "reported"),
                "Offense Date": ("2024 Jan 02 11:00:00 PM", "occurred"), "Offense Category": ("PROPERTY CRIME", "-"),
                "NIBRS Offense Code Description": ("Shoplifting", "label"), "NIBRS_offense_code": ("23C", "code")},
    "houston": {"RMSOccurrenceDate": ("2024-01-03", "occurred_date"), "RMSOccurrenceHour": ("5", "occurred_time"), "NIBRSClass": ("13A", "code"),
                "NIBRSDescription": ("Aggravated Assault", "label"), "StreetNo": ("1200", "street_number"), "StreetName": ("MAIN", "street_name"),
                "MapLongitude": ("-95.361", "longitude"), "MapLatitude": ("29.751", "latitude")},
    "portland": {"OccurDate": ("1/3/2024", "occurred_date"), "OccurTime": ("1400", "occurred_time"), "OffenseType": ("Fondling", "code"),
                 "OffenseCategory": ("Sex Offenses", "-"), "OpenDataLat": ("45.512", "latitude"), "OpenDataLon": ("-122.571", "longitude"),
                 "ReportDate": ("1/4/2024", "reported")},
    "minneapolis": {"Reported_Date": ("2024/01/01 13:00:00+00", "reported"), "Occurred_Date": ("2024/01/01 06:00:00+00", "occurred")},
    "kansas city": {"Reported_Date": ("01/02/2024", "reported"), "From_Date": ("01/01/2024", "occurred_date"), "From_Time": ("07:30", "occurred_time"),
                    "To_Date": ("", "-"), "DVFlag": ("False", "domestic")},
    "são paulo": {"NOME_DELEGACIA": ("01 D.P. SE", "-"), "DATA_OCORRENCIA_BO": ("01/03/2024", "occurred_date"),
                  "HORA_OCORRENCIA": ("10:20:00", "occurred_time"), "LOGRADOURO": ("RUA DIREITA", "street_name"),
                  "NUMERO_LOGRADOURO": ("250", "street_number"), "NATUREZA_APURADA": ("FURTO", "code")},
    "madrid": {"fecha": ("14/01/2024", "occurred_date"), "hora": ("10:00:00", "occurred_time"), "localizacion": ("CALLE ALCALA 12", "block"),
               "tipo_accidente": ("Alcance", "code"), "coordenada_x_utm": ("443101,043", "longitude"), "coordenada_y_utm": ("4474101,519", "latitude")},
    "medellín": {"sexo": ("Hombre", "-"), "conducta": ("Hurto a persona", "code"), "nombre_barrio": ("La Candelaria", "neighbourhood")},
    "hamburg": {"Tatzeit von": ("02.03.2024 00:15", "occurred"), "Deliktsgruppe": ("Raub", "code"), "Rechtswert": ("566712,12", "longitude"),
                "Hochwert": ("5934612,50", "latitude")},
    "buffalo": {"Incident Datetime": ("01/01/2024 12:53:00 AM", "occurred"), "Incident Type Primary": ("THEFT", "code"),
                "Incident Description": ("We are investigating this report of a crime. It is very preliminary information, and it is no offense in words.", "-")},
    "detroit": {"crime_id": ("4000001", "external_id"), "nearest_intersection": ("Woodward Ave & E Warren Ave", "block"),
                "offense_category": ("LARCENY", "code"), "incident_occurred_at": ("2026/03/01 13:05:00+00", "occurred"),
                "police_precinct": ("03", "district")},
    "cincinnati": {"DATE_FROM": ("03/01/2026 01:05:00 PM", "occurred_date"), "OFFENSE": ("THEFT", "code"), "LOCATION": ("47-STREET", "-"),
                   "HOUR_FROM": ("1300", "occurred_time"), "ADDRESS_X": ("24XX HARRISON AV", "block")},
    "nashville": {"Incident_Occurred": ("1772370300000", "occurred"), "Offense_NIBRS": ("23H", "code"),
                  "Incident_Location": ("1234 GALLATIN AVE", "block"), "Victim_Address": ("99 ELM ST", "-"), "Domestic_Related": ("N", "domestic")},
    "dublin": {"STATISTIC": ("CJQ06C01", "-"), "Garda Division": ("D.M.R.", "-"), "Type of Offence": ("Robbery", "code")},
    "lisboa": {"Data da Ocorrência": ("01-03-2026", "occurred_date"), "Hora da Ocorrência": ("13h05", "occurred_time"),
               "Tipo de Crime": ("Furto", "code"), "Morada": ("Rua Augusta, 150", "block"), "Freguesia": ("Santa Maria Maior", "neighbourhood"),
               "Esquadra": ("1.ª", "district"), "Nome da Vítima": ("Maria dos Santos", "-"), "Violência na Família": ("Sim", "-")},
    "lyon": {"Date des faits": ("14/03/2026", "occurred_date"), "Heure des faits": ("13h05", "occurred_time"), "Nature de l'infraction": ("Vol", "code"), "N°": ("3", "street_number"),
             "Voie": ("rue de la République", "street_name"), "Violences conjugales": ("O", "domestic")},
    "zürich": {"Datum": ("01.03.26", "occurred_date"), "Zeit": ("13.05", "occurred_time"), "Deliktart": ("Einbruch", "code"), "E": ("2'683'001.5", "longitude"),
               "N": ("1'247'001.25", "latitude")},
    "bern": {"Tatdatum": ("3.3.2026", "occurred_date"), "Tatzeit": ("13:05", "occurred_time"), "Straftat": ("Einbruch", "code"),
             "E-Koordinate": ("2'600'001", "longitude"), "N-Koordinate": ("1'199'001", "latitude")},
    "amsterdam": {"Datum pleging": ("03-03-2026", "occurred_date"), "Einde": ("14:05", "-"), "Tijd pleging": ("13:05", "occurred_time"),
                  "Delict": ("Diefstal", "code"), "Straatnaam": ("Damrak", "street_name"), "Huisnummer": ("12", "street_number")},
    "montréal": {"DATE_EVENEMENT": ("2026-03-03", "occurred_date"), "HEURE_EVENEMENT": ("13:05", "occurred_time"), "DESCRIPTION_CRIME": ("Méfait", "code")},
    "boulder": {"INC_DATE": ("03/03/26", "occurred_date"), "RPT_TIME": ("1400", "-"), "INC_TIME": ("1305", "occurred_time"), "ZIP4": ("1301", "-"),
                "OFFENSE_DESC": ("THEFT", "code"), "DIST": ("D1", "district")},
    "auckland": {"Anzsoc Group": ("Theft", "code"), "Year Month": ("1/01/2025", "occurred"), "Victimisations": ("3", "count")},
    "in degrees and minutes": {"Date": ("2026-03-01", "occurred"), "Offence": ("Theft", "code"), "Lat": ("41°52'41\"N", "latitude"),
                               "Long": ("087°37'47\"W", "longitude")},
    "pittsburgh": {"_id": ("1", "-"), "INCIDENTHIERARCHYDESC": ("THEFT", "code"), "OCCURRED_ON": ("2026-02-01 10:00", "occurred"),
                   "XCOORD": ("-79.95", "longitude"), "YCOORD": ("40.44", "latitude")},
    "features in web mercator": {"date_occurred": ("1772355600000", "occurred"), "nature_of_call": ("THEFT", "code"),
                                 "latitude": ("5294500.5", "latitude"), "longitude": ("-8779700.5", "longitude")},
    "reported alone": {"Reported on": ("2026-02-01 10:00", "occurred"), "Crime": ("Theft", "code")},
    "epoch": {"ts": ("1772355600", "occurred"), "type": ("Theft", "code")},
    "milano": {"Data e ora": ("13/02/2026 10.15", "occurred"), "Reato": ("Furto", "code")},
    "tucson": {"Occurred From": ("3/14/2026 1:05:00 PM", "occurred"), "Occurred To": ("3/14/2026 2:05:00 PM", "-"), "Offense": ("Theft", "code")},
    "no offense": {"When": ("2024-01-01", "occurred"), "Victim Sex": ("F", "-"), "Police City": ("Springfield", "-")},
}  # fmt: skip


@pytest.mark.parametrize("export", EXPORTS)
def test_columns_of_other_agencies_get_their_roles(export: str) -> None:
    columns = EXPORTS[export]
    found = guess({name: [cell] * 4 for name, (cell, _role) in columns.items()})
    assert {name: found[name][0] if name in found else "-" for name in columns} == {
        name: role for name, (_cell, role) in columns.items()
    }


# Tables that count offenses: their header, and a row.
COUNT_TABLES = {
    "a column for each month, quarter or year": (
        "Offence,2024Q1,2024Q2,2024Q3,2024Q4\nTheft,1,2,3,4\n",
        "Municipio,Delito,Enero,Febrero,Marzo,Abril,Mayo,Junio\nJalisco,Robo,1,2,3,4,5,6\n",
        "Area,2019,2020,2021,2022,2023,2024\nNorth,1,2,3,4,5,6\n",
    ),
    "a column for each kind of offense": (
        "District,Homicide,Robbery,Burglary,Arson\nNorth,0,3,17,1\n",
        'Año,Homicidio doloso,Robo,Lesiones\n2024,"1,204",17,3\n',
    ),
    "by month, quarter or year": (
        "Quarter,Garda Division,Type of Offence,VALUE\n2025Q1,Dublin,Theft,17\n",
        "Year,Month,Offense,Count,Rate\n2025,1,Theft,17,0.4\n",
        "Ano;Natureza;Ocorrências\n2025;Furto;1204\n",
    ),
}


@pytest.mark.parametrize(
    ("sentence", "table"), [(sentence, table) for sentence, each in COUNT_TABLES.items() for table in each]
)
def test_tables_that_count_offenses_are_refused_with_a_sentence(tmp_path: Path, sentence: str, table: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=f"{sentence}.*The map needs a row for each incident"):
        column_mapping.read_sample(path)


@pytest.mark.parametrize(
    "table",
    [
        "Year,Month,Day,Offense,Count\n2025,1,14,Theft,2\n",  # the day is in columns
        "Quarter,Occurred,Offense,Count\n2025Q1,01/14/2025,Theft,2\n",
        "Month,Offense,Area,Count\n2025-01,Theft,North,2\n",
        "Date,Robbery,Theft,Arson,Address\n1/14/2025,1,0,0,Elm St\n",
        "Id,Theft value,Robbery weapon,Arson cause\n1,200,knife,gas\n",
    ],
)
def test_files_with_a_row_for_each_incident_are_not_refused(tmp_path: Path, table: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(table, encoding="utf-8")
    assert column_mapping.read_sample(path).rows


@pytest.mark.parametrize(
    ("times", "zone", "expected"),
    [
        ("2026-02-0{}T00:00:00+00:00", "America/New_York", True),
        ("2026/02/0{} 00:00:00+00", "America/New_York", True),
        ("2026-02-0{}T00:00:00.000Z", "America/New_York", True),
        ("2026-02-0{}T05:00:00Z", "America/New_York", False),  # midnight in New York
        ("2026-02-0{}T00:00:00", "America/New_York", False),
        ("2026-02-0{}T00:00:00Z", "UTC", False),
    ],
)
def test_days_that_a_server_wrote_as_midnight_of_utc_are_local(times: str, zone: str, expected: bool) -> None:
    rows = [[times.format(n), "Theft", "Elm St"] for n in range(1, 7)]
    sample = Sample("a.csv", ["Occurred", "Offense", "Block"], rows)
    assert guesses.are_local_days(sample, "Occurred", zone) is expected
    assert guesses.are_local_days(sample, "", zone) is False


def test_degrees_of_three_decimals_are_no_meters() -> None:
    """39.291 is 39,291 to a reader of meters: a file in degrees was asked for its coordinate system."""
    rows = [[f"39.29{n}", f"-76.61{n}"] for n in range(5)]
    sample = Sample("a.csv", ["Lat", "Long"], rows)
    source = Source(slug="a", time_zone="America/New_York", profile="generic")
    assert not column_mapping.is_projected("Lat", sample)
    assert column_mapping.suggest_systems(sample, "Lat", "Long", source) == []
