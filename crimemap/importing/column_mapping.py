"""Makes a generic profile from a sample: guesses what the columns hold, and previews what the first rows become.

sample = read_sample(path)
settings = guess_columns(sample.header, sample)
rows, quirks = preview_rows(sample, settings, source)
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crimemap.importing.columns import count_tables, projections, usual_names
from crimemap.importing.columns.points import PointColumns
from crimemap.importing.columns.projections import Suggestion
from crimemap.importing.geocoder import Geocoder
from crimemap.importing.header import HeaderColumns
from crimemap.importing.parsed_rows import ParsedIncident
from crimemap.importing.profiles import generic
from crimemap.importing.profiles.base import DATE_PARTS, STREET_PARTS, Profile, normalize_header
from crimemap.importing.readers import cells, tables
from crimemap.importing.readers.cells import CellError
from crimemap.importing.readers.datetimes import DatetimeParser, is_date
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.files import AS_RECOGNIZED, ReadingOptions, TableFile, TableUnpacker
from crimemap.importing.readers.text_decoding import OLDER_ENCODINGS
from crimemap.importing.row_parser import RowParser
from crimemap.models import OffenceCode, Source
from crimemap.offences import catalogue
from crimemap.privacy import street_labels
from crimemap.privacy.locations import Point

MAX_ROWS, MAX_CELL_CHARACTERS, MAX_COLUMNS = 60, 200, 120  # of a sample: the page's form carries it
PREVIEW_ROWS = 8
MAX_DEGREES = 180
_MIN_STREETS_SHARE = 0.5
_MIN_DATES_SHARE = 0.9
MAX_LABEL_CHARACTERS = 100  # of an offense in words; longer texts are narratives


@dataclass(frozen=True, slots=True)
class Sample:
    """The header and first rows of a file, as texts, and how they were read."""

    name: str
    header: list[str]
    rows: list[list[str]]
    reading: ReadingOptions = AS_RECOGNIZED  # as it was read, by choice or by guess
    chosen: ReadingOptions = AS_RECOGNIZED
    sheets: list[str] = field(default_factory=list)  # of a workbook

    def without_last_rows(self) -> Sample:
        """Return the sample with the first half of its rows."""
        return replace(self, rows=self.rows[: len(self.rows) // 2])

    def cells(self, column: str) -> list[str]:
        position = self.header.index(column) if column in self.header else -1
        return [row[position] for row in self.rows if 0 <= position < len(row)]


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """The values a row would be stored with, as texts for people; `problem` if it would be rejected."""

    occurred: str = ""
    code: str = ""
    label: str = ""
    category: str = ""
    block: str = ""
    point: str = ""
    areas: str = ""
    place: str = ""
    outcome: str = ""
    domestic: bool = False
    problem: str = ""


def read_sample(path: Path, options: ReadingOptions = AS_RECOGNIZED) -> Sample:
    """Read the head of a file, or of the largest table in an archive or workbook. Raises UnreadableFileError."""
    with TableUnpacker() as unpacker:
        files = unpacker.list_tables(path, options)
        table = _open_largest_table(files, options)
        header = list(dict.fromkeys(name for name in table.header if name))
        if len(header) > MAX_COLUMNS:
            raise UnreadableFileError(_("This file has more than %(most)d columns.") % {"most": MAX_COLUMNS})
        positions = [table.header.index(name) for name in header]
        rows = []
        for _number, row in table.rows():
            rows.append([row[position][:MAX_CELL_CHARACTERS] for position in positions])
            if len(rows) == MAX_ROWS:
                break
    if not rows:
        raise UnreadableFileError(_("This file has a header but no rows below it."))
    count_tables.refuse_count_table(table.file.name, header, rows)
    encoding = options.encoding or next(
        (name for name in ("utf-16", *OLDER_ENCODINGS, "windows-1252") if name in table.file.quirks), "utf-8"
    )
    is_sheet = table.file.is_sheet
    reading = ReadingOptions(
        table.separator, "" if is_sheet else encoding, table.header_line, table.file.part if is_sheet else ""
    )
    sheets = [file.part for file in files if file.is_sheet]
    return Sample(table.file.name, header, rows, reading, options, sheets)


def _open_largest_table(files: list[TableFile], options: ReadingOptions) -> tables.Table:
    """Open the largest visible table that has at least three columns; archives hold notes, too.

    Raises UnreadableFileError.
    """
    refusals: list[UnreadableFileError] = []
    irregular: list[tables.Table] = []
    for file in sorted(files, key=lambda file: (file.is_hidden, -file.size)):
        try:
            table = tables.open_unknown_table(file, options)
            if table.is_regular:
                return table
            irregular.append(table)
        except tables.UnknownHeaderError:
            message = (
                _(
                    "%(name)s: line %(line)d does not have three columns or more, so it can't be the header. Choose another line."
                )
                if options.header_line
                else _("%(name)s has no line with three columns or more. Check what separates its cells.")
            )
            refusals.append(UnreadableFileError(message % {"name": file.name, "line": options.header_line}))
        except UnreadableFileError as error:
            refusals.append(error)
    if irregular:
        return irregular[0]
    raise refusals[0]


def guess_columns(header: Sequence[str], sample: Sample | None = None) -> dict[str, Any]:
    """Return settings for Source.profile_config: columns with usual names, if their cells in the sample fit the field."""
    known = {normalize_header(name): name for name in reversed(header)}
    columns = {
        field: next((known[name] for name in names if name in known and _cells_fit(field, known[name], sample)), "")
        for field, names in usual_names.USUAL_NAMES.items()
    }
    if columns["external_id"] == "_id":  # CKAN numbers the rows of a file anew when it is replaced
        columns["external_id"] = ""
    _add_columns_by_words(columns, header, sample)
    if sample:
        _prefer_addresses(columns, sample)
    _add_street_number(columns, header, sample)
    if columns["occurred_time"] and columns["occurred_date"] and "time" not in normalize_header(columns["occurred"]):
        columns["occurred"] = ""
    elif columns["occurred"]:
        columns["occurred_date"] = columns["occurred_time"] = ""
    has_date = columns["occurred"] or columns["occurred_date"]
    from_parts = not has_date and all(columns[name] for name in DATE_PARTS[:3])
    columns |= dict.fromkeys(("occurred_time",) if from_parts else DATE_PARTS, "")
    if not (columns["latitude"] and columns["longitude"]) and not columns["point"] and sample:
        pair = {
            field: next((known[name] for name in names if name in known and is_projected(known[name], sample)), "")
            for field, names in usual_names.PROJECTED_NAMES.items()
        }
        columns |= pair if all(pair.values()) else dict.fromkeys(pair, "")
    if columns["latitude"] and columns["longitude"]:
        columns["point"] = ""
    if columns["point"] == columns["block"]:
        columns["point" if sample is None else "block"] = ""
    if columns["street_name"] and columns["street_number"] and columns["block"] in ("", columns["street_name"]):
        columns["block"] = ""
    else:
        columns |= dict.fromkeys(STREET_PARTS, "")
    columns["code"] = columns["code"] or columns["label"]
    if columns["label"] == columns["code"]:
        columns["label"] = ""
    return {"columns": {field: name for field, name in columns.items() if name}}


def _add_columns_by_words(columns: dict[str, str], header: Sequence[str], sample: Sample | None) -> None:
    """Fill roles that no usual name has by words of names; the date of the report stands in for that of the incident last."""
    taken = set(columns.values())
    for role in ("occurred_date", "occurred_time", "latitude", "longitude", "code", "label", "block", "domestic"):
        if columns[role] or (role == "occurred_date" and columns["occurred"]):
            continue
        named = [name for name in usual_names.find_by_words(role, header) if name not in taken | {columns["code"]}]
        columns[role] = next((name for name in named if _cells_fit(role, name, sample)), "")
    if not columns["occurred"] and not columns["occurred_time"]:
        columns["occurred"] = columns["occurred_date"] or _find_dated(header, sample, taken)
    if not columns["occurred"] and not columns["occurred_date"]:
        names = {normalize_header(name): name for name in reversed(header)}
        columns["occurred"] = next((names[name] for name in usual_names.REPORT_NAMES if name in names), "")
    if columns["reported"] in (columns["occurred"], columns["occurred_date"]):
        columns["reported"] = ""


def _find_dated(header: Sequence[str], sample: Sample | None, taken: set[str]) -> str:
    """Return the first column whose name says that something happened or began, and whose cells are dates: "Occ From"."""
    if sample is None:
        return ""
    named = [name for name in usual_names.find_by_words("occurred", header) if name not in taken]
    return next((name for name in named if _holds_dates(sample.cells(name))), "")


def _holds_dates(column: Sequence[str]) -> bool:
    filled = [cell for cell in column if cell.strip()]
    return bool(filled) and sum(is_date(cell, "UTC") for cell in filled) >= len(filled) * _MIN_DATES_SHARE


def _prefer_addresses(columns: dict[str, str], sample: Sample) -> None:
    """Take another column for the block if its cells name streets and those of the column with a usual name don't.

    Cincinnati's LOCATION has kinds of place, and ADDRESS_X the blocks.
    """
    if not columns["block"] or share_of_streets(columns["block"], sample) >= _MIN_STREETS_SHARE:
        return
    taken = set(columns.values())
    free = [name for name in sample.header if name not in taken and usual_names.may_be_where_it_happened(name)]
    columns["block"] = next(
        (name for name in free if share_of_streets(name, sample) >= _MIN_STREETS_SHARE), columns["block"]
    )


def share_of_streets(column: str, sample: Sample) -> float:
    """Return the share of a column's filled cells that name a street."""
    filled = [cell for cell in sample.cells(column) if not cells.is_nowhere(cell)]
    return sum(bool(street_labels.build_label(cell)) for cell in filled) / len(filled) if filled else 0.0


def _add_street_number(columns: dict[str, str], header: Sequence[str], sample: Sample | None) -> None:
    """Fill the number of the house from a column beside that of the street, if its name is as short as "No."."""
    if not columns["street_name"] or columns["street_number"]:
        return
    position = list(header).index(columns["street_name"])
    for name in (*header[max(0, position - 1) : position], *header[position + 1 : position + 2]):
        numbers = [cell for cell in sample.cells(name) if cell.strip()] if sample else []
        has_numbers = sum(cell.strip()[:1].isdigit() for cell in numbers) >= len(numbers) * 0.8
        if normalize_header(name) in usual_names.NUMBER_NAMES and numbers and has_numbers:
            columns["street_number"] = name


def _cells_fit(field: str, column: str, sample: Sample | None) -> bool:
    """Return whether the column's cells suit the field. Most fields take any cells, as do all without a sample."""
    if sample is None or field not in ("latitude", "longitude", "point", "block", "label", "count", "domestic"):
        return True
    filled = [cell for cell in sample.cells(column) if cell.strip()]
    if field == "count":
        return all(cells.clean_number(cell, lambda _quirk: None).isdecimal() for cell in filled)
    if field == "domestic":
        flags = sum(cells.parse_boolean(cell, lambda _quirk: None) is not None for cell in filled)
        return bool(filled) and flags >= len(filled) * 0.8
    if field == "label":
        return all(len(cell) <= MAX_LABEL_CHARACTERS for cell in filled)
    if field in ("point", "block"):
        has_pairs = any(cells.split_coordinate_pair(cell)[0] for cell in filled)
        return has_pairs == (field == "point")
    max_degrees = 90 if field == "latitude" else MAX_DEGREES
    numbers = [cells.parse_degrees(cell, lambda _quirk: None) for cell in filled]
    return any(number and abs(number) <= max_degrees for number in numbers)  # neither zero nor projected meters


def is_projected(column: str, sample: Sample) -> bool:
    """Return whether most of a column's numbers are too large for degrees."""
    large = [_is_large(cell) for cell in sample.cells(column) if cells.parse_degrees(cell, lambda _quirk: None)]
    return sum(large) * 2 > len(large)


def _is_large(cell: str) -> bool:
    """Return whether a number is too large for degrees. 39.291 is not, though it may be 39,291 meters to others."""
    degrees = cells.parse_degrees(cell, lambda _quirk: None)
    return degrees is not None and abs(degrees) > MAX_DEGREES


def preview_rows(sample: Sample, settings: dict[str, Any], source: Source) -> tuple[list[PreviewRow], dict[str, int]]:
    """Return what the first rows become, and how often each oddity is in the sample. Raises generic.ConfigError."""
    return preview_profile_rows(sample, generic.build_profile(settings, source.slug, source.time_zone), source)


def preview_profile_rows(sample: Sample, profile: Profile, source: Source) -> tuple[list[PreviewRow], dict[str, int]]:
    """Return the same under any profile."""
    quirks: Counter[str] = Counter()
    parser = RowParser(
        sample.header,
        profile,
        time_zone=source.time_zone,
        box=source.box,
        geocoder=Geocoder(),
        note_quirk=lambda kind: quirks.update([kind]),
        read_rows=lambda: sample.rows,
    )
    categories = _category_names(profile.scheme)
    rows = [_preview_row(parser, list(row), source, categories) for row in sample.rows]
    if rejected_count := sum(bool(row.problem) for row in rows):
        quirks[_("rows rejected")] = rejected_count
    quirks["streets with the words of another"] += parser.count_doubtful()
    return rows[:PREVIEW_ROWS], dict(+quirks)


def locate_rows(sample: Sample, settings: dict[str, Any], source: Source) -> list[Point]:
    """Return the points of the sample's rows that are no mistakes, as the file has them. Raises generic.ConfigError."""
    return locate_profile_rows(sample, generic.build_profile(settings, source.slug, source.time_zone), source)


def locate_profile_rows(sample: Sample, profile: Profile, source: Source) -> list[Point]:
    """Return the same under any profile."""
    columns = PointColumns(
        HeaderColumns(sample.header, profile),
        box=source.box,
        geocoder=Geocoder(),
        note_quirk=lambda _kind: None,
        read_rows=lambda: sample.rows,
    )
    located = (columns.parse(*columns.cells_of([*row, ""])) for row in sample.rows)
    return [point for point, _problem in located if point]


def suggest_systems(sample: Sample, northing: str, easting: str, source: Source) -> list[Suggestion]:
    """Return the coordinate systems that the values of two columns may be in; none for degrees and for other values."""
    if not (is_projected(northing, sample) or is_projected(easting, sample)):
        return []
    points = []
    for north, east in zip(sample.cells(northing), sample.cells(easting), strict=True):
        y, x = cells.parse_meters(north, lambda _kind: None), cells.parse_meters(east, lambda _kind: None)
        if x and y and (abs(x) > MAX_DEGREES or abs(y) > MAX_DEGREES):
            points.append((x, y))
    city = middle_of_city(source)
    if city:
        return projections.suggest_systems(points, city, projections.CITY_KILOMETERS)
    city = projections.city_of_time_zone(source.time_zone)
    return projections.suggest_systems(points, city, projections.ZONE_KILOMETERS) if city else []


def middle_of_city(source: Source) -> Point | None:
    """Return the middle of the source's box, or of the agency's areas; None if neither is known."""
    if source.box:
        south, west, north, east = source.box
        return (south + north) / 2, (west + east) / 2
    return Geocoder().middle()


def _category_names(scheme: str) -> dict[str, str]:
    """Return the names of categories by code, as catalogue.comparison_key compares codes."""
    rows = OffenceCode.objects.filter(scheme=scheme).exclude(category=None).values_list("code", "category__name")
    return {catalogue.comparison_key(code): category for code, category in rows}


def _preview_row(parser: RowParser, row: list[str], source: Source, categories: dict[str, str]) -> PreviewRow:
    try:
        parsed = parser.parse(row)
    except CellError as error:
        return PreviewRow(problem=str(error))
    incident = parsed.incident
    if parsed.location.problem:
        parser.note_quirk(parsed.location.problem)
    moment = dt.datetime.fromtimestamp(incident.occurred_at * 60, ZoneInfo(source.time_zone))
    formats = {"minute": "%Y-%m-%d %H:%M", "hour": _("%Y-%m-%d, about %H h"), "day": "%Y-%m-%d", "month": "%Y-%m"}
    areas = [area for area in (incident.district, incident.beat, incident.neighbourhood) if area]
    keys = catalogue.comparison_key(incident.raw_code), catalogue.comparison_key(incident.raw_label)
    return PreviewRow(
        occurred=moment.strftime(formats[incident.precision]),
        code=incident.raw_code,
        label=incident.raw_label,
        category=categories.get(keys[0]) or categories.get(keys[1], ""),
        block=incident.block_text,
        point=_describe_point(incident),
        areas=", ".join(areas),
        place=incident.location_description,
        outcome=incident.outcome,
        domestic=incident.domestic,
    )


def _describe_point(incident: ParsedIncident) -> str:
    kinds = {
        "block": _("the block's middle"),
        "published": _("as published"),
        "grid": _("middle of a 250 m cell"),
        "none": _("none"),
    }
    has_point = incident.latitude is not None
    coordinates = f" {incident.latitude:.4f}, {incident.longitude:.4f}" if has_point else ""
    return f"{kinds[incident.point_kind]}{coordinates}"


def compare_date_orders(sample: Sample, column: str, time_zone: str) -> dict[bool, str]:
    """Show how a date of the column reads with the day first (True) and with the month first (False).

    Return a sentence for each; none if no date of the sample can be read both ways.
    """
    zone = ZoneInfo(time_zone)
    for cell in sample.cells(column):
        dates: dict[bool, dt.date] = {}
        for day_first in (True, False):
            try:
                moment = DatetimeParser(time_zone, day_first=day_first, local=time_zone).parse(cell)
            except CellError:
                break
            dates[day_first] = dt.datetime.fromtimestamp(moment.minute * 60, zone).date()
        if len(dates) == 2 and dates[True] != dates[False]:
            return {
                day_first: _("“%(cell)s” is %(date)s") % {"cell": cell, "date": f"{date:%-d %B %Y}"}
                for day_first, date in dates.items()
            }
    return {}
