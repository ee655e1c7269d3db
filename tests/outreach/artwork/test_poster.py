"""The poster: a page of the right size whose QR code leads to the portal."""

from __future__ import annotations

from dataclasses import replace

import pypdfium2
import pytest
import segno

from outreach.artwork import poster

WORDS = poster.PosterWords(
    agency="Riverton Police",
    headline=("Tell us what you know.", "Not who you are."),
    lead="Send a tip without giving your name.",
    points=("No account, no name", "We don't store your IP address"),
    scan="Scan the code, or open:",
    emergency="Emergency? Call 911",
    strip="Anonymous tips",
    link="https://portal.riverton.example/",
    address="portal.riverton.example",
)


@pytest.mark.parametrize(("paper", "size"), [("letter", (612, 792)), ("a4", (595, 842))])
def test_a_poster_is_one_page_of_its_paper(paper, size):
    document = pypdfium2.PdfDocument(poster.draw_poster(WORDS, paper))
    assert len(document) == 1
    assert [round(points) for points in document[0].get_size()] == pytest.approx(size, abs=1)
    assert document.get_metadata_dict()["Title"] == "Tell us what you know. Not who you are."


def test_the_code_on_the_page_is_that_of_the_link():
    page = poster.draw_page(WORDS, poster.PAPERS["letter"]).convert("L")
    wanted = [
        [bool(dark) for dark in row] for row in segno.make(WORDS.link, error="m", micro=False).matrix_iter(border=0)
    ]
    code = poster.draw_qr_code(WORDS.link, 600).convert("L")
    left, top, right, _ = code.point(lambda v: 255 - v).getbbox()
    module = (right - left) / len(wanted)
    found = [
        [
            code.getpixel((int(left + (x + 0.5) * module), int(top + (y + 0.5) * module))) < 128
            for x in range(len(wanted))
        ]
        for y in range(len(wanted))
    ]
    assert found == wanted
    corner = (page.width - 120 - 600, 760 + 76)
    assert page.crop((*corner, corner[0] + 600, corner[1] + 600)).tobytes() == code.tobytes()


def test_every_strip_has_the_address():
    page = poster.draw_page(WORDS, poster.PAPERS["a4"]).convert("L")
    wide = page.width / poster.STRIPS
    strips = [
        page.crop((round(n * wide) + 12, page.height - 430, round((n + 1) * wide) - 12, page.height)).getextrema()[0]
        for n in range(poster.STRIPS)
    ]
    assert all(darkest < 60 for darkest in strips)


@pytest.mark.parametrize("text", ["词语", "Wort " * 80, "", "x" * 300])
def test_a_poster_is_drawn_for_any_text(text):
    changed = replace(WORDS, agency=text, headline=(text, text), lead=text, points=(text,), address=text or "a")
    assert poster.draw_poster(changed, "a4").startswith(b"%PDF")
