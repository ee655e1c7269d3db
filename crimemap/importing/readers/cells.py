"""What a cell means: text, numbers, yes and no, ids and codes, whatever a spreadsheet has made of them. Pure functions.

Each takes a cell as it stands in the file. `met` is called with the kind of each oddity, so that a report can name it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import NamedTuple

from django.utils.translation import gettext as _

from crimemap.privacy.locations import generalize_address
from crimemap.street_names import restore_capitals

NoteQuirk = Callable[[str], None]


class CellError(ValueError):
    """A cell that its row cannot do without, or a row that means nothing; the message is a sentence, `kind` a word."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


_FORMULA = re.compile(r'="?(.*?)"?', re.DOTALL)
_BLANK = {"", "-", "--", "n/a", "na", "#n/a", "null", "none", "nan", "(null)", "nat"}


def clean_text(cell: str, longest: int, met: NoteQuirk) -> str:
    """One line of printable characters, at most `longest`; never what a spreadsheet would run as a formula."""
    plain = " ".join(cell.split())
    if not plain.isprintable():
        met("control characters")
        plain = "".join(filter(str.isprintable, plain))
    if plain[:1] in ("=", "+", "-", "@", "'"):
        met("formulas")
        wrapped = _FORMULA.fullmatch(plain)
        plain = (wrapped[1] if wrapped and wrapped[1].replace(".", "").isalnum() else plain).lstrip("=+-@' ")
    if plain.casefold() in _BLANK:
        return ""
    if len(plain) > longest:
        met("texts cut")
        plain = plain[:longest].rstrip()
    return plain


# Numbers

_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([,.'\s\u00a0\u202f])\d{3})(?:\1\d{3})*")
_WHOLE = re.compile(r"(\d+)[.,](?!000$)0+")  # three zeros are a thousand
_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?[eE]\+?(\d{1,3})")


def clean_number(cell: str, met: NoteQuirk) -> str:
    """A number or code as text: without thousands separators, ".0" or exponent; what is no number stays as it is."""
    plain = clean_text(cell, 200, met)
    if plain.isalnum() and not _SCIENTIFIC.fullmatch(plain):
        return plain
    if found := _WHOLE.fullmatch(plain):
        met("numbers with .0")
        return found[1]
    if _GROUPED.fullmatch(plain):
        met("thousands separators")
        return re.sub(r"\D", "", plain)
    if found := _SCIENTIFIC.fullmatch(plain):
        digits, exponent = found[1] + (found[2] or ""), int(found[3])
        if len(digits) - 1 <= exponent < 30 and ("." in plain or "," in plain or "+" in plain):
            met("scientific numbers")
            return digits + "0" * (exponent - len(digits) + 1)
    return plain


LOST_ID = "?"  # in an id's place: the row has one, but this file no longer says which


def clean_identifier(cell: str, met: NoteQuirk) -> str:
    """The feed's id; "" when it is blank, LOST when a spreadsheet has rounded it: 2.02515E+11 is many ids at once."""
    plain = clean_number(cell, met)
    if _SCIENTIFIC.fullmatch(cell.strip()) and plain.endswith("000") and plain.isdigit():
        met("ids rounded")
        return LOST_ID
    return (plain.lstrip("0") or "0") if plain.isdigit() else plain


_SHORT = re.compile(r"(\d+)([A-Za-z]?)")


def clean_code(cell: str, width: int, met: NoteQuirk) -> str:
    """An offence code in capitals; digits (and a letter) that lost their zeros are `width` characters again."""
    plain = clean_number(cell, met).upper()
    if not width or not _SHORT.fullmatch(plain):
        return plain
    bare = plain.lstrip("0")
    padded = bare.zfill(width)
    if len(plain) < width:
        met("zeros lost")
    return padded


MAX_AREA_LENGTH = 60  # some publishers name areas: "Central Business District"


_NO_AREA = re.compile(r"\d\.\d{4}|:\d\d|/\d{4}")


def clean_area_code(cell: str, width: int, met: NoteQuirk) -> str:
    """An area's code: with `width` digits, or without leading zeros when that is 0. Too long a text is none.

    Raises CellError for coordinates and dates: the row's cells are out of place, and a point must not pass for an area.
    """
    plain = clean_number(cell, met)
    if plain.isdigit():
        plain = (plain.lstrip("0") or "0").zfill(width)
        return "" if not plain.strip("0") else plain[:MAX_AREA_LENGTH]
    if _NO_AREA.search(plain):
        raise CellError("cells-out-of-place", _("An area holds a point or a date: the row's cells are out of place."))
    if len(plain) > MAX_AREA_LENGTH:
        met("area codes too long")
        return ""
    return plain


def parse_degrees(cell: str, met: NoteQuirk) -> float | None:
    """A coordinate, with a decimal point or comma; None when there is none, or no number."""
    plain = cell.strip().replace("\u2212", "-").lstrip("'").strip('="')
    if "," in plain or plain.count(".") > 1:
        plain = _decimal(plain, met)
    try:
        number = float(plain)
    except ValueError:
        if plain and plain.casefold() not in _BLANK:
            met("coordinates not understood")
        return None
    return number if math.isfinite(number) else None


def _decimal(plain: str, met: NoteQuirk) -> str:
    """Decimal commas, and the separators that a spreadsheet put between all groups of digits: "41.809.125.265"."""
    met("decimal commas" if plain.count(",") == 1 else "thousands separators")
    first, *others = re.split(r"[.,]", plain)
    if plain.count(",") == 1 and plain.count(".") == 1:
        return re.sub(r"[.,](?=.*[.,])", "", plain).replace(",", ".")
    return f"{first}.{''.join(others)}"


# Degrees, half a millimetre: a spreadsheet keeps ten digits of a number, and a coordinate that it rounded up to half of a
# hundred-thousandth would be rounded up once more. So the original is, too.
_TIPPED = 5.5e-9


def parse_point(
    latitude: str, longitude: str, box: tuple[float, float, float, float] | None, met: NoteQuirk
) -> tuple[float, float] | None:
    """Where a row says it was; None when it does not, or the place is not in `box` (south, west, north, east)."""
    if not latitude.strip() or not longitude.strip():
        return None
    north, east = parse_degrees(latitude, met), parse_degrees(longitude, met)
    if north is None or east is None:
        return None
    south_edge, west_edge, north_edge, east_edge = box or (-90, -180, 90, 180)
    if box and (abs(north) > 180 or abs(east) > 180):
        north, east = _scaled(north, south_edge, north_edge, met), _scaled(east, west_edge, east_edge, met)
    if not north or not east or (abs(north - 36.6194) < 0.001 and abs(east + 91.6866) < 0.001):
        met("zero coordinates")  # of the state plane too: that zero lies in Missouri
        return None
    if not (south_edge <= north <= north_edge and west_edge <= east <= east_edge):
        met("points outside")
        return None
    return north + math.copysign(_TIPPED, north), east + math.copysign(_TIPPED, east)


def _scaled(number: float, least: float, most: float, met: NoteQuirk) -> float:
    """A coordinate whose decimal point a spreadsheet took for a thousands separator: 41809125265 is 41.809125265, where that
    alone lies between `least` and `most`. Where another place of the point does too, it is not known."""
    if number.is_integer():
        fitting = [told for power in range(1, 16) if least <= (told := number / float(10**power)) <= most]
        if len(fitting) == 1:
            met("decimal points lost")
            return fitting[0]
    return number


_WELL_KNOWN = re.compile(r"POINT\s*Z?\s*\(\s*(?P<east>[-+]?[\d.]+)\s+(?P<north>[-+]?[\d.]+)", re.IGNORECASE)
_GEOJSON = re.compile(r"""coordinates['"]:\s*\[\s*(?P<east>[-+]?[\d.]+),\s*(?P<north>[-+]?[\d.]+)""")
_NAMED = re.compile(
    r"""(?=.*latitude['"]:\s*['"]?(?P<north>[-+]?[\d.]+))(?=.*longitude['"]:\s*['"]?(?P<east>[-+]?[\d.]+))""", re.DOTALL
)
_IN_TURN = re.compile(r"\(?\s*(?P<north>[-+]?\d{1,2}\.\d+)[,;\s]\s*(?P<east>[-+]?\d{1,3}\.\d+)\s*\)?\s*$")


def split_coordinate_pair(cell: str) -> tuple[str, str]:
    """Latitude and longitude of one cell, as texts: "(41.8, -87.6)", perhaps after an address, "POINT (-87.6 41.8)", an
    API's object. Empty where there is no such pair."""
    for pattern in (_WELL_KNOWN, _GEOJSON, _NAMED, _IN_TURN):
        if found := pattern.search(cell):
            return found["north"], found["east"]
    return "", ""


# Yes and no

_YES = {"true", "t", "yes", "y", "1", "x", "wahr", "ja", "vrai", "oui", "verdadero", "si", "sí", "vero", "1.0", "-1"}
_NO = {"false", "f", "no", "n", "0", "falsch", "nein", "faux", "non", "falso", "0.0"} | _BLANK
_USUAL = {"true", "false"}


def parse_boolean(cell: str, met: NoteQuirk) -> bool | None:
    """Yes or no, however written; None for any other word."""
    plain = cell.strip().strip('="').casefold()
    if plain in _YES or plain in _NO:
        if cell not in _USUAL and plain not in _BLANK:
            met("yes and no in other words")
        return plain in _YES
    return None


def parse_domestic(cell: str, pattern: str, met: NoteQuirk) -> bool:
    """Whether a column says so: by a regular expression, or by yes and no. A word that is neither counts as yes."""
    if pattern:
        return re.search(pattern, cell, re.IGNORECASE) is not None
    said = parse_boolean(cell, met)
    if said is None:
        met("domestic in other words")
    return said is not False


# Blocks

# "2300 BLOCK", "1300 - 1399 BLOCK OF", "32XX BLOCK OF"
_SAID = re.compile(r"^(\d+)(X{2})?(?:\s*-\s*\d+)?[\s-]+(?:BLOCK|BLK)(?:\s+OF)?\s+", re.IGNORECASE)
_NOWHERE = {"no location", "unknown", "offset to protect privacy", "not available", "redacted"}
_PARTS = re.compile(r"(\d+) block of (.+)")


def clean_block(cell: str, met: NoteQuirk) -> str:
    """ "004XX W 24TH PL", "4500 BLOCK CASTOR AV", "412 Arden St": the "400 block of W 24th Pl", never a house. "" for nowhere,
    and for a point, which must not pass for a name."""
    plain = clean_text(cell, 200, met)
    if not plain or plain.casefold() in _NOWHERE:
        return ""
    if split_coordinate_pair(plain)[0]:
        met("points in place of blocks")
        return ""
    named = generalize_address(_SAID.sub(lambda said: f"{said[1]}{'00' if said[2] else ''} block of ", plain))
    found = _PARTS.fullmatch(named)
    return (f"{found[1]} block of {restore_capitals(found[2])}" if found else restore_capitals(named))[:120]


class BlockName(NamedTuple):
    hundred: int
    street: str


def split_block_name(name: str) -> BlockName | None:
    """Split "400 block of Arden St"; None for other places."""
    match = _PARTS.fullmatch(name)
    return BlockName(int(match[1]), match[2]) if match and len(match[1]) < 9 else None
