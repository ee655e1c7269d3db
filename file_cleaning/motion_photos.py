"""Find the short video or sound that a phone hides in a photo: rebuilding keeps the picture alone, and people must be told.

Google, Samsung and others append an MP4 to a JPEG, or put it into a box of a HEIC ("mpvd"); Samsung marks it in a trailer, and
older phones append sound. HEIC bursts are a track of pictures ("moov"). A photo whose clip another program has cut out is not
reported, whatever its XMP says: only the clip's own bytes count.
"""

from __future__ import annotations

from collections.abc import Iterable

_BRANDS = (
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"qt  ",
    b"M4V ",
    b"MSNV",
    b"3gp",
    b"3g2",
    b"hvc1",
)
_MARKERS = (b"MotionPhoto_Data", b"SoundShot_", b"moov")
_OVERLAP = 32  # bytes, more than any marker


def holds_clip(pieces: Iterable[bytes]) -> bool:
    """Return whether a photo, given in pieces of any size, holds a video or sound."""
    tail, is_start = b"", True
    for piece in pieces:
        window = tail + piece
        if any(_is_box_or_text(window, marker) for marker in _MARKERS) or _has_movie_header(window, is_start=is_start):
            return True
        tail, is_start = window[-_OVERLAP:], False
    return False


def _is_box_or_text(window: bytes, marker: bytes) -> bool:
    at = window.find(marker)
    while at >= 0:
        if marker != b"moov" or window[at + 8 : at + 12] == b"mvhd":
            return True
        at = window.find(marker, at + 1)
    return False


def _has_movie_header(window: bytes, *, is_start: bool) -> bool:
    """Look for the header of an MP4 or QuickTime file, except at the very beginning: there it is the photo's own."""
    at = window.find(b"ftyp", 8 if is_start else 0)
    while at >= 0:
        if window[at - 4 : at - 1] == b"\0\0\0" and window[at + 4 : at + 8].startswith(_BRANDS):
            return True
        at = window.find(b"ftyp", at + 1)
    return False
