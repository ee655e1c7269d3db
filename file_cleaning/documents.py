"""Rebuild a document: render each page to a picture and bind the pictures into a new PDF.

Runs in the confined process only.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from file_cleaning import limits
from file_cleaning.formats import FileFormat, MediaKind
from file_cleaning.pixels import write_jpeg, write_reduced_jpegs
from file_cleaning.refusals import FileRefusedError, RefusalReason
from file_cleaning.results import OutputPart, RebuiltFile


def prepare(_file_format: FileFormat) -> Path | None:
    """Import the PDF renderer before the process is confined. Needs no program."""
    _import_pdfium()
    importlib.import_module("PIL.JpegImagePlugin")
    return None


def _import_pdfium() -> Any:
    return importlib.import_module("pypdfium2")


def rebuild(
    source: BinaryIO, _file_format: FileFormat, output_folder: Path, report_progress: Callable[[int], None]
) -> RebuiltFile:
    """Render a PDF to page pictures and a PDF of them. Raises FileRefusedError if it is locked, too long or damaged."""
    pypdfium2 = _import_pdfium()
    try:
        document = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError:
        is_locked = pypdfium2.raw.FPDF_GetLastError() == pypdfium2.raw.FPDF_ERR_PASSWORD
        raise FileRefusedError(RefusalReason.PROTECTED if is_locked else RefusalReason.DAMAGED) from None
    if len(document) > limits.DOCUMENT_PAGES:
        raise FileRefusedError(RefusalReason.TOO_LONG)
    document.init_forms()  # draws what was filled in; this build has no script engine
    return bind_pages(_render_pages(document), len(document), output_folder, report_progress)


def _render_pages(document: Any) -> Iterator[Image.Image]:
    """Yield each page in RGB at PAGE_DPI, less for very large pages. Raises FileRefusedError for impossible sizes."""
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


def bind_pages(
    pages: Iterable[Image.Image], count: int, output_folder: Path, report_progress: Callable[[int], None]
) -> RebuiltFile:
    """Bind page pictures into a PDF, with one picture in memory at a time. Raises FileRefusedError if there is none."""
    parts: list[OutputPart] = []
    thumbnails: list[OutputPart] = []
    for number, page in enumerate(pages, 1):
        parts.append(write_jpeg(page, output_folder, "page", quality=80, sharp=True, name=f"page-{number:03}"))
        if not thumbnails:
            thumbnails = write_reduced_jpegs(page, output_folder, ("thumbnail",))
        report_progress(95 * number // count)
    if not parts:
        raise FileRefusedError(RefusalReason.DAMAGED)
    document = OutputPart("document", output_folder / "document.pdf", "application/pdf")
    with document.path.open("wb") as stream:
        _write_pdf(stream, parts)
    return RebuiltFile(MediaKind.DOCUMENT, [document, *thumbnails, *parts], pages=len(parts))


def _write_pdf(stream: BinaryIO, pages: list[OutputPart]) -> None:
    """Write a minimal PDF 1.4 of JPEG pages, without the producer, dates and identifier that PDF libraries add."""
    offsets: list[int] = []

    def add_object(dictionary: str, body: bytes | None = None) -> None:
        offsets.append(stream.tell())
        stream.write(f"{len(offsets)} 0 obj\n{dictionary}\n".encode())
        if body is not None:
            stream.write(b"stream\n" + body + b"\nendstream\n")
        stream.write(b"endobj\n")

    stream.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    add_object("<< /Type /Catalog /Pages 2 0 R >>")
    kids = " ".join(f"{3 + 3 * number} 0 R" for number in range(len(pages)))
    add_object(f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>")
    for number, page in enumerate(pages):
        page_object = 3 + 3 * number
        width, height = (round((pixels or 1) * 72 / limits.PAGE_DPI, 2) for pixels in (page.width, page.height))
        add_object(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents {page_object + 1} 0 R"
            f" /Resources << /XObject << /Page {page_object + 2} 0 R >> >> >>"
        )
        commands = f"{width} 0 0 {height} 0 0 cm /Page Do".encode()
        add_object(f"<< /Length {len(commands)} >>", commands)
        body = page.path.read_bytes()
        with Image.open(page.path, formats=["JPEG"]) as picture:
            color_space = "DeviceGray" if picture.mode == "L" else "DeviceRGB"
        add_object(
            f"<< /Type /XObject /Subtype /Image /Width {page.width} /Height {page.height} /ColorSpace /{color_space}"
            f" /BitsPerComponent 8 /Filter /DCTDecode /Length {len(body)} >>",
            body,
        )
    table_offset = stream.tell()
    stream.write(f"xref\n0 {len(offsets) + 1}\n0000000000 65535 f \n".encode())
    stream.write("".join(f"{offset:010} 00000 n \n" for offset in offsets).encode())
    stream.write(f"trailer\n<< /Size {len(offsets) + 1} /Root 1 0 R >>\nstartxref\n{table_offset}\n%%EOF\n".encode())
