"""The Atom feed of stories (RFC 4287). It carries days only: the hour of a publication is not public."""

from __future__ import annotations

from xml.sax.saxutils import escape

from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.agency import current_settings
from outreach.stories import facts, search
from outreach.stories.publication import start_of_day
from outreach.stories.share_links import absolute_url

MAX_FEED_ENTRIES = 30


def render_atom_feed() -> str:
    """Return the newest stories as Atom XML, each with its summary and facts."""
    feed = Atom1Feed(
        title=_("Stories of %(agency)s") % {"agency": current_settings.current().name},
        link=absolute_url(reverse("outreach:stories")),
        feed_url=absolute_url(reverse("outreach:feed")),
        description=_("What happened after people spoke up."),
        language=get_language(),
        author_name=current_settings.current().name,
    )
    for story in search.published_stories()[:MAX_FEED_ENTRIES]:
        link = absolute_url(reverse("outreach:story", args=[story.slug]))
        phrases = facts.fact_phrases(story)
        feed.add_item(
            title=story.title,
            link=link,
            unique_id=link,
            description=escape(" ".join([story.summary, *([f"({'; '.join(phrases)})"] if phrases else [])])),
            pubdate=start_of_day(story.published_on),
            updateddate=start_of_day(story.corrected_on or story.published_on),
            categories=[str(story.get_category_display()), *(tag.name for tag in story.tags.all())],
        )
    return feed.writeString("utf-8")
