"""Guesses the role of each column of a sample, and says how certain each guess is.

The name of a column is evidence, and so are its cells: a guess is sure if both agree. What only one of them says is to be
checked by a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from crimemap.importing import column_mapping
from crimemap.importing.column_mapping import Sample
from crimemap.importing.columns import usual_names
from crimemap.importing.profiles.base import DATE_PARTS, normalize_header
from crimemap.importing.readers import cells, datetimes
from crimemap.importing.readers.datetimes import is_date
from crimemap.privacy import street_labels

CODE2 = "code2"  # the second column of a code that two columns make
_MIN_AGREEING_SHARE = 0.9  # of the filled cells
_MAX_AREA_CHARACTERS = 60
_MIN_CELLS_OF_CONSTANT = 8  # a column of one value says the same of all its rows: no offense
# Names that say little: the date may be that of the report, the type that of the place, the id that of the case.
_VAGUE_NAMES = frozenset(
    ("date", "datum", "data", "fecha", "datetime", "id", "type", "category", "description", "code", "location", "status", "zone",
     "sector", "place", "x", "y", "time", "hour", "community", "post", *usual_names.REPORT_NAMES)
)  # fmt: skip
_CLOCK = re.compile(r"\d{1,2}[:.h]\d{2}.*|\d{1,4}")
_TIME_OF_DAY = re.compile(r"(?i)\d{1,2}[:.h]\d{2}(?:[:.]\d{2})?(?: ?min)?(?: ?[ap]\.? ?m\.?)?")
_HAS_TIME = re.compile(
    r"(?!\d{1,2}[:h]00(?:[:h]00)?\b)\b\d{1,2}[:h]\d{2}"
)  # besides midnight, of which spreadsheets make days
_YEAR = re.compile(r"(?:19|20)\d{2}")
_MIDNIGHT_OF_UTC = re.compile(r".*\d[T ]00:00(?::00(?:\.0+)?)?\s*(?:Z|UTC|[+-]00:?(?:00)?)")
_MIN_MIDNIGHTS = 5
# Where people write the month first, or both orders are common (Canada).
_MONTH_FIRST_REGIONS = ("America/Indiana/", "America/Kentucky/", "America/North_Dakota/", "US/", "Canada/")
_MONTH_FIRST_ZONES = frozenset(
    (
        *(f"America/{city}" for city in ("New_York", "Detroit", "Chicago", "Menominee", "Denver", "Boise", "Phoenix", "Los_Angeles", "Anchorage",
          "Juneau", "Sitka", "Metlakatla", "Yakutat", "Nome", "Adak", "Puerto_Rico", "Toronto", "Vancouver", "Edmonton", "Winnipeg", "Regina",
          "Halifax", "Moncton", "St_Johns", "Iqaluit", "Whitehorse", "Yellowknife")),
        "Pacific/Honolulu", "Pacific/Guam", "Asia/Manila", "UTC",
    )
)  # fmt: skip


class Confidence(StrEnum):
    SURE = "sure"
    LIKELY = "likely"
    CHECK = "check"


class Guess(NamedTuple):
    role: str
    confidence: Confidence


def guess_roles(sample: Sample, time_zone: str) -> dict[str, Guess]:
    """Return the role of each column that seems to have one: by its usual name, else by its cells where a role is missing."""
    columns = column_mapping.guess_columns(sample.header, sample)["columns"]
    if _has_clocks(
        sample, columns.get("occurred", "")
    ):  # "Tatzeit" is the whole time to some, the time of the day to others
        dated = [name for name in sample.header if name != columns["occurred"]]
        columns = column_mapping.guess_columns(dated, sample)["columns"]
    roles = columns_to_roles(columns)
    guesses = {column: Guess(role, _judge(role, column, sample, time_zone)) for column, role in roles.items()}
    for role in _list_missing_roles(roles.values()):
        if column := _find_by_cells(role, sample, guesses, time_zone):
            guesses[column] = Guess(role, Confidence.CHECK)
    guesses |= _find_time(sample, guesses)
    if not any(guess.role == "occurred_date" for guess in guesses.values()):
        guesses = {column: guess for column, guess in guesses.items() if guess.role != "occurred_time"}
    return guesses


def _find_time(sample: Sample, guesses: dict[str, Guess]) -> dict[str, Guess]:
    """Return the column of days as one of dates, and the column of times beside it; nothing if times are known."""
    dates = {guess.role: column for column, guess in guesses.items() if guess.role in ("occurred", "occurred_date")}
    day_column = dates.get("occurred", dates.get("occurred_date", ""))
    if not day_column or any(guess.role in ("occurred_time", "hour") for guess in guesses.values()):
        return {}
    if any(_HAS_TIME.search(cell) for cell in sample.cells(day_column)):
        return {}
    free = [name for name in sample.header if name not in guesses and usual_names.may_be_when_it_happened(name)]
    time_column = next((name for name in free if _has_clocks(sample, name)), "")
    if not time_column:
        return {}
    day = Guess("occurred_date", guesses[day_column].confidence)
    return {day_column: day, time_column: Guess("occurred_time", Confidence.CHECK)}


def _has_clocks(sample: Sample, column: str) -> bool:
    """Return whether cells are times of the day: "13:05", and "1305" under a name that says so."""
    filled = [cell.strip() for cell in sample.cells(column) if cell.strip()]
    form = _TIME_OF_DAY if not usual_names.names_time(column) else _CLOCK
    return bool(filled) and all(map(form.fullmatch, filled))


def are_local_days(sample: Sample, column: str, time_zone: str) -> bool:
    """Return whether all of a column's times are midnight of UTC: days, which a server has marked with a zone they don't have."""
    filled = [cell.strip() for cell in sample.cells(column) if cell.strip()]
    is_midnight = len(filled) >= _MIN_MIDNIGHTS and all(map(_MIDNIGHT_OF_UTC.fullmatch, filled))
    return is_midnight and time_zone != "UTC"


def puts_day_first(sample: Sample, column: str, time_zone: str) -> bool:
    """Return whether a column's dates begin with the day: as the sample shows it, else as people write in the time zone.

    A later file of one day can show neither: 05/09/2025 alone would be in May.
    """
    is_month_first = time_zone in _MONTH_FIRST_ZONES or time_zone.startswith(_MONTH_FIRST_REGIONS)
    return datetimes.detect_day_first(sample.cells(column), not is_month_first)


def columns_to_roles(columns: dict[str, str | list[str]]) -> dict[str, str]:
    """Return the role of each column, from the columns of each role as Source.profile_config has them.

    A column has one role here, the first that a file can't do without.
    """
    roles: dict[str, str] = {}
    for role, given in columns.items():
        names = [given] if isinstance(given, str) else given
        for number, name in enumerate(names):
            roles.setdefault(name, CODE2 if role == "code" and number else role)
    return roles


def roles_to_columns(roles: dict[str, str]) -> dict[str, Any]:
    """Return the columns of each role as Source.profile_config has them, from the role of each column."""
    columns: dict[str, Any] = {role: column for column, role in roles.items() if role and role != CODE2}
    second = next((column for column, role in roles.items() if role == CODE2), "")
    if second and "code" in columns:
        columns["code"] = [columns["code"], second]
    labels = [column for column, role in roles.items() if role == "label"]
    if len(labels) > 1:
        columns["label"] = labels
    return columns


def _list_missing_roles(roles: Any) -> list[str]:
    given = set(roles)
    missing = []
    if not given & {"occurred", "occurred_date"} and not given.issuperset(DATE_PARTS[:3]):
        missing.append("occurred")
    if "code" not in given:
        missing.append("code")
    if not given & {"point", "latitude"}:
        missing.append("point")
    if not given & {"block", "street_name"}:
        missing.append("block")
    return missing


def _find_by_cells(role: str, sample: Sample, guesses: dict[str, Guess], time_zone: str) -> str:
    """Return the first column without a role whose cells can hardly be anything else; "" without one."""
    free = [name for name in sample.header if name not in guesses]
    if role == "code":
        free = [name for name in free if usual_names.may_name_offense(name)]
    if role == "block":
        free = [name for name in free if usual_names.may_be_where_it_happened(name)]
    fits = _FINDERS[role]
    return next((name for name in free if _share(sample.cells(name), fits, time_zone) >= _MIN_AGREEING_SHARE), "")


def _judge(role: str, column: str, sample: Sample, time_zone: str) -> Confidence:
    """Say how far the cells bear out what the column's name says."""
    fits = _TESTS.get(role)
    share = _share(sample.cells(column), fits, time_zone) if fits else 0.0
    if fits is None or (share >= _MIN_AGREEING_SHARE and normalize_header(column) in _VAGUE_NAMES):
        return Confidence.LIKELY
    if share >= _MIN_AGREEING_SHARE:
        return Confidence.SURE
    return Confidence.LIKELY if share >= 0.5 else Confidence.CHECK


def _share(column: Sequence[str], fits: Callable[[Sequence[str], str], int], time_zone: str) -> float:
    filled = [cell for cell in column if cell.strip()]
    return fits(filled, time_zone) / len(filled) if filled else 0.0


# Each counts the cells of a column that a role can have.


def _count_dates(filled: Sequence[str], time_zone: str) -> int:
    return sum(is_date(cell, time_zone) for cell in filled if not cell.strip().replace(".", "").isdigit())


def _count_clocks(filled: Sequence[str], _time_zone: str) -> int:
    return sum(bool(_CLOCK.fullmatch(cell.strip())) for cell in filled)


def _count_years(filled: Sequence[str], _time_zone: str) -> int:
    return sum(bool(_YEAR.fullmatch(cell.strip())) for cell in filled)


def _count_numbers(filled: Sequence[str], _time_zone: str) -> int:
    return sum(cells.parse_meters(cell, lambda _quirk: None) is not None for cell in filled)


def _count_points(filled: Sequence[str], _time_zone: str) -> int:
    return sum(bool(cells.split_coordinate_pair(cell)[0]) for cell in filled)


def _count_distinct(filled: Sequence[str], _time_zone: str) -> int:
    return len(set(filled))


def _count_offenses(filled: Sequence[str], time_zone: str) -> int:
    """Count cells of a column that repeats, as offenses do, and holds no dates and no yes or no."""
    worded = [cell for cell in filled if any(character.isalpha() for character in cell)]
    repeats = len(set(filled)) <= max(3, len(filled) * 0.7)
    flags = sum(cells.parse_boolean(cell, lambda _quirk: None) is not None for cell in filled)
    is_code = repeats and not flags and not _count_dates(filled[:5], time_zone) and not _count_points(filled, time_zone)
    is_constant = len(filled) >= _MIN_CELLS_OF_CONSTANT and len(set(filled)) == 1
    return len(worded) if is_code and not is_constant else 0


def _count_named_offenses(filled: Sequence[str], time_zone: str) -> int:
    """Count cells of a column whose name says that it holds offenses: numbers are codes, too; dates are not."""
    return 0 if _count_dates(filled, time_zone) else sum(len(cell) <= 160 for cell in filled)


def _count_addresses(filled: Sequence[str], _time_zone: str) -> int:
    return sum(any(character.isalpha() for character in cell) for cell in filled)


def _count_streets(filled: Sequence[str], _time_zone: str) -> int:
    return sum(bool(street_labels.build_label(cell)) for cell in filled)


def _count_short(filled: Sequence[str], _time_zone: str) -> int:
    return sum(len(cell) <= _MAX_AREA_CHARACTERS for cell in filled)


def _count_flags(filled: Sequence[str], _time_zone: str) -> int:
    return sum(cells.parse_boolean(cell, lambda _quirk: None) is not None for cell in filled)


_TESTS: dict[str, Callable[[Sequence[str], str], int]] = {
    **dict.fromkeys(("occurred", "occurred_date", "reported", "occurred_end", "updated"), _count_dates),
    "occurred_time": _count_clocks,
    "year": _count_years,
    **dict.fromkeys(
        ("month", "day", "hour", "minute", "latitude", "longitude", "count", "street_number"), _count_numbers
    ),
    "point": _count_points,
    "external_id": _count_distinct,
    "code": _count_named_offenses,
    **dict.fromkeys(("block", "street_name"), _count_addresses),
    **dict.fromkeys(("district", "beat", "neighbourhood"), _count_short),
    "domestic": _count_flags,
}
_FINDERS: dict[str, Callable[[Sequence[str], str], int]] = {
    "occurred": _count_dates,
    "code": _count_offenses,
    "point": _count_points,
    "block": _count_streets,
}
