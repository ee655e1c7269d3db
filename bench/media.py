"""Measures cleaned files: a seek near the end of a large video, and a hundred photos at once. See bench/README.md."""

from __future__ import annotations

import argparse
import io
import json
import random
import re
import statistics
import tempfile
import time
from pathlib import Path
from uuid import UUID

import numpy as np
from PIL import Image, ImageOps

from file_cleaning import MediaKind, OutputPart, RebuiltFile
from tests.journey import Visitor
from tests.stack import Stack, wait_until

MB = 1024**2


def make_photo(number: int) -> bytes:
    """Return a JPEG of 12 megapixels like a phone's: soft shapes with sensor noise."""
    noise = np.random.default_rng(number)
    soft = Image.fromarray(noise.integers(0, 256, (30, 40, 3), np.uint8)).resize((4000, 3000), Image.Resampling.BICUBIC)
    grain = noise.integers(-9, 10, (3000, 4000, 1), np.int16)
    pixels = np.clip(np.asarray(soft, np.int16) + grain, 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=88)
    return stream.getvalue()


def convert_with_pillow(content: bytes) -> None:
    """Make the same three pictures with Pillow alone: no sandbox, no encryption."""
    with Image.open(io.BytesIO(content)) as opened:
        picture = ImageOps.exif_transpose(opened.convert("RGB"))
    picture.save(io.BytesIO(), "JPEG", quality=90)
    for edge in (1600, 320):
        picture.thumbnail((edge, edge))
        picture.save(io.BytesIO(), "JPEG", quality=85)


def count_attachments(stack: Stack, condition: str) -> int:
    connection = stack.connect("owner")
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM tips_attachment WHERE {condition}")
            return int(cursor.fetchone()[0])
    finally:
        connection.close()


def measure_photos(stack: Stack, quantity: int) -> None:
    photos = [make_photo(number) for number in range(10)]
    start = time.monotonic()
    for content in photos:
        convert_with_pillow(content)
    pillow_seconds = (time.monotonic() - start) / len(photos)
    stack.stop_worker("media")
    for _ in range(quantity // len(photos)):
        Visitor(stack.public_url).send("Ten photos", files=photos)
    waiting = count_attachments(stack, "state = 'received'")
    stack.start_worker("media")
    start = time.monotonic()
    wait_until(lambda: count_attachments(stack, "key_for_worker IS NOT NULL") == 0, 900, "all are ready")
    seconds = time.monotonic() - start
    print(
        f"photos: {waiting} of 12 megapixels ({sum(map(len, photos)) / len(photos) / MB:.1f} MB each), all ready after"
        f" {seconds:.0f} s (target 120), {seconds / waiting:.2f} s each; Pillow alone {pillow_seconds:.2f} s each: {seconds / waiting / pillow_seconds:.2f} times"
    )
    assert count_attachments(stack, "state = 'ready'") >= waiting


def seal_film(attachment_id: str, length: int) -> None:
    """Replace a waiting file with a film of `length` bytes. Runs in the media worker's role."""
    from tips.files import media_worker, rebuilt_file
    from tips.models import Attachment

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "film")
        with path.open("wb") as stream:
            stream.truncate(length)
        file, key = rebuilt_file.seal(
            RebuiltFile(MediaKind.VIDEO, [OutputPart("video", path, "video/mp4")], duration_seconds=3600.0)
        )
    row = Attachment.objects.only("id", "attempts", "file").order_by("pk").get(pk=UUID(attachment_id))
    media_worker.RebuildAttempt(row.id, row.attempts, row.file).finish(file, key)


def measure_seeks(stack: Stack, officer: Visitor, length: int, quantity: int) -> None:
    stack.stop_worker("media")
    Visitor(stack.public_url).send("A film", files=[make_photo(0)])
    connection = stack.connect("owner")
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, tip_id, position FROM tips_attachment WHERE state = 'received'")
        ((attachment, tip, number),) = cursor.fetchall()
    connection.close()
    start = time.monotonic()
    code = f"from bench.media import seal_film; seal_film('{attachment}', {length})"
    stack.run_manage("shell", "--no-imports", "-c", code, role="media")
    sealing_seconds = time.monotonic() - start
    officer.open(f"/admin/tips/tip/{tip}/change/")
    officer.open(f"/admin/tips/tip/{tip}/files/{number}/")
    source = re.search(r'<video[^>]* src="([^"]+)"', officer.page)
    assert source, officer.page
    times = []
    for _ in range(quantity):
        offset = length - random.randrange(MB, 64 * MB)
        officer.headers["Range"] = f"bytes={offset}-{offset + MB - 1}"
        start = time.monotonic()
        officer.open(source[1])
        times.append(time.monotonic() - start)
        assert officer.status == 206
        assert len(officer.content) == MB
    times.sort()
    print(
        f"seek: 1 MB near the end of {length / MB / 1024:.1f} GB in {1000 * statistics.median(times):.0f} ms, p95"
        f" {1000 * times[int(len(times) * 0.95)]:.0f} ms (target 200); sealing all of it took {sealing_seconds:.1f} s, and a file"
        " sealed as one stream is opened from its start"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--seeks", type=int, default=40)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), web=["public", "staff"], workers=["media"]) as stack,
    ):
        account = json.loads(stack.run_manage("demo", "--json").strip().splitlines()[-1])["staff"][0]
        wait_until(
            lambda: count_attachments(stack, "key_for_worker IS NOT NULL") == 0, 120, "the demo's files are ready"
        )
        officer = Visitor(stack.staff_url)
        officer.sign_in(account["user"], account["password"], account["code"])
        measure_photos(stack, options.photos)
        measure_seeks(stack, officer, options.megabytes * MB, options.seeks)


if __name__ == "__main__":
    main()
