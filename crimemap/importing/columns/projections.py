"""Coordinates in meters or feet of a projected coordinate system, as mapping offices use them, and which system they are in.

Systems are named as the EPSG register numbers them: "EPSG:26910" is NAD83 / UTM zone 10N.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

from pyproj import CRS, Proj, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.database import CRSInfo, query_crs_info
from pyproj.enums import PJType
from pyproj.exceptions import CRSError, ProjError

from crimemap.geometry import meters_between
from crimemap.privacy.locations import Point

MAX_SUGGESTIONS, MAX_FOUND = 10, 20
# From the middle of an agency's city to the middle of its points; where only its time zone is known, to any place of the zone.
CITY_KILOMETERS, ZONE_KILOMETERS = 150.0, 2_000.0
_KILOMETERS_A_DEGREE = 111.0
_CODE = re.compile(r"(?:epsg\s*:?\s*)?(\d{4,6})", re.IGNORECASE)
# Datums that agencies use today, best first: the others differ by a few meters, and their suggestions are the same place.
_USUAL_DATUMS = (
    "NAD83 /",
    "WGS 84 /",
    "ETRS89 /",
    "SIRGAS 2000 /",
    "GDA2020 /",
    "GDA94 /",
    "NZGD2000 /",
    "OSGB36 /",
    "",
)


class CoordinateSystem(NamedTuple):
    code: str  # "EPSG:26910"
    name: str
    unit: str  # of its coordinates: "metre", "US survey foot"
    region: str  # where it is used, in the register's words


class Suggestion(NamedTuple):
    """A system under which points lie near the agency's city: where their middle would be, and how far from the city's."""

    system: CoordinateSystem
    middle: Point
    kilometers: float


class Projection:
    """Turns coordinates of a projected system into degrees. Raises ValueError for an unknown system."""

    def __init__(self, code: str) -> None:
        try:
            self._transformer = Transformer.from_crs(code, "EPSG:4326", always_xy=True)
        except (CRSError, ProjError) as error:
            raise ValueError(code) from error

    def to_degrees(self, easting: float, northing: float) -> Point | None:
        """Return (latitude, longitude); None for coordinates that the system does not have."""
        longitude, latitude = self._transformer.transform(easting, northing)
        return (latitude, longitude) if math.isfinite(latitude) and math.isfinite(longitude) else None


def find_systems(text: str) -> list[CoordinateSystem]:
    """Return the systems that a person means: by number ("26910", "EPSG:26910") or by words of their names."""
    if number := _CODE.fullmatch(text.strip()):
        return [each for each in [describe_system(f"EPSG:{number[1]}")] if each]
    words = re.findall(r"\w+", text.casefold())
    found = [each for each in _projected_systems() if words and _has_words(each.name, words)]
    found.sort(key=lambda each: (_datum_rank(each.name), len(each.name), each.name))
    return [system for each in found[:MAX_FOUND] if (system := describe_system(f"EPSG:{each.code}"))]


def describe_system(code: str) -> CoordinateSystem | None:
    """Return the projected system of a code; None if there is none."""
    try:
        crs = CRS.from_user_input(code)
    except CRSError:
        return None
    if not crs.is_projected:
        return None
    region = crs.area_of_use.name if crs.area_of_use else ""
    return CoordinateSystem(code, crs.name, crs.axis_info[0].unit_name, region)


def suggest_systems(points: Sequence[tuple[float, float]], city: Point, reach_kilometers: float) -> list[Suggestion]:
    """Return the systems in use there that put the middle of points (easting, northing) near a city, the nearest first."""
    if not points:
        return []
    (latitude, longitude), reach = city, reach_kilometers / _KILOMETERS_A_DEGREE
    area = AreaOfInterest(longitude - reach, max(-90, latitude - reach), longitude + reach, min(90, latitude + reach))
    easting, northing = (statistics.median(values) for values in zip(*points, strict=True))
    nearest: dict[tuple[int, int], tuple[int, float, CRSInfo, Point]] = {}  # by place, to 500 meters
    for each in query_crs_info(auth_name="EPSG", pj_types=[PJType.PROJECTED_CRS], area_of_interest=area):
        if each.deprecated or not (middle := _unproject(each.code, easting, northing)) or not _is_used_at(each, middle):
            continue
        kilometers = meters_between(*middle, *city) / 1000
        place = round(middle[0] * 200), round(middle[1] * 200)
        rank = _datum_rank(each.name)
        if kilometers <= reach_kilometers and (place not in nearest or rank < nearest[place][0]):
            nearest[place] = rank, kilometers, each, middle
    ranked = sorted(nearest.values(), key=lambda found: found[1])[:MAX_SUGGESTIONS]
    return [
        Suggestion(system, middle, kilometers)
        for _rank, kilometers, each, middle in ranked
        if (system := describe_system(f"EPSG:{each.code}"))
    ]


def _unproject(code: str, easting: float, northing: float) -> Point | None:
    """Return a point in degrees of the system's own datum, quickly and to some meters, for a comparison with a city."""
    try:
        longitude, latitude = Proj(f"EPSG:{code}")(easting, northing, inverse=True, errcheck=True)
    except (CRSError, ProjError):
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _is_used_at(system: CRSInfo, point: Point) -> bool:
    area = system.area_of_use
    return area is None or (
        area.south <= point[0] <= area.north
        and (area.west <= point[1] <= area.east or area.west > area.east)  # across the date line
    )


def _datum_rank(name: str) -> int:
    return next(rank for rank, start in enumerate(_USUAL_DATUMS) if name.startswith(start))


def _has_words(name: str, words: Iterable[str]) -> bool:
    parts = re.findall(r"\w+", name.casefold())
    return all(any(part.startswith(word) for part in parts) for word in words)


@lru_cache(maxsize=1)
def _projected_systems() -> list[CRSInfo]:
    return [each for each in query_crs_info(auth_name="EPSG", pj_types=[PJType.PROJECTED_CRS]) if not each.deprecated]


def city_of_time_zone(name: str) -> Point | None:
    """Return where the city lies that a time zone is named after; None if the time zone has none."""
    table = files("tzdata").joinpath("zoneinfo", "zone1970.tab").read_text(encoding="utf-8")
    for line in table.splitlines():
        fields = line.split("\t")
        if not line.startswith("#") and fields[2] == name:
            match = re.fullmatch(r"([+-]\d+)([+-]\d+)", fields[1])
            return (_degrees(match[1], 2), _degrees(match[2], 3)) if match else None
    return None


def _degrees(text: str, digits: int) -> float:
    """Return +DDMM, +DDMMSS, +DDDMM or +DDDMMSS in degrees."""
    number = text[1:]
    minutes = int(number[digits : digits + 2]) + int(number[digits + 2 :] or 0) / 60
    return (int(number[:digits]) + minutes / 60) * (-1 if text[0] == "-" else 1)
