"""The safety note of a category on the tip form."""

from __future__ import annotations

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from core.web.context_processors import link_emergency_number
from tips.models import Category

register = template.Library()


@register.filter
def safety_note(category: Category) -> SafeString:
    """Return the note as the agency wrote it, with {emergency} as a link that calls the emergency number."""
    note = escape(category.safety_note).replace("{emergency}", link_emergency_number())
    return mark_safe(note)  # noqa: S308  (escaped above)
