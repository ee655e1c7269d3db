"""Documents: each page drawn to a picture, the pictures bound again. Runs in the confined process only."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from file_cleaning import limits
from file_cleaning.formats import Format, MediaKind
from file_cleaning.pixels import jpeg, smaller
from file_cleaning.refusals import FileRefusedError, RefusalReason
from file_cleaning.results import OutputPart, RebuiltFile


def prepare(_found: Format) -> Path | None:
    _pdfium()
    importlib.import_module("PIL.JpegImagePlugin")
    return None


def _pdfium() -> Any:
    return importlib.import_module("pypdfium2")


def rebuild(source: BinaryIO, _found: Format, into: Path, progress: Callable[[int], None]) -> RebuiltFile:
    """A PDF of pictures, and the pictures. Raises RefusedError: locked, too many pages, damaged."""
    pypdfium2 = _pdfium()
    try:
        document = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError:
        locked = pypdfium2.raw.FPDF_GetLastError() == pypdfium2.raw.FPDF_ERR_PASSWORD
        raise FileRefusedError(RefusalReason.PROTECTED if locked else RefusalReason.DAMAGED) from None
    if len(document) > limits.DOCUMENT_PAGES:
        raise FileRefusedError(RefusalReason.TOO_LONG)
    document.init_forms()  # what was filled in is drawn; there is no script engine in this build
    return bound(_drawn(document), len(document), into, progress)


def _drawn(document: Any) -> Iterator[Image.Image]:
    for number in range(len(document)):
        page = document[number]
        width, height = page.get_size()
        if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
            raise FileRefusedError(RefusalReason.DAMAGED)
        if max(width, height) > limits.PAGE_UNITS:
            raise FileRefusedError(RefusalReason.TOO_LARGE)
        scale = min(
            limits.PAGE_DPI / 72,
            math.sqrt(limits.PAGE_PIXELS / (width * height)),
            limits.PAGE_EDGE / max(width, height),
        )
        bitmap = page.render(scale=scale, may_draw_forms=True)
        yield bitmap.to_pil().convert("RGB")
        bitmap.close()
        page.close()


def bound(pages: Iterable[Image.Image], count: int, into: Path, progress: Callable[[int], None]) -> RebuiltFile:
    """Bind pictures of pages, one in memory at a time."""
    parts: list[OutputPart] = []
    thumbnail: list[OutputPart] = []
    for number, page in enumerate(pages, 1):
        parts.append(jpeg(page, into, "page", quality=80, sharp=True, name=f"page-{number:03}"))
        if not thumbnail:
            thumbnail = smaller(page, into, ("thumbnail",))
        progress(95 * number // count)
    if not parts:
        raise FileRefusedError(RefusalReason.DAMAGED)
    document = OutputPart("document", into / "document.pdf", "application/pdf")
    with document.path.open("wb") as stream:
        _write_pdf(stream, parts)
    return RebuiltFile(MediaKind.DOCUMENT, [document, *thumbnail, *parts], pages=len(parts))


def _write_pdf(stream: BinaryIO, pages: list[OutputPart]) -> None:
    """The smallest PDF 1.4 that shows JPEGs: no producer, no dates, no identifier, which every library's writer adds."""
    starts: list[int] = []

    def add(head: str, body: bytes | None = None) -> None:
        starts.append(stream.tell())
        stream.write(f"{len(starts)} 0 obj\n{head}\n".encode())
        if body is not None:
            stream.write(b"stream\n" + body + b"\nendstream\n")
        stream.write(b"endobj\n")

    stream.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    add("<< /Type /Catalog /Pages 2 0 R >>")
    kids = " ".join(f"{3 + 3 * number} 0 R" for number in range(len(pages)))
    add(f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>")
    for number, page in enumerate(pages):
        own = 3 + 3 * number
        width, height = (round((pixels or 1) * 72 / limits.PAGE_DPI, 2) for pixels in (page.width, page.height))
        add(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents {own + 1} 0 R"
            f" /Resources << /XObject << /Page {own + 2} 0 R >> >> >>"
        )
        draw = f"{width} 0 0 {height} 0 0 cm /Page Do".encode()
        add(f"<< /Length {len(draw)} >>", draw)
        body = page.path.read_bytes()
        with Image.open(page.path, formats=["JPEG"]) as picture:
            colours = "DeviceGray" if picture.mode == "L" else "DeviceRGB"
        add(
            f"<< /Type /XObject /Subtype /Image /Width {page.width} /Height {page.height} /ColorSpace /{colours}"
            f" /BitsPerComponent 8 /Filter /DCTDecode /Length {len(body)} >>",
            body,
        )
    table = stream.tell()
    stream.write(f"xref\n0 {len(starts) + 1}\n0000000000 65535 f \n".encode())
    stream.write("".join(f"{start:010} 00000 n \n" for start in starts).encode())
    stream.write(f"trailer\n<< /Size {len(starts) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode())
