"""Rebuilt photos of every format are clean, upright, of the right colors and within limits."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageOps

import file_cleaning
from file_cleaning import MediaKind, RebuiltFile, RefusalReason, limits, results
from tests.file_cleaning import sample_files, traces
from tests.file_cleaning.sample_files import draw_picture, encode_picture, jpeg, make_exif


def rebuilt(content: bytes, folder: Path) -> RebuiltFile:
    source, into = folder / "source", folder / "into"
    source.write_bytes(content)
    into.mkdir(exist_ok=True)
    return file_cleaning.rebuild(source, into)


def refused(content: bytes, folder: Path) -> RefusalReason:
    with pytest.raises(file_cleaning.FileRefusedError) as raised:
        rebuilt(content, folder)
    return raised.value.reason


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of 64 by 64 gray pixels, of 255."""
    first, second = (image.convert("RGB").convert("L").resize((64, 64)).tobytes() for image in (one, other))
    return sum(abs(a - b) for a, b in zip(first, second, strict=True)) / len(first)


def whole(result: RebuiltFile) -> Image.Image:
    return Image.open(result.parts[0].path)


LYING = {
    "jpeg": lambda: jpeg(6),
    "png": sample_files.png,
    "webp": lambda: encode_picture(draw_picture(), "WEBP", exif=make_exif(6).tobytes(), xmp=sample_files.XMP),
    "heic": lambda: encode_picture(draw_picture(), "HEIF", exif=make_exif(6).tobytes(), xmp=sample_files.XMP),
    "avif": lambda: encode_picture(draw_picture(), "AVIF", exif=make_exif(6).tobytes(), xmp=sample_files.XMP),
    "tiff": lambda: encode_picture(
        draw_picture(), "TIFF", tiffinfo={274: 6, 315: sample_files.NAME, 305: sample_files.SERIAL}
    ),
    "motion photo": sample_files.motion_photo,
}


@pytest.mark.parametrize("make", LYING.values(), ids=LYING)
def test_a_photo_is_upright_and_has_no_metadata(make: sample_files.FileMaker, folder: Path) -> None:
    result = rebuilt(make(), folder)

    assert result.kind is MediaKind.PHOTO
    assert traces.find_traces(result) == []
    assert [part.role for part in result.parts] == ["full", "preview", "thumbnail"]
    assert (result.parts[0].width, result.parts[0].height) == (320, 480)
    assert difference(whole(result), draw_picture().rotate(-90, expand=True)) < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_exif_orientations_become_upright(orientation: int, folder: Path) -> None:
    result = rebuilt(jpeg(orientation), folder)
    assert difference(whole(result), ImageOps.exif_transpose(Image.open(io.BytesIO(jpeg(orientation))))) < 4


AS_IT_IS = {
    "bmp": lambda: encode_picture(draw_picture(), "BMP"),
    "two pictures in one": sample_files.two_pictures,
    "progressive": lambda: encode_picture(draw_picture(), "JPEG", progressive=True),
    "four inks": lambda: encode_picture(draw_picture().convert("CMYK"), "JPEG"),
    "four inks, tiff": lambda: encode_picture(draw_picture().convert("CMYK"), "TIFF"),
    "palette": lambda: encode_picture(draw_picture().quantize(256), "PNG"),
    "gif": lambda: encode_picture(draw_picture().quantize(256), "GIF", comment=sample_files.NAME.encode()),
    "sixteen bits": sample_files.sixteen_bit_png,
    "black and white": lambda: encode_picture(draw_picture().convert("1"), "TIFF", compression="group4"),
}


@pytest.mark.parametrize("make", AS_IT_IS.values(), ids=AS_IT_IS)
def test_all_color_modes(make: sample_files.FileMaker, folder: Path) -> None:
    result = rebuilt(make(), folder)
    assert traces.find_traces(result) == []
    assert difference(whole(result), draw_picture()) < 8


def test_transparency_is_preserved_and_white_in_the_preview(folder: Path) -> None:
    result = rebuilt(sample_files.transparent_png(), folder)
    assert traces.find_traces(result) == []
    assert result.parts[0].media_type == "image/webp"
    assert whole(result).getchannel("A").getextrema() == (0, 255)
    preview = Image.open(result.parts[1].path).convert("RGB")
    assert min(preview.getpixel((240, 0))) > 245


def test_preview_and_thumbnail_sizes(folder: Path) -> None:
    result = rebuilt(encode_picture(draw_picture(2400, 1800), "JPEG"), folder)
    assert [(part.width, part.height) for part in result.parts] == [(2400, 1800), (1600, 1200), (320, 240)]
    for part in result.parts:
        assert Image.open(part.path).size == (part.width, part.height)


def wide_gamut() -> bytes:
    """Build Apple's Display P3 profile, which phones' photos have, from its primaries."""
    return made_profile(red=(0.680, 0.320), green=(0.265, 0.690), blue=(0.150, 0.060))


def made_profile(**primaries: tuple[float, float]) -> bytes:
    """Build the sRGB profile with other primaries (ICC.1:2010 rXYZ, gXYZ, bXYZ); close enough for a test."""
    import struct

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for name, (x, y) in primaries.items():
        at = profile.index(f"{name[0]}XYZ".encode(), 128)
        (place,) = struct.unpack(">I", profile[at + 4 : at + 8])
        old = struct.unpack(">3i", profile[place + 8 : place + 20])
        level = old[1] / 65536
        new = (x / y * level, level, (1 - x - y) / y * level)
        profile[place + 8 : place + 20] = struct.pack(">3i", *(round(value * 65536) for value in new))
    at = bytes(profile).find("sRGB".encode("utf-16-be"))
    profile[at : at + 8] = "Wide".encode("utf-16-be")
    return bytes(profile)


def test_a_wide_gamut_becomes_srgb(folder: Path) -> None:
    flat = Image.new("RGB", (64, 64), (200, 100, 60))
    plain = whole(rebuilt(encode_picture(flat, "JPEG", quality=98), folder)).convert("RGB").getpixel((32, 32))
    wide = whole(rebuilt(encode_picture(flat, "JPEG", quality=98, icc_profile=wide_gamut()), folder)).convert("RGB")
    assert wide.getpixel((32, 32))[0] > plain[0] + 3


def test_ignores_a_profile_that_changes_lightness(folder: Path) -> None:
    dark = made_profile(red=(0.64, 0.33), green=(0.64, 0.33), blue=(0.64, 0.33))
    result = rebuilt(encode_picture(draw_picture(), "JPEG", icc_profile=dark), folder)
    assert difference(whole(result), draw_picture()) < 4


@pytest.mark.parametrize("profile", [b"junk", bytes(2_000_000)], ids=["damaged", "huge"])
def test_ignores_a_damaged_profile(profile: bytes, folder: Path) -> None:
    result = rebuilt(encode_picture(draw_picture(), "JPEG", icc_profile=profile), folder)
    assert traces.find_traces(result) == []
    assert difference(whole(result), draw_picture()) < 4


@pytest.mark.parametrize("size", [(1, 1), (65_500, 1), (1, 20_000), (70_000, 2)])
def test_extreme_aspect_ratios(size: tuple[int, int], folder: Path) -> None:
    result = rebuilt(encode_picture(Image.new("L", size, 90), "PNG"), folder)
    assert result.parts[0].width == min(size[0], 65_500)


def test_large_photos_are_scaled_to_fifty_megapixels(folder: Path) -> None:
    result = rebuilt(encode_picture(Image.new("L", (10_000, 6_000), 90), "JPEG"), folder)
    width, height = result.parts[0].width or 0, result.parts[0].height or 0
    assert 49_000_000 < width * height <= 50_000_000
    assert width / height == pytest.approx(10 / 6, rel=0.01)


@pytest.mark.parametrize("size", [(11_000, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_refuses_too_many_pixels_before_decoding(size: tuple[int, int], folder: Path) -> None:
    assert refused(sample_files.png_claiming_size(*size), folder) is RefusalReason.TOO_LARGE


ANIMATED = {"gif": sample_files.gif, "webp": lambda: sample_files.animated("WEBP"), "png": lambda: sample_files.animated("PNG"), "avif": lambda: sample_files.animated("AVIF")}  # fmt: skip


@pytest.mark.parametrize("make", ANIMATED.values(), ids=ANIMATED)
def test_an_animation_becomes_a_video(make: sample_files.FileMaker, folder: Path) -> None:
    result = rebuilt(make(), folder)
    assert result.kind is MediaKind.VIDEO
    assert traces.find_traces(result) == []
    assert traces.count_sei_units(result.parts[0].path) == 0
    assert result.duration_seconds == pytest.approx(1.5, abs=0.1)
    assert [part.role for part in result.parts] == ["video", "poster", "thumbnail"]


def test_a_long_animation_is_cut(folder: Path) -> None:
    frames = [Image.new("L", (16, 16), number % 256) for number in range(1000)]
    result = rebuilt(encode_picture(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100), folder)
    assert result.duration_seconds == pytest.approx(20, abs=0.1)


def test_a_scan_of_several_pages_becomes_a_document(folder: Path) -> None:
    result = rebuilt(sample_files.tiff_pages(), folder)
    assert (result.kind, result.pages) == (MediaKind.DOCUMENT, 3)
    assert traces.find_traces(result) == []
    assert difference(Image.open(result.parts[2].path), draw_picture()) < 4


def test_a_truncated_jpeg_keeps_its_complete_rows(folder: Path) -> None:
    content = encode_picture(draw_picture(), "JPEG", quality=95)
    result = rebuilt(content[: len(content) // 2], folder)
    above = (0, 0, 480, 100)
    assert difference(whole(result).crop(above), draw_picture().crop(above)) < 4


@pytest.mark.parametrize(
    "make", [sample_files.png, lambda: sample_files.animated("WEBP"), LYING["heic"], LYING["avif"], LYING["tiff"]]
)
def test_refuses_other_truncated_photos(make: sample_files.FileMaker, folder: Path) -> None:
    content = make()
    assert refused(content[: len(content) // 3], folder) is RefusalReason.DAMAGED


def test_refuses_a_jpeg_without_a_complete_row(folder: Path) -> None:
    content = encode_picture(Image.new("RGB", (64, 64)), "JPEG")
    assert refused(content[: content.index(b"\xff\xda") + 8], folder) is RefusalReason.DAMAGED


def test_a_crest_is_a_small_png_on_transparent_ground_without_metadata(folder: Path) -> None:
    picture = Image.new("RGBA", (900, 400), (0, 0, 0, 0))
    picture.paste((120, 20, 20, 255), (300, 50, 600, 350))
    source, into = folder / "source", folder / "into"
    into.mkdir()
    picture.save(source, "PNG", exif=make_exif(6).tobytes())
    (part,) = file_cleaning.make_crest(source, into)
    made = Image.open(part.path).convert("RGBA")
    assert (part.role, part.media_type, made.size) == ("crest", "image/png", limits.CREST_SIZE)
    assert made.getpixel((0, 0))[3] == 0
    # The empty margin is cut away: the shape is as wide as its place.
    assert made.getchannel("A").getbbox()[0] == 0
    assert part.path.stat().st_size <= limits.CREST_BYTES
    assert b"eXIf" not in part.path.read_bytes()


@pytest.mark.parametrize("size", [(2600, 1500), (500, 900)])
def test_a_backdrop_is_cropped_and_light_whatever_is_sent(folder: Path, size: tuple[int, int]) -> None:
    source, into = folder / "source", folder / "into"
    into.mkdir()
    Image.merge("RGB", [Image.effect_noise(size, 120) for _band in range(3)]).save(source, "JPEG")
    (part,) = file_cleaning.make_backdrop(source, into)
    made = Image.open(part.path)
    assert (part.media_type, made.format) == ("image/webp", "WEBP")
    assert made.width == 2 * made.height <= min(size[0], limits.BACKDROP_SIZE[0])
    assert part.path.stat().st_size <= limits.BACKDROP_BYTES


def test_a_crest_full_of_noise_is_light_too(folder: Path) -> None:
    source, into = folder / "source", folder / "into"
    into.mkdir()
    Image.merge("RGBA", [Image.effect_noise((300, 300), 200) for _band in range(4)]).save(source, "PNG")
    (part,) = file_cleaning.make_crest(source, into)
    assert part.path.stat().st_size <= limits.CREST_BYTES


def test_neither_is_made_of_what_is_no_picture(folder: Path) -> None:
    source, into = folder / "source", folder / "into"
    into.mkdir()
    source.write_bytes(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    for make in (file_cleaning.make_crest, file_cleaning.make_backdrop):
        with pytest.raises(file_cleaning.FileRefusedError):
            make(source, into)


def test_a_crest_that_a_lying_process_claims_is_measured(folder: Path) -> None:
    Image.effect_noise((400, 400), 90).save(folder / "crest.png")
    part = {"role": "crest", "path": "crest.png", "media_type": "image/png", "width": 88, "height": 96}
    for claim in ({"parts": [part]}, {"parts": [part | {"width": 400}]}, {"parts": [part, part]}, {"parts": []}, None):
        with pytest.raises(ValueError, match=r"size|dimensions|no result"):
            results.validate_crest(claim, folder)
