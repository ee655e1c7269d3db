"""`{% load sharing %}`: ways out of a page of the map."""

from __future__ import annotations

from django import template

from crimemap.exports import atom
from crimemap.snapshot.filters import Filter

register = template.Library()


@register.simple_tag
def feed_of(chosen: Filter) -> str:
    """The address of the feed that fits a selection best."""
    return atom.address(chosen)
