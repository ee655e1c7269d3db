"""`{% load outreach_places %}`: stories, guides and areas' priorities on the pages of other apps."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.agency import current_settings
from core.agency import pictures as agency_pictures
from core.agency.pictures import HOME
from core.web import page_cache
from outreach.models import AreaPriority, Guide, Picture
from outreach.stories import search

register = template.Library()


@register.simple_tag
def home_picture() -> dict[str, str] | None:
    """`{% home_picture as picture %}`: address, alt and credit of the home page's picture, None if the agency has chosen none."""
    digest = current_settings.current().home_picture
    found = Picture.all_purposes.filter(files__digest=digest).only("alt", "credit").first() if digest else None
    if found is None:
        return None
    return {"address": agency_pictures.make_address(HOME, digest), "alt": found.alt, "credit": found.credit}


@register.inclusion_tag("outreach/stories/area_stories.html")
def area_stories(layer: str, code: str, count: int = 3) -> dict[str, Any]:
    """List the newest stories of an area, with a link to all of them. Renders nothing if there are none."""
    stories = list(search.filter_stories(area=(layer, code))[: count + 1])
    return {"stories": stories[:count], "more": len(stories) > count, "layer": layer, "code": code}


@register.inclusion_tag("outreach/priorities/area_priorities.html")
def area_priorities(layer: str, code: str, count: int = 4) -> dict[str, Any]:
    """List what residents of an area asked for and what was done, unfinished work first. Renders nothing if there is none."""
    return {"priorities": AreaPriority.objects.filter(layer=layer, code=code, shown=True)[:count]}


@register.inclusion_tag("outreach/guides/links.html")
def guide_links(place: str, *, leaves_receipt: bool = False) -> dict[str, Any]:
    """List links to the guides that staff placed on `place`: "tip_form", "receipt" or "map".

    `leaves_receipt`: as buttons of the receipt page's form, which confirm that the receipt was seen.
    """
    guides = [(slug, title) for slug, title, where in _list_guides() if where == place]
    return {"guides": guides, "leaves_receipt": leaves_receipt}


@register.simple_tag
def guide_link(slug: str) -> SafeString:
    """Link to one guide by its title. Renders nothing while the guide is not shown."""
    title = next((title for other, title, _place in _list_guides() if other == slug), None)
    return format_html('<a href="{}">{}</a>', reverse("outreach:guide", args=[slug]), title) if title else SafeString()


def _list_guides() -> list[tuple[str, str, str]]:
    """Return (slug, title, place) of the guides that are shown. Cached for a minute, because forms need it."""
    return page_cache.get_or_build(
        ("guides",), lambda: list(Guide.objects.filter(shown=True).values_list("slug", "title", "place"))
    )
