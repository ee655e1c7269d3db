"""Places of the city that hints of forms name as examples: "400 Mill Street", "Mill Street and Second Street", a school."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError
from django.db.models import Count
from django.utils.translation import gettext as _

from core.web import page_cache
from crimemap.models import Block, Intersection, Landmark

_USUAL_HUNDRED = 400


@dataclass(frozen=True, slots=True)
class PlaceExamples:
    """address: a hundred and its street. block: the same as a block. crossing: two streets. landmark: "" if none is known."""

    address: str
    block: str
    crossing: str
    landmark: str


def list_examples() -> PlaceExamples | None:
    """Return examples that the city has, the same for everyone; None before its streets are imported."""
    return page_cache.get_or_build(("place examples",), _read_examples)


def _read_examples() -> PlaceExamples | None:
    """Choose the street with the most blocks: residents know it, and nobody lives at a hundred."""
    try:
        busiest = Block.objects.values("street").annotate(blocks=Count("pk")).order_by("-blocks", "street").first()
        if busiest is None:
            return None
        street = busiest["street"]
        hundreds = list(Block.objects.filter(street=street).order_by("hundred"))
        crossing = (
            Intersection.objects.filter(first=street).order_by("second").first()
            or Intersection.objects.filter(second=street).order_by("first").first()
        )
        school = Landmark.objects.filter(kind=Landmark.Kind.SCHOOL).order_by("name").first()
    except (DatabaseError, InterfaceError):
        return None
    if crossing is None:
        return None
    block = min(hundreds, key=lambda each: abs(each.hundred - _USUAL_HUNDRED))
    return PlaceExamples(
        address=f"{block.hundred} {street}",
        block=str(block),
        crossing=_("%(first)s and %(second)s") % {"first": crossing.first, "second": crossing.second},
        landmark=school.name if school else "",
    )
