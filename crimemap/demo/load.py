"""Stores the demo city Riverton in the database. Loading it again changes nothing."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from crimemap import geometry
from crimemap.city_map import build, tile_file
from crimemap.demo import plan, plane_geometry
from crimemap.demo.riverton import CityArea, Riverton
from crimemap.geometry import Line, Point
from crimemap.models import Area, BaseLayer, Block, Intersection, Landmark, digest_of
from crimemap.street_names import normalize_name

Feature = dict[str, Any]
Names = BaseLayer.Name
# Built of the same plan (crimemap/demo/osm_extract.py).
TILES = Path(__file__).parent / "riverton.pmtiles"
LANDMARK_KINDS = {"college": "school", "townhall": "public_building", "museum": "public_building",
                  "marketplace": "shopping", "stadium": "sports"}  # fmt: skip
CONTACT = """Community officers of {name}: 555-01{code}0, 8 am to 8 pm.

Meet them on the first Tuesday of each month at 6 pm, at the library. Everyone is welcome."""


def load() -> bool:
    """Store the city's places and base map. Return whether anything had to be stored.

    Rows keep their ids when the plan changes; places that are no longer in the plan are removed.
    """
    source = _source()
    if BaseLayer.objects.filter(name=Names.LAND, geojson__made_from=source).exists():
        return False
    city = Riverton()
    with transaction.atomic():
        _store_areas(city)
        _store_blocks(city)
        _store_intersections(city)
        _store_landmarks(city)
        if settings.BASE_MAP is not None:
            build.record_build(tile_file.store(settings.BASE_MAP, TILES.read_bytes()), attribution="")
        # Last, because `made_from` says that everything is stored.
        for order, (name, features) in enumerate(_layers(city).items(), 1):
            collection = {"type": "FeatureCollection", "features": features, "made_from": source}
            digest = digest_of(name, order, collection)
            BaseLayer.objects.update_or_create(
                name=name, defaults={"order": order, "geojson": collection, "digest": digest}
            )
    return True


def _source() -> str:
    """Return a digest of the plan and of the code that builds the city from it."""
    here = Path(__file__).parent
    names = ("plan.py", "riverton.py", "plane_geometry.py", "load.py", TILES.name)
    files = [*(here / name for name in names), here.parent / "geometry.py"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _store_areas(city: Riverton) -> None:
    rows = []
    for area in city.areas:
        longitude, latitude = _degrees(_label_point(area))
        rows.append(
            Area(
                layer=area.layer, code=area.code, name=area.name, key=normalize_name(area.name), outline=_polygon(area.ring),
                latitude=latitude, longitude=longitude,
                contact=CONTACT.format(name=area.name, code=area.code) if area.layer == Area.Layer.DISTRICT else "",
            )
        )  # fmt: skip
    # Not the contact, which staff may have edited.
    fields = ["name", "key", "outline", "latitude", "longitude"]
    stored = Area.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["layer", "code"], update_fields=fields
    )
    Area.objects.exclude(pk__in=[row.pk for row in stored]).delete()


def _store_blocks(city: Riverton) -> None:
    rows = []
    for block in city.blocks:
        longitude, latitude = _degrees(block.point)
        rows.append(
            Block(
                street=block.street, hundred=block.hundred, key=normalize_name(block.street), latitude=latitude,
                longitude=longitude, areas=city.areas_of(block.point),
            )
        )  # fmt: skip
    fields = ["key", "latitude", "longitude", "areas"]
    stored = Block.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["street", "hundred"], update_fields=fields
    )
    Block.objects.exclude(pk__in=[row.pk for row in stored]).delete()


def _store_intersections(city: Riverton) -> None:
    rows = []
    for corner in city.corners:
        longitude, latitude = _degrees(corner.point)
        areas = city.areas_of(corner.point)
        rows.append(
            Intersection(first=corner.first, second=corner.second, latitude=latitude, longitude=longitude, areas=areas)
        )
    unique = ["first", "second", "latitude", "longitude"]
    stored = Intersection.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=unique, update_fields=["areas"]
    )
    Intersection.objects.exclude(pk__in=[row.pk for row in stored]).delete()


def _store_landmarks(city: Riverton) -> None:
    found = [(LANDMARK_KINDS.get(value, value), name, point) for name, (_key, value), point in plan.LANDMARKS]
    found += [("station", name, point) for name, point in plan.STATIONS]
    found += [("park", name, _centre(ring)) for name, ring in city.park_rings.items()]
    rows = []
    for kind, name, point in found:
        longitude, latitude = _degrees(point)
        rows.append(
            Landmark(
                kind=kind, name=name, key=normalize_name(name), latitude=latitude, longitude=longitude,
                areas=city.areas_of(point),
            )
        )  # fmt: skip
    unique = ["kind", "name", "latitude", "longitude"]
    stored = Landmark.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=unique, update_fields=["key", "areas"]
    )
    Landmark.objects.exclude(pk__in=[row.pk for row in stored]).delete()


def _layers(city: Riverton) -> dict[str, list[Feature]]:
    """Return the layers of the base map, lowest first."""
    parks = [_feature(_polygon(ring), name) for name, ring in city.park_rings.items()]
    green = [_feature(_polygon(ring)) for ring in [*city.riverside, city.island]]
    ways = {rank: [street for street in city.streets if street.rank == rank] for rank in ("minor", "major")}
    return {
        Names.LAND: [_feature(_polygon(city.limits), "Riverton")],
        Names.WATER: [_feature(_polygon(city.water), plan.RIVER_NAME)],
        Names.PARKS: [*parks, *green, _feature(_polygon(city.pond), rank="pond")],
        Names.STREETS: [_feature(_lines(street.pieces), street.name, rank) for rank in ways for street in ways[rank]],
        Names.BRIDGES: [_feature(_lines([[bridge.north, bridge.south]]), bridge.plan.name) for bridge in city.bridges],
        Names.BOUNDARIES: [_feature(_lines([line]), rank="district") for line in city.borders]
        + [_feature(_lines([[*city.limits, city.limits[0]]]), rank="city")],
        Names.LABELS: _labels(city),
    }


def _labels(city: Riverton) -> list[Feature]:
    result = [_label(_label_point(area), area.name, "area") for area in city.areas if area.layer == "neighbourhood"]
    result += [_label(_centre(city.park_rings[name]), name, "park") for name in plan.LABELLED_PARKS]
    start, end = (plane_geometry.cut_line(city.river, along, along + 1)[0] for along in plan.RIVER_LABEL)
    river = _label(plane_geometry.interpolate(start, end, 0.5), plan.RIVER_NAME, "water")
    river["properties"]["turn"] = round(math.degrees(math.atan2(end[1] - start[1], end[0] - start[0])))
    return [*result, river]


def _label_point(area: CityArea) -> Point:
    return plan.LABEL_POINTS.get(area.name) or plane_geometry.label_point(area.ring)


def _centre(ring: Line) -> Point:
    return sum(x for x, _ in ring) / len(ring), sum(y for _, y in ring) / len(ring)


def _degrees(point: Point) -> Point:
    """Convert meters from the middle of the city to (longitude, latitude), rounded to about a meter."""
    latitude, longitude = plan.MIDDLE
    east = point[0] / geometry.METERS_PER_DEGREE / math.cos(math.radians(latitude))
    return round(longitude + east, 5), round(latitude + point[1] / geometry.METERS_PER_DEGREE, 5)


def _feature(shape: dict[str, Any], name: str = "", rank: str = "") -> Feature:
    properties = {key: value for key, value in (("name", name), ("rank", rank)) if value}
    return {"type": "Feature", "properties": properties, "geometry": shape}


def _label(point: Point, name: str, rank: str) -> Feature:
    return _feature({"type": "Point", "coordinates": _degrees(point)}, name, rank)


def _polygon(ring: Line) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[_degrees(point) for point in [*ring, ring[0]]]]}


def _lines(lines: Iterable[Line]) -> dict[str, Any]:
    return {"type": "MultiLineString", "coordinates": [[_degrees(point) for point in line] for line in lines]}
