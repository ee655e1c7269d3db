"""The OpenAPI 3.1 description of the JSON API, built from the same field names as its answers."""

from __future__ import annotations

from typing import Any

import orjson
from django.conf import settings
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core.agency import current_settings
from core.web import page_cache
from crimemap.exports.fields import COLUMNS
from crimemap.offence_families import BY_SLUG
from crimemap.snapshot.filters import PRESETS, WEEKDAYS
from crimemap.snapshot.format import DEEPEST, LAYERS
from crimemap.snapshot.published_incidents import MAX_PAGE_ROWS

Schema = dict[str, Any]

RULES = (
    _("These are first reports. The type and the outcome can change, and incidents can be withdrawn."),
    _("A point is a block, not a house. Some types are published only by area and day."),
    _("Sexual offenses, trafficking, crimes against children, crimes within families, runaways, kidnapping and domestic"
      " incidents are never shown one by one. They are counted only in yearly totals."),
    _("The numbers tell what was reported, not how safe a place is. Don't use them to judge people."),
)  # fmt: skip


def _text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def _whole(description: str = "", **more: Any) -> Schema:
    return {"type": "integer", "minimum": 0, **({"description": description} if description else {}), **more}


def _or_null(schema: Schema) -> Schema:
    return schema | {"type": [schema["type"], "null"]}


def _object(properties: dict[str, Schema]) -> Schema:
    """Return the schema of an object with exactly these properties."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


DAY = _text(format="date", pattern=r"^\d{4}-\d{2}-\d{2}$")
VERSION = _text("Version of the published data. Changes whenever the data does.")
FILTER = _text("The filter that was applied, in its canonical form.")
SELECTION = {
    "filter": FILTER,
    "since": _or_null(DAY | {"description": "First day of the filter that is published; null if none is."}),
    "until": _or_null(DAY | {"description": "Last day of the filter that is published; null if none is."}),
}
COUNT = _whole()
CATEGORY = {"category": _text(), "name": _text(), "family": _text(enum=list(BY_SLUG)), "family_name": _text()}
AREA = {
    "area": _text("Value for the filter's `area` parameter."),
    "layer": _text(enum=list(LAYERS)),
    "code": _text(),
    "name": _text(),
}


def _incident() -> Schema:
    shapes: dict[str, Schema] = dict.fromkeys(COLUMNS, _text())
    shapes |= {
        "date": DAY,
        "hour": _or_null(_whole(maximum=23)),
        "precision": _text(enum=["hour", "day", "month"]),
        "family": _text(enum=list(BY_SLUG)),
        "latitude": {"type": ["number", "null"]},
        "longitude": {"type": ["number", "null"]},
    }
    described = {name: shapes[name] | {"description": str(words)} for name, words in COLUMNS.items()}
    return _object(described | {"page": _text("The incident's web page.", format="uri")})


def _schemas() -> dict[str, Schema]:
    problem = _object({"part": _text(), "message": _text(), "offer": _text("The closest valid value, or empty.")})
    bubble = {
        "latitude": {"type": "number"},
        "longitude": {"type": "number"},
        "count": _whole(minimum=1),
        "families": {"type": "object", "additionalProperties": COUNT, "propertyNames": {"enum": list(BY_SLUG)}},
        "one_point": {
            "type": "boolean",
            "description": "True if all incidents are on one point, so that zooming in never splits them.",
        },
    }
    weekday = {
        "weekday": _text(enum=list(WEEKDAYS)),
        "hours": _list(COUNT, minItems=24, maxItems=24),
        "no_hour": _whole("Incidents with a known day but no known hour."),
    }
    change = {"date": DAY, "before": _text("A category; empty if it is not published."), "after": _text()}
    source = {"source": _text(), "name": _text(), "updated_on": _or_null(DAY), "late": {"type": "boolean"}}
    not_shown = {
        "year": _whole(),
        "hidden": _or_null(_whole("Incidents of types that are never shown; null means fewer than totals_from.")),
        "held": _or_null(_whole("Incidents whose code is not classified yet; null means fewer than totals_from.")),
    }
    total = {
        "area": _text("Code; empty for the whole agency."),
        "category": _text(),
        "year": _whole(),
        "count": COUNT,
    }
    return {
        "Problems": _object({"problems": _list(problem), "nearest": _text("Path of a request that works.")}),
        "Incident": _incident(),
        "Incidents": _object(
            {
                "version": VERSION,
                **SELECTION,
                "total": _whole("Number of incidents that match, on all pages."),
                "incidents": _list(_ref("Incident"), maxItems=MAX_PAGE_ROWS),
                "next": _or_null(_text("URL of the next page; null on the last page.", format="uri")),
            }
        ),
        "OneIncident": _object({"version": VERSION, "incident": _ref("Incident"), "changes": _list(_object(change))}),
        "Bubbles": _object(
            {
                "version": VERSION,
                **SELECTION,
                "zoom": _whole("Zoom of the grid. Smaller than requested if the view has too many cells."),
                "bubbles": _list(_object(bubble)),
            }
        ),
        "Months": _counts({"month": _text(pattern=r"^\d{4}-\d{2}$"), "count": COUNT}),
        "ByCategory": _counts(CATEGORY | {"count": COUNT}),
        "ByArea": _counts(AREA | {"count": COUNT}, unknown=_whole("Incidents with no known area.")),
        "Hours": _counts(weekday, no_day=_whole("Incidents with a known month but no known day.")),
        "Comparison": _object(
            {
                "version": VERSION,
                **SELECTION,
                "count": COUNT,
                "before": _or_null(
                    _whole("Count of the equally long period just before; null if the data starts later.")
                ),
                "year_ago": _or_null(_whole("Count of the same days a year before; null if the data starts later.")),
            }
        ),
        "Categories": _object({"version": VERSION, "categories": _list(_object(CATEGORY))}),
        "Areas": _object({"version": VERSION, "areas": _list(_object(AREA))}),
        "About": _object(
            {
                "version": VERSION,
                "agency": _text(),
                "made_on": DAY,
                "since": DAY,
                "until": DAY,
                "sources": _list(_object(source)),
                "embargo_days": _whole("Days before an incident is published, at least."),
                "least_radius": _whole("Smallest radius of a circle, in meters."),
                "totals_from": _whole("Smaller totals are left out."),
                "not_shown": _list(_object(not_shown)),
                "totals": _list(
                    _object(total), description="Yearly totals of incidents that are not shown one by one."
                ),
                "rules": _list(_text()),
                "page": _text(format="uri"),
            }
        ),
    }


def _counts(line: dict[str, Schema], **more: Schema) -> Schema:
    return _object({"version": VERSION, **SELECTION, "counts": _list(_object(line)), **more})


def _parameter(name: str, description: str, schema: Schema, example: str = "") -> Schema:
    parameter: Schema = {"name": name, "in": "query", "description": description, "schema": schema}
    return parameter | ({"example": example} if example else {})


FILTER_PARAMETERS = {
    "category": _parameter(
        "category", "Categories or families, separated by commas.", _text(), "burglary,family:people"
    ),
    "days": _parameter(
        "days", "The newest so many days of the data; 365 by default.", {"type": "integer", "enum": list(PRESETS)}
    ),
    "from": _parameter("from", "First day, in local time.", DAY),
    "to": _parameter("to", "Last day, in local time.", DAY),
    "hour": _parameter("hour", "Hours from 0 to 23. Ranges can cross midnight.", _text(), "22-4"),
    "weekday": _parameter("weekday", f"Days of the week: {', '.join(WEEKDAYS)}.", _text(), "sat,sun"),
    "area": _parameter("area", "Layer and code, as listed by /areas.", _text(), "district:4"),
    "near": _parameter("near", "Center of a circle: latitude, longitude.", _text(), "41.88,-87.63"),
    "radius": _parameter(
        "radius", "Radius of the circle in meters. /about has the smallest.", {"type": "number"}, "500"
    ),
    "box": _parameter("box", "A box in degrees: south,west,north,east.", _text(), "41.80,-87.70,41.90,-87.60"),
}
OTHER_PARAMETERS = {
    "limit": _parameter("limit", "Incidents per page.", _whole(minimum=1, maximum=MAX_PAGE_ROWS, default=100)),
    "after": _parameter("after", "Where the page starts. Take it from `next`.", _text()),
    "view": _parameter("view", "The visible part of a map: south,west,north,east. Everything by default.", _text()),
    "zoom": _parameter(
        "zoom", "Zoom level of a Web Mercator map. Grid cells are 64 pixels wide.", _whole(maximum=DEEPEST, default=12)
    ),
    "layer": _parameter("layer", "Kind of area.", _text(enum=list(LAYERS), default="district")),
}

# path: (name of its URL, summary, schema, whether it takes the filter, parameters of its own)
PATHS: dict[str, tuple[str, str, str, bool, tuple[str, ...]]] = {
    "/incidents": ("incidents", "Incidents, newest first, a page at a time", "Incidents", True, ("limit", "after")),
    "/incidents/{id}": ("incident", "One incident", "OneIncident", False, ()),
    "/bubbles": ("bubbles", "Counts by grid cell of the map", "Bubbles", True, ("view", "zoom")),
    "/counts/months": ("months", "Counts by month", "Months", True, ()),
    "/counts/categories": ("by_category", "Counts by category", "ByCategory", True, ()),
    "/counts/areas": ("by_area", "Counts by area", "ByArea", True, ("layer",)),
    "/counts/hours": ("hours", "Counts by weekday and hour", "Hours", True, ()),
    "/compare": ("compare", "Counts for the filter's days, the days before, and a year before", "Comparison", True, ()),
    "/categories": ("categories", "All categories", "Categories", False, ()),
    "/areas": ("areas", "All areas", "Areas", False, ()),
    "/about": ("about", "Sources, age of the data, and what is left out", "About", False, ()),
}


def operations(public_id: str) -> list[tuple[str, str, str]]:
    """Return each path with its summary and an example's address. public_id: of an incident; without one, it has no example."""

    def example(path: str, name: str) -> str:
        if "{" not in path:
            return reverse(f"open_api:{name}")
        return reverse(f"open_api:{name}", args=[public_id]) if public_id else ""

    return [
        (path, summary, example(path, name) + ("?days=30" if takes_filter else ""))
        for path, (name, summary, _schema, takes_filter, _own) in PATHS.items()
    ]


def _operation(path: str) -> Schema:
    name, summary, schema, takes_filter, own = PATHS[path]
    parameters: list[Schema] = [
        {"$ref": f"#/components/parameters/{each}"} for each in (*(FILTER_PARAMETERS if takes_filter else ()), *own)
    ]
    errors = ["400", "503"]
    if path.endswith("{id}"):
        parameters.append({"name": "id", "in": "path", "required": True, "schema": _text()})
        errors += ["404", "410"]
    headers = {
        "ETag": {"schema": _text(), "description": "Send it as If-None-Match to get status 304 if nothing has changed."}
    }
    answer = {"description": summary, "headers": headers, "content": {"application/json": {"schema": _ref(schema)}}}
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": answer,
            "304": {"description": "Nothing has changed."},
            **{status: {"$ref": f"#/components/responses/{status}"} for status in sorted(errors)},
        },
    }


def build_document() -> Schema:
    """Build the OpenAPI document, which names the agency."""
    problems = {"application/json": {"schema": _ref("Problems")}}
    errors = {
        "400": "Part of the request is wrong.",
        "404": "No published incident has this id.",
        "410": "The incident was withdrawn.",
        "503": "No data is published yet.",
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Incidents reported to {current_settings.current().name}",
            "version": "1",
            "description": " ".join(map(str, RULES)),
        },
        "servers": [{"url": f"{settings.PORTAL_URL}{reverse('open_api:page')}v1"}],
        "paths": {path: {"get": _operation(path)} for path in PATHS},
        "components": {
            "schemas": _schemas(),
            "parameters": FILTER_PARAMETERS | OTHER_PARAMETERS,
            "responses": {status: {"description": words, "content": problems} for status, words in errors.items()},
        },
    }


def as_json() -> bytes:
    """Return the document as a file, built once for all readers."""
    return page_cache.get_or_build(("open api", get_language()), _build_json)


def _build_json() -> bytes:
    return orjson.dumps(build_document(), option=orjson.OPT_INDENT_2)
