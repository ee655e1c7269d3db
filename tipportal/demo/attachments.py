"""Files that the demo city's sources attach: drawn pictures, a sound and a short video. The bytes are always the same."""

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
    """Draw a garage with bicycles behind a green door that stands ajar."""
    picture, draw = _make_canvas((1600, 1200), _NIGHT)
    draw.rectangle((120, 220, 1480, 1020), fill=_WALL)
    draw.rectangle((420, 380, 1180, 1020), fill=(34, 28, 26))
    draw.rectangle((420, 380, 700, 1020), fill=_DOOR)
    for left in (760, 880, 1000):
        _draw_bicycle(draw, left, 900, 84)
    return _encode_jpeg(_light(picture, (1010, 460)))


def side_door() -> bytes:
    """Draw a small door to a yard."""
    picture, draw = _make_canvas((1200, 1600), (52, 58, 64))
    draw.rectangle((0, 1180, 1200, 1600), fill=(74, 78, 72))
    draw.rectangle((420, 460, 780, 1180), fill=_DOOR, outline=(30, 50, 42), width=14)
    return _encode_jpeg(_light(picture, (600, 300)))


def class_chat() -> bytes:
    """Draw a screenshot of a chat."""
    picture, draw = _make_canvas((1080, 1400), (236, 240, 245))
    draw.rectangle((0, 0, 1080, 150), fill=(40, 70, 120))
    draw.text((60, 50), "8th grade chat", font=_load_font(52), fill="white")
    for top, left, text in (
        (230, 60, "you will all see on monday"),
        (430, 60, "some of you should stay home"),
        (630, 380, "what do you mean??"),
        (830, 60, "you know what i mean"),
    ):
        draw.rounded_rectangle((left, top, left + 640, top + 140), 36, fill="white" if left < 100 else (205, 232, 205))
        draw.text((left + 40, top + 46), text, font=_load_font(38), fill=(30, 34, 40))
    return _encode_jpeg(picture)


def bill() -> bytes:
    """Make a PDF of two pages: the paper that two men left."""
    pages = []
    for lines in (
        ("ROOF CARE", "Advance for emergency repair", "2,400 dollars, cash", "Paid"),
        ("Terms", "None given"),
    ):
        page, draw = _make_canvas((1240, 1754), (250, 249, 244))
        for number, line in enumerate(lines):
            draw.text((140, 180 + 130 * number), line, font=_load_font(72 if number == 0 else 48), fill=(40, 40, 46))
        pages.append(page)
    stream = io.BytesIO()
    pages[0].save(
        stream, "PDF", save_all=True, append_images=pages[1:], resolution=150, creationDate=None, modDate=None
    )
    return stream.getvalue()


def engines() -> bytes:
    """Make a phone's recording of passing engines."""
    sample_rate, seconds = 16_000, 4
    stream = io.BytesIO()
    with wave.open(stream, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(sample_rate)
        for number in range(sample_rate * seconds):
            time = number / sample_rate
            loudness = math.exp(-((time - 2) ** 2)) * 9000
            tone = math.sin(440 * time + 30 * math.sin(time * 2)) + 0.4 * math.sin(1310 * time)
            sound.writeframesraw(struct.pack("<h", int(loudness * tone)))
    return stream.getvalue()


def race() -> bytes:
    """Make three seconds of video: two cars along a quay."""
    size, frame_rate = (640, 352), 12
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "race.mp4")
        encoder = imageio_ffmpeg.write_frames(
            str(path), size, fps=frame_rate, codec="libx264", output_params=["-threads", "1"]
        )
        encoder.send(None)
        for number in range(3 * frame_rate):
            picture, draw = _make_canvas(size, _NIGHT)
            draw.rectangle((0, 210, 640, 352), fill=(48, 52, 60))
            for speed, top, color in ((23, 226, (222, 120, 40)), (20, 282, (40, 60, 120))):
                left = number * speed - 140
                draw.rounded_rectangle((left, top, left + 120, top + 40), 14, fill=color)
                draw.ellipse((left + 112, top + 12, left + 128, top + 26), fill=_LIGHT)
            encoder.send(picture.tobytes())
        encoder.close()
        return path.read_bytes()


FILES: dict[str, Callable[[], bytes]] = {
    make.__name__: make for make in (garage, side_door, class_chat, bill, engines, race)
}


def _make_canvas(size: tuple[int, int], color: tuple[int, int, int]) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", size, color)
    return picture, ImageDraw.Draw(picture)


def _draw_bicycle(draw: ImageDraw.ImageDraw, left: int, ground: int, wheel: int) -> None:
    for wheel_left in (left, left + wheel * 2):
        draw.ellipse((wheel_left, ground - wheel, wheel_left + wheel, ground), outline=_METAL, width=6)
    hub, saddle, bars = (
        (left + wheel // 2, ground - wheel // 2),
        (left + wheel, ground - wheel * 2),
        (left + wheel * 2, ground - wheel * 2),
    )
    draw.line((hub, saddle, bars, (left + wheel * 5 // 2, hub[1])), fill=(190, 60, 50), width=8)


def _light(picture: Image.Image, lamp: tuple[int, int]) -> Image.Image:
    """Darken the picture except around a lamp."""
    glow = Image.new("L", (picture.width // 8, picture.height // 8), 70)
    x, y = lamp[0] // 8, lamp[1] // 8
    ImageDraw.Draw(glow).ellipse((x - 50, y - 40, x + 50, y + 70), fill=255)
    mask = glow.filter(ImageFilter.GaussianBlur(24)).resize(picture.size)
    return Image.composite(picture, Image.new("RGB", picture.size, (6, 8, 14)), mask)


def _encode_jpeg(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=88)
    return stream.getvalue()


def _load_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
