"""Outreach on the other apps' pages: stories of an area, links to guides."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.web import page_cache
from outreach.models import Guide
from outreach.stories import search

register = template.Library()


@register.inclusion_tag("outreach/stories/area_stories.html")
def area_stories(layer: str, code: str, count: int = 3) -> dict[str, Any]:
    """The newest stories of one area, with a link to all of them; nothing where there is none."""
    found = list(search.filter_stories(area=(layer, code))[: count + 1])
    return {"stories": found[:count], "more": len(found) > count, "layer": layer, "code": code}


@register.inclusion_tag("outreach/guides/links.html")
def guide_links(place: str) -> dict[str, Any]:
    """Links to the guides that staff placed on the "tip_form", the "receipt" or the "map"."""
    return {"guides": [(slug, title) for slug, title, where in _list_guides() if where == place]}


@register.simple_tag
def guide_link(slug: str) -> SafeString:
    """A link to one guide under its own title; nothing while it is not shown."""
    title = next((title for found, title, _where in _list_guides() if found == slug), None)
    return format_html('<a href="{}">{}</a>', reverse("outreach:guide", args=[slug]), title) if title else SafeString()


def _list_guides() -> list[tuple[str, str, str]]:
    """Address, title and place of all guides shown; at most a minute old, since forms ask for it."""
    return page_cache.get_or_build(
        ("guides",), lambda: list(Guide.objects.filter(shown=True).values_list("slug", "title", "place"))
    )
