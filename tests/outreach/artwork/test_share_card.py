"""The share card: the agency's colors, any title, the same bytes for the same words."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from crimemap import places
from crimemap.models import BaseLayer
from outreach.artwork import share_card, typesetting
from outreach.artwork.typesetting import Backdrop, TextBox

CARD = share_card.ShareCard(
    title="A quarter of an hour, and one gun fewer",
    label="Weapons off the street",
    facts=("Within 15 minutes", "1 arrest"),
    agency="Riverton Police",
    site="portal.riverton.example",
)


def drawn(card: share_card.ShareCard) -> Image.Image:
    return Image.open(io.BytesIO(share_card.draw_card(card))).convert("RGB")


def near(picture: Image.Image, colour: str) -> int:
    """How many pixels have the colour, as closely as a palette keeps it."""
    wanted = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return sum(
        count
        for count, found in picture.getcolors(picture.width * picture.height)
        if all(abs(one - other) < 12 for one, other in zip(found, wanted, strict=True))
    )


def test_a_card_has_the_size_open_graph_readers_expect_in_the_agencys_colours():
    picture = drawn(CARD)
    assert picture.size == (1200, 630)
    assert near(picture, typesetting.theme_colors()["gold"]) > 10_000
    assert near(picture, "#ffffff") > 10_000
    assert len(share_card.draw_card(CARD)) < 60_000
    for corner in ((8, 8), (40, 620), (600, 30), (1190, 8)):
        assert picture.getpixel(corner)[2] > picture.getpixel(corner)[0], "the ground is blue, each time"


def test_the_digest_depends_on_everything_that_is_drawn(monkeypatch):
    changed = [
        replace(CARD, title="x"),
        replace(CARD, label="x"),
        replace(CARD, facts=()),
        replace(CARD, agency="x"),
        replace(CARD, site="x"),
        replace(CARD, backdrop=Backdrop(crest=b"x")),
        replace(CARD, backdrop=Backdrop(city="x")),
        replace(CARD, backdrop=Backdrop(source="x")),
    ]
    assert len({CARD.digest, *(card.digest for card in changed)}) == 9
    assert CARD.digest == replace(CARD).digest
    before = CARD.digest
    monkeypatch.setattr(share_card, "theme_colors", lambda: {**typesetting.theme_colors(), "gold": "#ffffff"})
    assert CARD.digest != before


@pytest.mark.parametrize(
    "title", ["word " * 60, "W" * 400, "قصة قصيرة", "", "<b>&amp;</b>", "Ünïcödé ñ ß Ø", "🚲🚲🚲", "a\nb\tc"]
)
def test_any_title_gives_a_card(title):
    assert drawn(replace(CARD, title=title, label=title, facts=(title,), agency=title)).size == share_card.SIZE


def test_a_title_our_font_has_no_letters_for_is_left_out_rather_than_drawn_as_boxes():
    assert typesetting.has_glyphs("São Paulo, Groß-Gerau")
    assert not typesetting.has_glyphs("قصة")
    assert share_card.draw_card(replace(CARD, title="قصة")) == share_card.draw_card(replace(CARD, title="说明"))


def test_the_agencys_crest_is_on_the_card_in_its_colors():
    stream = io.BytesIO()
    Image.new("RGBA", (44, 48), "#11aa55").save(stream, "PNG")
    assert near(drawn(CARD), "#11aa55") == 0
    assert near(drawn(replace(CARD, backdrop=Backdrop(crest=stream.getvalue()))), "#11aa55") > 5_000


@pytest.mark.django_db
def test_the_streets_on_the_card_are_the_citys_own():
    """Without a base map there are none: a city that doesn't exist is worse than no city."""
    plain = drawn(CARD)
    streets = [[[-87.65, 41.80 + n / 1000], [-87.60, 41.80 + n / 1000]] for n in range(20)]
    layer = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"rank": "minor"},
                "geometry": {"type": "MultiLineString", "coordinates": streets},
            }
        ],
    }
    BaseLayer.objects.create(name=BaseLayer.Name.STREETS, geojson=layer)
    card = replace(CARD, backdrop=Backdrop(city=places.base_map_version()))
    assert card.backdrop.city
    right = (700, 0, 1200, 500)
    assert near(drawn(card).crop(right), typesetting.theme_colors()["street-lines"]) == 0  # they stay faint
    assert drawn(card).crop(right).tobytes() != plain.crop(right).tobytes()
    assert len(share_card.draw_card(card)) < 60_000


def test_long_text_is_made_smaller_and_then_cut():
    assert typesetting.fit_text("short", TextBox(600, 2, (60, 40))).size == 60
    long = typesetting.fit_text("some words that go on " * 3, TextBox(600, 3, (60, 40)))
    assert (long.size, long.lines[-1].endswith(typesetting.ELLIPSIS)) == (40, False)
    cut = typesetting.fit_text("some words that go on " * 30, TextBox(600, 3, (60, 40)))
    assert len(cut.lines) == 3
    assert cut.lines[-1].endswith(typesetting.ELLIPSIS)
    face = typesetting.load_font(40, typesetting.BOLD)
    assert all(face.getlength(line) <= 600 for line in cut.lines)
    assert " ".join(long.lines) == " ".join(("some words that go on " * 3).split())
