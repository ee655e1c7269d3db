"""The generic profile is made of a sample: what its columns probably are, and what its first rows become.

sample = sampling.read(path)
config = sampling.guess(sample.header)
for row in sampling.preview(sample, config, source): ...
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crimemap.importing import parsed_rows
from crimemap.importing.geocoder import Geocoder
from crimemap.importing.profiles import generic
from crimemap.importing.profiles.base import DATE_PARTS, normalize_header
from crimemap.importing.readers import cells as values
from crimemap.importing.readers import files, tables
from crimemap.importing.readers.cells import CellError
from crimemap.importing.readers.datetimes import DatetimeParser
from crimemap.importing.readers.files import UnreadableFileError
from crimemap.importing.row_parser import RowParser
from crimemap.models import OffenceCode, Source
from crimemap.offences import catalogue

ROWS, CELL, COLUMNS = 60, 200, 120  # of a sample: it travels with the page
SHOWN = 8

# What files call things, best first; compared as header_key does.
_USUAL: dict[str, tuple[str, ...]] = {
    # Neither what names a case, which may have several rows, nor what a server numbers anew with each export.
    "external_id": (
        "rowid", "offenseid", "crimeid", "pdid", "incidentid", "eventid", "reportid", "octorecordid", "recordid", "id",
    ),
    "occurred": (
        "occurredat", "occurredon", "occurredondate", "occurreddatetime", "occurred", "dateoccurred", "occurrencedate",
        "occdate", "firstoccurrencedate", "offensestartdatetime", "startdate", "dateofoccurrence", "crimedatetime",
        "datetime", "incidentdatetime", "incidenttimestamp", "offensedate", "incidentdate", "crimedate",
        "reporteddatetime", "reportedat", "reporteddate", "reportdate", "datereported", "reported", "date",
    ),
    "occurred_date": (
        "occurreddate", "dateoccurred", "occurrencedate", "occdate", "incidentdate", "offensedate", "crimedate",
        "reportdate", "date",
    ),
    "occurred_time": (
        "occurredtime", "timeoccurred", "occtime", "incidenttime", "offensetime", "crimetime", "time", "occhour",
        "occurrencehour", "hour",
    ),
    "year": ("year", "occyear", "occurrenceyear"),
    "month": ("month", "occmonth", "occurrencemonth"),
    "day": ("day", "occday", "occurrenceday"),
    "hour": ("hour", "occhour", "occurrencehour"),
    "minute": ("minute",),
    "updated": ("updatedon", "updatedat", "lastupdated", "lastmodified", "modified"),
    "code": (
        "nibrscode", "offensecode", "ucrcode", "crimecode", "incidentcode", "highestoffensecode", "code", "offensetypeid",
        "offense", "offence", "crimetype", "primarytype", "incidentcategory", "offensecategory", "type", "category",
        "categorie", "offensedescription", "description",
    ),
    "label": (
        "offensedescription", "incidentdescription", "crimedescription", "highestoffensedescription", "chargedescription",
        "description", "descript", "offense", "offence", "offensetypeid", "crimetype", "type",
    ),
    "block": (
        "hundredblock", "100blockaddress", "block", "blockaddress", "locationblock", "incidentaddress", "address",
        "location", "intersection", "street",
    ),
    "latitude": ("latitude", "lat", "latwgs84", "geolat", "y", "pointy"),
    "longitude": ("longitude", "lon", "lng", "long", "longwgs84", "geolon", "x", "pointx"),
    "point": (
        "latlon", "latlong", "point", "geolocation", "geopoint", "geopoint2d", "location1", "geocodedcolumn",
        "georeference", "location",
    ),
    "district": ("district", "policedistrict", "pddistrict", "districtid", "precinct", "division", "apdsector", "pdq"),
    "beat": ("beat", "zone", "psa", "sector", "reportingdistrict", "reportingarea", "precinctid", "scoutcararea", "post"),
    "neighbourhood": (
        "neighborhood", "neighbourhood", "communityarea", "community", "analysisneighborhood", "neighborhoodid",
        "hood158", "hoodid", "mcpp", "neighborhoodcluster",
    ),
    "location_description": (
        "locationdescription", "locationtype", "premise", "premises", "premisedescription", "premisestype", "premisetype",
    ),
    "outcome": ("outcome", "disposition", "status", "clearance", "clearancestatus", "casestatus", "resolution", "lastoutcomecategory"),
    "domestic": ("domestic", "domesticviolence", "familyviolence", "isdomestic", "dv"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """A header and the first rows, as texts; enough to see what a file is like."""

    name: str
    header: list[str]
    rows: list[list[str]]

    def cells(self, column: str) -> list[str]:
        at = self.header.index(column) if column in self.header else -1
        return [row[at] for row in self.rows if 0 <= at < len(row)]


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """What a row becomes. Texts for people; `problem` where it becomes nothing."""

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


def read_sample(path: Path) -> Sample:
    """The head of a file, or of the first table in an archive. Raises UnreadableError."""
    part = files.list_table_files(path)[0]
    table = tables.open_table(part, lambda header: sum(map(bool, header)) > 2)
    header = list(dict.fromkeys(name for name in table.header if name))
    if len(header) > COLUMNS:
        raise UnreadableFileError(_("This file has more than %(most)d columns.") % {"most": COLUMNS})
    at = [table.header.index(name) for name in header]
    rows = []
    for _number, cells in table.rows():
        rows.append([cells[i][:CELL] for i in at])
        if len(rows) == ROWS:
            break
    if not rows:
        raise UnreadableFileError(_("There is a header in this file, but no row below it."))
    return Sample(part.name, header, rows)


def guess_columns(header: Sequence[str], sample: Sample | None = None) -> dict[str, Any]:
    """A map of columns, as Source.profile_config keeps it, of the usual names; of those whose cells in the sample fit."""
    known = {normalize_header(name): name for name in reversed(header)}
    found = {
        field: next((known[name] for name in names if name in known and _fits(field, known[name], sample)), "")
        for field, names in _USUAL.items()
    }
    if found["occurred_time"] and found["occurred_date"] and "time" not in normalize_header(found["occurred"]):
        found["occurred"] = ""
    elif found["occurred"]:
        found["occurred_date"] = found["occurred_time"] = ""
    parts = not found["occurred"] and not found["occurred_date"] and all(found[name] for name in DATE_PARTS[:3])
    found |= dict.fromkeys(("occurred_time",) if parts else DATE_PARTS, "")
    if found["latitude"] and found["longitude"]:
        found["point"] = ""
    if found["point"] == found["block"]:
        found["point" if sample is None else "block"] = ""
    if found["label"] == found["code"]:
        found["label"] = ""
    return {"columns": {field: name for field, name in found.items() if name}}


def _fits(field: str, column: str, sample: Sample | None) -> bool:
    """Whether the column's cells are such as the field needs; for most fields, and without a sample, any are."""
    if sample is None or field not in ("latitude", "longitude", "point", "block"):
        return True
    cells = [cell for cell in sample.cells(column) if cell.strip()]
    if field in ("point", "block"):
        pairs = any(values.split_coordinate_pair(cell)[0] for cell in cells)
        return pairs == (field == "point")
    most = 90 if field == "latitude" else 180
    numbers = [values.parse_degrees(cell, lambda _kind: None) for cell in cells]
    return any(number and abs(number) <= most for number in numbers)  # neither nought nor metres of a projection


def preview_rows(sample: Sample, config: dict[str, Any], source: Source) -> tuple[list[PreviewRow], dict[str, int]]:
    """What the first rows become, and the oddities met in the whole sample. Raises generic.ConfigError."""
    profile = generic.build_profile(config, source.slug, source.time_zone)
    met: Counter[str] = Counter()
    box = None if source.south is None else (source.south, source.west, source.north, source.east)
    interpreter = RowParser(
        sample.header, profile, time_zone=source.time_zone, box=box,  # type: ignore[arg-type]
        geocoder=Geocoder(), met=lambda kind: met.update([kind]), rows=lambda: sample.rows,
    )  # fmt: skip
    categories = _categories(profile.scheme)
    shown = [_shown(interpreter, list(cells), source, categories) for cells in sample.rows]
    return shown[:SHOWN], dict(met) | (
        {_("rows rejected"): bad} if (bad := sum(bool(row.problem) for row in shown)) else {}
    )


def _categories(scheme: str) -> dict[str, str]:
    """Code, as it is compared, to the name of its category."""
    rows = OffenceCode.objects.filter(scheme=scheme).exclude(category=None).values_list("code", "category__name")
    return {catalogue.comparison_key(code): category for code, category in rows}


def _shown(interpreter: RowParser, cells: list[str], source: Source, categories: dict[str, str]) -> PreviewRow:
    try:
        told = interpreter.read(cells).incident
    except CellError as error:
        return PreviewRow(problem=str(error))
    moment = dt.datetime.fromtimestamp(told.occurred_at * 60, ZoneInfo(source.time_zone))
    wholes = {"minute": "%Y-%m-%d %H:%M", "hour": _("%Y-%m-%d, about %H h"), "day": "%Y-%m-%d", "month": "%Y-%m"}
    areas = [area for area in (told.district, told.beat, told.neighbourhood) if area]
    category = categories.get(catalogue.comparison_key(told.raw_code)) or categories.get(
        catalogue.comparison_key(told.raw_label), ""
    )
    return PreviewRow(
        occurred=moment.strftime(wholes[told.precision]), code=told.raw_code, label=told.raw_label, category=category,
        block=told.block_text, point=_point(told), areas=", ".join(areas), place=told.location_description,
        outcome=told.outcome, domestic=told.domestic,
    )  # fmt: skip


def _point(told: parsed_rows.ParsedIncident) -> str:
    kinds = {
        "block": _("the block's middle"),
        "published": _("as published"),
        "grid": _("middle of a 250 m cell"),
        "none": _("none"),
    }
    where = f" {told.latitude:.4f}, {told.longitude:.4f}" if told.latitude is not None else ""
    return f"{kinds[told.point_kind]}{where}"


def compare_date_orders(sample: Sample, column: str, time_zone: str) -> dict[bool, str]:
    """What a date of the column is with the day first, and with the month first: {True: "3 April", False: "4 March"};
    empty where no date of the sample can be read both ways."""
    zone = ZoneInfo(time_zone)
    for cell in sample.cells(column):
        read: dict[bool, dt.date] = {}
        for day_first in (True, False):
            try:
                moment = DatetimeParser(time_zone, day_first=day_first, local=time_zone, met=lambda _kind: None).read(
                    cell
                )
            except CellError:
                break
            read[day_first] = dt.datetime.fromtimestamp(moment.minute * 60, zone).date()
        if len(read) == 2 and read[True] != read[False]:
            return {
                day_first: _("“%(cell)s” is %(date)s") % {"cell": cell, "date": f"{date:%-d %B %Y}"}
                for day_first, date in read.items()
            }
    return {}
