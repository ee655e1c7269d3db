"""Import of an agency's boundary layers from GeoJSON. An import replaces its layer as a whole.

    features = area_import.parse_features(content)
    columns = area_import.guess_columns(features, "district")
    result = area_import.replace_layer("district", features, columns)

Codes are stored as the file has them and must match those of the agency's records ("9" is not "009"). An area whose code
stays keeps its row, so references to it remain valid. Areas missing from the file are removed unless stored incidents
still name them.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import shapely
from django.db import connection, transaction
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from crimemap.models import Area, Block, Incident, Intersection, Landmark
from crimemap.places.area_index import load_area_index
from crimemap.street_names import normalize_name, restore_capitals

MAX_FILE_BYTES = 200_000_000  # decompressed; the center lines of a large county are about 60 MB
MAX_CODE_CHARACTERS, MAX_NAME_CHARACTERS = 60, 80
# Property names that files use for code and name, best first; compared without case, spaces and underscores.
_CODES = {
    Area.Layer.CITY: ("placefp", "geoid"),
    Area.Layer.DISTRICT: ("distnum", "district", "districtno", "districtnumber", "dist", "precinct", "division"),
    Area.Layer.BEAT: ("beatnum", "beat", "beatno", "beatnumber", "psa", "sector", "rd", "repdist"),
    Area.Layer.NEIGHBOURHOOD: ("areanumbe", "areanum1", "areanumber", "neighborhoodid", "nbhdid", "lsoa11cd", "lsoa21cd"),
}  # fmt: skip
_ANY_CODES = ("code", "number", "num", "id", "objectid", "fid")
_NAMES = (
    "name",
    "community",
    "neighborhood",
    "neighbourhood",
    "label",
    "distlabel",
    "lsoa11nm",
    "lsoa21nm",
    "namelsad",
)
_ORDINAL = re.compile(r"\d+\s*(st|nd|rd|th)?|[a-z]?\d+[a-z]?", re.IGNORECASE)


class LayerFileError(Exception):
    """The file cannot be imported as this layer; nothing was stored. The message is a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of the file. number: counts from 1. shape: None if the file has none."""

    number: int
    properties: dict[str, str]
    shape: BaseGeometry | None


@dataclass(frozen=True, slots=True)
class AreaColumns:
    """The properties that hold an area's code and name. Without a `name`, areas are called "District 9"."""

    code: str
    name: str = ""


@dataclass(slots=True)
class LayerImportResult:
    """The result of an import. notes: sentences about areas that were repaired, joined or kept."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    notes: list[str] = field(default_factory=list)

    def summarize(self) -> str:
        """Return a sentence of counts, then the notes, one a line."""
        counts = _("%(created)s new, %(updated)s changed, %(unchanged)s unchanged, %(removed)s removed.") % {
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "removed": self.removed,
        }
        return "\n".join([counts, *self.notes])


def parse_features(content: bytes) -> list[Feature]:
    """Parse a GeoJSON file in WGS 84 degrees, gzipped or not. Raises LayerFileError."""
    try:
        found = orjson.loads(decompress(content).removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        raise LayerFileError(
            _("This is not a GeoJSON file: its content is not JSON. Export the layer as GeoJSON.")
        ) from None
    if isinstance(found, dict) and found.get("type") == "Feature":
        found = {"type": "FeatureCollection", "features": [found]}
    if not isinstance(found, dict) or not isinstance(found.get("features"), list):
        raise LayerFileError(_("This is not a GeoJSON FeatureCollection. Export the layer as GeoJSON."))
    features = [_parse_feature(number, feature) for number, feature in enumerate(found["features"], 1)]
    if not any(feature.shape for feature in features):
        raise LayerFileError(_("This file has no shapes in it."))
    bounds = np.array([feature.shape.bounds for feature in features if feature.shape])
    if not (np.abs(bounds[:, [0, 2]]) <= 180).all() or not (np.abs(bounds[:, [1, 3]]) <= 90).all():
        raise LayerFileError(_("The coordinates of this file are not degrees. Export it again in WGS 84 (EPSG:4326)."))
    return features


def decompress(content: bytes) -> bytes:
    """Return `content` decompressed if it is gzipped. Raises LayerFileError."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        with gzip.open(io.BytesIO(content)) as file:
            result = file.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise LayerFileError(_("This gzip file is damaged. Send it again.")) from None
    if len(result) > MAX_FILE_BYTES:
        raise LayerFileError(_("This file is too large. A layer can have up to 200 MB."))
    return result


def _parse_feature(number: int, feature: Any) -> Feature:
    properties = (feature.get("properties") if isinstance(feature, dict) else None) or {}
    geometry = feature.get("geometry") if isinstance(feature, dict) else None
    shape = None
    if geometry:
        try:
            shape = shapely.force_2d(shapely.from_geojson(orjson.dumps(geometry)))
        except (shapely.GEOSException, ValueError, TypeError):
            raise LayerFileError(_("The shape of feature %(number)s can't be read.") % {"number": number}) from None
    texts = (
        {str(name): property_text(value) for name, value in properties.items()} if isinstance(properties, dict) else {}
    )
    return Feature(number, texts, None if shape is None or shape.is_empty else shape)


def property_text(value: object) -> str:
    """Return a property as one line of printable text; whole numbers lose the ".0" that tables give them."""
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return " ".join("".join(character if character.isprintable() else " " for character in str(value)).split())


def property_names(features: Sequence[Feature]) -> list[str]:
    """Return the names of all properties in a file, in the order of their first appearance."""
    return list(dict.fromkeys(name for feature in features for name in feature.properties))


def pick_property(names: Sequence[str], wanted: Sequence[str]) -> str:
    """Return the name that matches the earliest of `wanted`, "" if none does."""
    plain = {re.sub(r"[\W_]+", "", name).casefold(): name for name in reversed(names)}
    return next((plain[name] for name in wanted if name in plain), "")


def guess_columns(features: Sequence[Feature], layer: str) -> AreaColumns:
    """Return the properties that most likely hold code and name, "" where none fits."""
    names = property_names(features)
    complete = [name for name in names if all(feature.properties.get(name) for feature in features)]
    descriptive = [
        name for name in complete if not all(_ORDINAL.fullmatch(feature.properties[name]) for feature in features)
    ]
    name = pick_property(descriptive, _NAMES)
    code = pick_property(complete, _CODES[Area.Layer(layer)]) or pick_property(
        [other for other in complete if other != name], _ANY_CODES
    )
    return AreaColumns(code or name, name)


def choose_columns(features: Sequence[Feature], layer: str, code: str = "", name: str | None = None) -> AreaColumns:
    """Return the columns given, guessing those that are not. Raises LayerFileError."""
    names, guessed = property_names(features), guess_columns(features, layer)
    columns = AreaColumns(code or guessed.code, guessed.name if name is None else name)
    for column in (columns.code, columns.name):
        if column and column not in names:
            sentence = _("The file has no property “%(column)s”. It has: %(names)s.")
            raise LayerFileError(sentence % {"column": column, "names": ", ".join(names)})
    if not columns.code:
        sentence = _("The portal couldn't guess which property has the code. Choose one of: %(names)s.")
        raise LayerFileError(sentence % {"names": ", ".join(names) or "-"})
    return columns


def replace_layer(layer: str, features: Sequence[Feature], columns: AreaColumns) -> LayerImportResult:
    """Make these features the areas of `layer`, in one transaction. Raises LayerFileError.

    Features with the same code become one area. Self-crossing shapes are repaired, with a note in the result.
    """
    result = LayerImportResult()
    rows = [
        _build_area(layer, code, parts, columns, result) for code, parts in _group_by_code(features, columns).items()
    ]
    with transaction.atomic():
        before = {area.code: area for area in Area.objects.select_for_update().filter(layer=layer)}
        changed = [
            row
            for row in rows
            if row.code not in before or _compared_content(row) != _compared_content(before[row.code])
        ]
        fields = ["name", "key", "outline", "latitude", "longitude"]
        Area.objects.bulk_create(changed, update_conflicts=True, unique_fields=["layer", "code"], update_fields=fields)
        result.updated = sum(row.code in before for row in changed)
        result.created = len(changed) - result.updated
        result.unchanged = len(rows) - len(changed)
        codes, named = {row.code for row in rows}, _codes_in_incidents(layer)
        result.removed = _remove_missing(set(before) - codes, named, layer, result)
        if unknown := sorted(named - codes - set(before)):
            sentence = _("Stored incidents use codes that no area has: %(codes)s. Compare how the codes are written.")
            result.notes.append(sentence % {"codes": ", ".join(unknown[:10]) + (" ..." if len(unknown) > 10 else "")})
        if changed or result.removed:
            assign_areas(layer)
    return result


def _group_by_code(features: Sequence[Feature], columns: AreaColumns) -> dict[str, list[Feature]]:
    found: dict[str, list[Feature]] = defaultdict(list)
    for feature in features:
        code = feature.properties.get(columns.code, "")
        if not code or len(code) > MAX_CODE_CHARACTERS:
            sentence = _(
                "Feature %(number)s has no usable code in “%(column)s”. Choose the property that holds the code."
            )
            raise LayerFileError(sentence % {"number": feature.number, "column": columns.code})
        if feature.shape is None or not isinstance(feature.shape, shapely.Polygon | shapely.MultiPolygon):
            sentence = _("Feature %(number)s is not a polygon. A layer of areas can only have polygons.")
            raise LayerFileError(sentence % {"number": feature.number})
        found[code].append(feature)
    return found


def _build_area(layer: str, code: str, parts: list[Feature], columns: AreaColumns, result: LayerImportResult) -> Area:
    name = restore_capitals(parts[0].properties.get(columns.name, ""))[:MAX_NAME_CHARACTERS]
    name = name or f"{Area.Layer(layer).label} {code}"
    shapes = [_repair_shape(part, code, result) for part in parts]
    if len(parts) > 1:
        result.notes.append(
            _("%(count)s features have the code %(code)s and were joined.") % {"count": len(parts), "code": code}
        )
    shape = shapely.union_all(shapes) if len(shapes) > 1 else shapes[0]
    label = shape.representative_point()
    return Area(
        layer=layer, code=code, name=name, key=normalize_name(name), latitude=round(label.y, 6), longitude=round(label.x, 6),
        outline=orjson.loads(shapely.to_geojson(shape)),
    )  # fmt: skip


def _repair_shape(feature: Feature, code: str, result: LayerImportResult) -> BaseGeometry:
    assert feature.shape is not None
    if feature.shape.is_valid:
        return feature.shape
    repaired = shapely.make_valid(feature.shape)
    parts = [part for part in shapely.get_parts(repaired) if isinstance(part, shapely.Polygon | shapely.MultiPolygon)]
    shape = shapely.union_all(parts)
    if shape.is_empty:
        sentence = _("The shape of feature %(number)s (code %(code)s) has no area. Fix it in the file.")
        raise LayerFileError(sentence % {"number": feature.number, "code": code})
    result.notes.append(
        _("The shape of %(code)s crossed itself (%(why)s) and was repaired.")
        % {"code": code, "why": shapely.is_valid_reason(feature.shape).split("[")[0].casefold()}
    )
    return shape


def _compared_content(area: Area) -> tuple[object, ...]:
    return area.name, area.latitude, area.longitude, area.outline


def _remove_missing(missing: set[str], named: set[str], layer: str, result: LayerImportResult) -> int:
    """Remove areas missing from the file, except those that stored incidents name. Return the number removed."""
    for code in sorted(missing & named):
        result.notes.append(
            _("%(code)s is not in the file but was kept, because stored incidents use it.") % {"code": code}
        )
    return Area.objects.filter(layer=layer, code__in=missing - named).delete()[0] if missing - named else 0


def _codes_in_incidents(layer: str) -> set[str]:
    """Return the codes of the layer that stored incidents name."""
    if layer == Area.Layer.CITY:
        return set()
    named = Incident.objects.filter(removed_at__isnull=True).exclude(**{layer: ""})
    return set(named.order_by().values_list(layer, flat=True).distinct())


def assign_areas(layer: str) -> None:
    """Update the area of `layer` of each block, intersection and landmark."""
    if layer == Area.Layer.CITY:
        return
    index = load_area_index(layer)
    for model in (Block, Intersection, Landmark):
        rows = list(model._default_manager.order_by("pk").values_list("pk", "longitude", "latitude"))
        codes = index.codes_at([row[1] for row in rows], [row[2] for row in rows])
        with connection.cursor() as cursor:
            cursor.execute(
                f"""UPDATE {model._meta.db_table} AS place
                    SET areas = CASE WHEN found.code = '' THEN place.areas - %s
                                     ELSE place.areas || jsonb_build_object(%s, found.code) END
                    FROM unnest(%s::bigint[], %s::text[]) AS found (id, code)
                    WHERE place.id = found.id AND coalesce(place.areas ->> %s, '') <> found.code""",  # noqa: S608
                [layer, layer, [row[0] for row in rows], codes, layer],
            )
