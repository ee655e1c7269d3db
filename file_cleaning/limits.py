"""Limits on the files we accept and on the process that rebuilds one: in pixels, seconds and bytes."""

from __future__ import annotations

from file_cleaning.confinement.sandbox import ProcessLimits
from file_cleaning.formats import MediaKind

MIB, GIB = 1024**2, 1024**3

PHOTO_PIXELS = 50_000_000  # of the output; larger photos are scaled down to this
DECODED_PIXELS = 100_000_000  # in memory_bytes; a larger JPEG is halved while it is decoded, other formats are refused
JPEG_PIXELS = 400_000_000  # the largest phone sensors have 200 million
JPEG_EDGE = 65_500  # of the format: 65,535 less a margin that encoders need
WEBP_EDGE = 16_383  # of the format
PREVIEW_EDGE, THUMBNAIL_EDGE = 1600, 320
# Of a picture on residents' pages: phones with one to three device pixels per CSS pixel, and desktop screens.
WEB_IMAGE_WIDTHS = (400, 800, 1200, 1600)
# Of an agency's crest: twice the pixels of the largest place for it. It is on every page, also on the tip form, which has 60 kB in all.
CREST_SIZE, CREST_BYTES = (88, 96), 2_500
# Of the picture behind a home page's head: a wide screen's, and no more bytes than a phone network loads at once.
BACKDROP_SIZE, BACKDROP_BYTES = (1600, 800), 60_000
# Of a color profile: those of cameras and screens have a few kilobytes, those of printing presses up to half a megabyte.
PROFILE_BYTES = MIB

ANIMATION_FRAMES, ANIMATION_SECONDS = 250, 20  # later frames are dropped
VIDEO_SECONDS = 2 * 60 * 60
AUDIO_SECONDS = 6 * 60 * 60
VIDEO_EDGE = 8192  # of the input; the output has at most 1920 by 1080, in either orientation
VIDEO_LONG_EDGE, VIDEO_SHORT_EDGE = 1920, 1080
VIDEO_FRAME_RATE = 60

DOCUMENT_PAGES = 200
PAGE_DPI = 150  # small print is readable; an A4 page has 2.2 million pixels
PAGE_UNITS = 14_400  # 200 inches, the largest page that PDF readers accept (ISO 32000-1, annex C)
PAGE_PIXELS = 8_000_000
PAGE_EDGE = 8000

# A process that decodes 50 million pixels of HEIC needs 370 MB, x264 fails under 1 GB of address space.
PROCESS_LIMITS: dict[MediaKind, ProcessLimits] = {
    MediaKind.PHOTO: ProcessLimits(memory_bytes=3 * GIB, file_bytes=256 * MIB, cpu_seconds=60, elapsed_seconds=90),
    MediaKind.DOCUMENT: ProcessLimits(memory_bytes=2 * GIB, file_bytes=512 * MIB, cpu_seconds=120, elapsed_seconds=120),
    MediaKind.AUDIO: ProcessLimits(memory_bytes=4 * GIB, file_bytes=GIB, cpu_seconds=1800, elapsed_seconds=1800),
    # Twice the longest video: 1080p takes less than its own length on two cores. CPU time counts each core.
    MediaKind.VIDEO: ProcessLimits(
        memory_bytes=4 * GIB, file_bytes=4 * GIB, cpu_seconds=16 * 60 * 60, elapsed_seconds=4 * 60 * 60
    ),
}
