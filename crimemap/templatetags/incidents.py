"""`{% load incidents %}`: how pages draw a family and say when and where an incident was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from crimemap import glossary, wording
from crimemap.incident_summary import incident_address
from crimemap.pages import symbols
from crimemap.pages.city_picture import draw_city
from crimemap.snapshot import period_counts, published_incidents, reader
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import IncidentRow, PeriodComparison

register = template.Library()


@register.simple_tag
def type_shape(category: str, family_slug: str) -> SafeString:
    """Draw a type's symbol, for use inside an <svg>: the family's shape with the type's glyph, else the family's letter."""
    return symbols.draw_type(category, family_slug)


@register.simple_tag
def type_symbol(category: str, family_slug: str) -> SafeString:
    """Draw a type's symbol as a complete <svg>. It is hidden from screen readers, so text must stand beside it."""
    return symbols.draw_type_picture(category, family_slug)


@register.simple_tag
def symbol_shape(slug: str) -> SafeString:
    """Draw the shape and letter of a family, for use inside <g class="sym SLUG">."""
    return symbols.draw_family(slug)


@register.simple_tag
def symbol(slug: str) -> SafeString:
    """Draw the shape as a complete <svg>. It is hidden from screen readers, so text must stand beside it."""
    return symbols.draw_family_picture(slug)


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
    comparison = period_counts.compare_like_periods(published, chosen) or published.compare_periods(chosen)
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
def incident_link(row: IncidentRow, published: PublishedIncidents) -> SafeString:
    """Link to the incident's page: the symbol and the name of its category."""
    return format_html(
        '<a href="{}">{}{}</a>',
        incident_address(row.public_id),
        symbols.draw_type_picture(row.category, published.families[row.category]),
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
