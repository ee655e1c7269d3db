"""What a profile says of an agency's files: which column is what, and how its values are to be taken. Data only;
crimemap/importing/readers/tables.py and crimemap/importing/pipeline.py read it.

A profile is an allow-list: a column that it does not name is never read. Headers are compared by `header_key`, so that
"Primary Type", "primary_type" and "PRIMARY TYPE" are one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

JOINER = " | "  # between the parts of a code or label made of several columns: "344 | 101"

# Fields that a profile may find a column for. Names of people, attributes, narratives and case numbers are none of them.
FIELDS = (
    "external_id",  # the feed's own id of a row; never the case number
    "occurred",  # date and time in one column, or:
    "occurred_date",
    "occurred_time",
    "year",  # or a column each
    "month",
    "day",
    "hour",
    "minute",
    "occurred_end",  # likewise, where the feed gives a span
    "end_date",
    "end_time",
    "updated",  # when the publisher last touched the row: tells an older file from a newer, never stored
    "block",
    "latitude",
    "longitude",
    "point",  # both in one column: taken where the file has no column for each
    "district",
    "beat",
    "neighbourhood",
    "location_description",
    "outcome",
)
DATE_PARTS = ("year", "month", "day", "hour", "minute")


def normalize_header(name: str) -> str:
    """A header as it is compared: letters and digits alone, in lower case."""
    return re.sub(r"[\W_]+", "", name).casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one publisher's files are read.

    columns: field -> header names; the first that the file has is taken.
    codes: groups of headers, best first. A row's code is that of the first group of which the file has all columns and the
        row any value: its values joined by " | ". Chicago: (("IUCR",), ("Primary Type", "Description")).
    labels: headers whose values, joined by " | ", are the code in words; columns that the file has not are left out.
    required: groups of headers; the file must have one of each, otherwise it is another kind of file and refused. Every
        profile needs a time and a code, whatever stands here.
    prefixes: header -> what is put before its value in a code, where two columns number alike ("PD_CD": "PD ").
    scheme: the code list, crimemap/data/codes/<scheme>.csv and OffenceCode.scheme. What a row counts as is looked up by its
        code, its label, each part of the code, the first part of the label; the first that the list has wins (compared
        by codes.key_of). What is found by a part classifies a new code; what is not found at all is held.
    time_zone: of times without one. zones: header -> zone, where a column has another (Philadelphia's are UTC).
    day_first: how 01/02/2024 is read where the whole file does not tell. Files that tell are read as they tell.
    code_width: codes of digits (and one letter at the end) that a spreadsheet shortened get their zeros back: 4 makes "486"
        "0486". Widths of area codes likewise, by field; areas of other width 0 lose their leading zeros: "009" is "9".
    domestic: header -> "" for a column of yes and no, or a regular expression that is searched in it, without case.
    outcomes: what the outcome column holds, lower-case ("true"/"false" for yes and no however written) -> what residents
        read. What is not here stays as it is.
    box: (south, west, north, east) in degrees; points outside are none. A source's own box comes first.
    points_are_public: the publisher has already moved the points off the addresses, so they may stand as published.
    """

    name: str
    label: str
    scheme: str
    columns: Mapping[str, tuple[str, ...]]
    codes: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...] = ()
    prefixes: Mapping[str, str] = field(default_factory=dict)
    required: tuple[tuple[str, ...], ...] = ()
    time_zone: str = "UTC"
    zones: Mapping[str, str] = field(default_factory=dict)
    day_first: bool = False
    code_width: int = 0
    area_widths: Mapping[str, int] = field(default_factory=dict)
    domestic: Mapping[str, str] = field(default_factory=dict)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    box: tuple[float, float, float, float] | None = None
    points_are_public: bool = False
    delimiter: str = ""  # "" finds out
    notes: str = ""
