"""Measures rebuilding a file against the same work without a sandbox: see bench/README.md. Needs Linux, but no server."""

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


def write_photo(path: Path, form: str) -> None:
    """Write 12 megapixels with the detail of a real photo: 3 MB as JPEG."""
    noise = numpy.random.default_rng(1).integers(0, 255, (756, 1008, 3), dtype="uint8")
    blurred = Image.fromarray(noise).resize((4032, 3024), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(2))
    blurred.save(path, form, quality=90)


def write_film(path: Path, seconds: int) -> None:
    """Write 1080p video at 30 frames a second with sound, at a phone's bit rate of 17 Mbit/s."""
    picture = f"testsrc2=s=1920x1080:r=30:d={seconds},noise=alls=12:allf=t"
    command = [FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", f"sine=440:d={seconds}"]
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "17M", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([*command, *coding, str(path)], check=True)


def rebuild(source: Path) -> None:
    with file_cleaning.open_workspace() as folder:
        file_cleaning.rebuild(source, folder)


def convert_photo_plainly(source: Path) -> None:
    """Make the same three pictures with Pillow in this process, without a sandbox."""
    with file_cleaning.open_workspace() as folder:
        image = ImageOps.exif_transpose(Image.open(source))
        image.save(folder / "full.jpg", quality=90)
        for edge in (1600, 320):
            image.thumbnail((edge, edge))
            image.save(folder / f"{edge}.jpg", quality=82)


def convert_film_plainly(source: Path) -> None:
    """Convert with ffmpeg and the same settings, without a sandbox and a poster image."""
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


def median_seconds(act: Callable[[Path], None], source: Path, times: int) -> float:
    """Return the median duration of several runs."""
    durations = []
    for _ in range(times):
        start = time.perf_counter()
        act(source)
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)


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
            write_photo(folder / name, form)
            print_row(f"12 megapixels, {form}", rebuild, convert_photo_plainly, folder / name, 7, "1.5")
        write_film(folder / "film.mp4", length)
        print_row(
            f"{length} s of 1080p", rebuild, convert_film_plainly, folder / "film.mp4", 1 if quick else 3, str(length)
        )
        start = time.perf_counter()
        for _ in range(many):
            rebuild(folder / "photo.jpg")
        print(
            f"{f'{many} photos, one after another':<28} {time.perf_counter() - start:>8.2f} {'':>15} {1.2 * many:>9.0f}"
        )


def print_row(
    name: str, one: Callable[[Path], None], other: Callable[[Path], None], source: Path, times: int, target: str
) -> None:
    mine, plain = median_seconds(one, source, times), median_seconds(other, source, times)
    print(f"{name:<28} {mine:>8.2f} {plain:>8.2f} {mine / plain:>6.2f} {target:>9}")


if __name__ == "__main__":
    main()
