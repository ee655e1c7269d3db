"""The facts of a story in a few plain words each: for cards, lists, feeds and the share card. Never a place or a time."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from outreach.models import StoryCategory, StoryContent


def fact_phrases(told: StoryContent) -> list[str]:
    """How soon, arrests, weapons, property; what nobody filled in is left out."""
    facts = [told.get_how_soon_display()] if told.how_soon else []
    if told.arrests:
        facts.append(ngettext("%(count)d arrest", "%(count)d arrests", told.arrests) % {"count": told.arrests})
    if told.weapons:
        facts.append(
            ngettext("%(count)d weapon off the street", "%(count)d weapons off the street", told.weapons)
            % {"count": told.weapons}
        )
    if returned := returned_property_phrase(told):
        facts.append(_("%(what)s returned") % {"what": returned})
    if not facts and told.category == StoryCategory.YOU_SAID:
        facts.append(_("You said, we did"))
    return facts


def returned_property_phrase(told: StoryContent) -> str:
    """ "22 bicycles", or "3 things" where nobody said which; empty where nothing was returned."""
    if not told.property_returned:
        return ""
    if told.property_words:
        return f"{told.property_returned} {told.property_words}"
    return ngettext("%(count)d thing", "%(count)d things", told.property_returned) % {"count": told.property_returned}
