"""Questions about a sample's first rows that one press answers: swapped columns, lost signs, a coordinate system, false time
zones, a row for each person.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crimemap.geometry import Point, meters_between
from crimemap.importing import column_mapping
from crimemap.importing.column_mapping import Sample
from crimemap.importing.columns import projections
from crimemap.importing.header import list_read_columns
from crimemap.importing.profiles import generic
from crimemap.models import Source

# From the middle of the city, or from the city that the time zone is named after, to points that belong there.
_CITY_METERS, _ZONE_METERS = 200_000.0, projections.ZONE_KILOMETERS * 1000
_MIN_METERS_NEARER = 300_000.0
_MIN_COPIES, _MIN_COPIES_SHARE = 3, 0.1  # of the sample's rows
_ZONED = re.compile(r"\d{1,2}:\d{2}.*(?:Z|UTC|[+-]\d{2}:?\d{0,2})$")


@dataclass(frozen=True, slots=True)
class Fix:
    """A question, and what its button changes in Source.profile_config. Without a button, only people know the answer."""

    key: str
    question: str
    button: str = ""
    changes: dict[str, Any] = field(default_factory=dict)


def list_fixes(sample: Sample, source: Source) -> list[Fix]:
    """Return the questions that the sample raises under the source's columns. Raises generic.ConfigError."""
    return [
        *_fix_swapped_columns(sample, source),
        *_fix_lost_signs(sample, source),
        *_fix_system(sample, source),
        *_fix_zone(sample, source),
        *_fix_date_order(sample, source),
        *_fix_copies(sample, source),
    ]


def apply_fix(sample: Sample, source: Source, key: str) -> dict[str, Any] | None:
    """Return Source.profile_config with one question answered; None if the sample no longer raises it."""
    fix = next((each for each in list_fixes(sample, source) if each.key == key), None)
    return {**source.profile_config, **fix.changes} if fix else None


def _column(source: Source, role: str) -> str:
    given = source.profile_config.get("columns", {}).get(role, "")
    return given if isinstance(given, str) else given[0]


def _fix_swapped_columns(sample: Sample, source: Source) -> Iterator[Fix]:
    columns = source.profile_config.get("columns", {})
    if not columns.get("latitude") or not columns.get("longitude"):
        return
    swapped = {**columns, "latitude": columns["longitude"], "longitude": columns["latitude"]}
    changes = {"columns": swapped}
    if _is_nearer(sample, source, changes):
        yield Fix(
            "swap",
            _("Latitude and longitude look swapped: the points lie far from your city, or nowhere."),
            _("Swap the two columns"),
            changes,
        )


def _fix_lost_signs(sample: Sample, source: Source) -> Iterator[Fix]:
    """Ask about minus signs: a spreadsheet or a form without them puts Chicago's points in China."""
    if source.profile_config.get("lost_signs"):
        yield Fix(
            "signs",
            _("The minus signs of the coordinates are added."),
            _("Leave the coordinates as they are in the file"),
            {"lost_signs": []},
        )
        return
    for lost in (["longitude"], ["latitude"], ["latitude", "longitude"]):
        changes = {"lost_signs": lost}
        if _is_nearer(sample, source, changes):
            yield Fix(
                "signs",
                _(
                    "The coordinates seem to have lost their minus signs: the points lie on the other side of the world."
                ),
                _("Add the minus signs"),
                changes,
            )
            return


def _is_nearer(sample: Sample, source: Source, changes: dict[str, Any]) -> bool:
    """Return whether changed settings bring points that lie far from the city, or nowhere, to it."""
    known = column_mapping.middle_of_city(source)
    city = known or projections.city_of_time_zone(source.time_zone)
    if source.profile_config.get("coordinate_system"):
        return False
    here = _distance(column_mapping.locate_rows(sample, source.profile_config, source), city)
    there = _distance(column_mapping.locate_rows(sample, {**source.profile_config, **changes}, source), city)
    reach = _CITY_METERS if known else _ZONE_METERS
    return there is not None and there < reach and (here is None or here > reach + _MIN_METERS_NEARER)


def _distance(points: list[Point], city: Point | None) -> float | None:
    """Return how far the middle of the points is from the city, in meters."""
    if not points or city is None:
        return None
    latitude, longitude = (statistics.median(values) for values in zip(*points, strict=True))
    return meters_between(latitude, longitude, *city)


def _fix_system(sample: Sample, source: Source) -> Iterator[Fix]:
    northing, easting = _column(source, "latitude"), _column(source, "longitude")
    if not northing or not easting or source.profile_config.get("coordinate_system"):
        return
    suggestions = column_mapping.suggest_systems(sample, northing, easting, source)
    if not suggestions and column_mapping.is_projected(northing, sample):
        yield Fix(
            "unknown-system",
            _(
                "The coordinates look like meters or feet, but no system puts them near your city, so no row has a point. Ask the people who made the file for its EPSG number, and enter it under “Change the columns”, in “Dates, coordinates and code lists”."
            ),
        )
    for suggestion in suggestions:
        yield Fix(
            f"system-{suggestion.system.code}",
            _describe_system(suggestion, source),
            _("Use %(name)s") % {"name": suggestion.system.name},
            {"coordinate_system": suggestion.system.code},
        )


def _describe_system(suggestion: projections.Suggestion, source: Source) -> str:
    values = {
        "latitude": f"{suggestion.middle[0]:.4f}",
        "longitude": f"{suggestion.middle[1]:.4f}",
        "distance": round(suggestion.kilometers),
        "city": source.time_zone.rpartition("/")[2].replace("_", " "),
    }
    if column_mapping.middle_of_city(source):
        return (
            _(
                "The coordinates look like meters or feet. In this system they lie near %(latitude)s, %(longitude)s, %(distance)d km from the middle of your city:"
            )
            % values
        )
    return (
        _(
            "The coordinates look like meters or feet. In this system they lie near %(latitude)s, %(longitude)s, %(distance)d km from %(city)s:"
        )
        % values
    )


def _fix_copies(sample: Sample, source: Source) -> Iterator[Fix]:
    """Ask whether rows that are alike are one incident: many exports have a row for each victim, suspect or vehicle."""
    config = source.profile_config
    if config["columns"].get("count"):  # the rows stand for offenses, not for people
        return
    if config.get("copies_are_one"):
        yield Fix(
            "copies",
            _("Rows that are alike in every column you chose count as one incident."),
            _("Count every row"),
            {"copies_are_one": False},
        )
        return
    read = list_read_columns(sample.header, generic.build_profile(config, source.slug, source.time_zone))
    positions = [sample.header.index(name) for name in read]
    distinct = {tuple(row[position] for position in positions) for row in sample.rows}
    copies = len(sample.rows) - len(distinct)
    if config["columns"].get("external_id") or copies < max(_MIN_COPIES, len(sample.rows) * _MIN_COPIES_SHARE):
        return
    yield Fix(
        "copies",
        ngettext(
            "%(count)d of the first %(rows)d rows repeats another row in every column you chose. Does the file have a row for each person or vehicle?",
            "%(count)d of the first %(rows)d rows repeat another row in every column you chose. Does the file have a row for each person or vehicle?",
            copies,
        )
        % {"count": copies, "rows": len(sample.rows)},
        _("Count rows that are alike once"),
        {"copies_are_one": True},
    )


def _fix_zone(sample: Sample, source: Source) -> Iterator[Fix]:
    column = _column(source, "occurred") or _column(source, "occurred_time")
    zoned = next((cell for cell in sample.cells(column) if _ZONED.search(cell.strip())), "")
    if not zoned:
        return
    if source.profile_config.get("times_are_local"):
        yield Fix(
            "zoned",
            _("The file marks its times with a zone, such as “%(cell)s”. They are read as local times.")
            % {"cell": zoned},
            _("Use the zone in the file"),
            {"times_are_local": False},
        )
    else:
        yield Fix(
            "local",
            _(
                "The file marks its times with a zone, such as “%(cell)s”. Compare a row with your records: is its time local?"
            )
            % {"cell": zoned},
            _("These times are local"),
            {"times_are_local": True},
        )


def _fix_date_order(sample: Sample, source: Source) -> Iterator[Fix]:
    column = _column(source, "occurred") or _column(source, "occurred_date")
    readings = column_mapping.compare_date_orders(sample, column, source.time_zone)
    if not readings or _shows_order(sample, column):
        return
    day_first = bool(source.profile_config.get("day_first"))
    yield Fix(
        "order",
        _("The first rows don't show whether the day or the month comes first. Now %(reading)s.")
        % {"reading": readings[day_first]},
        _("Put the month first") if day_first else _("Put the day first"),
        {"day_first": not day_first},
    )


def _shows_order(sample: Sample, column: str) -> bool:
    """Return whether a date of the sample has a day from 13 to 31, so that the file decides by itself."""
    numbers = (re.findall(r"^\s*(\d{1,2})[-/.](\d{1,2})[-/.]\d{2}", cell) for cell in sample.cells(column))
    return any(max(map(int, found[0])) > 12 for found in numbers if found)
