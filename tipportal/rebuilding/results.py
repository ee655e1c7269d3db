"""What comes out of the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tipportal.rebuilding.kinds import Kind


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the result. `width` and `height` in pixels; None for sound and bound documents."""

    role: str
    path: Path
    media_type: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """`kind` is what came out: an animation comes out as a video, a film without picture as audio, a scan of several pages as a document.

    | kind     | roles of the parts, in this order                                                    |
    |----------|--------------------------------------------------------------------------------------|
    | photo    | full, preview (1600 px), thumbnail (320 px): JPEG; full is WebP where see-through    |
    | video    | video (MP4, H.264 and AAC), poster, thumbnail: JPEG                                  |
    | audio    | audio (M4A, AAC)                                                                     |
    | document | document (PDF of pictures), thumbnail, page ... (JPEG, one each, in order)           |

    `duration` in seconds of video and audio; `pages` of documents.
    """

    kind: Kind
    parts: list[Part]
    duration: float | None = None
    pages: int | None = None
