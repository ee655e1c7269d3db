"""Template tags every page may use: icons of our own sprite, and the agency's facts where no request is at hand."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from core.agency import pictures, style_sheet
from core.web import context_processors, page_cache

register = template.Library()


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """The symbol `name` of static/img/icons.svg as a decorative picture; always use it next to words. `extra`: more CSS classes."""
    classes = f"i {extra}".strip()
    return format_html(
        '<svg class="{}" viewBox="0 0 24 24" aria-hidden="true"><use href="{}#{}"></use></svg>',
        classes,
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def shared_part(template_name: str, **variant: object) -> SafeString:
    """Include a template that depends on the language, the agency's settings and `variant` alone; it is rendered once for all pages."""
    return page_cache.get_or_build(
        (template_name, get_language(), *sorted(variant.items())),
        lambda: render_to_string(template_name, context_processors.agency_facts() | variant),
    )


@register.simple_tag
def portal_facts() -> dict[str, Any]:
    """`{% portal_facts as portal %}`: what core.web.context_processors gives other pages, for those rendered without a request."""
    return context_processors.agency_facts()


@register.simple_tag
def brand_styles() -> SafeString | str:
    """Return the link to the agency's colors, "" without any. It follows common.css, whose tokens it replaces."""
    address = style_sheet.find_address()
    return format_html('<link rel="stylesheet" href="{}">', address) if address else ""


@register.simple_tag
def tab_icon() -> SafeString:
    """Return the link to the crest as the tab's icon."""
    address = pictures.find_crest_address()
    media_type = "image/png" if address.endswith(".png") else "image/svg+xml"
    return format_html('<link rel="icon" href="{}" type="{}">', address, media_type)


@register.simple_tag
def crest(width: int, height: int) -> SafeString:
    """Return the crest as a decorative picture; always use it next to the agency's name."""
    return format_html('<img src="{}" alt="" width="{}" height="{}">', pictures.find_crest_address(), width, height)
