"""Made-up exports of agencies, and the same as spreadsheets and export tools would write them."""

from __future__ import annotations

import csv
import datetime as dt
import decimal
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Row = dict[str, str]

CHICAGO = (
    "ID", "Case Number", "Date", "Block", "IUCR", "Primary Type", "Description", "Location Description", "Arrest",
    "Domestic", "Beat", "District", "Ward", "Community Area", "FBI Code", "X Coordinate", "Y Coordinate", "Year",
    "Updated On", "Latitude", "Longitude", "Location",
)  # fmt: skip
# Code, type, description, how many in a hundred: the most common of Chicago's codes.
OFFENCES = (
    ("0486", "BATTERY", "DOMESTIC BATTERY SIMPLE", 11), ("0460", "BATTERY", "SIMPLE", 7),
    ("0560", "ASSAULT", "SIMPLE", 7), ("051A", "ASSAULT", "AGGRAVATED - HANDGUN", 3),
    ("0820", "THEFT", "$500 AND UNDER", 10), ("0810", "THEFT", "OVER $500", 9), ("0860", "THEFT", "RETAIL THEFT", 7),
    ("1310", "CRIMINAL DAMAGE", "TO PROPERTY", 7), ("1320", "CRIMINAL DAMAGE", "TO VEHICLE", 6),
    ("0910", "MOTOR VEHICLE THEFT", "AUTOMOBILE", 8), ("0610", "BURGLARY", "FORCIBLE ENTRY", 4),
    ("031A", "ROBBERY", "ARMED - HANDGUN", 3), ("2820", "OTHER OFFENSE", "TELEPHONE THREAT", 3),
    ("143A", "WEAPONS VIOLATION", "UNLAWFUL POSSESSION - HANDGUN", 3),
    ("1153", "DECEPTIVE PRACTICE", "FINANCIAL IDENTITY THEFT OVER $ 300", 4),
    ("1811", "NARCOTICS", "POSSESS - CANNABIS 30 GRAMS OR LESS", 3), ("1330", "CRIMINAL TRESPASS", "TO LAND", 3),
    ("0281", "CRIMINAL SEXUAL ASSAULT", "NON-AGGRAVATED", 1), ("0110", "HOMICIDE", "FIRST DEGREE MURDER", 1),
)  # fmt: skip
PREMISES = (
    "STREET",
    "APARTMENT",
    "RESIDENCE",
    "SIDEWALK",
    "SMALL RETAIL STORE",
    "PARKING LOT / GARAGE (NON RESIDENTIAL)",
)
STREETS = ("W 47TH ST", "S KEDZIE AVE", "S CLAREMONT AVE", "N ASHLAND AVE", "W MADISON ST", "E 105TH PL", "N BROADWAY")


def chicago(count: int, *, days: int = 365, places: int = 156_600, seed: int = 1) -> Iterator[list[str]]:
    """So many rows as Chicago's portal writes them, by time over `days` from 2001 on, on at most `places` blocks.

    Deterministic: the first rows are the same however many are asked for over the same density.
    """
    dice = random.Random(seed)
    offences = [offence for offence in OFFENCES for _ in range(offence[3])]
    step = days * 86_400 / count
    begin = dt.datetime(2001, 1, 1)  # noqa: DTZ001  (the city's own clock)
    for number in range(count):
        at = begin + dt.timedelta(seconds=(number + dice.random()) * step)
        place = int(dice.random() * places)
        code, kind, description, _ = offences[int(dice.random() * len(offences))]
        x, y = str(1_140_000 + place % 397 * 130), str(1_820_000 + place // 397 * 290)
        latitude = f"{41.65 + place // 397 * 0.00093:.6f}347"
        longitude = f"{-87.9 + place % 397 * 0.00091:.6f}512"
        lost = dice.random() < 0.02
        beat = f"{place % 25 + 1:02}{place % 3 + 1}{place % 4 + 1}"
        yield [
            str(10_000_000 + number), f"JA{number:06}", at.strftime("%m/%d/%Y %I:%M:00 %p"),
            f"{place % 90 + 1:03}XX {STREETS[place % len(STREETS)]}", code, kind, description,
            PREMISES[place % len(PREMISES)], "true" if dice.random() < 0.2 else "false",
            "true" if code == "0486" else "false", beat, f"0{beat[:2]}", str(place % 50 + 1), str(place % 77 + 1), "08B",
            "" if lost else x, "" if lost else y, str(at.year), "05/17/2025 03:40:52 PM",
            "" if lost else latitude, "" if lost else longitude, "" if lost else f"({latitude}, {longitude})",
        ]  # fmt: skip


def rows_of(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def text_of(rows: Iterable[Row], header: Iterable[str], delimiter: str = ",", line_end: str = "\r\n") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(header), delimiter=delimiter, lineterminator=line_end, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


# Changes that a spreadsheet makes to rows of the Chicago kind. Each function takes rows and returns a file's bytes.


def _moment(text: str) -> dt.datetime:
    return dt.datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p")  # noqa: DTZ007


def changed(rows: Iterable[Row], **columns: Callable[[str], str]) -> list[Row]:
    """`Location_Description=str.lower` changes that column of every row; blanks stay blank."""
    by_name = {name.replace("_", " "): change for name, change in columns.items()}
    return [{k: by_name[k](v) if k in by_name and v else v for k, v in row.items()} for row in rows]


def dated(rows: Iterable[Row], pattern: Callable[[dt.datetime], str]) -> list[Row]:
    return changed(rows, Date=lambda text: pattern(_moment(text)), Updated_On=lambda text: pattern(_moment(text)))


def _serial(moment: dt.datetime) -> str:
    span = moment - dt.datetime(1899, 12, 30)  # noqa: DTZ001
    return f"{span / dt.timedelta(days=1):.9f}"


def _short(moment: dt.datetime) -> str:
    return f"{moment.month}/{moment.day}/{moment:%y} {moment.hour}:{moment:%M}"


def _zeros(text: str) -> str:
    return text.lstrip("0") or "0"


def _comma(text: str) -> str:
    return text.replace(".", ",")


def _thousands(text: str) -> str:
    return f"{int(text):,}"


def american(rows: list[Row]) -> bytes:
    """Opened and saved by an American Excel."""
    mangled = changed(
        dated(rows, _short), IUCR=_zeros, Beat=_zeros, District=_zeros, Arrest=str.upper, Domestic=str.upper,
        ID=lambda text: f"{text}.0",
    )  # fmt: skip
    return ("\ufeff" + text_of(mangled, CHICAGO)).encode()


def german(rows: list[Row]) -> bytes:
    """Opened and saved by a German Excel: semicolons, decimal commas, days first, Windows-1252."""
    mangled = changed(
        dated(rows, lambda moment: f"{moment:%d.%m.%Y %H:%M}"), Latitude=_comma, Longitude=_comma, IUCR=_zeros,
        Arrest={"true": "WAHR", "false": "FALSCH"}.__getitem__, Domestic={"true": "WAHR", "false": "FALSCH"}.__getitem__,
    )  # fmt: skip
    return text_of(mangled, CHICAGO, ";").encode("cp1252")


def british(rows: list[Row]) -> bytes:
    """Days first with slashes: only the whole file shows the order."""
    return text_of(dated(rows, lambda moment: f"{moment:%d/%m/%Y %H:%M}"), CHICAGO).encode()


def unicode_text(rows: list[Row]) -> bytes:
    """Excel's "Unicode text": UTF-16 with tabs."""
    return text_of(dated(rows, lambda moment: f"{moment:%Y-%m-%d %H:%M:%S}"), CHICAGO, "\t").encode("utf-16")


def serial(rows: list[Row]) -> bytes:
    """Dates left as the numbers they are to a spreadsheet, ids with thousands separators."""
    return text_of(changed(dated(rows, _serial), ID=_thousands, X_Coordinate=_thousands), CHICAGO).encode()


def booleans(rows: list[Row]) -> bytes:
    """Yes and No, 1 and 0, and a header edited by hand."""
    mangled = changed(
        rows, Arrest={"true": "1", "false": "0"}.__getitem__, Domestic={"true": "Yes", "false": "No"}.__getitem__
    )
    head, _, rest = text_of(mangled, CHICAGO).partition("\r\n")
    return f"{head.upper().replace(',', ' , ')}\r\n{rest}".encode()


def padded(rows: list[Row]) -> bytes:
    """Empty columns and rows at the end, the header again in the middle, a line with the total."""
    lines = text_of(rows, CHICAGO).splitlines()
    middle = len(lines) // 2
    lines[middle:middle] = [lines[0]]
    lines = [f"{line},,," for line in lines]
    empty = "," * 24
    return "\r\n".join([*lines, empty, empty, f"Total,{len(rows)}" + "," * 23, empty, ""]).encode()


def quoted_newlines(rows: list[Row]) -> bytes:
    """A line break in a cell of every row, and formulas that keep zeros."""
    mangled = changed(rows, IUCR='="{}"'.format, Location=lambda text: text.replace(" ", "\n"))
    return text_of(mangled, CHICAGO, line_end="\n").encode()


def api_json(rows: list[Row]) -> bytes:
    """The same rows as the API writes them."""
    return json.dumps([_api(row) for row in rows]).encode()


def api_lines(rows: list[Row]) -> bytes:
    return "\n".join(json.dumps(_api(row)) for row in rows).encode()


def api_csv(rows: list[Row]) -> bytes:
    listed = [{k: str(v) for k, v in _api(row).items()} for row in rows]
    names = [name.lower().replace(" ", "_") for name in CHICAGO]
    return text_of(listed, [":@computed_region_awaf_s7ux", *names]).encode()


def whole_download(rows: list[Row]) -> bytes:
    """The JSON export of a Socrata portal: a description of the columns, then rows that are arrays."""
    own = [{"name": name, "dataTypeName": "meta_data"} for name in ("sid", "id", "position")]
    columns = [*own, *({"name": name, "dataTypeName": "text"} for name in CHICAGO)]
    data = [["row-1", f"{n:08}", n, *(row[name] or None for name in CHICAGO)] for n, row in enumerate(rows)]
    return json.dumps({"meta": {"view": {"id": "ijzp-q8t2", "columns": columns}}, "data": data}, indent=1).encode()


def geojson(rows: list[Row]) -> bytes:
    """Features whose point is in their geometry alone."""
    return json.dumps({"type": "FeatureCollection", "features": [_feature(row) for row in rows]}).encode()


def esri_json(rows: list[Row]) -> bytes:
    """Attributes and a geometry, after a description of the fields."""
    features = []
    for feature in map(_feature, rows):
        place = feature["geometry"] and dict(zip("xy", feature["geometry"]["coordinates"], strict=True))
        features.append({"attributes": feature["properties"], "geometry": place})
    return json.dumps({"fields": [{"name": "ID"}], "exceededTransferLimit": False, "features": features}).encode()


def ckan_json(rows: list[Row]) -> bytes:
    result = {"fields": [{"id": "ID"}], "records": [_api(row) for row in rows], "total": len(rows)}
    return json.dumps({"help": "?", "success": True, "result": result}).encode()


def one_column_of_points(rows: list[Row]) -> bytes:
    return text_of(rows, [name for name in CHICAGO if name not in ("Latitude", "Longitude")]).encode()


def well_known_text(rows: list[Row]) -> bytes:
    result = [row | {"Location": row["Latitude"] and f"POINT ({row['Longitude']} {row['Latitude']})"} for row in rows]
    return one_column_of_points(result)


def points_lost(rows: list[Row]) -> bytes:
    """A German Excel takes the points of an American file for thousands separators and drops them."""
    bare: Callable[[str], str] = lambda text: text.replace(".", "")  # noqa: E731
    return text_of(changed(rows, Latitude=bare, Longitude=bare), CHICAGO, ";").encode()


def ten_digits(rows: list[Row]) -> bytes:
    """Return a number with the digits that Excel shows."""
    return text_of(changed(rows, Latitude=_ten, Longitude=_ten), CHICAGO).encode()


def _ten(text: str) -> str:
    return str(round(decimal.Decimal(text), 8))


def _feature(row: Row) -> dict[str, Any]:
    result = {name: value for name, value in row.items() if name not in ("Latitude", "Longitude", "Location")}
    place = (
        {"type": "Point", "coordinates": [float(row["Longitude"]), float(row["Latitude"])]} if row["Latitude"] else None
    )
    return {"type": "Feature", "properties": result, "geometry": place}


def _api(row: Row) -> dict[str, object]:
    """Blanks are left out, as the API does."""
    moment: Callable[[str], str] = lambda text: f"{_moment(text).isoformat()}.000"  # noqa: E731
    result: dict[str, object] = {k.lower().replace(" ", "_"): v for k, v in row.items() if v}
    result |= {"date": moment(row["Date"]), "updated_on": moment(row["Updated On"])}
    result |= {"arrest": row["Arrest"] == "true", "domestic": row["Domestic"] == "true"}
    if row["Latitude"]:
        result["location"] = {"latitude": row["Latitude"], "longitude": row["Longitude"], "human_address": "{}"}
    return result


MANGLED: dict[str, Callable[[list[Row]], bytes]] = {
    function.__name__: function
    for function in (
        american, german, british, unicode_text, serial, booleans, padded, quoted_newlines, api_json, api_lines, api_csv,
        whole_download, geojson, esri_json, ckan_json, one_column_of_points, well_known_text, points_lost, ten_digits,
    )
}  # fmt: skip


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()
