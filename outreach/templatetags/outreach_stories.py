"""`{% load outreach_stories %}`: the lead picture and the facts of a story."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from outreach.content import pictures
from outreach.models import StoryContent
from outreach.stories import facts

register = template.Library()
register.filter("fact_words", facts.fact_phrases)
register.filter("returned_words", facts.returned_property_phrase)

# The sizes attribute. For phones it says two thirds of the width: their screens have three pixels a point, and two are
# as sharp as the eye can see.
_CARD_SIZES = "(min-width: 52em) 24rem, 66vw"
_LEAD_SIZES = "(min-width: 60em) 46rem, 66vw"


@register.simple_tag
def card_picture(story: StoryContent, first: bool = False) -> SafeString:
    """Render the lead picture of a story in a list. Renders nothing if there is none or its files are not ready."""
    return _render_lead(story, _CARD_SIZES, lazy=not first)


@register.simple_tag
def lead_picture(story: StoryContent, address: str) -> SafeString:
    """Render the lead picture on the story's page, or on a preview, whose files have another `address`."""
    return _render_lead(story, _LEAD_SIZES, lazy=False, address=address or pictures.PUBLIC_URL)


def _render_lead(story: StoryContent, sizes: str, *, lazy: bool, address: str = pictures.PUBLIC_URL) -> SafeString:
    lead = story.lead
    if lead is None or lead.state != lead.PictureState.READY:
        return SafeString()
    return pictures.responsive_picture(lead.alt, lead.credit, lead.variants, address).html(sizes=sizes, lazy=lazy)
