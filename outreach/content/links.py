"""Checks of the links in a text: links within the portal must lead to a page; other sites are never requested."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.urls import resolve
from django.urls.exceptions import Resolver404
from django.utils.translation import gettext as _

from outreach.models import Event, Guide, PublishedStory

# Views whose address holds a slug, and the rows that are public under it.
_PAGES_WITH_SLUG = {
    "outreach:story": PublishedStory.objects.all(),
    "outreach:guide": Guide.objects.filter(shown=True),
    "outreach:event": Event.objects.exclude(status=Event.EventStatus.DRAFT),
}


def find_broken_links(addresses: Iterable[str]) -> list[str]:
    """Return a sentence for each link that leads nowhere."""
    return [
        _("The link to %(address)s doesn't work. Fix it or take it out.") % {"address": address[:200]}
        for address in addresses
        if not is_valid_link(address)
    ]


def is_valid_link(address: str) -> bool:
    """Return whether the address is a well-formed link to another site, or a link to an existing page of the portal."""
    try:
        parts = urlsplit(address)
        portal = urlsplit(settings.PORTAL_URL)
        if parts.scheme in ("mailto", "tel"):
            return bool(parts.path)
        if parts.netloc and parts.netloc != portal.netloc:
            return parts.scheme in ("http", "https") and "." in (parts.hostname or "")
    except ValueError:
        return False
    if not parts.path:
        return bool(parts.fragment) or bool(parts.netloc)
    return _is_portal_page(unquote(parts.path))


def _is_portal_page(path: str) -> bool:
    try:
        match = resolve(path, urlconf=settings.PUBLIC_URLCONF)
    except Resolver404:
        return path.startswith(f"/{settings.STATIC_URL.lstrip('/')}")
    rows = _PAGES_WITH_SLUG.get(match.view_name)
    return rows is None or rows.all().filter(slug=match.kwargs.get("slug")).exists()
