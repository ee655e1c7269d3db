"""Links in texts: those within the portal must lead somewhere; those to elsewhere are looked at, never called."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.urls import resolve
from django.urls.exceptions import Resolver404
from django.utils.translation import gettext as _

from outreach.models import Event, Guide, PublishedStory

# Addresses with a name in them: who has such a name.
_NAMED = {
    "outreach:story": PublishedStory.objects.all(),
    "outreach:guide": Guide.objects.filter(shown=True),
    "outreach:event": Event.objects.exclude(status=Event.EventStatus.DRAFT),
}


def problems(addresses: Iterable[str]) -> list[str]:
    """A sentence for each link that leads nowhere."""
    return [
        _("The link to %(address)s leads nowhere.") % {"address": address[:200]}
        for address in addresses
        if not leads_somewhere(address)
    ]


def leads_somewhere(address: str) -> bool:
    """True of links to other sites that are well formed, and of links to a page of the portal that is there."""
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
    return _is_page(unquote(parts.path))


def _is_page(path: str) -> bool:
    try:
        match = resolve(path, urlconf=settings.PUBLIC_URLCONF)
    except Resolver404:
        return path.startswith(f"/{settings.STATIC_URL.lstrip('/')}")
    named = _NAMED.get(match.view_name)
    return named is None or named.all().filter(slug=match.kwargs.get("slug")).exists()
