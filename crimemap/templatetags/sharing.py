"""`{% load sharing %}`: ways out of a page of the map."""

from __future__ import annotations

from django import template

from crimemap import feeds
from crimemap.filtering import Filter

register = template.Library()


@register.simple_tag
def feed_of(chosen: Filter) -> str:
    """The address of the feed that fits a selection best."""
    return feeds.address(chosen)
