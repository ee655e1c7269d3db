"""Outcomes of a selection, by class of outcome: from the published rows alone."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from crimemap import glossary
from crimemap.snapshot import period_counts
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents

MIN_SHOWN = 5  # incidents, of all and of a class


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """A class of outcomes; `count` is None where it is below MIN_SHOWN."""

    name: str
    meaning: str
    count: int | None


def count_outcomes(published: PublishedIncidents, chosen: Filter) -> list[OutcomeCount]:
    """Return the classes from the most frequent on, those without a reported outcome last; nothing below MIN_SHOWN in all."""
    counts: dict[tuple[str, str], int] = {}
    unknown = 0
    for text, count in period_counts.count_outcomes(published, chosen).items():
        found = glossary.classify_outcome(text)
        if not text:
            unknown = count
        else:
            key = (str(found.name), str(found.meaning)) if found else (text, "")
            counts[key] = counts.get(key, 0) + count
    if sum(counts.values()) < MIN_SHOWN:
        return []
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    result = [_limited(name, meaning, count) for (name, meaning), count in ordered]
    if unknown:
        result.append(_limited(_("Not published"), _("We have no outcome for these incidents."), unknown))
    return result


def _limited(name: str, meaning: str, count: int) -> OutcomeCount:
    return OutcomeCount(name, meaning, count if count >= MIN_SHOWN else None)
