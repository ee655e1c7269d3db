"""Photos: decoded under limits and encoded anew. Runs in the confined process only."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageFile

from file_cleaning import limits, pixels
from file_cleaning.formats import Format, MediaKind
from file_cleaning.refusals import FileRefusedError, RefusalReason
from file_cleaning.results import OutputPart, RebuiltFile

_PLUGINS = {Format.WEBP: "WebP"}
_ANIMATED = (Format.GIF, Format.WEBP, Format.PNG, Format.AVIF)
_SHARP = (Format.PNG, Format.GIF, Format.BMP, Format.TIFF)  # screenshots and scans: colours are kept at full resolution
_SUBFILE_TYPE, _REDUCED = 254, 1  # TIFF 6.0: this picture is a smaller copy of another


def prepare(found: Format) -> Path | None:
    """Import the format's plugin. What may be animated needs ffmpeg."""
    Image.MAX_IMAGE_PIXELS = limits.JPEG_PIXELS // 2  # Pillow refuses twice this by itself
    if found is Format.HEIF:
        importlib.import_module("pillow_heif").register_heif_opener(thumbnails=False)
        return None
    importlib.import_module(f"PIL.{_PLUGINS.get(found, found.value.capitalize())}ImagePlugin")
    if found in _ANIMATED:
        program: Path = _films().program()
        return program
    if found is Format.TIFF:
        _documents()
    return None


def rebuild(source: BinaryIO, found: Format, into: Path, progress: Callable[[int], None]) -> RebuiltFile:
    """A photo; for an animation a video, for a TIFF of several pages a document. Raises RefusedError."""
    image = _opened(source, found)
    if found in _ANIMATED and getattr(image, "is_animated", False):
        film: RebuiltFile = _films().animation(image, into, progress)
        return film
    if found is Format.TIFF and len(pages := _pages(image)) > 1:
        scan: RebuiltFile = _documents().bound((_page(image, number) for number in pages), len(pages), into, progress)
        return scan
    image = _decoded(image, source, found)
    progress(50)
    parts = [_full(image, into, sharp=found in _SHARP), *pixels.smaller(image, into, ("preview", "thumbnail"))]
    return RebuiltFile(MediaKind.PHOTO, parts)


def make_web_images(source: BinaryIO, found: Format, into: Path) -> list[OutputPart]:
    """The picture in the widths of limits.WEB_IMAGE_WIDTHS, as WebP and JPEG each, narrowest first; never wider than it is.

    Of an animation or a scan of several pages, the first picture. Raises RefusedError.
    """
    image = pixels.flat(_decoded(_opened(source, found), source, found))
    widths = [width for width in limits.WEB_IMAGE_WIDTHS if width < image.width]
    widths += [image.width] if image.width <= limits.WEB_IMAGE_WIDTHS[-1] else []
    parts = []
    for width in widths:
        height = max(1, round(image.height * width / image.width))
        if height > limits.WEBP_EDGE:
            raise FileRefusedError(RefusalReason.TOO_LARGE)
        narrow = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
        webp, progressive = into / f"{width}.webp", into / f"{width}.jpg"
        narrow.save(webp, "WEBP", quality=70, method=5)
        narrow.save(progressive, "JPEG", quality=76, subsampling="4:2:0", optimize=True, progressive=True)
        parts += [
            OutputPart("page", webp, "image/webp", width, height),
            OutputPart("page", progressive, "image/jpeg", width, height),
        ]
    return parts


def _films() -> Any:
    return importlib.import_module("file_cleaning.video")


def _documents() -> Any:
    return importlib.import_module("file_cleaning.documents")


def _opened(source: BinaryIO, found: Format) -> Image.Image:
    """The header alone is read: sizes are judged before anything is decoded."""
    try:
        image = Image.open(source, formats=[found.value.upper()])
    except Image.DecompressionBombError:
        raise FileRefusedError(RefusalReason.TOO_LARGE) from None
    _judge_size(image)
    return image


def _judge_size(image: Image.Image) -> None:
    pixels, is_jpeg = image.width * image.height, image.format in ("JPEG", "MPO")
    if pixels > (limits.JPEG_PIXELS if is_jpeg else limits.DECODED_PIXELS):
        raise FileRefusedError(RefusalReason.TOO_LARGE)
    if pixels > limits.DECODED_PIXELS:
        image.draft(None, (image.width // 2, image.height // 2))  # decodes every second pixel


def _decoded(image: Image.Image, source: BinaryIO, found: Format) -> Image.Image:
    """The upright picture in sRGB. Of a JPEG that was cut off, what there is."""
    try:
        return pixels.upright(image)
    except OSError:
        if found is not Format.JPEG:
            raise
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    source.seek(0)
    image = pixels.upright(_opened(source, found))
    if len(set(image.resize((64, 64)).convert("L").tobytes())) == 1:
        raise FileRefusedError(RefusalReason.DAMAGED)  # not one row was there
    return image


def _full(image: Image.Image, into: Path, *, sharp: bool) -> OutputPart:
    if image.width * image.height > limits.PHOTO_PIXELS:
        scale = math.sqrt(limits.PHOTO_PIXELS / (image.width * image.height))
        image = image.resize((max(int(image.width * scale), 1), max(int(image.height * scale), 1)), reducing_gap=2.0)
    if image.mode == "RGBA" and max(image.size) <= limits.WEBP_EDGE:
        path = into / "full.webp"
        image.save(path, "WEBP", lossless=True, quality=20, method=1, exact=True)
        return OutputPart("full", path, "image/webp", *image.size)
    image = pixels.flat(image)
    if max(image.size) > limits.JPEG_EDGE:
        image.thumbnail((limits.JPEG_EDGE, limits.JPEG_EDGE))
    return pixels.jpeg(image, into, "full", quality=90, sharp=sharp)


def _pages(image: Any) -> list[int]:
    """Numbers of a TIFF's pages; smaller copies of pages do not count. Raises RefusedError for too many."""
    found, number = [], 0
    while True:
        try:
            image.seek(number)
        except (EOFError, OSError, ValueError):
            break
        if not image.tag_v2.get(_SUBFILE_TYPE, 0) & _REDUCED:
            found.append(number)
        number += 1
        if number > limits.DOCUMENT_PAGES:
            raise FileRefusedError(RefusalReason.TOO_LONG)
    image.seek(0)
    return found or [0]


def _page(image: Any, number: int) -> Image.Image:
    image.seek(number)
    _judge_size(image)
    page = pixels.flat(pixels.upright(image))
    if page.width * page.height > limits.PAGE_PIXELS:
        page.thumbnail((limits.PAGE_EDGE, int(limits.PAGE_PIXELS**0.5)))
    return page
