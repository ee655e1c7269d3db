"""Colors of an agency: three that it chooses, and the design's tokens that follow from them in light and dark.

Each pair of tokens that the style sheets put on top of each other is checked (core/web/contrast.py), so that no choice hides the
emergency number or "Leave this site".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from django.utils.translation import gettext as _

from core.web import contrast

DEFAULTS = ("#0d2140", "#1450a0", "#f2b632")
_WHITE, _BLACK = "#ffffff", "#000000"
# WCAG 2.2, 1.4.6: buttons and links of dark pages are as clear as the design's own.
_DARK_ACTION_CONTRAST = 7.0
_MIX_STEPS = 20
_FIELDS = {
    "navy": "band_color",
    "navy2": "band_color",
    "action": "action_color",
    "action-hover": "action_color",
    "link": "action_color",
    "tint": "action_color",
    "gold": "accent_color",
    "gold-hover": "accent_color",
}


@dataclass(frozen=True, slots=True)
class BrandColors:
    """The chosen colors, each #rrggbb or "" for the design's own."""

    band: str
    action: str
    accent: str


def is_color(text: str) -> bool:
    return re.fullmatch(r"#[0-9a-f]{6}", text) is not None


def derive_tokens(colors: BrandColors) -> dict[str, dict[str, str]]:
    """Return the tokens that change, by theme ("light", "dark") and name."""
    light: dict[str, str] = {}
    dark: dict[str, str] = {}
    if colors.band:
        light |= {"navy": colors.band, "navy2": _mix(colors.band, _WHITE, 0.12)}
        dark |= {"navy": _mix(colors.band, _BLACK, 0.42), "navy2": _mix(colors.band, _BLACK, 0.1)}
    if colors.action:
        paper, surface = (_read_design()["dark"][name] for name in ("paper", "surface"))
        bright = _brighten(colors.action, surface)
        light |= {
            "action": colors.action,
            "action-hover": _mix(colors.action, _BLACK, 0.25),
            "link": colors.action,
            "tint": _mix(colors.action, _WHITE, 0.9),
        }
        dark |= {
            "action": bright,
            "action-hover": _mix(bright, _WHITE, 0.3),
            "link": _mix(bright, _WHITE, 0.1),
            "tint": _mix(colors.action, paper, 0.75),
        }
    if colors.accent:
        gold = {"gold": colors.accent, "gold-hover": _mix(colors.accent, _WHITE, 0.25)}
        light |= gold
        dark |= gold
    return {"light": light, "dark": dark}


def find_problems(colors: BrandColors) -> Iterator[tuple[str, str]]:
    """Yield the name of a field and a sentence for each color that makes something hard to read, once a field."""
    tokens, design = derive_tokens(colors), _read_design()
    themes = {"light": _("light"), "dark": _("dark")}
    named: set[str] = set()
    for theme, word in themes.items():
        shown = {**design[theme], **tokens[theme]}
        for foreground, background, least in contrast.PAIRS:
            token = next((name for name in (foreground, background) if name in tokens[theme]), None)
            found = contrast.contrast_ratio(shown[foreground], shown[background])
            if token is None or found >= least or _FIELDS[token] in named:
                continue
            named.add(_FIELDS[token])
            other = shown[background] if token == foreground else shown[foreground]
            values = {"theme": word, "found": f"{found:.1f}", "least": f"{least:.1f}", "color": other}
            is_other_dark = contrast.contrast_ratio(other, _BLACK) < contrast.contrast_ratio(other, _WHITE)
            yield (
                _FIELDS[token],
                _(
                    "On %(theme)s screens this is hard to read next to %(color)s: the contrast is %(found)s, and it needs %(least)s."
                    " Choose a lighter color."
                )
                % values
                if is_other_dark
                else _(
                    "On %(theme)s screens this is hard to read next to %(color)s: the contrast is %(found)s, and it needs %(least)s."
                    " Choose a darker color."
                )
                % values,
            )


def render_style_sheet(colors: BrandColors) -> str:
    """Return the CSS that replaces the design's tokens, "" if nothing is chosen."""
    tokens = derive_tokens(colors)
    if not tokens["light"]:
        return ""
    light, dark = (
        "".join(f"--{name}:{color};" for name, color in tokens[theme].items()) for theme in ("light", "dark")
    )
    return f"@layer tokens{{:root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}}}\n"


def render_samples(colors: BrandColors) -> str:
    """Return CSS that shows the colors in two samples of a page, one light and one dark, whatever the reader's screen."""
    tokens, design = derive_tokens(colors), _read_design()
    return "".join(
        f".sample-{theme}{{"
        + "".join(f"--{name}:{color};" for name, color in {**design[theme], **tokens[theme]}.items())
        + "}\n"
        for theme in ("light", "dark")
    )


@cache
def _read_design() -> dict[str, dict[str, str]]:
    return contrast.read_themes(contrast.STYLES.read_text(encoding="utf-8"))


def _brighten(color: str, ground: str) -> str:
    """Return the color with as little white as makes it clear on a dark ground."""
    shades = (_mix(color, _WHITE, step / _MIX_STEPS) for step in range(_MIX_STEPS + 1))
    return next(shade for shade in shades if contrast.contrast_ratio(shade, ground) >= _DARK_ACTION_CONTRAST)


def _mix(color: str, other: str, share: float) -> str:
    """Return the color with a share of the other one, in sRGB."""
    pairs = zip(_split(color), _split(other), strict=True)
    return "#" + "".join(f"{round(one + (two - one) * share):02x}" for one, two in pairs)


def _split(color: str) -> tuple[int, ...]:
    digits = color.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    return tuple(int(digits[start : start + 2], 16) for start in (0, 2, 4))
