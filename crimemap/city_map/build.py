"""Builds the city's own base map of an OpenStreetMap extract, and stores it: tiles, the server's lines, blocks, crossings, landmarks.

    report = build_base_map(Path("city.osm.pbf"), outline)

Nothing is stored unless everything could be built. References to blocks, crossings and landmarks that stay remain valid.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from core.atomic_files import write_atomically
from crimemap.city_map import street_blocks, tile_file, tiles
from crimemap.city_map.osm_extract import Box, CityExtract, Drawn, ExtractError, read_bounds, read_extract
from crimemap.geometry import METERS_PER_DEGREE
from crimemap.models import Area, BaseLayer, BaseMapBuild, Block, Intersection, Landmark, digest_of
from crimemap.places import area_import, block_import
from crimemap.street_names import normalize_name

MARGIN = 0.1  # shown around the outline, as a part of its size
_DRAWN_DEGREES = 0.00001  # of the server's lines: about a meter
_MIN_GREEN_METERS = 60.0  # a smaller park is not in the server's picture
# Ranks of static/css/map.css by kind of street. Paths and driveways are in the tiles alone.
_RANKS = {"motorway": "major", "major": "major", "medium": "major", "minor": "minor"}
_LAYER_ORDER = (BaseLayer.Name.LAND, BaseLayer.Name.WATER, BaseLayer.Name.PARKS, BaseLayer.Name.STREETS,
                BaseLayer.Name.BOUNDARIES, BaseLayer.Name.LABELS)  # fmt: skip


@dataclass(slots=True)
class BuildReport:
    """Counts of what was stored, and sentences about what is missing. tile_bytes: 0 without a folder for tiles."""

    streets: int = 0
    blocks: int = 0
    crossings: int = 0
    landmarks: int = 0
    tile_bytes: int = 0
    notes: list[str] = field(default_factory=list)


def build_base_map(
    extract: Path, outline: BaseGeometry | None, *, attribution: str, replaces_blocks: bool = False
) -> BuildReport:
    """Build and store everything. Without an outline the city limits are taken, or the districts, or all of the extract.

    Blocks that are stored already stay, since the agency's own layer knows them better, unless `replaces_blocks`.
    Raises ExtractError, with a sentence, if the file or the place for tiles doesn't allow it.
    """
    outline = outline or stored_outline()
    box = _widen(outline.bounds) if outline is not None else read_bounds(extract)
    if box is None:
        raise ExtractError(
            _("This extract doesn't say which area it covers, and no city limits are stored. Give an outline.")
        )
    city = read_extract(extract, box)
    report = BuildReport(streets=len({street.name for street in city.streets if street.name}))
    folder: Path | None = settings.BASE_MAP
    content = _write_tiles(city, _stored_borders()) if folder is not None else b""
    digest = tile_file.store(folder, content) if folder is not None else ""
    with transaction.atomic():
        _store_layers(city, outline)
        _store_places(city, report, replaces_blocks=replaces_blocks)
        record_build(digest, attribution)
    if folder is not None:
        tile_file.remove_others(folder, digest)
        report.tile_bytes = len(content)
    else:
        report.notes.append(_("BASE_MAP names no folder, so no tiles were stored and maps draw lines only."))
    return report


def record_build(digest: str, attribution: str) -> None:
    """Name the current tiles, in the only row."""
    BaseMapBuild.objects.all().delete()
    BaseMapBuild.objects.create(tiles=digest, attribution=attribution, built_at=timezone.now())


def write_tile_file(extract: Path, target: Path) -> int:
    """Write the tiles of an extract, with the stored borders, to a file and return its size in bytes. Raises ExtractError."""
    box = read_bounds(extract)
    if box is None:
        raise ExtractError(_("This extract doesn't say which area it covers."))
    content = _write_tiles(read_extract(extract, box), _stored_borders())
    write_atomically(target, content)
    return len(content)


def _write_tiles(city: CityExtract, borders: Iterable[BaseGeometry]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="base-map-") as folder:
        return tiles.write_tiles(city, borders, Path(folder)).read_bytes()


def stored_outline() -> BaseGeometry | None:
    """Return the union of the city limits, or else of the districts, None if neither layer has an area."""
    for layer in (Area.Layer.CITY, Area.Layer.DISTRICT, Area.Layer.BEAT, Area.Layer.NEIGHBOURHOOD):
        outlines = list(Area.objects.filter(layer=layer).values_list("outline", flat=True))
        if outlines:
            return shapely.union_all([shapely.make_valid(shapely.geometry.shape(each)) for each in outlines])
    return None


def _stored_borders() -> list[BaseGeometry]:
    """Return the outlines of the areas that maps show as dashed lines, as lines."""
    outlines = Area.objects.filter(layer__in=[Area.Layer.CITY, Area.Layer.DISTRICT]).values_list("outline", flat=True)
    return [shapely.make_valid(shapely.geometry.shape(each)).boundary for each in outlines]


def _widen(bounds: Sequence[float]) -> Box:
    west, south, east, north = bounds
    x, y = (east - west) * MARGIN, (north - south) * MARGIN
    return west - x, south - y, east + x, north + y


# The server's picture


def _store_layers(city: CityExtract, outline: BaseGeometry | None) -> None:
    """Replace the layers that the server draws. Those the extract says nothing of, such as bridges, are removed."""
    land = shapely.box(*city.box)
    parks = [each for each in city.parks if _span(each.shape) >= _MIN_GREEN_METERS]
    water = [each for each in city.water if each.shape.area or _span(each.shape) >= _MIN_GREEN_METERS]
    lines = [Drawn(each.shape, each.name, _RANKS[each.kind]) for each in city.streets if each.kind in _RANKS]
    shapes: dict[str, list[Drawn]] = {
        BaseLayer.Name.LAND: [Drawn(land)],
        BaseLayer.Name.WATER: [Drawn(each.shape, each.name) for each in water if each.shape.area],
        BaseLayer.Name.PARKS: parks,
        BaseLayer.Name.STREETS: sorted(tiles.join_streets(lines), key=lambda each: each.kind == "major"),
        BaseLayer.Name.BOUNDARIES: [Drawn(border, kind="district") for border in _stored_borders()],
        BaseLayer.Name.LABELS: [each for each in city.labels if each.kind == "area"],
    }
    if not shapes[BaseLayer.Name.BOUNDARIES] and outline is not None:
        shapes[BaseLayer.Name.BOUNDARIES] = [Drawn(outline.boundary, kind="district")]
    BaseLayer.objects.exclude(name__in=[name for name in _LAYER_ORDER if shapes[name]]).delete()
    for order, name in enumerate(_LAYER_ORDER, 1):
        if features := [feature for each in shapes[name] for feature in _features(each)]:
            content = {"type": "FeatureCollection", "features": features}
            stored = {"order": order, "geojson": content, "digest": digest_of(name, order, content)}
            BaseLayer.objects.update_or_create(name=name, defaults=stored)


def _features(drawn: Drawn) -> list[dict[str, Any]]:
    shape = shapely.set_precision(shapely.simplify(drawn.shape, _DRAWN_DEGREES), _DRAWN_DEGREES / 10, mode="pointwise")
    wanted = "Polygon" if drawn.shape.area else "LineString" if drawn.shape.length else "Point"
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == wanted and not part.is_empty]
    if not parts:
        return []
    joined = {"Polygon": shapely.MultiPolygon, "LineString": shapely.MultiLineString}.get(wanted)
    geometry = shapely.geometry.mapping(joined(parts) if joined else parts[0])
    return [{"type": "Feature", "geometry": geometry, "properties": {"name": drawn.name, "rank": drawn.kind}}]


def _span(shape: BaseGeometry) -> float:
    """Return the larger side of a shape's box, in meters north to south."""
    west, south, east, north = shape.bounds
    return float(max(east - west, north - south)) * METERS_PER_DEGREE


# Places


def _store_places(city: CityExtract, report: BuildReport, *, replaces_blocks: bool) -> None:
    blocks = street_blocks.find_blocks(city)
    if Block.objects.exists() and not replaces_blocks:
        report.notes.append(_("The stored blocks were kept. To replace them with those of the extract, add --blocks."))
        blocks = []
    elif not blocks:
        report.notes.append(_("The extract has no house numbers, so it gives no blocks."))
    else:
        block_import.replace_blocks(blocks)
    crossings = street_blocks.find_crossings(city)
    _store_crossings(crossings)
    landmarks = {(each.kind, each.name[:80], each.longitude, each.latitude) for each in city.landmarks}
    _store_landmarks(sorted(landmarks))
    report.blocks, report.crossings, report.landmarks = len(blocks), len(crossings), len(landmarks)
    for layer in (Area.Layer.DISTRICT, Area.Layer.BEAT, Area.Layer.NEIGHBOURHOOD):
        area_import.assign_areas(layer)


def _store_crossings(crossings: Sequence[tuple[str, str, float, float]]) -> None:
    rows = [
        Intersection(first=first, second=second, longitude=longitude, latitude=latitude)
        for first, second, longitude, latitude in crossings
    ]
    unique = ["first", "second", "latitude", "longitude"]
    stored = Intersection.objects.bulk_create(
        rows, batch_size=5000, update_conflicts=True, unique_fields=unique, update_fields=["first"]
    )
    Intersection.objects.exclude(pk__in=[row.pk for row in stored]).delete()


def _store_landmarks(landmarks: Sequence[tuple[str, str, float, float]]) -> None:
    rows = [
        Landmark(kind=kind, name=name, key=normalize_name(name), longitude=longitude, latitude=latitude)
        for kind, name, longitude, latitude in landmarks
    ]
    unique = ["kind", "name", "latitude", "longitude"]
    stored = Landmark.objects.bulk_create(
        rows, batch_size=5000, update_conflicts=True, unique_fields=unique, update_fields=["key"]
    )
    Landmark.objects.exclude(pk__in=[row.pk for row in stored]).delete()
