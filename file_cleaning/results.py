"""Output of the confined process, and its validation: the process may have been taken over by the file."""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from file_cleaning import limits
from file_cleaning.formats import MediaKind

_JPEG, _WEBP, _PNG = "image/jpeg", "image/webp", "image/png"
_MP4, _M4A, _PDF = "video/mp4", "audio/mp4", "application/pdf"
# The roles of each kind's parts, in order, with the media types allowed for each.
_ROLES: dict[MediaKind, dict[str, tuple[str, ...]]] = {
    MediaKind.PHOTO: {"full": (_JPEG, _WEBP), "preview": (_JPEG,), "thumbnail": (_JPEG,)},
    MediaKind.VIDEO: {"video": (_MP4,), "poster": (_JPEG,), "thumbnail": (_JPEG,)},
    MediaKind.AUDIO: {"audio": (_M4A,)},
    MediaKind.DOCUMENT: {"document": (_PDF,), "thumbnail": (_JPEG,), "page": (_JPEG,)},
}
_SIGNATURES = {
    _JPEG: rb"\xff\xd8\xff",
    _WEBP: rb"RIFF....WEBP",
    _PNG: rb"\x89PNG\r\n\x1a\n",
    _MP4: rb"....ftyp",
    _M4A: rb"....ftyp",
    _PDF: rb"%PDF-1\.4",
}
_MAX_PARTS = 1000
_MAX_BYTES = 8 * 1024**3
_MAX_DURATION_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class OutputPart:
    """One file of the output. `width` and `height` are in pixels, None for audio and for the PDF of a document."""

    role: str
    path: Path
    media_type: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class RebuiltFile:
    """A rebuilt file. `kind` is that of the output: an animation becomes a video, a video without a picture becomes audio, and
    a scan of several pages becomes a document.

    | kind     | roles of the parts, in this order                                                    |
    |----------|--------------------------------------------------------------------------------------|
    | photo    | full, preview (1600 px), thumbnail (320 px): JPEG; full is WebP if transparent       |
    | video    | video (MP4, H.264 and AAC), poster, thumbnail: JPEG                                  |
    | audio    | audio (M4A, AAC)                                                                     |
    | document | document (PDF of pictures), thumbnail, page ... (JPEG, one each, in order)           |

    `duration_seconds` is set for video and audio, `pages` for documents.
    """

    kind: MediaKind
    parts: list[OutputPart]
    duration_seconds: float | None = None
    pages: int | None = None


def validate_rebuilt_file(claim: Any, output_folder: Path) -> RebuiltFile:
    """Validate the output that a confined process claims to have made; a hostile file may have made it lie.

    Raises ValueError unless each part is a regular file in `output_folder` that begins as its media type does, and the
    roles are those of the kind.
    """
    if not isinstance(claim, dict) or not isinstance(claim.get("parts"), list) or len(claim["parts"]) > _MAX_PARTS:
        raise ValueError("no result")
    kind = MediaKind(str(claim.get("kind")))
    parts = [_validate_part(part, _ROLES[kind], output_folder) for part in claim["parts"]]
    roles = [part.role for part in parts]
    pages = roles.count("page")
    expected = [role for role in _ROLES[kind] if role != "page"] + ["page"] * pages
    if (
        roles != expected
        or len({part.path for part in parts}) != len(parts)
        or (kind is MediaKind.DOCUMENT) != (pages > 0)
    ):
        raise ValueError("roles")
    if sum(part.path.stat().st_size for part in parts) > _MAX_BYTES:
        raise ValueError("size")
    duration = claim.get("duration") if kind in (MediaKind.VIDEO, MediaKind.AUDIO) else None
    if duration is not None and not (
        isinstance(duration, int | float) and math.isfinite(duration) and 0 <= duration < _MAX_DURATION_SECONDS
    ):
        raise ValueError("duration")
    return RebuiltFile(kind, parts, duration_seconds=duration, pages=pages or None)


def validate_web_images(claim: Any, output_folder: Path) -> list[OutputPart]:
    """Validate a picture in the widths that web pages use, WebP and JPEG alternating. Raises ValueError."""
    if not isinstance(claim, dict) or not isinstance(claim.get("parts"), list) or not claim["parts"]:
        raise ValueError("no result")
    if len(claim["parts"]) > 2 * len(limits.WEB_IMAGE_WIDTHS):
        raise ValueError("too many parts")
    roles = {"web": (_WEBP, _JPEG)}
    parts = [_validate_part(part, roles, output_folder) for part in claim["parts"]]
    if [part.media_type for part in parts] != [_WEBP, _JPEG] * (len(parts) // 2):
        raise ValueError("media types")
    if len({part.path for part in parts}) != len(parts):
        raise ValueError("paths")
    return parts


def validate_crest(claim: Any, output_folder: Path) -> list[OutputPart]:
    """Validate the one picture of a crest. Raises ValueError."""
    part = _validate_only_part(claim, {"crest": (_PNG,)}, output_folder)
    _check_bounds(part, limits.CREST_SIZE, limits.CREST_BYTES)
    return [part]


def validate_backdrop(claim: Any, output_folder: Path) -> list[OutputPart]:
    """Validate the one picture behind a home page's head. Raises ValueError."""
    part = _validate_only_part(claim, {"backdrop": (_WEBP,)}, output_folder)
    _check_bounds(part, limits.BACKDROP_SIZE, limits.BACKDROP_BYTES)
    return [part]


def _validate_only_part(claim: Any, roles: Mapping[str, tuple[str, ...]], output_folder: Path) -> OutputPart:
    if not isinstance(claim, dict) or not isinstance(claim.get("parts"), list) or len(claim["parts"]) != 1:
        raise ValueError("no result")
    return _validate_part(claim["parts"][0], roles, output_folder)


def _check_bounds(part: OutputPart, largest: tuple[int, int], most_bytes: int) -> None:
    if not (part.width and part.height and part.width <= largest[0] and part.height <= largest[1]):
        raise ValueError("dimensions")
    if part.path.stat().st_size > most_bytes:
        raise ValueError("size")


def _validate_part(claim: Any, roles: Mapping[str, tuple[str, ...]], output_folder: Path) -> OutputPart:
    if not isinstance(claim, dict):
        raise ValueError("part")
    role, name, media_type = (str(claim.get(key)) for key in ("role", "path", "media_type"))
    if media_type not in roles.get(role, ()) or not re.fullmatch(r"[a-z0-9-]{1,40}\.[a-z0-9]{3,4}", name):
        raise ValueError("part")
    path = output_folder / name
    status = path.lstat() if path.is_symlink() or path.exists() else None
    if status is None or not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or not status.st_size:
        raise ValueError("no such file")
    with path.open("rb") as stream:
        if not re.match(_SIGNATURES[media_type], stream.read(16), re.DOTALL):
            raise ValueError("media type")
    width, height = claim.get("width"), claim.get("height")
    if role in ("audio", "document"):
        return OutputPart(role, path, media_type)
    if type(width) is not int or type(height) is not int or not (0 < width < 2**16 and 0 < height < 2**16):
        raise ValueError("dimensions")
    return OutputPart(role, path, media_type, width, height)
