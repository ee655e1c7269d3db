"""The profile of an agency's files: what each column holds, and how its cells are read. Data only; row_parser.py reads it.

A profile is an allow-list: a column that it does not name is never read. Headers are compared by `normalize_header`, so that
"Primary Type", "primary_type" and "PRIMARY TYPE" are one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from crimemap.importing.readers.files import AS_RECOGNIZED, ReadingOptions

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
    "reported",  # its day is taken where the time of the incident is blank
    "occurred_end",  # the same, if the feed gives a span of time
    "end_date",
    "end_time",
    "updated",  # when the publisher last changed the row: tells an older file from a newer, never stored
    "count",  # how many offenses the row stands for
    "block",
    "street_number",  # or the address in columns
    "street_direction",
    "street_name",
    "street_type",
    "street_suffix",  # a direction behind the type
    "latitude",
    "longitude",
    "point",  # both in one column: read if the file has no column for each
    "district",
    "beat",
    "neighbourhood",
    "location_description",
    "outcome",
)
STREET_PARTS = ("street_number", "street_direction", "street_name", "street_type", "street_suffix")
DATE_PARTS = ("year", "month", "day", "hour", "minute")


def normalize_header(name: str) -> str:
    """A header as it is compared: letters and digits alone, in lower case."""
    return re.sub(r"[\W_]+", "", name).casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The way one publisher's files are read.

    columns: field -> header names; the first that the file has is read.
    codes: groups of headers, best first. A row's code comes from the first group whose columns the file has and in which the
        row has any value: its values joined by " | ". Chicago: (("IUCR",), ("Primary Type", "Description")).
    labels: headers whose values, joined by " | ", are the code in words; columns that the file lacks are left out.
    required: groups of headers; a file that lacks all headers of a group is of another kind and refused. Every profile
        also needs a time and a code.
    prefixes: header -> prefix of its values in a code, for two columns that use the same numbers ("PD_CD": "PD ").
    scheme: the code list, crimemap/data/codes/<scheme>.csv and OffenceCode.scheme. A row is classified by its code, its
        label, each part of the code, or the first part of the label: the first that the list has (compared by
        catalogue.comparison_key). A code found by a part is new but classified; one not found at all is held.
    time_zone: of times without one. zones: header -> time zone, for columns with another (Philadelphia's are UTC).
    times_are_local: the zones that the file's times state are false: "2026-01-10T01:26Z" is 1:26 where the source is.
    day_first: how 01/02/2024 is read if the whole file leaves it open.
    code_width: pads codes of digits (and one letter at the end) with the zeros that a spreadsheet dropped: 4 makes "486"
        "0486". area_widths: the same for area codes, by field; without a width they lose their leading zeros: "009" is "9".
    domestic: header -> "" for a column of yes and no, or a regular expression searched in it, ignoring case.
    outcomes: value of the outcome column in lower case ("true"/"false" for yes and no in any spelling) -> text for residents.
        Other values stay unchanged.
    box: (south, west, north, east) in degrees; points outside are dropped. A source's own box takes precedence.
    coordinate_system: "" for degrees; else that of the columns of latitude (northing) and longitude (easting): "EPSG:26910".
    lost_signs: "latitude" and "longitude", of those whose minus signs the files have lost.
    copies_are_one: rows without an id that are alike in all that is read are one incident, with a row for each person.
    points_are_public: the publisher has already moved the points off the addresses, so they may be published.
    reading: what separates cells, the encoding, the header's line and the sheet, where a person has said so.
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
    times_are_local: bool = False
    day_first: bool = False
    code_width: int = 0
    area_widths: Mapping[str, int] = field(default_factory=dict)
    domestic: Mapping[str, str] = field(default_factory=dict)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    box: tuple[float, float, float, float] | None = None
    coordinate_system: str = ""
    lost_signs: tuple[str, ...] = ()
    copies_are_one: bool = False
    points_are_public: bool = False
    reading: ReadingOptions = AS_RECOGNIZED
    notes: str = ""
