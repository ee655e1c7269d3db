"""The five families of offenses that the map distinguishes. Categories (crimemap.models.Category) belong to one each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


@dataclass(frozen=True, slots=True)
class Family:
    """A family of offenses. shape and letter identify it without color; the style sheet has a color named after `slug`.

    short_name: where there is little room, as in the legend over the map.
    """

    slug: str
    name: _StrPromise
    short_name: _StrPromise
    shape: str
    letter: _StrPromise | str


FAMILIES = (
    Family(
        "people",
        pgettext_lazy("offences", "Against people"),
        pgettext_lazy("offences, short", "Against people"),
        "diamond",
        pgettext_lazy("letter: against people", "P"),
    ),
    Family(
        "theft",
        pgettext_lazy("offences", "Theft and burglary"),
        pgettext_lazy("offences, short", "Theft, burglary"),
        "circle",
        pgettext_lazy("letter: theft and burglary", "T"),
    ),
    Family(
        "drugs",
        pgettext_lazy("offences", "Drugs and weapons"),
        pgettext_lazy("offences, short", "Drugs, weapons"),
        "triangle",
        pgettext_lazy("letter: drugs and weapons", "D"),
    ),
    Family(
        "disorder",
        pgettext_lazy("offences", "Disorder and damage"),
        pgettext_lazy("offences, short", "Disorder, damage"),
        "square",
        pgettext_lazy("letter: disorder and damage", "O"),
    ),
    Family("other", pgettext_lazy("offences", "Other"), pgettext_lazy("offences, short", "Other"), "hexagon", ""),
)
BY_SLUG = {family.slug: family for family in FAMILIES}
FAMILY_CHOICES = [(family.slug, family.name) for family in FAMILIES]
