"""The filter as a form: the values of its fields, and the filter that a submitted form stands for.

The form has a hidden field "set", which tells a submitted form from a URL written by hand. A submitted form is redirected to
the filter's canonical URL, which is short, always the same, and good to share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from html import escape

from django.http import QueryDict
from django.utils.dates import WEEKDAYS
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.web import page_cache
from crimemap import wording
from crimemap.offence_families import FAMILIES, Family
from crimemap.pages import symbols
from crimemap.places import areas
from crimemap.snapshot import filters
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents

RADII_METERS = (150, 300, 500, 1000, 2000, 5000)


@dataclass(frozen=True, slots=True)
class CategoryOption:
    """A category in the legend; checked only while some, but not all, categories of its family are chosen."""

    slug: str
    name: str
    count: int
    is_checked: bool


@dataclass(frozen=True, slots=True)
class FamilyOption:
    """A family in the legend, with its incidents under all other parts of the filter; `mapped` of them have a mapped place."""

    family: Family
    count: int
    mapped: int
    is_checked: bool
    categories: list[CategoryOption]

    @property
    def is_partially_checked(self) -> bool:
        return any(each.is_checked for each in self.categories)

    @property
    def lines(self) -> SafeString:
        """The categories as HTML. They are written here because a template takes longer for them than for the rest of the form."""
        return mark_safe(  # noqa: S308  (escaped)
            "".join(
                f'<li data-category="{escape(each.slug)}"><label><input type="checkbox" name="category" value="{escape(each.slug)}"'
                f"{' checked' if each.is_checked else ''}>{symbols.draw_type_picture(each.slug, self.family.slug)}"
                f'<span>{escape(each.name)}</span> <b class="count">{wording.format_count(each.count)}</b></label></li>'
                for each in self.categories
            )
        )


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    name: str
    is_checked: bool


@dataclass(frozen=True, slots=True)
class FilterChip:
    """A link to another filter: its text and its query string. Most remove one part of the present filter."""

    name: str
    query: str


@dataclass(frozen=True, slots=True)
class FilterPanel:
    """Values of the form's fields, the chips above the map, and the filter in words.

    `total` is the number of incidents that the filter matches, `unmapped` how many of them have no mapped place; `lead` says
    the number and the days in a sentence, `types` the chosen types, `summary` the choices of period and types.
    `first_day` and `last_day` bound the dates that can be chosen. `uneditable_hours` keeps a set of hours that the form's two
    fields cannot express.
    """

    total: int
    unmapped: int
    families: list[FamilyOption]
    presets: list[Option]
    since: date | None
    until: date | None
    first_day: date
    last_day: date
    areas: SafeString
    hours_from: SafeString
    hours_to: SafeString
    uneditable_hours: str
    weekdays: list[Option]
    near: str
    radii: list[Option]
    box: str
    chips: list[FilterChip]
    lead: str
    types: str
    summary: str


def build_panel(published: PublishedIncidents, chosen: Filter) -> FilterPanel:
    """Fill in the form from a filter."""
    every_category = replace(chosen, categories=frozenset())
    counts = published.count_by_category(every_category)
    unmapped = published.count_unmapped_by_category(every_category)
    total, total_unmapped = (
        sum(count for slug, count in each.items() if not chosen.categories or slug in chosen.categories)
        for each in (counts, unmapped)
    )
    stretches = wording.group_hours(chosen.hours) if chosen.hours else []
    first_hour, last_hour = stretches[0] if len(stretches) == 1 else (None, None)
    area = ":".join(chosen.area) if chosen.area else ""
    types = wording.describe_categories(chosen, published.category_names)
    return FilterPanel(
        total=total,
        unmapped=total_unmapped,
        families=_family_options(published, chosen, counts, unmapped),
        presets=[Option(str(days), str(name), days == chosen.days) for days, name in wording.PERIOD_NAMES.items()],
        since=None if chosen.days else chosen.since,
        until=None if chosen.days else chosen.until,
        first_day=published.since,
        last_day=published.until,
        areas=render_area_options(published, area),
        hours_from=_mark_selected(
            _render_hour_options(0, get_language()), "" if first_hour is None else str(first_hour)
        ),
        hours_to=_mark_selected(_render_hour_options(1, get_language()), "" if last_hour is None else str(last_hour)),
        uneditable_hours=",".join(map(str, sorted(chosen.hours))) if len(stretches) > 1 else "",
        weekdays=[
            Option(name, str(WEEKDAYS[number]), number in chosen.weekdays)
            for number, name in enumerate(filters.WEEKDAYS)
        ],
        near=_center_text(chosen),
        radii=_radius_options(published, chosen),
        box=",".join(f"{edge:.5f}" for edge in chosen.box) if chosen.box else "",
        chips=_filter_chips(published, chosen),
        lead=wording.describe_count(total, chosen, published),
        types=types,
        summary=_("%(period)s, %(types)s") % {"period": wording.name_period(chosen), "types": types},
    )


def parse_form(submitted: QueryDict, families: Mapping[str, str]) -> QueryDict:
    """Translate a submitted form into the filter's query parameters; Filter.parse refuses invalid values later.

    A checked family means all its categories unless some of them are checked as well: then it means those. Everything checked,
    or nothing, is no restriction. The two dates count only if no number of days is chosen.
    """
    query = QueryDict(mutable=True)
    checked = submitted.getlist("category")
    narrowed = {f"family:{families[slug]}" for slug in checked if slug in families}
    effective = [value for value in checked if value not in narrowed]
    if not {f"family:{slug}" for slug in families.values()} <= set(effective):
        query.setlist("category", effective)
    if submitted.get("days"):
        query.setlist("days", submitted.getlist("days"))
    else:
        for name in ("from", "to"):
            query.setlist(name, submitted.getlist(name))
    first_hour, last_hour = submitted.get("hour_from", ""), submitted.get("hour_to", "")
    query.setlist(
        "hour", [f"{first_hour or 0}-{last_hour or 23}"] if first_hour or last_hour else submitted.getlist("hour")
    )
    for name in ("area", "near", "radius", "box", "weekday"):
        query.setlist(name, submitted.getlist(name))
    if not submitted.get("near"):
        query.pop("radius", None)
    return query


def render_area_options(published: PublishedIncidents, chosen: str = "") -> SafeString:
    """Render the options of a <select> of areas; `chosen` is a value such as "district:4".

    Options are cached for each published version, since there may be hundreds.
    """
    options = page_cache.get_or_build(
        ("area options", published.version, get_language()), lambda: _area_options(published)
    )
    return _mark_selected(options, chosen)


@lru_cache(maxsize=16)
def _render_hour_options(offset_hours: int, language: str | None) -> SafeString:  # noqa: ARG001  (the key)
    """Render the hours of a day, named by their beginning (`offset_hours` 0) or their end (1)."""
    options = (
        f'<option value="{hour}">{escape(wording.format_hour(hour + offset_hours))}</option>' for hour in range(24)
    )
    return mark_safe("".join(options))  # noqa: S308  (escaped)


def _mark_selected(options: SafeString, value: str) -> SafeString:
    marked = f'value="{escape(value)}"'
    return mark_safe(options.replace(marked, f"{marked} selected", 1)) if value else options  # noqa: S308  (escaped)


def _area_options(published: PublishedIncidents) -> SafeString:
    lines = []
    for layer, label in wording.LAYER_PLURALS.items():
        names = areas.area_names(layer)
        codes = [code for code in published.areas.get(layer, []) if code]
        if codes:
            lines.append(f'<optgroup label="{escape(str(label))}">')
            named = sorted((wording.area_name(layer, code, names), code) for code in codes)
            lines += [f'<option value="{layer}:{escape(code)}">{escape(name)}</option>' for name, code in named]
            lines.append("</optgroup>")
    return mark_safe("".join(lines))  # noqa: S308  (escaped above)


def _family_options(
    published: PublishedIncidents, chosen: Filter, counts: Mapping[str, int], unmapped: Mapping[str, int]
) -> list[FamilyOption]:
    options = []
    for family in FAMILIES:
        slugs = [slug for slug, family_slug in published.families.items() if family_slug == family.slug]
        if not slugs:
            continue
        chosen_slugs = chosen.categories.intersection(slugs)
        count = sum(counts.get(slug, 0) for slug in slugs)
        is_partial = 0 < len(chosen_slugs) < len(slugs)
        options.append(
            FamilyOption(
                family,
                count,
                count - sum(unmapped.get(slug, 0) for slug in slugs),
                bool(chosen_slugs) or not chosen.categories,
                [
                    CategoryOption(
                        slug, published.category_names[slug], counts.get(slug, 0), is_partial and slug in chosen_slugs
                    )
                    for slug in slugs
                ],
            )
        )
    return options


def _center_text(chosen: Filter) -> str:
    return f"{chosen.circle[0]:.5f},{chosen.circle[1]:.5f}" if chosen.circle else ""


def _radius_options(published: PublishedIncidents, chosen: Filter) -> list[Option]:
    if not chosen.circle:
        return []
    meters = round(chosen.circle[2])
    offered = {meters, *(radius for radius in RADII_METERS if radius >= published.least_radius)}
    return [Option(str(radius), wording.format_distance(radius), radius == meters) for radius in sorted(offered)]


def _filter_chips(published: PublishedIncidents, chosen: Filter) -> list[FilterChip]:
    chips = []
    if chosen.area:
        layer, code = chosen.area
        chips.append(
            FilterChip(wording.area_name(layer, code, areas.area_names(layer)), _query_without(chosen, area=None))
        )
    if chosen.circle:
        latitude, longitude, radius = chosen.circle
        values = {
            "distance": wording.format_distance(radius),
            "place": wording.describe_point(latitude, longitude),
        }
        # Translators: for example "Within 0.3 miles (500 m) of 400 block of Arden Street".
        name = _("Within %(distance)s of %(place)s") % values
        chips.append(FilterChip(name, _query_without(chosen, circle=None)))
    if chosen.box:
        south, west, north, east = chosen.box
        name = _("Inside a box on the map")
        if (south, west) == (north, east):
            name = _("Only %(place)s") % {"place": wording.describe_point(south, west)}
        chips.append(FilterChip(name, _query_without(chosen, box=None)))
    if chosen.hours:
        chips.append(FilterChip(wording.describe_hours(chosen.hours), _query_without(chosen, hours=frozenset())))
    if chosen.weekdays:
        chips.append(
            FilterChip(wording.describe_weekdays(chosen.weekdays), _query_without(chosen, weekdays=frozenset()))
        )
    if chosen.categories:
        chips.append(
            FilterChip(
                wording.describe_categories(chosen, published.category_names),
                _query_without(chosen, categories=frozenset()),
            )
        )
    return chips


def _query_without(chosen: Filter, **parts: object) -> str:
    return replace(chosen, **parts).query_string()  # type: ignore[arg-type]
