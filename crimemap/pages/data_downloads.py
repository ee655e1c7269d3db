"""The page of downloads: files of everything and of the selection, the dictionary of columns, license and citation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.agency import current_settings
from crimemap import wording
from crimemap.exports import data_files
from crimemap.exports.data_files import DataFile, DataFiles
from crimemap.exports.fields import COLUMNS, label_areas
from crimemap.exports.licenses import chosen_license
from crimemap.offence_families import BY_SLUG
from crimemap.pages.filter_form import build_panel
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# The files of everything, with what each is good for.
_FORMATS: dict[str, tuple[_StrPromise, _StrPromise]] = {
    "incidents.csv.zip": (
        gettext_lazy("CSV, zipped"),
        gettext_lazy("A table as text. Most programs can open it once it is unzipped."),
    ),
    "incidents.geojson.zip": (gettext_lazy("GeoJSON, zipped"), gettext_lazy("For map programs such as QGIS.")),
    "incidents.parquet": (
        gettext_lazy("Parquet"),
        gettext_lazy("The smallest and fastest, for R, Python, DuckDB and other data tools."),
    ),
}


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file of everything as the page offers it: its format and what that is good for."""

    file: DataFile
    format: _StrPromise
    purpose: _StrPromise


@dataclass(frozen=True, slots=True)
class AreaLayer:
    """The areas of one layer, as the files' codes and as people call them."""

    name: _StrPromise
    areas: list[tuple[str, str]]


def build_context(published: PublishedIncidents, chosen: Filter) -> dict[str, Any]:
    """Return the context of crimemap/exports/page.html."""
    files = data_files.find_data_files(published)
    return {
        "published": published,
        "chosen": chosen,
        "query": chosen.query_string(),
        "panel": build_panel(published, chosen),
        "all_days": wording.format_days(published.since, published.until),
        "files": files,
        "everything": _offer_files(files) if files else [],
        "years": files.by_year if files else [],
        "columns": COLUMNS,
        "layers": _list_areas(published),
        "categories": [
            (slug, published.category_names[slug], BY_SLUG[family].name) for slug, family in published.families.items()
        ],
        "license": chosen_license(),
        "citation": cite(published),
    }


def cite(published: PublishedIncidents) -> str:
    """Return the words by which a reader can name these data as a source; the version makes them findable again."""
    return _(
        "%(agency)s: Incidents in %(city)s, %(days)s. Version %(version)s, published %(published)s. %(address)s"
    ) % {
        "agency": current_settings.current().name,
        "city": current_settings.current().city,
        "days": wording.format_days(published.since, published.until),
        "version": published.version[:8],
        "published": wording.format_day(published.made_on),
        "address": f"{settings.PORTAL_URL}{reverse('crimemap:downloads')}",
    }


def _offer_files(files: DataFiles) -> list[OfferedFile]:
    return [OfferedFile(files.files[name], *words) for name, words in _FORMATS.items() if name in files.files]


def _list_areas(published: PublishedIncidents) -> list[AreaLayer]:
    labels = label_areas(published)
    layers = [
        AreaLayer(name, [(code, labels[layer, code]) for code in published.areas[layer] if code])
        for layer, name in wording.LAYER_NAMES.items()
    ]
    return [each for each in layers if each.areas]
