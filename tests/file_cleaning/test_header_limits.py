"""What a file's first bytes say is judged at once: pixels, pages and hours; and clips hidden in photos are found."""

from __future__ import annotations

import io
import random
import struct

import pillow_heif
import pytest
from PIL import Image

from file_cleaning import FileRefusedError, RefusalReason, check_header, holds_clip, limits
from file_cleaning.formats import HEAD_BYTES
from tests.file_cleaning import sample_files

GB = 1024**3


def encoded(form: str, size: tuple[int, int] = (64, 48)) -> bytes:
    pillow_heif.register_heif_opener()
    stream = io.BytesIO()
    Image.new("RGB", size).save(stream, form)
    return stream.getvalue()


def with_size(form: str, width: int, height: int) -> bytes:
    """Return the header of a picture that claims this size."""
    picture = encoded(form)
    match form:
        case "PNG":
            return picture[:16] + struct.pack(">II", width, height) + picture[24:]
        case "GIF":
            return picture[:6] + struct.pack("<HH", width, height) + picture[10:]
        case "BMP":
            return picture[:18] + struct.pack("<ii", width, -height) + picture[26:]
        case "JPEG":
            at = picture.index(b"\xff\xc0")
            return picture[: at + 5] + struct.pack(">HH", height, width) + picture[at + 9 :]
        case "TIFF":
            return picture.replace(struct.pack("<HHII", 256, 4, 1, 64), struct.pack("<HHII", 256, 4, 1, width)).replace(
                struct.pack("<HHII", 257, 4, 1, 48), struct.pack("<HHII", 257, 4, 1, height)
            )
        case "HEIF" | "AVIF":
            at = picture.index(b"ispe") + 8
            return picture[:at] + struct.pack(">II", width, height) + picture[at + 8 :]
        case _:
            head = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0"
            return head + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little") + picture


def reason(head: bytes, length: int | None = None) -> RefusalReason | None:
    try:
        check_header(head[:HEAD_BYTES], length)
    except FileRefusedError as refused:
        return refused.reason
    return None


@pytest.mark.parametrize("form", ["PNG", "GIF", "BMP", "JPEG", "TIFF", "HEIF", "AVIF", "WEBP"])
def test_a_picture_of_too_many_pixels_is_refused_by_its_header(form: str) -> None:
    size = (25_000, 20_000) if form == "JPEG" else (16_000, 12_500)
    assert reason(with_size(form, *size)) == RefusalReason.TOO_LARGE
    assert reason(with_size(form, 12_000, 8_000)) is None
    assert reason(encoded(form)) is None


def test_a_phones_largest_photo_is_accepted() -> None:
    assert reason(with_size("JPEG", 16_320, 12_240)) is None


def movie(seconds: float, version: int = 0) -> bytes:
    times = struct.pack(">I8xII" if version == 0 else ">I16xIQ", version << 24, 1000, int(seconds * 1000))
    return (
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x6cmoov\0\0\0\x6cmvhd"
        + times
        + b"hdlr\0\0\0\0\0\0\0\0vide"
        + bytes(500)
    )


def matroska(seconds: float) -> bytes:
    scale = b"\x2a\xd7\xb1\x83\x0f\x42\x40"  # a million nanoseconds
    return (
        b"\x1a\x45\xdf\xa3\x42\x82\x84webm"
        + scale
        + b"\x44\x89\x88"
        + struct.pack(">d", seconds * 1000)
        + b"V_VP8"
        + bytes(99)
    )


def wav(bytes_a_second: int) -> bytes:
    form = struct.pack("<IHHIIHH", 16, 1, 1, 8000, bytes_a_second, 1, 8)
    return b"RIFF\xff\xff\xff\xffWAVEfmt " + form + b"data\xff\xff\xff\xff" + bytes(100)


@pytest.mark.parametrize(
    ("head", "length", "expected"),
    [
        (movie(limits.VIDEO_SECONDS + 60), GB, RefusalReason.TOO_LONG),
        (movie(limits.VIDEO_SECONDS + 60, version=1), GB, RefusalReason.TOO_LONG),
        (movie(limits.VIDEO_SECONDS - 60), GB, None),
        (movie(50 * 3600), 10_000_000, None),  # ten megabytes are not fifty hours: the header is wrong
        (matroska(limits.VIDEO_SECONDS + 60), GB, RefusalReason.TOO_LONG),
        (matroska(limits.VIDEO_SECONDS - 60), GB, None),
        (wav(8_000), 8_000 * limits.AUDIO_SECONDS + 8_000, RefusalReason.TOO_LONG),
        (wav(8_000), 8_000 * limits.AUDIO_SECONDS - 8_000, None),
        (b"%PDF-1.7\n1 0 obj<</Linearized 1/L 900/H[1 2]/O 3/E 4/N 201/T 5>>", 900, RefusalReason.TOO_LONG),
        (b"%PDF-1.7\n1 0 obj<</Linearized 1/L 900/H[1 2]/O 3/E 4/N 200/T 5>>", 900, None),
    ],
)
def test_a_recording_or_document_that_is_too_long_is_refused_by_its_header(
    head: bytes, length: int, expected: RefusalReason | None
) -> None:
    assert reason(head, length) == expected
    assert reason(head[:60], length) in (expected, None)


def test_no_header_breaks_the_check() -> None:
    source = random.Random(7)
    starts = [encoded(form) for form in ("PNG", "GIF", "BMP", "JPEG", "TIFF", "HEIF", "AVIF", "WEBP")] + [
        movie(9),
        wav(1),
        matroska(9),
    ]
    for start in starts:
        for _ in range(300):
            head = bytearray(start[: source.randrange(16, len(start))])
            for _ in range(source.randrange(4)):
                head[source.randrange(12, len(head))] = source.randrange(256)
            assert reason(bytes(head), source.randrange(GB)) in (None, *RefusalReason)


CLIP = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08wide" + bytes(5000)
CLIPS = {
    "a JPEG with an appended MP4, as Google writes it": sample_files.jpeg() + CLIP,
    "a QuickTime clip": sample_files.jpeg() + CLIP.replace(b"mp42\0\0\0\0", b"qt  \0\0\0\0"),
    "Samsung's trailer": sample_files.jpeg() + b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + bytes(900) + b"SEFT",
    "Samsung's sound": sample_files.jpeg() + b"\0\0\x00\x01\x0d\0\0\0SoundShot_000" + bytes(900) + b"SEFT",
    "a HEIC with a clip in a box": encoded("HEIF") + b"\0\0\x10\0mpvd" + CLIP,
    "a HEIC of several pictures": encoded("HEIF") + b"\0\0\x10\0moov\0\0\0\x6cmvhd" + bytes(900),
}


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("piece_bytes", [7, 1000, HEAD_BYTES])
def test_a_clip_in_a_photo_is_found(name: str, piece_bytes: int) -> None:
    photo = CLIPS[name]
    assert holds_clip(photo[start : start + piece_bytes] for start in range(0, len(photo), piece_bytes))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "HEIF", "AVIF", "WEBP"])
def test_a_photo_without_a_clip_is_not_reported(form: str) -> None:
    assert not holds_clip([encoded(form)])
    xmp = b'GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="4000"'  # but another program has cut the clip out
    assert not holds_clip([encoded(form), xmp])
