"""How much of a file is taken, and what rebuilding it may cost. Pixels, seconds, bytes."""

from __future__ import annotations

from file_cleaning.formats import MediaKind
from file_cleaning.sandbox import ProcessLimits

MIB, GIB = 1024**2, 1024**3

PHOTO_PIXELS = 50_000_000  # at full resolution; larger ones are scaled down to this
DECODED_PIXELS = 100_000_000  # at once; a larger JPEG is halved while it is decoded, others are refused
JPEG_PIXELS = 400_000_000  # the largest sensors of phones have 200 million
JPEG_EDGE = 65_500  # of the format: 65,535 less what encoders keep for themselves
WEBP_EDGE = 16_383  # of the format
PREVIEW_EDGE, THUMBNAIL_EDGE = 1600, 320
WEB_IMAGE_WIDTHS = (
    400,
    800,
    1200,
    1600,
)  # of a picture on residents' pages: phones at one to three dots a pixel, and screens
PROFILE_BYTES = (
    MIB  # of a colour profile; those of cameras and screens have a few kilobytes, of presses up to half a megabyte
)

ANIMATION_FRAMES, ANIMATION_SECONDS = 250, 20  # what comes after is left out
VIDEO_SECONDS = 2 * 60 * 60
AUDIO_SECONDS = 6 * 60 * 60
VIDEO_EDGE = 8192  # of what is decoded; what comes out has 1920 by 1080 at most, in either orientation
VIDEO_LONG_EDGE, VIDEO_SHORT_EDGE = 1920, 1080
VIDEO_FRAME_RATE = 60

DOCUMENT_PAGES = 200
PAGE_DPI = 150  # small print is read well, a page of A4 has 2.2 million pixels
PAGE_UNITS = 14_400  # 200 inches, the largest page that PDF readers take (ISO 32000-1, annex C)
PAGE_PIXELS = 8_000_000
PAGE_EDGE = 8000

# A process that decodes 50 million pixels of HEIC needs 370 MB, x264 fails under 1 GB of address space.
PROCESS_LIMITS: dict[MediaKind, ProcessLimits] = {
    MediaKind.PHOTO: ProcessLimits(memory=3 * GIB, file_bytes=256 * MIB, cpu_seconds=60, seconds=90),
    MediaKind.DOCUMENT: ProcessLimits(memory=2 * GIB, file_bytes=512 * MIB, cpu_seconds=120, seconds=120),
    MediaKind.AUDIO: ProcessLimits(memory=4 * GIB, file_bytes=GIB, cpu_seconds=1800, seconds=1800),
    # Twice the longest film: 1080p takes less than its own length on two cores. CPU counts each core.
    MediaKind.VIDEO: ProcessLimits(memory=4 * GIB, file_bytes=4 * GIB, cpu_seconds=16 * 60 * 60, seconds=4 * 60 * 60),
}
