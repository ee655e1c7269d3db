"""Draws the pictures of the demo city's stories from flat shapes: no photographs, no people.

They are uploaded at the desk as files, like photographs.
"""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter

SIZE = (1600, 750)
WIDTH = 1200  # of the file: the widest that a story shows
NAVY, DEEP, GOLD, PAPER, WATER, INK = "#163260", "#0d2140", "#f2b632", "#f7f5f0", "#2f6499", "#16202f"
LIT, STEEL, RED, GREEN, LEAF = "#f7d583", "#c3cfe3", "#a11d1d", "#17633f", "#8fb59b"


def bridge() -> Image.Image:
    """A bridge and lit windows at night."""
    picture, draw = _draw_scene("#0b1c38", "#24508a")
    draw.ellipse((1180, 90, 1370, 280), fill=GOLD)
    _draw_houses(draw, 560, [210, 130, 300, 90, 240, 170, 280, 120, 200, 90, 260, 150], "#173765")
    _draw_houses(draw, 610, [150, 230, 100, 190, 80, 210, 130, 100, 180], DEEP, lit=True)
    draw.rectangle((0, 610, 1600, 750), fill=WATER)
    draw.arc((830, 330, 1470, 900), 180, 360, fill=STEEL, width=14)
    for x in range(900, 1440, 90):
        draw.line((x, 612, x, 430 + abs(x - 1150) ** 2 // 900), fill=STEEL, width=8)
    draw.rectangle((780, 606, 1600, 624), fill=STEEL)
    for x, y in ((140, 670), (520, 700), (880, 690), (1240, 680)):
        draw.line((x, y, x + 170, y), fill="#8fb8e2", width=7)
    return picture


def lamps() -> Image.Image:
    """Steps with street lamps at dusk."""
    picture, draw = _draw_scene("#2a2350", "#c9714f")
    _draw_houses(draw, 750, [420, 360, 460, 0, 0, 0, 0, 480, 520, 430], "#1d1a3c", lit=True)
    for number, color in enumerate(("#e9d9c4", "#dcc8ae", "#cfb798", "#c1a684", "#b29572", "#a38563")):
        draw.rectangle((560 + 44 * number, 700 - 50 * number, 1190 - 44 * number, 750 - 50 * number), fill=color)
    for x, foot, high in ((630, 680, 270), (1120, 680, 270), (870, 450, 210)):
        picture = _draw_glow(picture, (x, foot - high), 190)
        draw = ImageDraw.Draw(picture)
        draw.line((x, foot, x, foot - high), fill="#15122e", width=14)
        top = foot - high
        draw.polygon(((x - 30, top + 20), (x - 18, top - 40), (x + 18, top - 40), (x + 30, top + 20)), fill="#fff3cf")
    return picture


def bicycles() -> Image.Image:
    """Three bicycles with tags in a row."""
    picture, draw = _draw_scene("#dbe9f4", "#eef4f8")
    draw.ellipse((190, 90, 360, 260), fill=GOLD)
    draw.ellipse((-300, 430, 900, 1200), fill="#b9d3c0")
    draw.ellipse((500, 470, 2100, 1200), fill=LEAF)
    draw.rectangle((0, 650, 1600, 750), fill="#efece4")
    for left, color in ((120, RED), (620, "#1450a0"), (1120, GREEN)):
        hub, saddle, bars, end = (left + 85, 570), (left + 155, 420), (left + 290, 420), (left + 345, 570)
        for x, y in (hub, end):
            draw.ellipse((x - 85, y - 85, x + 85, y + 85), outline=INK, width=12)
        draw.line((hub, saddle, bars, end), fill=color, width=16)
        draw.line((hub, (left + 200, 570), saddle), fill=color, width=16)
        draw.line(((left + 200, 570), bars, (left + 275, 370), (left + 320, 370)), fill=color, width=14)
        draw.line((left + 115, 405, left + 185, 405), fill=INK, width=18)
        draw.rectangle((left + 200, 450, left + 262, 500), fill=GOLD, outline="#8a6200", width=4)
    return picture


def telephone() -> Image.Image:
    """A telephone on a table, its receiver down."""
    picture, draw = _draw_scene("#e6eef9", "#f7f5f0")
    draw.rectangle((0, 560, 1600, 750), fill="#a38563")
    draw.rectangle((0, 560, 1600, 584), fill="#8a6d4c")
    draw.rectangle((150, 90, 560, 420), fill="#bcd6e6", outline=STEEL, width=18)
    draw.line((355, 90, 355, 420), fill=STEEL, width=12)
    draw.ellipse((1220, 90, 1440, 310), fill="#fff", outline=INK, width=12)
    draw.line((1330, 130, 1330, 200, 1390, 230), fill=INK, width=10)
    draw.polygon(((640, 590), (720, 400), (1000, 400), (1080, 590)), fill=RED)
    draw.ellipse((770, 420, 950, 590), fill="#841818")
    for x, y in ((860, 440), (905, 462), (930, 505), (905, 548), (860, 570), (815, 548), (790, 505), (815, 462)):
        draw.ellipse((x - 15, y - 12, x + 15, y + 12), fill=PAPER)
    draw.rounded_rectangle((600, 330, 1120, 400), 35, fill="#841818")
    draw.ellipse((580, 320, 720, 440), fill="#841818")
    draw.ellipse((1000, 320, 1140, 440), fill="#841818")
    return picture


def copper() -> Image.Image:
    """Coils of copper pipe in front of a school."""
    picture, draw = _draw_scene("#c9dcee", "#f2efe7")
    draw.rectangle((260, 190, 1340, 650), fill="#cfa07a")
    draw.polygon(((210, 200), (800, 50), (1390, 200)), fill="#7a3d2c")
    for row in (270, 440):
        for x in range(330, 1230, 160):
            draw.rectangle((x, row, x + 90, row + 110), fill="#bcd6e6", outline=PAPER, width=10)
    draw.rectangle((730, 500, 870, 650), fill=NAVY)
    draw.rectangle((0, 650, 1600, 750), fill=LEAF)
    for x, y in ((180, 640), (1250, 630), (1420, 660)):
        for ring in range(4):
            box = (x - 110 + 14 * ring, y - 70 + 9 * ring, x + 110 - 14 * ring, y + 70 - 9 * ring)
            draw.ellipse(box, outline="#b3592a" if ring % 2 else "#d98a4f", width=12)
    return picture


def quay() -> Image.Image:
    """A quiet street along the water, with a speed bump."""
    picture, draw = _draw_scene("#f0c987", "#f7e7c9")
    draw.ellipse((1060, 120, 1300, 360), fill="#e58f4a")
    _draw_houses(draw, 400, [120, 190, 90, 150, 110, 0, 0, 0, 0, 0, 130, 170, 100], "#7f6b8f")
    draw.rectangle((0, 400, 1600, 530), fill="#5d8fb3")
    for x in range(1020, 1340, 60):
        draw.line((x - 30, 430 + (x % 7) * 10, x + 50, 430 + (x % 7) * 10), fill="#f7c98a", width=9)
    draw.rectangle((0, 530, 1600, 750), fill="#59606e")
    draw.rectangle((0, 520, 1600, 548), fill="#d5cfc1")
    draw.polygon(((520, 560), (760, 560), (900, 750), (440, 750)), fill=GOLD)
    for number in range(3):
        left = 545 + 75 * number
        edge = 440 + 153 * number + 60
        draw.polygon(((left, 560), (left + 36, 560), (edge + 70, 750), (edge, 750)), fill=INK)
    draw.rectangle((1240, 330, 1256, 560), fill="#3b4250")
    draw.ellipse((1170, 210, 1326, 366), fill="#fff", outline=RED, width=22)
    draw.rectangle((1216, 276, 1280, 300), fill=INK)
    return picture


def footprints() -> Image.Image:
    """Prints of shoes on a pale floor, seen through a magnifying glass."""
    picture, draw = _draw_scene("#efece4", "#dcd7cb")
    for number in range(7):
        x, y = 60 + 220 * number, 560 - 62 * number + (90 if number % 2 else 0)
        draw.ellipse((x, y, x + 130, y + 64), fill="#8d8675")
        draw.ellipse((x + 128, y + 6, x + 186, y + 58), fill="#8d8675")
    draw.line((1130, 560, 1330, 720), fill="#7a5a34", width=46)
    draw.ellipse((720, 150, 1180, 610), fill="#fffdf6", outline=NAVY, width=30)
    draw.ellipse((790, 290, 1000, 470), fill=NAVY)
    draw.ellipse((995, 320, 1110, 440), fill=NAVY)
    for x in range(830, 990, 36):
        draw.line((x, 300, x + 22, 460), fill="#fffdf6", width=12)
    draw.line((1030, 330, 1075, 425), fill="#fffdf6", width=12)
    return picture


def box() -> Image.Image:
    """A steel box with a slot at a front desk."""
    picture, draw = _draw_scene("#dfe6f0", "#f7f5f0")
    draw.rectangle((0, 600, 1600, 750), fill="#b29572")
    draw.rectangle((0, 590, 1600, 612), fill="#8a6d4c")
    draw.rounded_rectangle((560, 170, 1040, 600), 26, fill=NAVY)
    draw.rounded_rectangle((590, 200, 1010, 570), 18, outline="#7f9fd6", width=6)
    draw.rounded_rectangle((660, 250, 940, 296), 20, fill=INK)
    draw.ellipse((770, 400, 830, 460), fill=GOLD)
    draw.polygon(((790, 440), (810, 440), (822, 520), (778, 520)), fill=GOLD)
    draw.rectangle((1180, 300, 1240, 590), fill="#cfb798")
    draw.ellipse((1110, 180, 1310, 360), fill=GREEN)
    draw.ellipse((1060, 250, 1220, 400), fill="#2f7d57")
    draw.rectangle((190, 130, 430, 400), fill="#fff", outline=STEEL, width=10)
    for row in (190, 240, 290, 340):
        draw.line((230, row, 390, row), fill=STEEL, width=12)
    return picture


PICTURES: dict[str, Callable[[], Image.Image]] = {
    drawn.__name__: drawn for drawn in (bridge, lamps, bicycles, telephone, copper, quay, footprints, box)
}


def png_file(name: str) -> bytes:
    """Return the drawing as a PNG file."""
    stream = io.BytesIO()
    PICTURES[name]().resize((WIDTH, WIDTH * SIZE[1] // SIZE[0]), Image.Resampling.LANCZOS).save(stream, "PNG")
    return stream.getvalue()


def _draw_scene(top: str, bottom: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    down = Image.linear_gradient("L").resize(SIZE)
    picture = Image.composite(Image.new("RGB", SIZE, bottom), Image.new("RGB", SIZE, top), down)
    return picture, ImageDraw.Draw(picture)


def _draw_houses(draw: ImageDraw.ImageDraw, foot: int, heights: list[int], color: str, *, lit: bool = False) -> None:
    wide = SIZE[0] / len(heights)
    for number, high in enumerate(heights):
        if not high:
            continue
        left = number * wide
        draw.rectangle((left, foot - high, left + wide, foot), fill=color)
        for row in range(foot - high + 26, foot - 40, 56) if lit else ():
            for window in range(int(left) + 24, int(left + wide) - 30, 58):
                if (window * 7 + row * 3) % 5 < 2:
                    draw.rectangle((window, row, window + 20, row + 28), fill=LIT)


def _draw_glow(picture: Image.Image, at: tuple[int, int], radius: int) -> Image.Image:
    mask = Image.new("L", SIZE)
    x, y = at
    ImageDraw.Draw(mask).ellipse((x - radius // 2, y - radius // 2, x + radius // 2, y + radius // 2), fill=170)
    return Image.composite(
        Image.new("RGB", SIZE, "#ffe6a6"), picture, mask.filter(ImageFilter.GaussianBlur(radius // 3))
    )
