"""Cleans and parses single cells: text, numbers, yes and no, ids, codes, points and blocks. Pure functions.

Each takes a cell as the file has it, with all that a spreadsheet may have done to it, and calls `note_quirk` with the kind of
each oddity, for the import's report.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Collection
from typing import NamedTuple

from django.utils.translation import gettext as _

from crimemap.privacy import public_words
from crimemap.privacy.known_streets import build_label
from crimemap.street_names import restore_capitals

NoteQuirk = Callable[[str], None]


class CellError(ValueError):
    """A cell makes its row useless. The message is a sentence; `kind` is a word to count such rows by."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


_FORMULA = re.compile(r'="?(.*?)"?', re.DOTALL)
_BLANK = {"", "-", "--", "n/a", "na", "#n/a", "null", "none", "nan", "(null)", "nat"}


def is_blank(cell: str) -> bool:
    """Return whether a cell is empty, or has a word that databases and spreadsheets write for no value: NULL, N/A, "-"."""
    return cell.strip().casefold() in _BLANK


def clean_text(cell: str, max_length: int, note_quirk: NoteQuirk) -> str:
    """Return one line of printable characters, at most `max_length`; never a formula that a spreadsheet would run."""
    cleaned = " ".join(cell.split())
    if not cleaned.isprintable():
        note_quirk("control characters")
        cleaned = " ".join("".join(map(_replace_unprintable, cleaned)).split())
    if cleaned[:1] in ("=", "+", "-", "@", "'"):
        note_quirk("formulas")
        wrapped = _FORMULA.fullmatch(cleaned)
        cleaned = (wrapped[1] if wrapped and wrapped[1].replace(".", "").isalnum() else cleaned).lstrip("=+-@' ")
    if cleaned.casefold() in _BLANK:
        return ""
    if len(cleaned) > max_length:
        note_quirk("texts cut")
        cleaned = cleaned[:max_length].rstrip()
    return cleaned


def _replace_unprintable(character: str) -> str:
    """Return a printable character, a space for a control, so that no two words become one, and nothing for what is invisible."""
    if character.isprintable():
        return character
    return "" if unicodedata.category(character) == "Cf" else " "


# Numbers

_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([,.'\s\u00a0\u202f])\d{3})(?:\1\d{3})*")
_WHOLE = re.compile(r"(\d+)[.,](?!000$)0+")  # three zeros are a thousand
_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?[eE]\+?(\d{1,3})")


def clean_number(cell: str, note_quirk: NoteQuirk) -> str:
    """Return a number or code without thousands separators, ".0" or exponent; other text unchanged."""
    cleaned = clean_text(cell, 200, note_quirk)
    if cleaned.isalnum() and not _SCIENTIFIC.fullmatch(cleaned):
        return cleaned
    if match := _WHOLE.fullmatch(cleaned):
        note_quirk("numbers with .0")
        return match[1]
    if _GROUPED.fullmatch(cleaned):
        note_quirk("thousands separators")
        return re.sub(r"\D", "", cleaned)
    if match := _SCIENTIFIC.fullmatch(cleaned):
        digits, exponent = match[1] + (match[2] or ""), int(match[3])
        if len(digits) - 1 <= exponent < 30 and ("." in cleaned or "," in cleaned or "+" in cleaned):
            note_quirk("scientific numbers")
            return digits + "0" * (exponent - len(digits) + 1)
    return cleaned


LOST_ID = "?"  # in place of an id that this file has lost


def clean_identifier(cell: str, note_quirk: NoteQuirk) -> str:
    """Return the feed's id; "" for blank, LOST_ID if a spreadsheet has rounded it: 2.02515E+11 stands for many ids."""
    cleaned = clean_number(cell, note_quirk)
    if _SCIENTIFIC.fullmatch(cell.strip()) and cleaned.endswith("000") and cleaned.isdigit():
        note_quirk("ids rounded")
        return LOST_ID
    return (cleaned.lstrip("0") or "0") if cleaned.isdigit() else cleaned


_DIGITS_AND_LETTER = re.compile(r"(\d+)([A-Za-z]?)")


def clean_code(cell: str, width: int, note_quirk: NoteQuirk) -> str:
    """Return an offense code in capitals; digits (and a letter) are padded with the zeros they lost, to `width`."""
    cleaned = clean_number(cell, note_quirk).upper()
    if not width or not _DIGITS_AND_LETTER.fullmatch(cleaned):
        return cleaned
    bare = cleaned.lstrip("0")
    padded = bare.zfill(width)
    if len(cleaned) < width:
        note_quirk("zeros lost")
    return padded


MAX_AREA_LENGTH = 60  # some publishers name areas: "Central Business District"
_POINT_OR_DATE = re.compile(r"\d\.\d{4}|:\d\d|/\d{4}")


def clean_area_code(cell: str, width: int, note_quirk: NoteQuirk) -> str:
    """Return an area's code with `width` digits, or without leading zeros if that is 0; "" for too long or personal a text.

    Raises CellError for coordinates and dates: the row's cells are shifted, and a point must not pass for an area.
    """
    cleaned = clean_number(cell, note_quirk)
    if _POINT_OR_DATE.search(cleaned):
        raise CellError(
            "cells-out-of-place", _("An area contains a point or a date, so the row's cells are in the wrong columns.")
        )
    if public_words.is_personal(cleaned):
        note_quirk("free text in areas")
        return ""
    if cleaned.isdigit():
        cleaned = (cleaned.lstrip("0") or "0").zfill(width)
        return "" if not cleaned.strip("0") else cleaned[:MAX_AREA_LENGTH]
    if len(cleaned) > MAX_AREA_LENGTH:
        note_quirk("area codes too long")
        return ""
    return cleaned


_SPACED_GROUPS = re.compile(r"(?<=\d)['\u2019\s](?=\d{3}(?!\d))")  # 2'683'141.5, 5 934 123,5
# 41°52'41.2"N, 41 52.69 N, W 087.6298, 87.63° O: "O" is west in Spanish, Portuguese, French and Italian.
_SEXAGESIMAL = re.compile(
    r"(?P<before>[NSEWO])?\s*(?P<sign>[+-])?(?P<degrees>\d{1,3}(?:[.,]\d+)?)\s*(?P<mark>[°\u00bad])?"
    r"(?:\s*(?P<minutes>\d{1,2}(?:[.,]\d+)?)\s*['\u2019\u2032m]?"
    r"(?:\s*(?P<seconds>\d{1,2}(?:[.,]\d+)?)\s*(?:[\"\u201d\u2033s]|''|\u2019\u2019)?)?)?\s*(?P<behind>[NSEWO])?",
    re.IGNORECASE,
)


def parse_degrees(cell: str, note_quirk: NoteQuirk) -> float | None:
    """Return a coordinate written with a decimal point or comma, or in degrees and minutes; None for blanks and text."""
    cleaned = cell.strip().replace("\u2212", "-").lstrip("'").strip('="')
    try:
        number: float | None = float(cleaned)
    except ValueError:
        number = _parse_unusual_degrees(cleaned, note_quirk)
    return number if number is not None and math.isfinite(number) else None


def _parse_unusual_degrees(cleaned: str, note_quirk: NoteQuirk) -> float | None:
    """Return a coordinate in degrees and minutes, with a decimal comma or with groups of digits; None for blanks and text."""
    degrees = _parse_sexagesimal(cleaned)
    if degrees is not None:
        note_quirk("coordinates in degrees and minutes")
        return degrees
    cleaned = _SPACED_GROUPS.sub("", cleaned)
    if "," in cleaned or cleaned.count(".") > 1:
        cleaned = _normalize_decimal(cleaned, note_quirk)
    try:
        return float(cleaned)
    except ValueError:
        if cleaned and cleaned.casefold() not in _BLANK:
            note_quirk("coordinates not understood")
        return None


def _parse_sexagesimal(text: str) -> float | None:
    """Return a coordinate that has a degree sign or the letter of its hemisphere; None for other texts."""
    match = _SEXAGESIMAL.fullmatch(text)
    letter = ((match["before"] or match["behind"] or "") if match else "").upper()
    if match is None or not (letter or match["mark"]):
        return None
    degrees, minutes, seconds = (
        float((match[name] or "0").replace(",", ".")) for name in ("degrees", "minutes", "seconds")
    )
    is_negative = match["sign"] == "-" or letter in {"S", "W", "O"}
    return (
        (degrees + minutes / 60 + seconds / 3600) * (-1 if is_negative else 1) if max(minutes, seconds) < 60 else None
    )


_GROUPED_DECIMAL = re.compile(r"[+-]?\d{1,3}(?:(?:\.\d{3}){2,},\d+|(?:,\d{3}){2,}\.\d+)")


def _normalize_decimal(cleaned: str, note_quirk: NoteQuirk) -> str:
    """Mend decimal commas, and separators that a spreadsheet put between groups of digits: "41.809.125.265"."""
    if _GROUPED_DECIMAL.fullmatch(cleaned):  # 4.474.156,21
        note_quirk("thousands separators")
        return re.sub(r"[.,](?=.*[.,])", "", cleaned).replace(",", ".")
    note_quirk("decimal commas" if cleaned.count(",") == 1 else "thousands separators")
    first, *others = re.split(r"[.,]", cleaned)
    if cleaned.count(",") == 1 and cleaned.count(".") == 1:
        return re.sub(r"[.,](?=.*[.,])", "", cleaned).replace(",", ".")
    return f"{first}.{''.join(others)}"


# Degrees, half a millimeter, added to every coordinate. A spreadsheet keeps ten digits of a number; one that it rounded up to
# half of a hundred-thousandth would be rounded up once more, so that the spreadsheet's copy of a file would differ.
_ROUNDING_SHIFT = 5.5e-9


def parse_coordinates(
    latitude: str, longitude: str, box: tuple[float, float, float, float] | None, note_quirk: NoteQuirk
) -> tuple[float, float] | None:
    """Return the two numbers of a row's point; None for blanks and text. `box`: south, west, north, east in degrees."""
    if not latitude.strip() or not longitude.strip():
        return None
    north, east = parse_degrees(latitude, note_quirk), parse_degrees(longitude, note_quirk)
    if north is None or east is None:
        return None
    if box and (abs(north) > 180 or abs(east) > 180):
        south_edge, west_edge, north_edge, east_edge = box
        north, east = (
            _restore_decimal_point(north, south_edge, north_edge, note_quirk),
            _restore_decimal_point(east, west_edge, east_edge, note_quirk),
        )
    return north, east


def parse_meters(cell: str, note_quirk: NoteQuirk) -> float | None:
    """Return a coordinate of a projected system, where three digits behind a comma are a thousand; None for blanks and text."""
    text = cell.strip().replace("\u2212", "-")
    meters = parse_degrees(clean_number(text.removeprefix("-"), note_quirk), note_quirk)  # no formula: its sign stays
    return -meters if meters is not None and text.startswith("-") else meters


def is_zero(latitude: float, longitude: float) -> bool:
    """Return whether a point is the zero of degrees, or that of Illinois' state plane, which lies in Missouri."""
    return not latitude or not longitude or (abs(latitude - 36.6194) < 0.001 and abs(longitude + 91.6866) < 0.001)


def shift_point(latitude: float, longitude: float) -> tuple[float, float]:
    """Return a point half a millimeter further from zero, so that a spreadsheet's rounding does not round it once more."""
    return latitude + math.copysign(_ROUNDING_SHIFT, latitude), longitude + math.copysign(_ROUNDING_SHIFT, longitude)


def _restore_decimal_point(number: float, lowest: float, highest: float, note_quirk: NoteQuirk) -> float:
    """Restore a decimal point that a spreadsheet took for a thousands separator: 41809125265 is 41.809125265.

    Return the number unchanged unless exactly one place of the point puts it between `lowest` and `highest`.
    """
    if number.is_integer():
        scaled = (number / float(10**power) for power in range(1, 16))
        fitting = [candidate for candidate in scaled if lowest <= candidate <= highest]
        if len(fitting) == 1:
            note_quirk("decimal points lost")
            return fitting[0]
    return number


_WELL_KNOWN = re.compile(r"POINT\s*Z?\s*\(\s*(?P<east>[-+]?[\d.]+)\s+(?P<north>[-+]?[\d.]+)", re.IGNORECASE)
_GEOJSON = re.compile(r"""coordinates['"]:\s*\[\s*(?P<east>[-+]?[\d.]+),\s*(?P<north>[-+]?[\d.]+)""")
_OBJECT = re.compile(
    r"""(?=.*latitude['"]:\s*['"]?(?P<north>[-+]?[\d.]+))(?=.*longitude['"]:\s*['"]?(?P<east>[-+]?[\d.]+))""", re.DOTALL
)
_TWO_NUMBERS = re.compile(r"\(?\s*(?<![\d.])(?P<north>[-+]?\d{1,3}\.\d+)[,;\s]\s*(?P<east>[-+]?\d{1,3}\.\d+)\s*\)?\s*$")
_TWO_COMMA_NUMBERS = re.compile(
    r"\(?\s*(?P<north>[-+]?\d{1,3},\d{2,})(?:\s*;\s*|,?\s+)(?P<east>[-+]?\d{1,3},\d{2,})\s*\)?"
)
_TWO_WITH_LETTERS = re.compile(
    r"(?P<north>\d{1,2}[.,]?\d*\s*°[^A-Z]*[NS])[\s,;/]+(?P<east>\d{1,3}[.,]?\d*\s*°[^A-Z]*[EWO])", re.IGNORECASE
)
# No city lies further south or north. Of a pair in the other order most longitudes are outside, so that it is turned.
_LEAST_LATITUDE, _LARGEST_LATITUDE = -56.0, 79.0


def split_coordinate_pair(cell: str) -> tuple[str, str]:
    """Return latitude and longitude from one cell, as texts; empty if it holds no such pair.

    "(41.8, -87.6)", perhaps after an address; "POINT (-87.6 41.8)"; the object of an API.
    """
    for pattern in (_WELL_KNOWN, _GEOJSON, _OBJECT):
        if match := pattern.search(cell):
            return match["north"], match["east"]
    if match := _TWO_NUMBERS.search(cell):
        return _turn_pair(match["north"], match["east"])
    if match := _TWO_WITH_LETTERS.search(cell) or _TWO_COMMA_NUMBERS.fullmatch(cell.strip()):
        return match["north"], match["east"]
    return "", ""


def _turn_pair(first: str, second: str) -> tuple[str, str]:
    """Return a pair with the latitude first: no city is so far south or north as the first number of "(-87.6, 41.8)"."""
    is_turned = not _LEAST_LATITUDE <= float(first) <= _LARGEST_LATITUDE
    return (second, first) if is_turned and _LEAST_LATITUDE <= float(second) <= _LARGEST_LATITUDE else (first, second)


# Yes and no

_ENGLISH_YES, _ENGLISH_NO = {"true", "t", "yes", "y", "1", "1.0"}, {"false", "f", "no", "n", "0", "0.0"}
# In Spanish, Portuguese, French, German and Italian, in words and as letters: S/N, O/N, J/N, V/F.
_YES = _ENGLISH_YES | {
    "si", "sí", "sì", "s", "sim", "oui", "o", "ja", "j", "verdadero", "verdadeiro", "vrai", "vero", "v", "wahr", "w", "x", "-1",
}  # fmt: skip
_NO = _ENGLISH_NO | {"não", "nao", "non", "nein", "falso", "faux", "falsch"} | _BLANK


def parse_boolean(cell: str, note_quirk: NoteQuirk) -> bool | None:
    """Return yes or no, however written; None for any other word."""
    cleaned = unicodedata.normalize("NFC", cell.strip().strip('="').casefold())
    if cleaned not in _YES and cleaned not in _NO:
        return None
    if cleaned not in _ENGLISH_YES | _ENGLISH_NO | _BLANK:
        note_quirk("yes and no in another language")
    return cleaned in _YES


def parse_domestic(cell: str, pattern: str, note_quirk: NoteQuirk) -> bool:
    """Return whether a cell marks a domestic incident, by a regular expression or by yes and no; other words count as yes."""
    if pattern:
        return re.search(pattern, cell, re.IGNORECASE) is not None
    flag = parse_boolean(cell, note_quirk)
    if flag is None:
        note_quirk("domestic in other words")
    return flag is not False


# Blocks

_NOWHERE = {"no location", "unknown", "offset to protect privacy", "not available", "redacted"}
_BLOCK_NAME = re.compile(r"(\d+) block of (.+)")


def is_nowhere(cell: str) -> bool:
    """Return whether a cell of places is blank, or says that there is none."""
    return cell.strip().casefold() in _BLANK | _NOWHERE


def clean_block(cell: str, note_quirk: NoteQuirk, streets: Collection[str] = ()) -> str:
    """Return a place as its block, never a house: "004XX W 24TH PL" and "412 W 24th Pl" are the "400 block of W 24th Pl".

    streets: those of the agency's own layers. "" if no street is recognized in the cell, or if it holds a point: that must not pass for a name.
    """
    cleaned = clean_text(cell, 200, note_quirk)
    if not cleaned or cleaned.casefold() in _NOWHERE:
        return ""
    if split_coordinate_pair(cleaned)[0]:
        note_quirk("points in place of blocks")
        return ""
    name = build_label(cleaned, streets)
    if not name:
        note_quirk("places without a known street")
    match = _BLOCK_NAME.fullmatch(name)
    return (f"{match[1]} block of {restore_capitals(match[2])}" if match else restore_capitals(name))[:120]


class BlockName(NamedTuple):
    hundred: int
    street: str


def split_block_name(name: str) -> BlockName | None:
    """Split "400 block of Arden St"; None for other places."""
    match = _BLOCK_NAME.fullmatch(name)
    return BlockName(int(match[1]), match[2]) if match and len(match[1]) < 9 else None
