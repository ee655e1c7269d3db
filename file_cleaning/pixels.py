"""Turn, convert, scale and encode decoded pictures. Shared by the decoders; opens no file itself."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import cast

from PIL import Image, ImageCms, ImageOps

from file_cleaning import limits
from file_cleaning.results import OutputPart


def normalize(image: Image.Image) -> Image.Image:
    """Decode, rotate upright, convert to sRGB (L, RGB or RGBA) and drop everything but the pixels."""
    image.load()
    profile = image.info.get("icc_profile")
    with suppress(Exception):  # a malformed tag may raise anything; the picture then stays as stored
        image = ImageOps.exif_transpose(image)
    image = _convert_to_srgb(_convert_to_eight_bits(image), profile)
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    clean = image.copy()
    clean.info = {}
    return clean


def _convert_to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert any mode to one of L, RGB, RGBA and CMYK."""
    if image.mode.startswith("I;16"):
        return image.convert("I").point(lambda value: value / 257).convert("L")
    if image.mode in ("I", "F"):
        low, high = cast("tuple[float, float]", image.getextrema())
        span = (high - low) or 1
        return image.convert("F").point(lambda value: (value - low) * (255 / span)).convert("L")
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("L", "RGB", "RGBA", "CMYK") and "transparency" not in image.info:
        return image
    is_transparent = "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBa", "RGBA")
    return image.convert("RGBA" if is_transparent else "RGB")


def _convert_to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Apply the color profile. Ignores one that is damaged, huge, of another color space or implausible."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    plain = image if image.mode in ("L", mode) else image.convert(mode)
    if not profile or image.mode == "L" or len(profile) > limits.PROFILE_BYTES:
        return plain
    with suppress(ImageCms.PyCMSError, OSError, ValueError):
        source_profile = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = str(source_profile.profile.xcolor_space).strip()
        if space != image.mode.removesuffix("A") or "sRGB" in ImageCms.getProfileDescription(source_profile):
            return plain
        transform = ImageCms.buildTransform(source_profile, ImageCms.createProfile("sRGB"), image.mode, mode)
        if _preserves_lightness(image.resize((64, 64)), transform):
            return transform.apply(image)
    return plain


def _preserves_lightness(sample: Image.Image, transform: ImageCms.ImageCmsTransform) -> bool:
    """Return False if the profile would show a different picture than the pixels do.

    Profiles of phones and cameras change hues slightly. A profile that changes lightness by more than 8 of 255 on average
    is an attack or was mislabeled by an old system; the unconverted pixels are then closer to the truth.
    """
    before = sample.convert("RGB").convert("L").tobytes()
    after = transform.apply(sample).convert("L").tobytes()
    return sum(abs(one - other) for one, other in zip(before, after, strict=True)) / len(before) <= 8


def write_reduced_jpegs(image: Image.Image, output_folder: Path, roles: tuple[str, ...]) -> list[OutputPart]:
    """Write a JPEG for each of `roles` (preview, poster, thumbnail) at the size of the role."""
    parts = []
    image = flatten(image)
    for role in roles:
        edge = limits.THUMBNAIL_EDGE if role == "thumbnail" else limits.PREVIEW_EDGE
        image = image.copy()
        image.thumbnail((edge, edge), Image.Resampling.BICUBIC, reducing_gap=2.0)
        parts.append(write_jpeg(image, output_folder, role, quality=82))
    return parts


def flatten(image: Image.Image) -> Image.Image:
    """Put a transparent picture on a white background."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def write_jpeg(
    image: Image.Image, output_folder: Path, role: str, *, quality: int, sharp: bool = False, name: str = ""
) -> OutputPart:
    """Write a JPEG named after its role or `name`; `sharp` keeps color at full resolution (4:4:4), for text."""
    path = output_folder / f"{name or role}.jpg"
    image.save(path, "JPEG", quality=quality, subsampling="4:4:4" if sharp else "4:2:0")
    return OutputPart(role, path, "image/jpeg", *image.size)
