"""The preview of a layer of areas: its properties to choose from, a map, numbers, and each area that changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from crimemap.admin import point_map
from crimemap.layer_files import uploads
from crimemap.layer_files.layer_file import LayerFile, LayerFileError
from crimemap.layer_files.uploads import KeptUpload
from crimemap.models import Area
from crimemap.places import area_import, area_index
from crimemap.places.area_import import AreaColumns, LayerPlan
from crimemap.places.base_map import is_drawable
from crimemap.places.property_table import summarize_properties

MAX_ROWS_SHOWN = 200
MAX_ASKED = 150  # areas that are gone, each with a field; beyond it, all follow the file's shapes


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One area in the table of changes: a status, the code, its name before and after, and what else changes."""

    status: str
    code: str
    name: str
    detail: str


def chosen_columns(query: Mapping[str, str], file: LayerFile, layer: str) -> AreaColumns:
    """Return the properties that the page's form names, or guesses. Raises LayerFileError."""
    name = query.get("name") if "code" in query else None
    return area_import.choose_columns(file.features, layer, query.get("code", ""), name)


def chosen_successors(posted: Mapping[str, str], plan: LayerPlan) -> dict[str, str]:
    """Return the code of the file that each code that is gone leads to from now on. Raises LayerFileError."""
    if len(plan.gone) > MAX_ASKED:
        return plan.successors
    codes, chosen = {row.code for row in plan.rows}, {}
    for number, area in enumerate(plan.gone):
        code = " ".join(posted.get(f"successor_{number}", "").split())
        if code and code not in codes:
            sentence = _(
                "No area of the file has the code “%(code)s”, which %(old)s should lead to. Choose a code of the file, or leave the field blank."
            )
            raise LayerFileError(sentence % {"code": code, "old": area.code})  # fmt: skip
        if code:
            chosen[area.code] = code
    return chosen


def preview_context(query: Mapping[str, str], upload: KeptUpload) -> dict[str, Any]:
    """Return what the page shows of a file. Raises LayerFileError if it has no areas at all."""
    file, layer = uploads.load(upload), upload.kind
    if file.facts.kind == "table":
        raise LayerFileError(
            _("This is a table without shapes. Export the boundaries as GeoJSON or as a zipped shapefile.")
        )
    shown = [feature for feature in file.features if feature.shape is not None]
    context: dict[str, Any] = {
        "layer_label": Area.Layer(layer).label,
        "properties": summarize_properties(shown),
        "feature_count": len(shown),
        "has_stored": Area.objects.filter(layer=layer).exists(),
    }
    try:
        columns = chosen_columns(query, file, layer)
        context["columns"] = columns
        plan = area_import.plan_layer(layer, file.features, columns)
    except LayerFileError as error:
        return context | {"problem": str(error)}
    rows = describe_rows(plan)
    before = [area.outline for area in plan.before.values() if is_drawable(area.outline)]
    return context | {
        "plan": plan,
        "state": area_index.table_state(),
        "rows": rows[:MAX_ROWS_SHOWN],
        "more_rows": max(0, len(rows) - MAX_ROWS_SHOWN),
        "gone": _ask_successors(plan, query) if len(plan.gone) <= MAX_ASKED else [],
        "moved": sum(change.is_moved for change in plan.changes),
        "renamed": sum(change.is_renamed for change in plan.changes),
        "incidents": area_import.count_moved_incidents(plan, plan.successors),
        "kilobytes": round(sum(len(str(row.outline)) for row in plan.rows) / 1000),
        "outline_map": point_map.draw_outlines(before, [row.outline for row in plan.rows]),
        "warning": point_map.warn_if_far([(row.latitude, row.longitude) for row in plan.rows]),
        "notes": [*file.facts.notes(), *plan.notes],
    }


def describe_rows(plan: LayerPlan) -> list[PlanRow]:
    """Return the areas that change: those that are gone first, then the new ones, then the others."""
    rows = []
    for area in plan.gone:
        if area.code in plan.successors:
            status, detail = _("Gone"), _("mostly in %(code)s of the file") % {"code": plan.successors[area.code]}
        elif area.code in plan.kept:
            status, detail = _("Kept"), _("not in the file, but stored incidents use it")
        else:
            status, detail = _("Gone"), _("no area of the file covers it")
        rows.append(PlanRow(status, area.code, area.name, detail))
    rows += [PlanRow(_("New"), area.code, area.name, "") for area in plan.created]
    for change in plan.changes:
        details = []
        if change.is_renamed:
            details.append(_("was “%(name)s”") % {"name": change.before.name})
        if change.is_moved:
            details.append(_("%(percent)d%% of its ground is the same") % {"percent": int(change.overlap * 100)})
        status = _("Renamed") if change.is_renamed and not change.is_moved else _("Changed")
        if details:
            rows.append(PlanRow(status, change.after.code, change.after.name, "; ".join(details)))
    return rows


def _ask_successors(plan: LayerPlan, query: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "field": f"successor_{number}",
            "area": area,
            "value": query.get(f"successor_{number}", plan.successors.get(area.code, "")),
            "is_kept": area.code in plan.kept,
        }
        for number, area in enumerate(plan.gone)
    ]
