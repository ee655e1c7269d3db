"""The descriptions that programs read beside the data files: a Data Package and its Table Schema (https://datapackage.org)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any

import orjson
from django.conf import settings
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _

from core.agency import current_settings
from crimemap.exports.data_files import COLUMNS_NAME
from crimemap.exports.fields import COLUMNS, label_areas
from crimemap.exports.licenses import chosen_license
from crimemap.snapshot.published_incidents import PublishedIncidents

FORMAT = 1  # another one makes the files of every portal be written again
_TYPES = {"date": "date", "hour": "integer", "latitude": "number", "longitude": "number"}


def fingerprint(published: PublishedIncidents) -> str:
    """Return a digest of all that the files depend on: a version's rows never change, but names and the license can."""
    facts = [
        FORMAT,
        published.version,
        sorted((*area, label) for area, label in label_areas(published).items()),
        *(
            current_settings.current().name,
            current_settings.current().city,
            settings.PORTAL_URL,
            settings.LANGUAGE_CODE,
            settings.DATA_LICENSE,
        ),
    ]
    return hashlib.sha256(orjson.dumps(facts)).hexdigest()[:24]


def table_schema() -> dict[str, Any]:
    """Return the Table Schema of the files of incidents."""
    fields = [
        {"name": name, "type": _TYPES.get(name, "string"), "description": str(words)} for name, words in COLUMNS.items()
    ]
    return {"fields": fields, "primaryKey": ["id"], "missingValues": [""]}


def describe_file(
    name: str, size: int, sha256: str, *, rows: int, days: tuple[date, date] | None = None
) -> dict[str, Any]:
    """Return a file's entry in the list. days: the first and last of its incidents, None if it has no incidents."""
    stem, _dot, kind = name.removesuffix(".zip").rpartition(".")
    entry: dict[str, Any] = {
        "name": slugify(f"{stem}-{kind}") if kind != "csv" else stem,
        "path": name,
        "format": kind,
        "bytes": size,
        "hash": f"sha256:{sha256}",
        "rows": rows,
    }
    if kind == "csv":
        entry["encoding"] = "utf-8"
    if name.endswith(".zip"):
        entry |= {"compression": "zip", "innerpath": name.removesuffix(".zip")}
    if days:
        entry |= {"since": days[0].isoformat(), "until": days[1].isoformat()}
    if stem.startswith("incidents") and kind != "geojson":
        entry["schema"] = COLUMNS_NAME
    return entry


def describe_package(
    published: PublishedIncidents, entries: Sequence[dict[str, Any]], fingerprint: str
) -> dict[str, Any]:
    """Return the Data Package of these files. Its paths are relative to its own address."""
    license = chosen_license()
    package: dict[str, Any] = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": slugify(f"{current_settings.current().city}-incidents") or "incidents",
        "title": _("Incidents reported to %(agency)s") % {"agency": current_settings.current().name},
        "description": _(
            "First reports, by block or area. Some types are left out on purpose. Types and outcomes can change, and incidents can be withdrawn."
        ),
        "homepage": f"{settings.PORTAL_URL}{reverse('crimemap:downloads', urlconf=settings.PUBLIC_URLCONF)}",
        "version": published.version,
        "created": published.made_at.isoformat(timespec="seconds"),
        "sources": [{"title": current_settings.current().name, "path": settings.PORTAL_URL}],
        "fingerprint": fingerprint,
        "resources": list(entries),
    }
    if license:
        package["licenses"] = [{"name": license.name, "title": license.title, "path": license.url}]
    return package
