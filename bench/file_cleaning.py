"""What rebuilding a file costs, beside the same work without a sandbox: see bench/README.md. Needs Linux and no server."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy
import pillow_heif
from PIL import Image, ImageFilter, ImageOps

import file_cleaning
from file_cleaning import video

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def photo(path: Path, form: str) -> None:
    """12 megapixels with the detail of a real photo: 3 MB as JPEG."""
    noise = numpy.random.default_rng(1).integers(0, 255, (756, 1008, 3), dtype="uint8")
    blurred = Image.fromarray(noise).resize((4032, 3024), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2))
    blurred.save(path, form, quality=90)


def film(path: Path, seconds: int) -> None:
    """1080p at 30 frames a second with sound, as a phone writes it: 17 Mbit/s."""
    picture = f"testsrc2=s=1920x1080:r=30:d={seconds},noise=alls=12:allf=t"
    command = [FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=440:d={seconds}"]
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "17M", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([*command, *coding, str(path)], check=True)


def ours(source: Path) -> None:
    with file_cleaning.open_workspace() as folder:
        file_cleaning.rebuild(source, folder)


def plain_photo(source: Path) -> None:
    """Pillow in this process: the same three pictures, no sandbox."""
    with file_cleaning.open_workspace() as folder:
        image = ImageOps.exif_transpose(Image.open(source))
        image.save(folder / "full.jpg", quality=90)
        for edge in (1600, 320):
            image.thumbnail((edge, edge))
            image.save(folder / f"{edge}.jpg", quality=82)


def plain_film(source: Path) -> None:
    """ffmpeg with the same settings, no sandbox, no poster."""
    with file_cleaning.open_workspace() as folder:
        command = [
            FFMPEG,
            "-v",
            "error",
            "-i",
            str(source),
            *video._ENCODE_VIDEO.split(),
            "-vf",
            video._build_filters(),
        ]
        command += [*video._ENCODE_AUDIO.split(), *video._STRIP_METADATA.split()]
        subprocess.run([*command, str(folder / "video.mp4")], check=True)


def seconds(act: Callable[[Path], None], source: Path, times: int) -> float:
    """Median."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        act(source)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="ten seconds of film, ten photos")
    quick = parser.parse_args().quick
    pillow_heif.register_heif_opener()
    length, many = (10, 10) if quick else (60, 100)
    print(f"layers of the sandbox: {file_cleaning.probe_sandbox()}")
    print(f"{'':<28} {'ours s':>8} {'plain s':>8} {'ratio':>6} {'target s':>9}")
    with file_cleaning.open_workspace() as folder:
        for form, name in (("JPEG", "photo.jpg"), ("HEIF", "photo.heic")):
            photo(folder / name, form)
            row(f"12 megapixels, {form}", ours, plain_photo, folder / name, 7, "1.5")
        film(folder / "film.mp4", length)
        row(f"{length} s of 1080p", ours, plain_film, folder / "film.mp4", 1 if quick else 3, str(length))
        start = time.perf_counter()
        for _ in range(many):
            ours(folder / "photo.jpg")
        print(
            f"{f'{many} photos, one after another':<28} {time.perf_counter() - start:>8.2f} {'':>15} {1.2 * many:>9.0f}"
        )


def row(
    name: str, one: Callable[[Path], None], other: Callable[[Path], None], source: Path, times: int, target: str
) -> None:
    mine, plain = seconds(one, source, times), seconds(other, source, times)
    print(f"{name:<28} {mine:>8.2f} {plain:>8.2f} {mine / plain:>6.2f} {target:>9}")


if __name__ == "__main__":
    main()
