"""Conditions of queries for stories and events that name an area of the city."""

from __future__ import annotations

from django.db.models import Q

from crimemap import places


def is_in_area(layer: str, code: str) -> Q:
    """Return the condition that `areas` names the area, under its present code or one that it had before."""
    condition = Q()
    for each in places.codes_of(layer, code):
        condition |= Q(areas__contains=[[layer, each]])
    return condition
