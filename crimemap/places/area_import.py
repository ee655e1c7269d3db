"""Import of an agency's boundary layers. An import replaces its layer as a whole.

    file = layer_file.read_layer_file(path, name, folder)
    columns = area_import.choose_columns(file.features, "district")
    plan = area_import.plan_layer("district", file.features, columns)     # stores nothing
    result = area_import.replace_layer(plan, {"9": "D9"})                 # district 9 is D9 now

Codes are stored as the file has them and must match those of the agency's records ("9" is not "009"). An area whose code
stays keeps its row, so references to it remain valid; so does one that is given a new code. Areas missing from the file are
removed unless stored incidents still name them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson
import shapely
from django.db import connection, transaction
from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from shapely.geometry.base import BaseGeometry

from crimemap.layer_files.features import Feature
from crimemap.layer_files.layer_file import LayerFileError
from crimemap.models import Area, Block, Incident, Intersection, Landmark
from crimemap.places import former_codes
from crimemap.places.area_index import AreaIndex, load_area_index
from crimemap.street_names import normalize_name, restore_capitals

MAX_CODE_CHARACTERS, MAX_NAME_CHARACTERS = 60, 80
_SUCCESSOR_SHARE = 0.5  # of an area that is gone, inside one of the file
_SAME_OUTLINE = 0.995  # of two outlines' common surface in what both cover
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
    areas = [feature for feature in features if feature.shape is not None]
    complete = [name for name in names if all(feature.properties.get(name) for feature in areas)]
    descriptive = [
        name for name in complete if not all(_ORDINAL.fullmatch(feature.properties[name]) for feature in areas)
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


@dataclass(slots=True)
class AreaChange:
    """An area that is stored and in the file. overlap: what both outlines cover, as a share of what either does."""

    before: Area
    after: Area
    overlap: float

    @property
    def is_renamed(self) -> bool:
        return self.before.name != self.after.name

    @property
    def is_moved(self) -> bool:
        return self.overlap < _SAME_OUTLINE


@dataclass(slots=True)
class LayerPlan:
    """The layer that a file would make; nothing is stored yet.

    gone: areas that are not in the file; kept: those of them that stay, because stored incidents name them. successors: by
    the code of each area that is gone, the code of the file's area that covers most of it. notes: sentences about what was
    joined or left out.
    """

    layer: str
    rows: list[Area]
    before: dict[str, Area]
    notes: list[str]
    created: list[Area] = field(default_factory=list)
    changes: list[AreaChange] = field(default_factory=list)
    unchanged: int = 0
    gone: list[Area] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    successors: dict[str, str] = field(default_factory=dict)
    unknown_codes: list[str] = field(default_factory=list)


def plan_layer(layer: str, features: Sequence[Feature], columns: AreaColumns) -> LayerPlan:
    """Compare the features with the stored areas of `layer`. Features with the same code become one area.

    Raises LayerFileError.
    """
    notes: list[str] = []
    rows = [
        _build_area(layer, code, parts, columns, notes)
        for code, parts in _group_by_code(features, columns, notes).items()
    ]
    stored = {area.code: area for area in Area.objects.filter(layer=layer).order_by("code")}
    plan = LayerPlan(layer, rows, stored, notes)
    for row in rows:
        old = stored.get(row.code)
        if old is None:
            plan.created.append(row)
        elif _compared_content(old) == _compared_content(row):
            plan.unchanged += 1
        else:
            plan.changes.append(AreaChange(old, row, _overlap(_outline_shape(old), _outline_shape(row))))
    codes, named = {row.code for row in rows}, _codes_in_incidents(layer)
    plan.gone = [area for code, area in stored.items() if code not in codes]
    plan.kept = {area.code for area in plan.gone} & named
    plan.successors = _find_successors(plan.gone, rows)
    plan.unknown_codes = sorted(named - codes - set(stored) - set(former_codes.load(layer)))
    return plan


def _outline_shape(area: Area) -> BaseGeometry:
    """Return an area's outline, valid; an empty shape for one that cannot be read."""
    shape = shapely.from_geojson(orjson.dumps(area.outline).decode(), on_invalid="ignore")
    if shape is None:
        return shapely.Polygon()
    return shape if shapely.is_valid(shape) else shapely.make_valid(shape)


def _overlap(first: BaseGeometry, second: BaseGeometry) -> float:
    both, either = float(shapely.intersection(first, second).area), float(shapely.union(first, second).area)
    return both / either if either else 1.0


def _find_successors(gone: Sequence[Area], rows: Sequence[Area]) -> dict[str, str]:
    """Return, by the code of each area that is gone, the code of the one that covers most of it, if that is half."""
    shapes = [_outline_shape(row) for row in rows]
    tree, found = shapely.STRtree(shapes), {}
    for area in gone:
        shape = _outline_shape(area)
        candidates = tree.query(shape).tolist() if not shape.is_empty else []
        shares = [(float(shapely.intersection(shape, shapes[number]).area), number) for number in candidates]
        best, number = max(shares, default=(0.0, 0))
        if best and best >= _SUCCESSOR_SHARE * shape.area:
            found[area.code] = rows[number].code
    return found


def count_moved_incidents(plan: LayerPlan, successors: Mapping[str, str]) -> int:
    """Return how many stored incidents lie in another area of the layer than before. A new code alone is no other area."""
    if plan.layer == Area.Layer.CITY or not plan.before:
        return 0
    points = list(
        Incident.objects.filter(removed_at__isnull=True, latitude__isnull=False, longitude__isnull=False)
        .order_by()
        .values_list("latitude", "longitude")
        .annotate(count=Count("pk"))
    )
    latitudes, longitudes, counts = zip(*points, strict=True) if points else ((), (), ())
    old = load_area_index(plan.layer).codes_at(longitudes, latitudes)
    rows = sorted(plan.rows, key=lambda row: row.code)
    index = AreaIndex([(row.code, orjson.dumps(row.outline).decode()) for row in rows])
    new = index.codes_at(longitudes, latitudes)
    pairs = zip(old, new, counts, strict=True)
    return sum(count for before, after, count in pairs if successors.get(before, before) != after)


def replace_layer(plan: LayerPlan, successors: Mapping[str, str] | None = None) -> LayerImportResult:
    """Make the plan's areas those of its layer, in one transaction.

    successors: codes that are gone, and the code in the file that links, alerts and records with them mean from now on.
    """
    layer, result = plan.layer, LayerImportResult(notes=list(plan.notes))
    codes = {row.code for row in plan.rows}
    with transaction.atomic():
        stored = {area.code: area for area in Area.objects.select_for_update().filter(layer=layer)}
        given = {
            old: new for old, new in (successors or {}).items() if old in stored and old not in codes and new in codes
        }
        before = _give_new_codes(stored, given)
        changed = [
            row
            for row in plan.rows
            if row.code not in before or _compared_content(row) != _compared_content(before[row.code])
        ]
        fields = ["name", "key", "outline", "latitude", "longitude"]
        Area.objects.bulk_create(changed, update_conflicts=True, unique_fields=["layer", "code"], update_fields=fields)
        former_codes.record(layer, given)
        recoded = len(set(before) & codes) - len(set(stored) & codes)
        result.updated = sum(row.code in before for row in changed)
        result.created = len(changed) - result.updated
        result.unchanged = len(plan.rows) - len(changed)
        named = _codes_in_incidents(layer) - set(given)
        result.removed = _remove_missing(set(before) - codes, named, layer, result)
        if plan.unknown_codes:
            sentence = _("Stored incidents use codes that no area has: %(codes)s. Compare how the codes are written.")
            shown = ", ".join(plan.unknown_codes[:10]) + (" ..." if len(plan.unknown_codes) > 10 else "")
            result.notes.append(sentence % {"codes": shown})
        if changed or result.removed or recoded:
            assign_areas(layer)
    return result


def _give_new_codes(stored: Mapping[str, Area], successors: Mapping[str, str]) -> dict[str, Area]:
    """Give the row of an area that is gone the code of its successor, if no row has that yet. Return all rows by code."""
    result = dict(stored)
    for old, new in successors.items():
        if new not in result:
            area = result.pop(old)
            area.code = new
            area.save(update_fields=["code"])
            result[new] = area
    return result


def _group_by_code(features: Sequence[Feature], columns: AreaColumns, notes: list[str]) -> dict[str, list[Feature]]:
    found: dict[str, list[Feature]] = defaultdict(list)
    shapeless = lines = codeless = 0
    for feature in features:
        code = feature.properties.get(columns.code, "")
        if feature.shape is None:
            shapeless += 1
        elif feature.shape.geom_type not in ("Polygon", "MultiPolygon"):
            lines += 1
        elif not code or len(code) > MAX_CODE_CHARACTERS:
            codeless += 1
        else:
            found[code].append(feature)
    if not found and codeless:
        raise LayerFileError(
            _("No area has a usable code in “%(column)s”: it is blank, or longer than %(most)d characters. Choose another property.")
            % {"column": columns.code, "most": MAX_CODE_CHARACTERS}
        )  # fmt: skip
    if not found and lines:
        raise LayerFileError(_("This file has points or lines, but no areas. Export the boundaries as polygons."))
    if not found:
        raise LayerFileError(
            _("This file has no shapes in it. Check that you exported the right layer, with its shapes.")
        )
    for count, sentence in (
        (shapeless, ngettext("%(count)d row has no usable shape and was left out.", "%(count)d rows have no usable shape and were left out.", shapeless)),
        (lines, ngettext("%(count)d point or line was left out.", "%(count)d points or lines were left out.", lines)),
        (codeless, ngettext("%(count)d area has no usable code and was left out.", "%(count)d areas have no usable code and were left out.", codeless)),
    ):  # fmt: skip
        if count:
            notes.append(sentence % {"count": count})
    return found


def _build_area(layer: str, code: str, parts: list[Feature], columns: AreaColumns, notes: list[str]) -> Area:
    name = restore_capitals(parts[0].properties.get(columns.name, ""))[:MAX_NAME_CHARACTERS]
    name = name or f"{Area.Layer(layer).label} {code}"
    if len(parts) > 1:
        notes.append(
            _("%(count)s features have the code %(code)s and were joined.") % {"count": len(parts), "code": code}
        )
    shapes = [part.shape for part in parts]
    shape = shapely.union_all(shapes) if len(shapes) > 1 else shapes[0]
    assert shape is not None
    label = shape.representative_point()
    return Area(
        layer=layer, code=code, name=name, key=normalize_name(name), latitude=round(label.y, 6), longitude=round(label.x, 6),
        outline=orjson.loads(shapely.to_geojson(shape)),
    )  # fmt: skip


def _compared_content(area: Area) -> tuple[object, ...]:
    return area.name, area.latitude, area.longitude, area.outline


def _remove_missing(missing: set[str], named: set[str], layer: str, result: LayerImportResult) -> int:
    """Remove areas missing from the file, except those that stored incidents name. Return the number removed."""
    for code in sorted(missing & named):
        result.notes.append(
            _("%(code)s is not in the file but was kept, because stored incidents use it.") % {"code": code}
        )
    if not missing - named:
        return 0
    _count, by_model = Area.objects.filter(layer=layer, code__in=missing - named).delete()
    return by_model.get(Area._meta.label, 0)


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
