"""Symbols of families and types as SVG, each written once a process and language."""

from __future__ import annotations

from functools import lru_cache

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from crimemap.offence_families import BY_SLUG

# SVG path, centered on 0 0 within 15 units, and the vertical offset of the letter: a triangle has room for it lower down.
SHAPES = {
    "diamond": ("M0-14L14 0 0 14-14 0z", 0),
    "circle": ("M12 0A12 12 0 1 1-12 0 12 12 0 1 1 12 0z", 0),
    "triangle": ("M0-14L14 11H-14z", 3),
    "square": ("M-11-11H11V11H-11z", 0),
    "hexagon": ("M0-13L11.3-6.5V6.5L0 13-11.3 6.5V-6.5z", 0),
}
# The same shapes around a type's glyph of static/img/map-icons.svg, within 21 units, and where the glyph stands.
TYPE_SHAPES = {
    "diamond": ("M0-19.5L19.5 0 0 19.5-19.5 0z", -10.5, -10.5, 21),
    "circle": ("M16.5 0A16.5 16.5 0 1 1-16.5 0 16.5 16.5 0 1 1 16.5 0z", -10.5, -10.5, 21),
    "triangle": ("M0-20L20.5 15.5H-20.5z", -8.5, -4.3, 17),
    "square": ("M-15-15H15V15H-15z", -10.5, -10.5, 21),
    "hexagon": ("M-9.2-16H9.2L18.5 0 9.2 16H-9.2L-18.5 0z", -10.5, -10.5, 21),
}
GLYPHS = frozenset(
    ["homicide", "robbery", "assault", "threats", "burglary", "theft", "theft-from-vehicle", "vehicle-theft", "fraud",
     "drugs", "weapons", "vandalism", "arson", "disorder", "prostitution", "traffic", "other"]
)  # fmt: skip


def draw_type(category: str, family_slug: str) -> SafeString:
    """Draw a type's symbol, for use inside an <svg>: the family's shape with the type's glyph, else the family's letter."""
    return _draw_type(category if category in GLYPHS else "", family_slug, get_language())


def draw_type_picture(category: str, family_slug: str) -> SafeString:
    """Draw the same as a complete <svg>, hidden from screen readers."""
    return _draw_type_picture(category if category in GLYPHS else "", family_slug, get_language())


def draw_family(slug: str) -> SafeString:
    """Draw the shape and letter of a family, for use inside <g class="sym SLUG">."""
    return _draw_family(slug, get_language())


def draw_family_picture(slug: str) -> SafeString:
    """Draw the same as a complete <svg>, hidden from screen readers."""
    return _draw_family_picture(slug, get_language())


@lru_cache(maxsize=256)
def _draw_type(glyph: str, family_slug: str, language: str | None) -> SafeString:  # noqa: ARG001  (letters are translated)
    family = BY_SLUG[family_slug]
    path, x, y, size = TYPE_SHAPES[family.shape]
    inside = format_html('<text class="lt" y="{}">{}</text>', max(0, y + 8.3), family.letter)
    if glyph:
        inside = format_html(
            '<use class="gl" href="{}#g-{}" x="{}" y="{}" width="{}" height="{}"/>',
            *(static("img/map-icons.svg"), glyph, x, y, size, size),
        )
    return format_html('<g class="ty {}"><path class="sh" d="{}"/>{}</g>', family_slug, path, inside)


@lru_cache(maxsize=256)
def _draw_type_picture(glyph: str, family_slug: str, language: str | None) -> SafeString:
    return format_html(
        '<svg class="ic" viewBox="-21 -21 42 42" aria-hidden="true">{}</svg>', _draw_type(glyph, family_slug, language)
    )


@lru_cache(maxsize=64)
def _draw_family(slug: str, language: str | None) -> SafeString:  # noqa: ARG001  (letters are translated)
    family = BY_SLUG[slug]
    path, letter_offset = SHAPES[family.shape]
    letter = format_html('<text y="{}">{}</text>', letter_offset, family.letter) if family.letter else ""
    return format_html('<path d="{}"/>{}', path, letter)


@lru_cache(maxsize=64)
def _draw_family_picture(slug: str, language: str | None) -> SafeString:
    return format_html(
        '<svg class="sym {}" viewBox="-15 -15 30 30" aria-hidden="true">{}</svg>', slug, _draw_family(slug, language)
    )
