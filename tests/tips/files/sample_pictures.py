"""Pictures made by code, independent of the portal."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw


def photo(text: str = "canary", size: tuple[int, int] = (640, 480)) -> bytes:
    """Return a JPEG with `text` in its metadata."""
    picture = Image.new("RGB", size, (40, 90, 140))
    ImageDraw.Draw(picture).ellipse((40, 40, size[0] // 2, size[1] // 2), fill=(220, 180, 60))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", comment=text.encode(), quality=90)
    return stream.getvalue()
