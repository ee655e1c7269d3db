"""Figures and definitions on the page about the data: age of each source, withheld incidents, meaning of the types."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crimemap import glossary, wording
from crimemap.offence_families import FAMILIES, Family
from crimemap.snapshot.published_incidents import PublishedIncidents

EMPTY_CELL = "–"


@dataclass(frozen=True, slots=True)
class SourceAge:
    """When a source last delivered. `received` is None before its first import; late means overdue by its expected interval."""

    name: str
    received: datetime | None
    age: str
    is_late: bool


def source_ages(published: PublishedIncidents) -> list[SourceAge]:
    """Return the age of every source's newest delivery, in the order of the publication."""
    now = timezone.now()
    result = []
    for source in published.sources:
        last, hours = source.get("last_success_at"), source.get("expected_interval")
        received = datetime.fromisoformat(last) if last else None
        late = bool(received and hours and now > received + timedelta(hours=hours))
        days = (timezone.localdate(now) - timezone.localdate(received)).days if received else None
        result.append(SourceAge(source["name"], received, _age_text(days), late))
    return result


def withheld_counts(published: PublishedIncidents) -> list[tuple[int, str, str]]:
    """Return (year, hidden, unclassified) for the whole agency, newest year first; small counts as "fewer than"."""
    below_minimum = _("fewer than %(least)d") % {"least": published.meta["totals_from"]}

    def count_text(counts: dict[str, int | None], name: str) -> str:
        count = counts.get(name, 0)
        return below_minimum if count is None else wording.format_count(count) if count else EMPTY_CELL

    return [
        (year, count_text(counts, "hidden"), count_text(counts, "held"))
        for year, counts in sorted(published.not_shown.items(), reverse=True)
    ]


def withheld_totals(published: PublishedIncidents) -> tuple[list[int], list[tuple[str, list[str]]]]:
    """Return the years, and for each category its name and its yearly totals in the whole agency."""
    agency_totals = {(total.category, total.year): total.count for total in published.yearly_totals() if not total.area}
    years = sorted({year for _category, year in agency_totals})
    slugs = [slug for slug in published.category_names if any(category == slug for category, _year in agency_totals)]
    return years, [
        (
            published.category_names[slug],
            [
                wording.format_count(agency_totals[slug, year]) if (slug, year) in agency_totals else EMPTY_CELL
                for year in years
            ],
        )
        for slug in slugs
    ]


def category_definitions(published: PublishedIncidents) -> list[tuple[Family, list[tuple[str, str]]]]:
    """Return each family with the names and definitions of its categories."""
    return [
        (
            family,
            [
                (published.category_names[slug], glossary.explain_category(slug))
                for slug, family_slug in published.families.items()
                if family_slug == family.slug
            ],
        )
        for family in FAMILIES
        if family.slug in published.families.values()
    ]


def _age_text(days: int | None) -> str:
    if days is None:
        return EMPTY_CELL
    return ngettext("%(days)d day old", "%(days)d days old", days) % {"days": days} if days > 0 else _("From today")
