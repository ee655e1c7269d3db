"""System check that the agency's colors are readable: contrasts of the tokens in static/css/common.css, light and dark.

Limits and formula: WCAG 2.2, success criteria 1.4.3 (text 4.5:1) and 1.4.11 (controls 3:1), relative luminance of sRGB.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.translation import gettext as _

STYLES: Path = settings.BASE_DIR / "static" / "css" / "common.css"
TEXT, CONTROL = 4.5, 3.0

# (foreground, background, minimum contrast): every pair of tokens that the style sheets put on top of each other.
PAIRS: list[tuple[str, str, float]] = [
    *[(text, ground, TEXT) for text in ("ink", "muted", "link") for ground in ("paper", "surface", "sunk", "tint")],
    *[("ink", ground, TEXT) for ground in ("gold-tint", "red-tint", "green-tint")],
    *[("link", ground, TEXT) for ground in ("gold-tint", "red-tint")],
    *[("red", ground, TEXT) for ground in ("paper", "surface", "red-tint")],
    *[("field", ground, CONTROL) for ground in ("paper", "surface", "sunk")],
    *[(mark, ground, CONTROL) for mark in ("action", "green", "gold-line") for ground in ("paper", "surface")],
    *[(text, ground, TEXT) for text in ("on-navy", "on-navy-muted") for ground in ("navy", "navy2")],
    *[("gold", ground, CONTROL) for ground in ("navy", "navy2")],
    ("on-action", "action", TEXT),
    ("on-action", "action-hover", TEXT),
    ("gold-ink", "gold", TEXT),
    ("gold-ink", "gold-hover", TEXT),
    ("on-red", "red", TEXT),
    ("on-red", "red-hover", TEXT),
    ("slip-ink", "slip", TEXT),
    ("focus", "focus-ink", CONTROL),
    ("map-label", "land", TEXT),
    ("bubble", "land", CONTROL),
    ("bubble-ink", "bubble", TEXT),
    *[(f"fam-{family}", "surface", TEXT) for family in ("people", "theft", "drugs", "disorder", "other")],
]


def contrast_ratio(one: str, other: str) -> float:
    """Return the contrast of two colors written #rgb or #rrggbb: 1 (the same) to 21 (black on white)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def read_themes(css: str) -> dict[str, dict[str, str]]:
    """Return the color tokens of a style sheet: `light` from its first :root, `dark` with the changes of its second one."""
    light, dark = [
        dict(re.findall(r"--([\w-]+):\s*(#[0-9a-fA-F]{3,6})\s*;", block))
        for block in re.findall(r":root\s*\{(.*?)\}", css, re.DOTALL)[:2]
    ]
    return {"light": light, "dark": {**light, **dark}}


def find_faint_pairs(css: str) -> Iterator[str]:
    """Yield a sentence for each pair of tokens with too little contrast."""
    for theme, colors in read_themes(css).items():
        for foreground, background, minimum in PAIRS:
            ratio = contrast_ratio(colors[foreground], colors[background])
            if ratio < minimum:
                yield _(
                    "%(theme)s: --%(foreground)s on --%(background)s has a contrast of %(found).1f. It needs at least %(least)s."
                ) % {
                    "theme": theme,
                    "foreground": foreground,
                    "background": background,
                    "found": ratio,
                    "least": minimum,
                }


@register()
def check_contrast(**_options: Any) -> list[CheckMessage]:
    """Report each unreadable pair of colors to `manage.py check` as an error."""
    hint = _("Change the colors under “Brand” in %(file)s.") % {"file": STYLES}
    return [
        Error(sentence, hint=hint, id="tipportal.E010")
        for sentence in find_faint_pairs(STYLES.read_text(encoding="utf-8"))
    ]


def _luminance(color: str) -> float:
    digits = color.lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    red, green, blue = (_linearize(int(digits[start:end], 16) / 255) for start, end in pairwise((0, 2, 4, 6)))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linearize(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
