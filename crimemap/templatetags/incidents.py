"""`{% load incidents %}`: how pages draw a family and say when and where an incident was."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from crimemap import glossary, wording
from crimemap.offence_families import BY_SLUG
from crimemap.pages.city_picture import draw_city
from crimemap.places import areas
from crimemap.snapshot import published_incidents, reader
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import IncidentRow, PeriodComparison

register = template.Library()

# SVG path, centered on 0 0 within 15 units, and the vertical offset of the letter: a triangle has room for it lower down.
SHAPES = {
    "diamond": ("M0-14L14 0 0 14-14 0z", 0),
    "circle": ("M12 0A12 12 0 1 1-12 0 12 12 0 1 1 12 0z", 0),
    "triangle": ("M0-14L14 11H-14z", 3),
    "square": ("M-11-11H11V11H-11z", 0),
    "hexagon": ("M0-13L11.3-6.5V6.5L0 13-11.3 6.5V-6.5z", 0),
}
# The same shapes around a type's glyph of static/img/map-icons.svg, within 21 units, and where the glyph stands.
TYPE_SHAPES = {
    "diamond": ("M0-19.5L19.5 0 0 19.5-19.5 0z", -10.5, -10.5, 21),
    "circle": ("M16.5 0A16.5 16.5 0 1 1-16.5 0 16.5 16.5 0 1 1 16.5 0z", -10.5, -10.5, 21),
    "triangle": ("M0-20L20.5 15.5H-20.5z", -8.5, -4.3, 17),
    "square": ("M-15-15H15V15H-15z", -10.5, -10.5, 21),
    "hexagon": ("M-9.2-16H9.2L18.5 0 9.2 16H-9.2L-18.5 0z", -10.5, -10.5, 21),
}
GLYPHS = frozenset(
    ["homicide", "robbery", "assault", "threats", "burglary", "theft", "theft-from-vehicle", "vehicle-theft", "fraud",
     "drugs", "weapons", "vandalism", "arson", "disorder", "prostitution", "traffic", "other"]
)  # fmt: skip


@register.simple_tag
def type_shape(category: str, family_slug: str) -> SafeString:
    """Draw a type's symbol, for use inside an <svg>: the family's shape with the type's glyph, else the family's letter."""
    return _draw_type(category if category in GLYPHS else "", family_slug, get_language())


@lru_cache(maxsize=256)
def _draw_type(glyph: str, family_slug: str, language: str | None) -> SafeString:  # noqa: ARG001  (letters are translated)
    family = BY_SLUG[family_slug]
    path, x, y, size = TYPE_SHAPES[family.shape]
    inside = format_html('<text class="lt" y="{}">{}</text>', max(0, y + 8.3), family.letter)
    if glyph:
        inside = format_html(
            '<use class="gl" href="{}#g-{}" x="{}" y="{}" width="{}" height="{}"/>',
            *(static("img/map-icons.svg"), glyph, x, y, size, size),
        )
    return format_html('<g class="ty {}"><path class="sh" d="{}"/>{}</g>', family_slug, path, inside)


@register.simple_tag
def type_symbol(category: str, family_slug: str) -> SafeString:
    """Draw a type's symbol as a complete <svg>. It is hidden from screen readers, so text must stand beside it."""
    return format_html(
        '<svg class="ic" viewBox="-21 -21 42 42" aria-hidden="true">{}</svg>', type_shape(category, family_slug)
    )


@register.simple_tag
def symbol_shape(slug: str) -> SafeString:
    """Draw the shape and letter of a family, for use inside <g class="sym SLUG">."""
    return _draw_shape(slug, get_language())


@lru_cache(maxsize=64)
def _draw_shape(slug: str, language: str | None) -> SafeString:  # noqa: ARG001  (letters are translated)
    family = BY_SLUG[slug]
    path, letter_offset = SHAPES[family.shape]
    letter = format_html('<text y="{}">{}</text>', letter_offset, family.letter) if family.letter else ""
    return format_html('<path d="{}"/>{}', path, letter)


@register.simple_tag
def symbol(slug: str) -> SafeString:
    """Draw the shape as a complete <svg>. It is hidden from screen readers, so text must stand beside it."""
    return _draw_symbol(slug, get_language())


@lru_cache(maxsize=64)
def _draw_symbol(slug: str, language: str | None) -> SafeString:
    return format_html(
        '<svg class="sym {}" viewBox="-15 -15 30 30" aria-hidden="true">{}</svg>', slug, _draw_shape(slug, language)
    )


@register.filter
def incident_time(row: IncidentRow) -> str:
    return wording.describe_time(row)


@register.filter
def outcome_meaning(outcome: str) -> str:
    return glossary.explain_outcome(outcome)


@register.simple_tag
def recent_incident_counts() -> dict[str, Any] | None:
    """Count the newest 30 published days, in words, compared and as a small map; None before anything is published."""
    try:
        published = reader.current()
    except published_incidents.NothingPublishedError:
        return None
    chosen = Filter(published.until - timedelta(29), published.until, 30)
    comparison = published.compare_periods(chosen)
    return {
        "sentence": wording.describe_count(comparison.this, chosen, published),
        "count": comparison.this,
        "days": wording.format_published_days(chosen, published),
        "comparison": comparison,
        "picture": draw_city(published, chosen),
        "published": published,
    }


@register.filter
def comparison_text(comparison: PeriodComparison) -> str:
    return wording.describe_comparison(comparison)


@register.simple_tag
def incident_place(row: IncidentRow) -> str:
    return wording.describe_place(row)


@register.simple_tag
def incident_area(row: IncidentRow, layer: str) -> str:
    """Name the row's area in a layer; empty if it is unknown, or if the place already is this area."""
    code = row.areas.get(layer, "")
    name = wording.area_name(layer, code, areas.area_names(layer)) if code else ""
    return "" if name == wording.describe_place(row) else name


@register.simple_tag
def incident_link(row: IncidentRow, published: PublishedIncidents) -> SafeString:
    """Link to the incident's page: the symbol of its family and the name of its category."""
    return format_html(
        '<a href="{}">{}{}</a>',
        reverse("crimemap:incident", args=[row.public_id]),
        symbol(published.families[row.category]),
        published.category_names[row.category],
    )


@register.inclusion_tag("crimemap/selection/glossary.html")
def explain_words(rows: list[IncidentRow], published: PublishedIncidents) -> dict[str, Any]:
    """Explain the types and outcomes of these rows, in their order, behind a button; nothing that has no explanation."""
    types = {row.category: glossary.explain_category(row.category) for row in rows}
    outcomes = {row.outcome: glossary.explain_outcome(row.outcome) for row in rows}
    return {
        "types": [(published.category_names[slug], meaning) for slug, meaning in types.items() if meaning],
        "outcomes": [(outcome, meaning) for outcome, meaning in outcomes.items() if meaning],
    }
