"""The printable poster: how to send a tip, the portal's address as text, as a QR code and on tear-off strips.

It is an image of 200 pixels per inch inside a PDF, because no installed library sets type in a PDF.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

import segno
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from PIL import Image, ImageDraw

from core.agency import current_settings
from outreach.artwork import typesetting
from outreach.artwork.typesetting import BOLD, REGULAR, Backdrop, TextBox, theme_colors, write_text
from outreach.stories import share_links

DPI = 200
PAPERS = {"letter": (1700, 2200), "a4": (1654, 2339)}  # pixels: 8.5 x 11 inches, 210 x 297 mm
STRIPS = 9
WHITE, BLACK = "#fff", "#000"


@dataclass(frozen=True, slots=True)
class PosterWords:
    """The poster's texts in the page's language. The QR code holds `link`; `address` is its printed form."""

    agency: str
    headline: tuple[str, ...]
    lead: str
    points: tuple[str, ...]
    scan: str
    emergency: str
    strip: str
    link: str
    address: str
    backdrop: Backdrop = field(default_factory=Backdrop)


def poster_words() -> PosterWords:
    """Return the texts of this portal's poster."""
    return PosterWords(
        agency=current_settings.current().name,
        headline=(_("Tell us what you know."), _("Not who you are.")),
        lead=_("Send a tip without giving your name. You can read our answer."),
        points=(
            _("No account, no name"),
            _("We don't store your IP address"),
            _("Use seven words to read our answer later"),
            _("Works on any phone, no app needed"),
        ),
        scan=_("Scan the code, or open:"),
        emergency=_("Emergency? Call %(number)s") % {"number": current_settings.current().emergency_number},
        strip=_("Anonymous tips"),
        link=share_links.absolute_url("/"),
        address=urlsplit(settings.PORTAL_URL).netloc,
        backdrop=typesetting.read_backdrop(),
    )


@lru_cache(maxsize=8)
def draw_poster(words: PosterWords, paper: str) -> bytes:
    """Draw the poster as a PDF. `paper` is a key of PAPERS. Text in a script that our font lacks is left out."""
    page = draw_page(words, PAPERS[paper])
    stream = io.BytesIO()
    now = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    page.save(
        stream,
        "PDF",
        resolution=DPI,
        quality=92,
        title=" ".join(words.headline),
        author=words.agency,
        creationDate=now.timetuple(),
        modDate=now.timetuple(),
    )
    return stream.getvalue()


def draw_page(words: PosterWords, size: tuple[int, int]) -> Image.Image:
    """Draw the poster as an image of `size` pixels."""
    width, height = size
    tokens, margin = theme_colors(), 120
    page = Image.new("RGB", size, WHITE)
    canvas = ImageDraw.Draw(page)
    inner = width - 2 * margin

    head = 760
    page.paste(typesetting.draw_background((width, head), words.backdrop.city), (0, 0))
    if words.backdrop.crest:
        typesetting.paste_crest(page, words.backdrop.crest, (width - margin, 56), 128)
    write_text(canvas, (margin, 96), words.agency, TextBox(inner - 180, 1, (48, 40)), tokens["gold"])
    y = 196
    for line in words.headline:
        y = write_text(canvas, (margin, y), line, TextBox(inner, 2, (126, 108, 92, 78)), tokens["on-navy"])
    write_text(
        canvas, (margin, y + 36), words.lead, TextBox(inner, 3, (54, 46)), tokens["on-navy-muted"], weight=REGULAR
    )
    typesetting.write_source(canvas, words.backdrop.source, (width - 24, head - 20))
    canvas.rectangle((0, head, width, head + 16), fill=tokens["gold"])

    top, side = head + 76, 600
    code = draw_qr_code(words.link, side)
    page.paste(code, (width - margin - side, top))
    left = inner - side - 70
    y = top
    for point in words.points:
        if not typesetting.has_glyphs(point):
            continue
        canvas.rectangle((margin, y + 12, margin + 14, y + 52), fill=tokens["gold"])
        y = write_text(canvas, (margin + 44, y), point, TextBox(left - 44, 3, (50, 44)), BLACK, weight=REGULAR) + 32
    y = max(y, top + side) + 16
    y = write_text(canvas, (margin, y), words.scan, TextBox(inner, 1, (48, 40)), tokens["ink"], weight=REGULAR)
    y = write_text(canvas, (margin, y + 4), words.address, TextBox(inner, 1, (84, 72, 60, 48, 40)), tokens["navy"])

    strips = height - 440
    write_text(canvas, (margin, strips - 88), words.emergency, TextBox(inner, 1, (50, 44, 36)), tokens["red"])
    _draw_strips(page, words, strips)
    return page


def draw_qr_code(link: str, side: int) -> Image.Image:
    """Draw the QR code of `link` as a square of `side` pixels, quiet zone included."""
    code = segno.make(link, error="m", micro=False)
    rows = [bytes(0 if dark else 255 for dark in row) for row in code.matrix_iter(border=2)]
    small = Image.frombytes("L", (len(rows), len(rows)), b"".join(rows))
    scale = side // len(rows)
    square = Image.new("RGB", (side, side), WHITE)
    whole = small.resize((len(rows) * scale,) * 2, Image.Resampling.NEAREST)
    square.paste(whole, ((side - whole.width) // 2,) * 2)
    return square


def _draw_strips(page: Image.Image, words: PosterWords, top: int) -> None:
    """Draw tear-off strips along the foot, each with the address turned by 90 degrees."""
    canvas = ImageDraw.Draw(page)
    wide, high = page.width / STRIPS, page.height - top
    for dash in range(0, page.width, 24):
        canvas.line((dash, top, dash + 12, top), fill=theme_colors()["field"], width=3)
    strip = Image.new("RGB", (high, int(wide)), WHITE)
    drawn = ImageDraw.Draw(strip)
    y = 44
    for text, sizes, weight in ((words.strip, (36, 30), REGULAR), (words.address, (42, 38, 34, 30, 26, 22, 18), BOLD)):
        y = write_text(drawn, (24, y), text, TextBox(high - 48, 1, sizes), BLACK, weight=weight) + 8
    turned = strip.rotate(90, expand=True)
    for number in range(STRIPS):
        left = round(number * wide)
        page.paste(turned, (left + 2, top + 2))
        if number:
            for dash in range(top, page.height, 24):
                canvas.line((left, dash, left, dash + 12), fill=theme_colors()["field"], width=3)
