"""The distances that the page about a place offers: parts of a mile first, as readers in the United States say them."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from crimemap import wording
from crimemap.snapshot.published_incidents import PublishedIncidents


@dataclass(frozen=True, slots=True)
class Distance:
    """A distance in meters, as a choice ("1/4 mile") and within a sentence ("¼ mile")."""

    meters: int
    choice: Promise | str
    name: Promise | str


DISTANCES = (
    Distance(402, gettext_lazy("1/4 mile"), gettext_lazy("¼ mile")),
    Distance(536, gettext_lazy("1/3 mile"), gettext_lazy("⅓ mile")),
    Distance(805, gettext_lazy("1/2 mile"), gettext_lazy("½ mile")),
    Distance(500, gettext_lazy("500 meters"), gettext_lazy("500 meters")),
)
DEFAULT_METERS = 536


def list_distances(published: PublishedIncidents) -> list[Distance]:
    """Return the distances that are not below the least that the agency allows; that one alone if all are."""
    least = published.least_radius
    offered = [each for each in DISTANCES if each.meters >= least]
    return offered or [Distance(least, wording.format_distance(least), wording.format_distance(least))]


def find_distance(published: PublishedIncidents, text: str) -> Distance:
    """Return the distance with so many meters, else the usual one."""
    offered = {str(each.meters): each for each in list_distances(published)}
    return offered.get(text) or offered.get(str(DEFAULT_METERS)) or next(iter(offered.values()))
