"""The rows of a JSON file as flat objects, in the shapes that portals write.

An array of objects, one object a line, an array within an object that says more (the whole download of a Socrata portal, CKAN,
Carto, OData), features of GeoJSON or of Esri's JSON. Memory is bounded by MOST_CHARACTERS an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from crimemap.importing.readers.files import TableFile, UnreadableFileError

MOST_CHARACTERS = 1_000_000  # of an object, and of what stands before the first row
LATITUDE, LONGITUDE = "latitude", "longitude"  # what a feature's point is called, unless a property is called so
_ROWS = {"rows", "data", "results", "items", "value", "features", "records"}
_MEMBER = re.compile(r'[\s,]*"((?:[^"\\]|\\.)*)"\s*:\s*')
_ARRAY = re.compile(r"\[\s*(?=[\[{])")
_SPACE = re.compile(r"[\s,]*")


def read_rows(part: TableFile) -> Iterator[dict[str, str]]:
    """Each row's cells by column, as texts; an object without content is an empty one. Raises UnreadableError."""
    opening, columns = _opening(part)
    for number, value in enumerate(_values(part, opening), 1):
        found = dict(zip(columns, value, strict=False)) if isinstance(value, list) and columns else value
        if not isinstance(found, dict):
            raise UnreadableFileError(
                _("%(name)s: number %(number)d is no object. An array of objects is needed, one a row.")
                % {"name": part.name, "number": number}
            )
        yield {key: _cell(value) for key, value in _flat(found).items() if key}


def _opening(part: TableFile) -> tuple[int, list[str]]:
    """How many characters stand before the first row, and the columns where rows are arrays."""
    head = ""
    for text in part.texts():
        head += text
        start = len(head) - len(head.lstrip())
        if head[start : start + 1] == "[":
            return start + 1, []
        if found := _inside(head, start + 1):
            return found
        if len(head) > MOST_CHARACTERS:
            break
    return start, []


def _inside(head: str, at: int) -> tuple[int, list[str]] | None:
    """The same of an object that holds the rows, by its members from `at` on; None as long as it shows none."""
    decode = json.JSONDecoder().raw_decode
    columns: list[str] = []
    while member := _MEMBER.match(head, at):
        at = member.end()
        if member[1] in _ROWS and (array := _ARRAY.match(head, at)):
            return array.end(), columns
        if member[1] == "result" and head[at : at + 1] == "{":  # CKAN's rows are a level deeper
            at += 1
            continue
        try:
            value, at = decode(head, at)
        except (ValueError, RecursionError):
            return None
        if member[1] == "meta":
            columns = _columns(value)
    return None


def _columns(meta: object) -> list[str]:
    """Of a Socrata portal's whole download; what the portal itself added has no name here."""
    try:
        told = meta["view"]["columns"]  # type: ignore[index]
        return ["" if column.get("dataTypeName") == "meta_data" else str(column["name"]) for column in told]
    except (KeyError, TypeError, AttributeError):
        return []


def _values(part: TableFile, opening: int) -> Iterator[object]:
    """Each value of an array or of lines, from the first that follows `opening`; ends at the array's end."""
    decode, buffer, number = json.JSONDecoder().raw_decode, "", 0
    for text in part.texts():
        buffer += text
        if opening >= len(buffer):
            opening, buffer = opening - len(buffer), ""
            continue
        at, opening = opening, 0
        while True:
            between = _SPACE.match(buffer, at)
            at = between.end() if between else at
            if at == len(buffer) or buffer[at] == "]":
                break
            try:
                found, at = decode(buffer, at)
            except (ValueError, RecursionError):
                break
            number += 1
            yield found
        buffer = buffer[at:]
        if len(buffer) > MOST_CHARACTERS:
            raise UnreadableFileError(
                _("%(name)s: object %(number)d does not end or is broken.") % {"name": part.name, "number": number + 1}
            )
        if buffer.startswith("]"):
            return
    if buffer.strip():
        raise UnreadableFileError(
            _("%(name)s is broken or cut short at object %(number)d.") % {"name": part.name, "number": number + 1}
        )


def _flat(found: dict[str, object]) -> dict[str, object]:
    """A feature's properties, and its point as latitude and longitude; any other object as it is."""
    told = found.get("properties", found.get("attributes"))
    if not isinstance(told, dict) or "geometry" not in found:
        return found
    shape = found["geometry"]
    if isinstance(shape, dict):
        place = shape.get("coordinates") or [shape.get("x"), shape.get("y")]
        if isinstance(place, list) and all(isinstance(number, (int, float)) for number in place[:2]) and len(place) > 1:
            return {**told, LATITUDE: told.get(LATITUDE, place[1]), LONGITUDE: told.get(LONGITUDE, place[0])}
    return told


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):  # an API's point (values.pair)
        return json.dumps(value) if LATITUDE in value or value.get("type") == "Point" else ""
    return repr(value) if isinstance(value, (int, float)) else ""
