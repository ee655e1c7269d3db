"""What sources of the demo city attach: pictures drawn here, a hum, and a small film of drawn pictures. Always the same bytes."""

from __future__ import annotations

import io
import math
import struct
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
from PIL import Image, ImageDraw, ImageFilter, ImageFont

_NIGHT, _WALL, _DOOR, _LIGHT, _METAL = (18, 24, 38), (94, 70, 62), (46, 92, 74), (255, 214, 140), (150, 156, 166)


def garage() -> bytes:
    """A garage with a green door, open by a hand, and bicycles behind it."""
    picture, draw = _canvas((1600, 1200), _NIGHT)
    draw.rectangle((120, 220, 1480, 1020), fill=_WALL)
    draw.rectangle((420, 380, 1180, 1020), fill=(34, 28, 26))
    draw.rectangle((420, 380, 700, 1020), fill=_DOOR)
    for at in (760, 880, 1000):
        _bicycle(draw, at, 900, 84)
    return _jpeg(_lit(picture, (1010, 460)))


def side_door() -> bytes:
    """A small door to a yard."""
    picture, draw = _canvas((1200, 1600), (52, 58, 64))
    draw.rectangle((0, 1180, 1200, 1600), fill=(74, 78, 72))
    draw.rectangle((420, 460, 780, 1180), fill=_DOOR, outline=(30, 50, 42), width=14)
    return _jpeg(_lit(picture, (600, 300)))


def class_chat() -> bytes:
    """A screenshot of a chat."""
    picture, draw = _canvas((1080, 1400), (236, 240, 245))
    draw.rectangle((0, 0, 1080, 150), fill=(40, 70, 120))
    draw.text((60, 50), "Class 8b", font=_font(52), fill="white")
    for top, left, text in (
        (230, 60, "you will all see on monday"),
        (430, 60, "some of you should stay home"),
        (630, 380, "what do you mean??"),
        (830, 60, "you know what i mean"),
    ):
        draw.rounded_rectangle((left, top, left + 640, top + 140), 36, fill="white" if left < 100 else (205, 232, 205))
        draw.text((left + 40, top + 46), text, font=_font(38), fill=(30, 34, 40))
    return _jpeg(picture)


def bill() -> bytes:
    """The paper that two men left, as a PDF of two pages."""
    pages = []
    for lines in (
        ("ROOF CARE", "Advance for emergency repair", "2,400 dollars, cash", "Paid"),
        ("Terms", "None given"),
    ):
        page, draw = _canvas((1240, 1754), (250, 249, 244))
        for number, line in enumerate(lines):
            draw.text((140, 180 + 130 * number), line, font=_font(72 if number == 0 else 48), fill=(40, 40, 46))
        pages.append(page)
    stream = io.BytesIO()
    pages[0].save(
        stream, "PDF", save_all=True, append_images=pages[1:], resolution=150, creationDate=None, modDate=None
    )
    return stream.getvalue()


def engines() -> bytes:
    """A phone's recording of engines that pass."""
    rate, seconds = 16_000, 4
    stream = io.BytesIO()
    with wave.open(stream, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        for number in range(rate * seconds):
            at = number / rate
            loud = math.exp(-((at - 2) ** 2)) * 9000
            wobble = math.sin(440 * at + 30 * math.sin(at * 2)) + 0.4 * math.sin(1310 * at)
            sound.writeframesraw(struct.pack("<h", int(loud * wobble)))
    return stream.getvalue()


def race() -> bytes:
    """Two cars along a quay: three seconds of video."""
    size, rate = (640, 352), 12
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "race.mp4")
        film = imageio_ffmpeg.write_frames(str(path), size, fps=rate, codec="libx264", output_params=["-threads", "1"])
        film.send(None)
        for number in range(3 * rate):
            picture, draw = _canvas(size, _NIGHT)
            draw.rectangle((0, 210, 640, 352), fill=(48, 52, 60))
            for speed, top, colour in ((23, 226, (222, 120, 40)), (20, 282, (40, 60, 120))):
                left = number * speed - 140
                draw.rounded_rectangle((left, top, left + 120, top + 40), 14, fill=colour)
                draw.ellipse((left + 112, top + 12, left + 128, top + 26), fill=_LIGHT)
            film.send(picture.tobytes())
        film.close()
        return path.read_bytes()


FILES: dict[str, Callable[[], bytes]] = {
    made.__name__: made for made in (garage, side_door, class_chat, bill, engines, race)
}


def _canvas(size: tuple[int, int], colour: tuple[int, int, int]) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", size, colour)
    return picture, ImageDraw.Draw(picture)


def _bicycle(draw: ImageDraw.ImageDraw, left: int, ground: int, wheel: int) -> None:
    for at in (left, left + wheel * 2):
        draw.ellipse((at, ground - wheel, at + wheel, ground), outline=_METAL, width=6)
    hub, saddle, bars = (
        (left + wheel // 2, ground - wheel // 2),
        (left + wheel, ground - wheel * 2),
        (left + wheel * 2, ground - wheel * 2),
    )
    draw.line((hub, saddle, bars, (left + wheel * 5 // 2, hub[1])), fill=(190, 60, 50), width=8)


def _lit(picture: Image.Image, lamp: tuple[int, int]) -> Image.Image:
    """The picture in the light of one lamp."""
    glow = Image.new("L", (picture.width // 8, picture.height // 8), 70)
    x, y = lamp[0] // 8, lamp[1] // 8
    ImageDraw.Draw(glow).ellipse((x - 50, y - 40, x + 50, y + 70), fill=255)
    light = glow.filter(ImageFilter.GaussianBlur(24)).resize(picture.size)
    return Image.composite(picture, Image.new("RGB", picture.size, (6, 8, 14)), light)


def _jpeg(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=88)
    return stream.getvalue()


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
