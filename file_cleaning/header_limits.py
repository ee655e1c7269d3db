"""Limits that a file's first bytes already break, so that a person learns it before the whole file is uploaded and sent.

Reads numbers at fixed places; nothing is decoded. A file that passes is still judged by the sandbox, and a header that makes no
sense is left to it: no file is refused for a number that was misread.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from file_cleaning import formats, limits
from file_cleaning.detection import detect_format
from file_cleaning.formats import FileFormat
from file_cleaning.refusals import FileRefusedError, RefusalReason

Size = tuple[int, int]  # width and height in pixels
# Less than the leanest phone video and voice recording: a header that claims more seconds than these allow is wrong.
_MIN_VIDEO_BYTES_A_SECOND = 8_000
_MIN_AUDIO_BYTES_A_SECOND = 500


def check_header(head: bytes, length: int | None = None) -> None:
    """Raise FileRefusedError if the head (the first HEAD_BYTES bytes) of a file of `length` bytes shows that it is too much."""
    file_format = detect_format(head)
    try:
        if file_format in formats.PHOTO_FORMATS:
            _check_pixels(_SIZE_READERS[file_format](head), file_format)
        elif file_format is FileFormat.PDF:
            _check_pages(head)
        elif length is not None:
            _check_duration(head, file_format, length)
    except (struct.error, IndexError, ValueError):  # the header is longer than the head, or nonsense
        return


def _check_pixels(size: Size | None, file_format: FileFormat) -> None:
    most = limits.JPEG_PIXELS if file_format is FileFormat.JPEG else limits.DECODED_PIXELS
    if size is not None and size[0] * size[1] > most:
        raise FileRefusedError(RefusalReason.TOO_LARGE)


def _check_pages(head: bytes) -> None:
    """Read the number of pages of a linearized PDF (ISO 32000-1, annex F); others have it at their end."""
    pages = re.search(rb"/Linearized\b[^>]*/N\s+(\d{1,6})\b", head[:1024])
    if pages and int(pages[1]) > limits.DOCUMENT_PAGES:
        raise FileRefusedError(RefusalReason.TOO_LONG)


def _check_duration(head: bytes, file_format: FileFormat, length: int) -> None:
    seconds = _read_duration(head, file_format, length)
    is_sound = file_format in formats.AUDIO_FORMATS or (b"vide" not in head and b"V_" not in head)
    most = limits.AUDIO_SECONDS if is_sound else limits.VIDEO_SECONDS
    least_bytes = _MIN_AUDIO_BYTES_A_SECOND if is_sound else _MIN_VIDEO_BYTES_A_SECOND
    if seconds is not None and most < seconds <= length / least_bytes:
        raise FileRefusedError(RefusalReason.TOO_LONG)


def _read_duration(head: bytes, file_format: FileFormat, length: int) -> float | None:
    if file_format is FileFormat.WAV:
        at = head.index(b"fmt ")
        (bytes_a_second,) = struct.unpack_from("<I", head, at + 16)
        return length / bytes_a_second if bytes_a_second else None
    if file_format is FileFormat.MOV and (at := head.find(b"mvhd")) > 0:
        form = ">12xII" if head[at + 4] == 0 else ">20xIQ"
        timescale, duration = struct.unpack_from(form, head, at + 4)
        return duration / timescale if timescale and duration not in (2**32 - 1, 2**64 - 1) else None
    if file_format is FileFormat.MATROSKA and (
        found := re.search(rb"\x44\x89(?:\x84(.{4})|\x88(.{8}))", head, re.DOTALL)
    ):
        (duration,) = struct.unpack(">f" if found[1] else ">d", found[1] or found[2])
        scale = re.search(rb"\x2a\xd7\xb1[\x81-\x88](.{1,8}?)(?=\x44\x89|\x4d\x80|\x57\x41)", head, re.DOTALL)
        return float(duration) * (int.from_bytes(scale[1]) if scale else 1_000_000) / 1e9
    return None


# Pixels


def _read_png(head: bytes) -> Size | None:
    return struct.unpack_from(">II", head, 16) if head[12:16] == b"IHDR" else None


def _read_gif(head: bytes) -> Size | None:
    return struct.unpack_from("<HH", head, 6)


def _read_bmp(head: bytes) -> Size | None:
    if int.from_bytes(head[14:18], "little") == 12:
        return struct.unpack_from("<HH", head, 18)
    width, height = struct.unpack_from("<ii", head, 18)
    return abs(width), abs(height)


def _read_webp(head: bytes) -> Size | None:
    """Read a WebP's size (RFC 9649, section 2): extended, lossless or lossy."""
    if head[12:16] == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", head, 26)
    return width & 0x3FFF, height & 0x3FFF


def _read_jpeg(head: bytes) -> Size | None:
    """Walk the segments to the start of frame (ITU-T T.81, annex B)."""
    at = 2
    while head[at] == 0xFF:
        marker = head[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 + struct.unpack_from(">H", head, at + 2)[0] if marker != 0xFF else 1
    return None


def _read_tiff(head: bytes) -> Size | None:
    """Read width (tag 256) and height (257) of the first picture, if its directory is in the head."""
    order = "<" if head.startswith(b"II") else ">"
    version, at = struct.unpack_from(f"{order}HI", head, 2)
    if version != 42:
        return None
    (count,) = struct.unpack_from(f"{order}H", head, at)
    numbers = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", head, entry)
        if tag in (256, 257):
            (numbers[tag],) = struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", head, entry + 8)
    return (numbers[256], numbers[257]) if len(numbers) == 2 else None


def _read_heif(head: bytes) -> Size | None:
    """Return the largest of the sizes that a HEIF's properties name ("ispe", ISO/IEC 23008-12): tiles are smaller than the whole."""
    sizes = [struct.unpack_from(">II", head, found.end() + 4) for found in re.finditer(rb"\0\0\0\x14ispe", head)]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


_SIZE_READERS: dict[FileFormat, Callable[[bytes], Size | None]] = {
    FileFormat.PNG: _read_png,
    FileFormat.GIF: _read_gif,
    FileFormat.BMP: _read_bmp,
    FileFormat.WEBP: _read_webp,
    FileFormat.JPEG: _read_jpeg,
    FileFormat.TIFF: _read_tiff,
    FileFormat.HEIF: _read_heif,
    FileFormat.AVIF: _read_heif,
}
