"""Draws text and backgrounds with Pillow in the agency's colors and the portal's font, for share cards and posters.

It opens no image files but the agency's crest, and reads our own font and style sheet and the city's base map.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from PIL import Image, ImageDraw, ImageFont

from core.web import contrast
from crimemap import places
from outreach.content import pictures

STATIC: Path = settings.BASE_DIR / "static"
FONT = STATIC / "fonts" / "atkinson-hyperlegible-next-latin-wght-normal.woff2"
_METERS_PER_DEGREE = 111_195  # of latitude
_METERS_ACROSS = 4500  # of the city on a picture
REGULAR, BOLD = 400, 750
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Backdrop:
    """The agency's own parts of a picture.

    `crest` is a PNG or empty, `city` the version of the base map or empty, and `source` says whose data that is drawn from.
    """

    crest: bytes = field(default=b"", repr=False)
    city: str = ""
    source: str = ""


def read_backdrop() -> Backdrop:
    """Return the agency's crest and city as they are now."""
    return Backdrop(pictures.read_crest(), places.base_map_version(), places.base_map_source())


@dataclass(frozen=True, slots=True)
class TextBox:
    """The space for a text: width in pixels, number of lines, and the font sizes to try, large to small."""

    width: int
    lines: int
    sizes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FittedText:
    """A text broken into lines, and the font size in pixels at which they fit."""

    lines: list[str]
    size: int


@cache
def theme_colors() -> dict[str, str]:
    """Return the agency's light theme: colors by token name (static/css/common.css)."""
    return contrast.read_themes(contrast.STYLES.read_text(encoding="utf-8"))["light"]


@lru_cache(maxsize=64)
def load_font(size: int, weight: int = REGULAR) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(str(FONT), size)
    font.set_variation_by_axes([weight])
    return font


def has_glyphs(text: str) -> bool:
    """Return whether our font, which is Latin, has every letter of `text`. Other scripts would be drawn as empty boxes."""
    return all(letter.isspace() or letter == ELLIPSIS or _has_glyph(letter) for letter in set(text))


@cache
def _has_glyph(letter: str) -> bool:
    probe = load_font(24)
    return bytes(probe.getmask(letter)) != bytes(probe.getmask("\uffff"))


def fit_text(text: str, box: TextBox, weight: int = BOLD) -> FittedText:
    """Fit `text` into the box at the largest size that works; at the smallest size it is cut with an ellipsis."""
    for size in box.sizes:
        fitted = FittedText(_wrap(text, box.width, load_font(size, weight)), size)
        if len(fitted.lines) <= box.lines:
            return fitted
    lines = fitted.lines[: box.lines]
    font = load_font(fitted.size, weight)
    while lines[-1] and font.getlength(lines[-1] + ELLIPSIS) > box.width:
        lines[-1] = lines[-1][:-1].rstrip()
    lines[-1] += ELLIPSIS
    return FittedText(lines, fitted.size)


def write_text(
    draw: ImageDraw.ImageDraw, top_left: tuple[int, int], text: str, box: TextBox, color: str, *, weight: int = BOLD
) -> int:
    """Draw `text` below the point `top_left`, or nothing if our font lacks one of its letters.

    Returns the y coordinate below the text.
    """
    x, y = top_left
    if has_glyphs(text):
        fitted = fit_text(text, box, weight)
        for line in fitted.lines:
            draw.text((x, y), line, font=load_font(fitted.size, weight), fill=color)
            y += round(fitted.size * 1.16)
    return y


def _wrap(text: str, width: int, font: ImageFont.FreeTypeFont) -> list[str]:
    """Break text into lines no wider than `width` pixels. Words longer than a line are broken."""
    lines = [""]
    for word in text.split():
        rest = word
        if font.getlength(f"{lines[-1]} {rest}".strip()) <= width:
            lines[-1] = f"{lines[-1]} {rest}".strip()
            continue
        while font.getlength(rest) > width:
            length = next(n for n in range(len(rest) - 1, 0, -1) if n == 1 or font.getlength(rest[:n]) <= width)
            lines.append(rest[:length])
            rest = rest[length:]
        lines.append(rest)
    return [line for line in lines if line]


@lru_cache(maxsize=4)
def card_palette(size: tuple[int, int], city: str) -> Image.Image:
    """Return a palette image of the background and of text on it: quantizing to it is fast and makes small files."""
    marks = [theme_colors()[name] for name in ("gold", "gold-ink", "on-navy", "on-navy-muted")]
    swatches = draw_background(size, city).copy()
    draw = ImageDraw.Draw(swatches)
    for row, color in enumerate(marks):
        for step in range(16):
            shade = Image.blend(
                Image.new("RGB", (1, 1), theme_colors()["navy"]), Image.new("RGB", (1, 1), color), step / 15
            )
            draw.rectangle((step * 40, row * 60, step * 40 + 40, row * 60 + 60), fill=shade.getpixel((0, 0)))
    return swatches.quantize(255, kmeans=2)


@lru_cache(maxsize=4)
def draw_background(size: tuple[int, int], city: str) -> Image.Image:
    """Draw a gradient from navy to its lighter shade, left to right, with the city's streets fading in on the right.

    `city` is the version of its base map, "" for none: then there are no streets.
    """
    across = Image.linear_gradient("L").rotate(90).resize(size)
    picture = Image.composite(
        Image.new("RGB", size, theme_colors()["navy2"]), Image.new("RGB", size, theme_colors()["navy"]), across
    )
    if city:
        lines = Image.composite(
            _draw_streets(size), Image.new("L", size), across.point([max(0, v - 90) for v in range(256)])
        )
        picture.paste(Image.new("RGB", size, theme_colors()["street-lines"]), mask=lines)
    return picture


def _draw_streets(size: tuple[int, int]) -> Image.Image:
    """Return the streets around the middle of the city as a mask, with those in the middle where it fades in."""
    mask = Image.new("L", size)
    lines = [np.array(line) for line in _list_streets(json.loads(places.base_map_json()))]
    if not lines:
        return mask
    longitude, latitude = np.median(np.concatenate(lines), axis=0)
    scale = size[0] / _METERS_ACROSS * _METERS_PER_DEGREE  # pixels for a degree of latitude
    scales = scale * math.cos(math.radians(latitude)), -scale
    draw = ImageDraw.Draw(mask)
    for line in lines:
        points = (line - [longitude, latitude]) * scales + [size[0] * 0.7, size[1] / 2]
        if (points.max(axis=0) >= 0).all() and (points.min(axis=0) <= size).all():
            draw.line([(x, y) for x, y in points.tolist()], fill=110, width=max(1, round(size[0] / 600)))
    return mask


def _list_streets(base_map: dict[str, Any]) -> Iterator[list[list[float]]]:
    """Yield the points of each street, longitude first."""
    for layer in base_map["layers"]:
        for feature in layer["features"] if layer["name"] == "streets" else ():
            geometry = feature["geometry"]
            if geometry["type"] == "LineString":
                yield geometry["coordinates"]
            elif geometry["type"] == "MultiLineString":
                yield from geometry["coordinates"]


def write_source(canvas: ImageDraw.ImageDraw, source: str, right_bottom: tuple[int, int]) -> None:
    """Name whose data the streets were drawn from, in small letters."""
    if source and has_glyphs(source):
        color = theme_colors()["on-navy-muted"]
        canvas.text(right_bottom, source, font=load_font(18, REGULAR), fill=color, anchor="rs")


def paste_crest(picture: Image.Image, crest: bytes, right_top: tuple[int, int], height: int) -> None:
    """Draw the agency's crest, a PNG that file_cleaning has made, to the left of and below this point."""
    with Image.open(io.BytesIO(crest), formats=["PNG"]) as opened:
        image = opened.convert("RGBA")
    image = image.resize((round(image.width * height / image.height), height), Image.Resampling.LANCZOS)
    picture.paste(image, (right_top[0] - image.width, right_top[1]), image)
