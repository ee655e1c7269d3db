"""Rebuild a photo: decode it under limits, then encode its pixels again. Runs in the confined process only."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageFile, ImageOps

from file_cleaning import documents, limits, pixels, video
from file_cleaning.formats import FileFormat, MediaKind
from file_cleaning.refusals import FileRefusedError, RefusalReason
from file_cleaning.results import OutputPart, RebuiltFile

_PLUGINS = {FileFormat.WEBP: "WebP"}
_ANIMATED = (FileFormat.GIF, FileFormat.WEBP, FileFormat.PNG, FileFormat.AVIF)
_SHARP = (
    FileFormat.PNG,
    FileFormat.GIF,
    FileFormat.BMP,
    FileFormat.TIFF,
)  # screenshots and scans: color is stored at full resolution
_SUBFILE_TYPE, _REDUCED = 254, 1  # TIFF 6.0: this picture is a reduced copy of another


def prepare(file_format: FileFormat) -> Path | None:
    """Import the format's decoder. Returns ffmpeg's path if the format can be animated."""
    Image.MAX_IMAGE_PIXELS = limits.JPEG_PIXELS // 2  # Pillow refuses twice this on its own
    if file_format is FileFormat.HEIF:
        importlib.import_module("pillow_heif").register_heif_opener(thumbnails=False)
        return None
    importlib.import_module(f"PIL.{_PLUGINS.get(file_format, file_format.value.capitalize())}ImagePlugin")
    if file_format in _ANIMATED:
        return video.find_ffmpeg()
    return None


def rebuild(
    source: BinaryIO, file_format: FileFormat, output_folder: Path, report_progress: Callable[[int], None]
) -> RebuiltFile:
    """Rebuild a photo, an animation as a video, or a TIFF of several pages as a document. Raises FileRefusedError."""
    image = _open_header(source, file_format)
    if file_format in _ANIMATED and getattr(image, "is_animated", False):
        return video.encode_animation(image, output_folder, report_progress)
    if file_format is FileFormat.TIFF and len(pages := _find_pages(image)) > 1:
        page_pictures = (_decode_page(image, number) for number in pages)
        return documents.bind_pages(page_pictures, len(pages), output_folder, report_progress)
    image = _decode(image, source, file_format)
    report_progress(50)
    full = _encode_full(image, output_folder, sharp=file_format in _SHARP)
    parts = [full, *pixels.write_reduced_jpegs(image, output_folder, ("preview", "thumbnail"))]
    return RebuiltFile(MediaKind.PHOTO, parts)


def make_web_images(source: BinaryIO, file_format: FileFormat, output_folder: Path) -> list[OutputPart]:
    """Encode a picture as WebP and JPEG in each of WEB_IMAGE_WIDTHS, narrowest first, never wider than the original.

    Of an animation or a scan of several pages only the first picture is used. Raises FileRefusedError.
    """
    image = pixels.flatten(_decode(_open_header(source, file_format), source, file_format))
    widths = [width for width in limits.WEB_IMAGE_WIDTHS if width < image.width]
    widths += [image.width] if image.width <= limits.WEB_IMAGE_WIDTHS[-1] else []
    parts = []
    for width in widths:
        height = max(1, round(image.height * width / image.width))
        if height > limits.WEBP_EDGE:
            raise FileRefusedError(RefusalReason.TOO_LARGE)
        resized = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
        webp_path, jpeg_path = output_folder / f"{width}.webp", output_folder / f"{width}.jpg"
        resized.save(webp_path, "WEBP", quality=70, method=5)
        resized.save(jpeg_path, "JPEG", quality=76, subsampling="4:2:0", optimize=True, progressive=True)
        parts += [
            OutputPart("web", webp_path, "image/webp", width, height),
            OutputPart("web", jpeg_path, "image/jpeg", width, height),
        ]
    return parts


def make_crest(source: BinaryIO, file_format: FileFormat, output_folder: Path) -> list[OutputPart]:
    """Fit a picture into CREST_SIZE or less, on transparent ground, as a PNG of at most CREST_BYTES.

    Every browser shows a PNG, also as a tab's icon.
    """
    image = _decode(_open_header(source, file_format), source, file_format).convert("RGBA")
    if box := image.getchannel("A").getbbox():
        image = image.crop(box)
    width, height = limits.CREST_SIZE
    path = output_folder / "crest.png"
    # The last fits whatever is drawn: half a byte for each of 2,112 pixels.
    for share, colors in ((1, 256), (1, 64), (1, 32), (0.75, 64), (0.75, 32), (0.5, 64), (0.5, 16)):
        size = round(width * share), round(height * share)
        fitted = ImageOps.pad(image, size, Image.Resampling.LANCZOS, color=(0, 0, 0, 0))
        fitted.quantize(colors, Image.Quantize.FASTOCTREE).save(path, "PNG", optimize=True)
        if path.stat().st_size <= limits.CREST_BYTES:
            break
    return [OutputPart("crest", path, "image/png", *size)]


def make_backdrop(source: BinaryIO, file_format: FileFormat, output_folder: Path) -> list[OutputPart]:
    """Crop a picture to the shape of BACKDROP_SIZE, never larger than it is, as the best WebP of at most BACKDROP_BYTES.

    Raises FileRefusedError if even the smallest and coarsest has more.
    """
    image = pixels.flatten(_decode(_open_header(source, file_format), source, file_format))
    width, height = limits.BACKDROP_SIZE
    scale = min(1.0, image.width / width, image.height / height)
    path = output_folder / "backdrop.webp"
    for share, quality in ((1, 72), (1, 60), (1, 45), (1, 30), (0.75, 30), (0.5, 30), (0.5, 10)):
        size = max(1, round(width * scale * share)), max(1, round(height * scale * share))
        image = ImageOps.fit(image, size, Image.Resampling.LANCZOS)
        image.save(path, "WEBP", quality=quality, method=5)
        if path.stat().st_size <= limits.BACKDROP_BYTES:
            return [OutputPart("backdrop", path, "image/webp", *image.size)]
    raise FileRefusedError(RefusalReason.TOO_LARGE)


def _open_header(source: BinaryIO, file_format: FileFormat) -> Image.Image:
    """Read the header alone and check the size, before any pixel is decoded. Raises FileRefusedError if it is too large."""
    try:
        image = Image.open(source, formats=[file_format.value.upper()])
    except Image.DecompressionBombError:
        raise FileRefusedError(RefusalReason.TOO_LARGE) from None
    _check_size(image)
    return image


def _check_size(image: Image.Image) -> None:
    pixel_count, is_jpeg = image.width * image.height, image.format in ("JPEG", "MPO")
    if pixel_count > (limits.JPEG_PIXELS if is_jpeg else limits.DECODED_PIXELS):
        raise FileRefusedError(RefusalReason.TOO_LARGE)
    if pixel_count > limits.DECODED_PIXELS:
        image.draft(None, (image.width // 2, image.height // 2))  # decodes every second pixel


def _decode(image: Image.Image, source: BinaryIO, file_format: FileFormat) -> Image.Image:
    """Decode the picture upright and in sRGB; of a truncated JPEG the rows there are. Raises FileRefusedError for none."""
    try:
        return pixels.normalize(image)
    except OSError:
        if file_format is not FileFormat.JPEG:
            raise
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    source.seek(0)
    image = pixels.normalize(_open_header(source, file_format))
    if len(set(image.resize((64, 64)).convert("L").tobytes())) == 1:
        raise FileRefusedError(RefusalReason.DAMAGED)  # not one row was decoded
    return image


def _encode_full(image: Image.Image, output_folder: Path, *, sharp: bool) -> OutputPart:
    """Write the picture at up to PHOTO_PIXELS: lossless WebP if it is transparent, JPEG otherwise."""
    if image.width * image.height > limits.PHOTO_PIXELS:
        scale = math.sqrt(limits.PHOTO_PIXELS / (image.width * image.height))
        image = image.resize((max(int(image.width * scale), 1), max(int(image.height * scale), 1)), reducing_gap=2.0)
    if image.mode == "RGBA" and max(image.size) <= limits.WEBP_EDGE:
        path = output_folder / "full.webp"
        image.save(path, "WEBP", lossless=True, quality=20, method=1, exact=True)
        return OutputPart("full", path, "image/webp", *image.size)
    image = pixels.flatten(image)
    if max(image.size) > limits.JPEG_EDGE:
        image.thumbnail((limits.JPEG_EDGE, limits.JPEG_EDGE))
    return pixels.write_jpeg(image, output_folder, "full", quality=90, sharp=sharp)


def _find_pages(image: Any) -> list[int]:
    """Return the frame numbers of a TIFF's pages, without reduced copies. Raises FileRefusedError for too many."""
    pages, number = [], 0
    while True:
        try:
            image.seek(number)
        except (EOFError, OSError, ValueError):
            break
        if not image.tag_v2.get(_SUBFILE_TYPE, 0) & _REDUCED:
            pages.append(number)
        number += 1
        if number > limits.DOCUMENT_PAGES:
            raise FileRefusedError(RefusalReason.TOO_LONG)
    image.seek(0)
    return pages or [0]


def _decode_page(image: Any, number: int) -> Image.Image:
    image.seek(number)
    _check_size(image)
    page = pixels.flatten(pixels.normalize(image))
    if page.width * page.height > limits.PAGE_PIXELS:
        page.thumbnail((limits.PAGE_EDGE, int(limits.PAGE_PIXELS**0.5)))
    return page
