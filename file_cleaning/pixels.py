"""TODO docstring."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import cast

from PIL import Image, ImageCms, ImageOps

from file_cleaning import limits
from file_cleaning.results import OutputPart


def upright(image: Image.Image) -> Image.Image:
    """Decode, turn as the camera was held, convert to sRGB (L, RGB or RGBA), and forget everything but the pixels."""
    image.load()
    profile = image.info.get("icc_profile")
    with suppress(Exception):  # whatever a malformed tag raises: the picture is then shown as it lies
        image = ImageOps.exif_transpose(image)
    image = _in_srgb(_in_eight_bits(image), profile)
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    clean = image.copy()
    clean.info = {}
    return clean


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """One of L, RGB, RGBA and CMYK, whatever the mode was."""
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
    see_through = "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBa", "RGBA")
    return image.convert("RGBA" if see_through else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as the profile means them. One that is damaged, huge, of other colours or not to be trusted is ignored."""
    wanted = "RGBA" if image.mode == "RGBA" else "RGB"
    plain = image if image.mode in ("L", wanted) else image.convert(wanted)
    if not profile or image.mode == "L" or len(profile) > limits.PROFILE_BYTES:
        return plain
    with suppress(ImageCms.PyCMSError, OSError, ValueError):
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = str(given.profile.xcolor_space).strip()
        if space != image.mode.removesuffix("A") or "sRGB" in ImageCms.getProfileDescription(given):
            return plain
        transform = ImageCms.buildTransform(given, ImageCms.createProfile("sRGB"), image.mode, wanted)
        if _keeps_lightness(image.resize((64, 64)), transform):
            return transform.apply(image)
    return plain


def _keeps_lightness(small: Image.Image, transform: ImageCms.ImageCmsTransform) -> bool:
    """False for a profile that shows another picture than the pixels do.

    Profiles of phones and cameras change hues by little. One that lightens or darkens by more than 8 of 255 in the mean
    is a trick, or an old system's habit of labelling what it did not know; the pixels as they are then tell more.
    """
    before = small.convert("RGB").convert("L").tobytes()
    after = transform.apply(small).convert("L").tobytes()
    return sum(abs(one - other) for one, other in zip(before, after, strict=True)) / len(before) <= 8


def smaller(image: Image.Image, into: Path, roles: tuple[str, ...]) -> list[OutputPart]:
    """JPEGs of the sizes that the roles `preview`, `poster` and `thumbnail` have."""
    parts = []
    image = flat(image)
    for role in roles:
        edge = limits.THUMBNAIL_EDGE if role == "thumbnail" else limits.PREVIEW_EDGE
        image = image.copy()
        image.thumbnail((edge, edge), Image.Resampling.BICUBIC, reducing_gap=2.0)
        parts.append(jpeg(image, into, role, quality=82))
    return parts


def flat(image: Image.Image) -> Image.Image:
    """What is see-through shows white."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def jpeg(image: Image.Image, into: Path, role: str, *, quality: int, sharp: bool = False, name: str = "") -> OutputPart:
    path = into / f"{name or role}.jpg"
    image.save(path, "JPEG", quality=quality, subsampling="4:4:4" if sharp else "4:2:0")
    return OutputPart(role, path, "image/jpeg", *image.size)
