"""The list beside the map: the newest incidents of the selection or of a view, day by day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from html import escape

from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from crimemap import wording
from crimemap.incident_summary import incident_address
from crimemap.offence_families import FAMILIES
from crimemap.pages import symbols
from crimemap.places import areas
from crimemap.snapshot.filters import Filter, FilterError, FilterProblem
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import IncidentRow

PAGE_ROWS = 50  # the same as of the list page, where the link to the next page leads without script


@dataclass(frozen=True, slots=True)
class ListedIncident:
    """A row as the list shows it. at: "latitude,longitude" as the map's marks have it, "" without a point; area: its code."""

    row: IncidentRow
    url: str
    category: str
    family: str
    time: str
    place: str
    at: str
    area: str

    @property
    def html(self) -> SafeString:
        symbol = symbols.draw_type_picture(self.row.category, self.family)
        return mark_safe(  # noqa: S308  (escaped)
            f'<li><a class="row" href="{self.url}" data-at="{self.at}" data-area="{escape(self.area)}">{symbol}'
            f'<b>{escape(self.category)}</b><span class="time">{escape(self.time)}</span>'
            f'<small dir="auto">{escape(self.place)}</small></a></li>'
        )


@dataclass(frozen=True, slots=True)
class ListedDay:
    """A day, or a month whose incidents have no known day; count: of the whole selection, None where it is not known."""

    name: str
    count: int | None
    incidents: list[ListedIncident]

    @property
    def rows(self) -> SafeString:
        """The rows as HTML. They are written here because a template takes longer for them than for the rest of the list."""
        return mark_safe("".join(each.html for each in self.incidents))  # noqa: S308  (escaped there)


@dataclass(frozen=True, slots=True)
class MapList:
    total: int
    page: int
    pages: int
    days: list[ListedDay]


@dataclass(frozen=True, slots=True)
class FamilyKey:
    """A family in the legend over the map: its count under the filter's other parts, and the filter without or with it."""

    slug: str
    name: str
    count: int
    is_on: bool
    query: str


def list_keys(published: PublishedIncidents, chosen: Filter) -> list[FamilyKey]:
    """Return the families of the legend. The last one that is on turns all on again instead of leaving nothing."""
    counts = published.count_by_category(replace(chosen, categories=frozenset()))
    every = frozenset(published.families)
    shown = chosen.categories or every
    keys = []
    for family in FAMILIES:
        slugs = frozenset(slug for slug, its_family in published.families.items() if its_family == family.slug)
        if not slugs:
            continue
        is_on = bool(slugs & shown)
        left = shown - slugs if is_on else shown | slugs
        query = replace(chosen, categories=frozenset() if left == every else left).query_string()
        keys.append(
            FamilyKey(family.slug, str(family.short_name), sum(counts.get(slug, 0) for slug in slugs), is_on, query)
        )
    return keys


def build_list(published: PublishedIncidents, chosen: Filter, page: int, shaded_layer: str) -> MapList:
    """Return a page of the list. `shaded_layer`: whose codes tie rows to areas of the map. Raises FilterError."""
    found = published.read_page(chosen, offset=(page - 1) * PAGE_ROWS, limit=PAGE_ROWS)
    pages = max(1, -(-found.total // PAGE_ROWS))
    if page > pages:
        problem = FilterProblem(
            "page", _("There are %(pages)s pages.") % {"pages": wording.format_count(pages)}, str(pages)
        )
        raise FilterError([problem], chosen)
    days: list[ListedDay] = []
    counts = _counts_by_day(published, chosen, found.rows)
    names = areas.area_names("neighbourhood")
    by_day: dict[tuple[date, bool], list[IncidentRow]] = {}
    for row in found.rows:
        by_day.setdefault((row.at.date(), row.precision == "month"), []).append(row)
    for (day, is_month), rows in by_day.items():
        name = date_format(day, "F Y") if is_month else date_format(day, "l, F j")
        listed = [_list_incident(published, row, names, shaded_layer) for row in rows]
        days.append(ListedDay(name, None if is_month else counts.get(day), listed))
    return MapList(found.total, page, pages, days)


def _counts_by_day(published: PublishedIncidents, chosen: Filter, rows: list[IncidentRow]) -> dict[date, int]:
    days = [row.at.date() for row in rows if row.precision != "month"]
    if not days:
        return {}
    span = replace(chosen, since=min(days), until=max(days), days=0)
    first = max(span.since, published.since)
    return {first + timedelta(number): count for number, count in enumerate(published.count_by_day(span))}


def _list_incident(
    published: PublishedIncidents, row: IncidentRow, names: dict[str, str], shaded_layer: str
) -> ListedIncident:
    neighborhood = names.get(row.areas.get("neighbourhood", ""), "")
    place = wording.describe_place(row)
    if row.block and neighborhood:
        # Translators: a block and its neighborhood: "500 block of Bell Street, Willow Rise".
        place = _("%(block)s, %(area)s") % {"block": row.block, "area": neighborhood}
    at = "" if row.latitude is None or row.longitude is None else f"{row.latitude:.5f},{row.longitude:.5f}"
    time = wording.format_hour(row.at.hour) if row.precision not in ("day", "month") else _("time not known")
    return ListedIncident(
        row,
        incident_address(row.public_id),
        published.category_names[row.category],
        published.families[row.category],
        time,
        place,
        at,
        row.areas.get(shaded_layer, ""),
    )
