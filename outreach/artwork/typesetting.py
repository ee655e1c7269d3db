"""Text and lines drawn with Pillow in the agency's colours and the portal's own font: what cards and posters share.

Opens no picture: only our own font, style sheet and street plan are read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from django.conf import settings
from PIL import Image, ImageDraw, ImageFont

from core.web import contrast

STATIC: Path = settings.BASE_DIR / "static"
FONT = STATIC / "fonts" / "atkinson-hyperlegible-next-latin-wght-normal.woff2"
STREETS = STATIC / "img" / "streets.svg"
REGULAR, BOLD = 400, 750
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class TextBox:
    """What text may take: pixels across, lines, and the sizes to try, large to small."""

    width: int
    lines: int
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FittedText:
    """Text in lines, and the size in pixels at which they fit."""

    lines: list[str]
    size: int


@cache
def theme_colors() -> dict[str, str]:
    """The agency's light colours by token name (static/css/common.css)."""
    return contrast.themes(contrast.STYLES.read_text(encoding="utf-8"))["light"]


@lru_cache(maxsize=64)
def load_font(size: int, weight: int = REGULAR) -> ImageFont.FreeTypeFont:
    made = ImageFont.truetype(str(FONT), size)
    made.set_variation_by_axes([weight])
    return made


def has_glyphs(text: str) -> bool:
    """Whether our font, which is Latin, has every letter of `text`. Other scripts would come out as empty boxes."""
    return all(letter.isspace() or letter == ELLIPSIS or _has_glyph(letter) for letter in set(text))


@cache
def _has_glyph(letter: str) -> bool:
    probe = load_font(24)
    return bytes(probe.getmask(letter)) != bytes(probe.getmask("\uffff"))


def fit_text(text: str, room: TextBox, weight: int = BOLD) -> FittedText:
    """`text` at the first size at which it fits the room; at the last one cut with an ellipsis, if it must be."""
    for size in room.sizes:
        setting = FittedText(_wrap(text, room.width, load_font(size, weight)), size)
        if len(setting.lines) <= room.lines:
            return setting
    kept = setting.lines[: room.lines]
    face = load_font(setting.size, weight)
    while kept[-1] and face.getlength(kept[-1] + ELLIPSIS) > room.width:
        kept[-1] = kept[-1][:-1].rstrip()
    kept[-1] += ELLIPSIS
    return FittedText(kept, setting.size)


def write_text(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, room: TextBox, colour: str, *, weight: int = BOLD
) -> int:
    """Draw `text` below the top left point `at`, nothing if our font lacks a letter of it.

    Returns where the next thing may begin.
    """
    x, y = at
    if has_glyphs(text):
        setting = fit_text(text, room, weight)
        for line in setting.lines:
            draw.text((x, y), line, font=load_font(setting.size, weight), fill=colour)
            y += round(setting.size * 1.16)
    return y


def _wrap(text: str, width: int, face: ImageFont.FreeTypeFont) -> list[str]:
    """Lines no wider than `width`; a word that is too long for one is broken."""
    lines = [""]
    for word in text.split():
        rest = word
        if face.getlength(f"{lines[-1]} {rest}".strip()) <= width:
            lines[-1] = f"{lines[-1]} {rest}".strip()
            continue
        while face.getlength(rest) > width:
            length = next(n for n in range(len(rest) - 1, 0, -1) if n == 1 or face.getlength(rest[:n]) <= width)
            lines.append(rest[:length])
            rest = rest[length:]
        lines.append(rest)
    return [line for line in lines if line]


@lru_cache(maxsize=4)
def card_palette(size: tuple[int, int]) -> Image.Image:
    """The colours of the ground and of what is written on it, for pictures of few bytes made fast."""
    marks = [theme_colors()[name] for name in ("gold", "gold-ink", "on-navy", "on-navy-muted")]
    swatches = draw_background(size).copy()
    draw = ImageDraw.Draw(swatches)
    for row, colour in enumerate(marks):
        for step in range(16):
            shade = Image.blend(
                Image.new("RGB", (1, 1), theme_colors()["navy"]), Image.new("RGB", (1, 1), colour), step / 15
            )
            draw.rectangle((step * 40, row * 60, step * 40 + 40, row * 60 + 60), fill=shade.getpixel((0, 0)))
    return swatches.quantize(255, kmeans=2)


@lru_cache(maxsize=4)
def draw_background(size: tuple[int, int], streets: bool = True) -> Image.Image:
    """The brand's navy, running into its lighter one, with the city's street plan where one reads left to right last."""
    across = Image.linear_gradient("L").rotate(90).resize(size)
    picture = Image.composite(
        Image.new("RGB", size, theme_colors()["navy2"]), Image.new("RGB", size, theme_colors()["navy"]), across
    )
    if streets:
        lines = Image.composite(
            _street_mask(size), Image.new("L", size), across.point([max(0, v - 90) for v in range(256)])
        )
        picture.paste(Image.new("RGB", size, theme_colors()["street-lines"]), mask=lines)
    return picture


def _street_mask(size: tuple[int, int]) -> Image.Image:
    """The lines of static/img/streets.svg as a mask that fills `size`. Whatever is not a straight line is left out."""
    scale = max(size[0] / 960, size[1] / 640)
    mask = Image.new("L", size)
    draw = ImageDraw.Draw(mask)
    for path in re.findall(r'<path d="([^"]*)"(?![^>]*\sfill=)', STREETS.read_text(encoding="utf-8")):
        for part in path.split("M")[1:]:
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", part)]
            pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
            points = [(pairs[0][0] * scale, pairs[0][1] * scale)]
            for across, down in pairs[1:]:
                points.append((points[-1][0] + across * scale, points[-1][1] + down * scale))
            draw.line(points, fill=110, width=max(1, round(1.6 * scale)))
    return mask
