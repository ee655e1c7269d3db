"""`{% load sharing %}`: the feed that matches a page of the map."""

from __future__ import annotations

from django import template

from crimemap.exports import atom
from crimemap.snapshot.filters import Filter

register = template.Library()


@register.simple_tag
def atom_feed_url(chosen: Filter) -> str:
    """Return the URL of the feed closest to a selection."""
    return atom.feed_address(chosen)
