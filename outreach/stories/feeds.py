"""The Atom feed of stories (RFC 4287) and the site map (sitemaps.org). Days only: no time of publication leaves the house."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from xml.sax.saxutils import escape

from django.conf import settings
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from outreach.models import Event, Guide, PublishedStory
from outreach.stories import facts, search
from outreach.stories.share_links import absolute_url

MAX_FEED_ENTRIES = 30
MAX_SITEMAP_URLS = 50_000  # sitemaps.org: of one file
PAGES = (  # none of those that robots.txt keeps search engines from
    "home",
    "crimemap:map",
    "outreach:stories",
    "outreach:impact",
    "outreach:guides",
    "privacy",
)


def render_atom_feed() -> str:
    """The newest stories, each with its summary and facts."""
    feed = Atom1Feed(
        title=_("Stories of %(agency)s") % {"agency": settings.AGENCY_NAME},
        link=absolute_url(reverse("outreach:stories")),
        feed_url=absolute_url(reverse("outreach:feed")),
        description=_("What became of it when people here spoke up."),
        language=get_language(),
        author_name=settings.AGENCY_NAME,
    )
    for story in search.published_stories()[:MAX_FEED_ENTRIES]:
        link = absolute_url(reverse("outreach:story", args=[story.slug]))
        said = facts.fact_phrases(story)
        feed.add_item(
            title=story.title,
            link=link,
            unique_id=link,
            description=escape(" ".join([story.summary, *([f"({'; '.join(said)})"] if said else [])])),
            pubdate=_midnight_utc(story.published_on),
            updateddate=_midnight_utc(story.corrected_on or story.published_on),
            categories=[str(story.get_category_display()), *(tag.name for tag in story.tags.all())],
        )
    return feed.writeString("utf-8")


def render_sitemap() -> str:
    """Addresses that search engines may know, stories newest first."""
    entries = [*_list_entries()][:MAX_SITEMAP_URLS]
    urls = "".join(
        f"<url><loc>{escape(absolute_url(path))}</loc>{f'<lastmod>{day}</lastmod>' if day else ''}</url>\n"
        for path, day in entries
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n'
    )


def _list_entries() -> Iterable[tuple[str, dt.date | None]]:
    for name in PAGES:
        yield reverse(name), None
    for slug, day in Guide.objects.filter(shown=True).values_list("slug", "updated_on"):
        yield reverse("outreach:guide", args=[slug]), day
    if events := _list_events():
        yield from events
    newest = PublishedStory.objects.values_list("slug", "published_on", "corrected_on")[:MAX_SITEMAP_URLS]
    template = reverse("outreach:story", args=["-"])
    for slug, published, corrected in newest:
        yield template.replace("/-/", f"/{slug}/"), corrected or published


def _list_events() -> list[tuple[str, dt.date | None]]:
    shown = Event.objects.filter(status=Event.EventStatus.PUBLISHED).values_list("slug", "changed_at")
    return [(reverse("outreach:event", args=[slug]), changed.date()) for slug, changed in shown]


def _midnight_utc(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
