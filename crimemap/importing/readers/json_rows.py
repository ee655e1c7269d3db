"""The rows of a JSON file as flat objects, in the shapes that portals write.

An array of objects, one object a line, an array within a larger object (the whole download of a Socrata portal, CKAN, Carto,
OData), features of GeoJSON or of Esri's JSON. Memory is bounded by MAX_OBJECT_CHARACTERS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.files import TableFile

MAX_OBJECT_CHARACTERS = 1_000_000  # also of the text before the first row
LATITUDE, LONGITUDE = "latitude", "longitude"  # columns of a feature's point, unless a property has that name
_ROW_ARRAYS = {"rows", "data", "results", "items", "value", "features", "records"}
_MEMBER = re.compile(r'[\s,]*"((?:[^"\\]|\\.)*)"\s*:\s*')
_ARRAY = re.compile(r"\[\s*(?=[\[{])")
_SPACE = re.compile(r"[\s,]*")


def read_rows(file: TableFile) -> Iterator[dict[str, str]]:
    """Yield each row's cells by column; an object without content is an empty row. Raises UnreadableFileError."""
    start, columns = _find_first_row(file)
    for number, value in enumerate(_read_values(file, start), 1):
        row = dict(zip(columns, value, strict=False)) if isinstance(value, list) and columns else value
        if not isinstance(row, dict):
            raise UnreadableFileError(
                _("%(name)s: item %(number)d is not an object. The file must be an array with one object per row.")
                % {"name": file.name, "number": number}
            )
        yield {key: _cell(value) for key, value in _flatten_feature(row).items() if key}


def _find_first_row(file: TableFile) -> tuple[int, list[str]]:
    """Return how many characters stand before the first row, and the columns where rows are arrays."""
    head = ""
    for text in file.read_text():
        head += text
        start = len(head) - len(head.lstrip())
        if head[start : start + 1] == "[":
            return start + 1, []
        if found := _find_row_array(head, start + 1):
            return found
        if len(head) > MAX_OBJECT_CHARACTERS:
            break
    return start, []


def _find_row_array(head: str, position: int) -> tuple[int, list[str]] | None:
    """Look for the array of rows among an object's members from `position` on; None as long as it has not come."""
    decode = json.JSONDecoder().raw_decode
    columns: list[str] = []
    while member := _MEMBER.match(head, position):
        position = member.end()
        if member[1] in _ROW_ARRAYS and (array := _ARRAY.match(head, position)):
            return array.end(), columns
        if member[1] == "result" and head[position : position + 1] == "{":  # CKAN's rows are a level deeper
            position += 1
            continue
        try:
            value, position = decode(head, position)
        except (ValueError, RecursionError):
            return None
        if member[1] == "meta":
            columns = _socrata_columns(value)
    return None


def _socrata_columns(meta: object) -> list[str]:
    """Return the columns of a Socrata portal's whole download; those that the portal added have an empty name."""
    try:
        columns = meta["view"]["columns"]  # type: ignore[index]
        return ["" if column.get("dataTypeName") == "meta_data" else str(column["name"]) for column in columns]
    except (KeyError, TypeError, AttributeError):
        return []


def _read_values(file: TableFile, start: int) -> Iterator[object]:
    """Yield each value of an array or of lines, from the character `start` on; ends at the array's end."""
    decode, buffer, number = json.JSONDecoder().raw_decode, "", 0
    for text in file.read_text():
        buffer += text
        if start >= len(buffer):
            start, buffer = start - len(buffer), ""
            continue
        position, start = start, 0
        while True:
            space = _SPACE.match(buffer, position)
            position = space.end() if space else position
            if position == len(buffer) or buffer[position] == "]":
                break
            try:
                value, position = decode(buffer, position)
            except (ValueError, RecursionError):
                break
            number += 1
            yield value
        buffer = buffer[position:]
        if len(buffer) > MAX_OBJECT_CHARACTERS:
            raise UnreadableFileError(
                _("%(name)s: object %(number)d is damaged or doesn't end.") % {"name": file.name, "number": number + 1}
            )
        if buffer.startswith("]"):
            return
    if buffer.strip():
        raise UnreadableFileError(
            _("%(name)s is damaged or incomplete at object %(number)d.") % {"name": file.name, "number": number + 1}
        )


def _flatten_feature(row: dict[str, object]) -> dict[str, object]:
    """Return a feature's properties with its point as latitude and longitude; any other object unchanged."""
    properties = row.get("properties", row.get("attributes"))
    if not isinstance(properties, dict) or "geometry" not in row:
        return row
    geometry = row["geometry"]
    if isinstance(geometry, dict):
        point = geometry.get("coordinates") or [geometry.get("x"), geometry.get("y")]
        if isinstance(point, list) and all(isinstance(number, (int, float)) for number in point[:2]) and len(point) > 1:
            return {
                **properties,
                LATITUDE: properties.get(LATITUDE, point[1]),
                LONGITUDE: properties.get(LONGITUDE, point[0]),
            }
    return properties


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):  # an API's point: cells.split_coordinate_pair reads it
        return json.dumps(value) if LATITUDE in value or value.get("type") == "Point" else ""
    return repr(value) if isinstance(value, (int, float)) else ""
