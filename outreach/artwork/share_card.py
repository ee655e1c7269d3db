"""The share card of a story: the image of 1200 by 630 pixels that other sites show beside a link to it."""

from __future__ import annotations

import hashlib
import io
from dataclasses import astuple, dataclass, field
from functools import lru_cache

from PIL import Image, ImageDraw

from outreach.artwork import typesetting
from outreach.artwork.typesetting import BOLD, REGULAR, Backdrop, TextBox, load_font, theme_colors, write_text

SIZE = (1200, 630)  # the 1.91 to 1 that Open Graph readers expect
MARGIN = 72


@dataclass(frozen=True, slots=True)
class ShareCard:
    """The content of a card. `facts` are short phrases."""

    title: str
    label: str
    facts: tuple[str, ...]
    agency: str
    site: str
    backdrop: Backdrop = field(default_factory=Backdrop)

    @property
    def digest(self) -> str:
        """A hash of everything that is drawn."""
        drawn = repr((astuple(self), sorted(theme_colors().items())))
        return hashlib.sha256(drawn.encode()).hexdigest()[:16]


@lru_cache(maxsize=128)
def draw_card(card: ShareCard) -> bytes:
    """Draw the card as a PNG. A title in a script that our font lacks is left out; the agency's name remains."""
    picture = typesetting.draw_background(SIZE, card.backdrop.city).copy()
    canvas = ImageDraw.Draw(picture)
    tokens = theme_colors()
    width = SIZE[0] - 2 * MARGIN
    write_text(canvas, (MARGIN, MARGIN), card.label.upper(), TextBox(width - 140, 1, (28,)), tokens["gold"])
    top = (
        write_text(
            canvas,
            (MARGIN, MARGIN + 54 + 24 * bool(card.backdrop.crest)),
            card.title,
            TextBox(width, 4, (82, 72, 64, 56, 48)),
            tokens["on-navy"],
        )
        + 22
    )
    left = MARGIN
    for fact in (" ".join(fact.split()) for fact in card.facts):
        if not typesetting.has_glyphs(fact) or top > 470:
            continue
        wide = round(load_font(28, BOLD).getlength(fact)) + 44
        if left + wide > SIZE[0] - MARGIN:
            break
        canvas.rounded_rectangle((left, top, left + wide, top + 52), 26, fill=tokens["gold"])
        canvas.text((left + 22, top + 26), fact, font=load_font(28, BOLD), fill=tokens["gold-ink"], anchor="lm")
        left += wide + 16
    foot = SIZE[1] - MARGIN
    canvas.rectangle((MARGIN, foot - 62, MARGIN + 96, foot - 56), fill=tokens["gold"])
    write_text(canvas, (MARGIN, foot - 36), card.agency, TextBox(640, 1, (36, 30)), tokens["on-navy"])
    canvas.text(
        (SIZE[0] - MARGIN, foot), card.site, font=load_font(28, REGULAR), fill=tokens["on-navy-muted"], anchor="rs"
    )
    typesetting.write_source(canvas, card.backdrop.source, (SIZE[0] - 16, SIZE[1] - 16))
    palette = typesetting.card_palette(SIZE, card.backdrop.city)
    if card.backdrop.crest:
        typesetting.paste_crest(picture, card.backdrop.crest, (SIZE[0] - MARGIN, MARGIN - 24), 96)
        palette = picture.quantize(255)  # it may have any colors
    stream = io.BytesIO()
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(stream, "PNG")
    return stream.getvalue()
