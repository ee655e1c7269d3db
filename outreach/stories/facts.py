"""The facts of a story as short phrases, for cards, lists, feeds and the share card. Never a place or a time."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from outreach.models import StoryCategory, StoryContent


def fact_phrases(story: StoryContent) -> list[str]:
    """Return the facts that were filled in: how soon, arrests, weapons, returned property."""
    phrases = [story.get_how_soon_display()] if story.how_soon else []
    if story.arrests:
        phrases.append(ngettext("%(count)d arrest", "%(count)d arrests", story.arrests) % {"count": story.arrests})
    if story.weapons:
        phrases.append(
            ngettext("%(count)d weapon off the street", "%(count)d weapons off the street", story.weapons)
            % {"count": story.weapons}
        )
    if returned := returned_property_phrase(story):
        phrases.append(_("%(what)s returned") % {"what": returned})
    if not phrases and story.category == StoryCategory.YOU_SAID:
        phrases.append(_("You said, we did"))
    return phrases


def returned_property_phrase(story: StoryContent) -> str:
    """Return "22 bicycles", "3 items" if no noun was given, or an empty string if nothing was returned."""
    count = story.property_returned
    if not count:
        return ""
    if story.property_words:
        return f"{count} {story.property_words}"
    return ngettext("%(count)d item", "%(count)d items", count) % {"count": count}
