"""Rebuilt PDF files show the pages and contain nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

from file_cleaning import MediaKind, RefusalReason, limits
from tests.file_cleaning import sample_files, traces
from tests.file_cleaning.test_images import rebuilt, refused


def test_pages_become_pictures_without_hidden_content(folder: Path) -> None:
    result = rebuilt(sample_files.pdf(2), folder)

    assert (result.kind, result.pages) == (MediaKind.DOCUMENT, 2)
    assert [part.role for part in result.parts] == ["document", "thumbnail", "page", "page"]
    assert traces.find_traces(result) == []
    raw = result.parts[0].path.read_bytes()
    for word in (
        b"JavaScript",
        b"OpenAction",
        b"EmbeddedFile",
        b"AcroForm",
        b"XFA",
        b"Metadata",
        b"/Info",
        b"/ID",
        b"Date",
    ):
        assert word not in raw


def test_pages_look_the_same_and_keep_their_size(folder: Path) -> None:
    result = rebuilt(sample_files.pdf(1), folder)
    before, after = (pypdfium2.PdfDocument(path)[0] for path in (folder / "source", result.parts[0].path))
    assert after.get_size() == pytest.approx(before.get_size(), abs=0.5)
    for place in ((150, 500), (20, 20)):
        one, other = (page.render().to_pil().convert("RGB").getpixel(place) for page in (before, after))
        assert one == pytest.approx(other, abs=8)
    assert Image.open(result.parts[2].path).size == pytest.approx((1275, 1650), abs=1)  # 150 dots per inch


def test_form_fields_are_rendered(folder: Path) -> None:
    """A check box is drawn only by its form field."""
    page = "/Annots [<< /Type /Annot /Subtype /Widget /FT /Btn /T (x) /Rect [0 0 612 792] /F 4 /AS /On /AP << /N << /On 20 0 R >> >> >>]"
    box = f"20 0 obj\n<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Length 33 >>\nstream\n{'0 0 1 rg 0 0 612 792 re f':<33}\nendstream\nendobj\n"
    content = sample_files.pdf(1).replace(b"/Contents 9 0 R", b"/Contents 9 0 R " + page.encode())
    result = rebuilt(content.replace(b"xref\n0", box.encode() + b"xref\n0", 1), folder)
    assert Image.open(result.parts[2].path).convert("RGB").getpixel((600, 100))[2] > 240


def test_refuses_too_many_pages(folder: Path) -> None:
    assert refused(sample_files.pdf(201), folder) is RefusalReason.TOO_LONG


@pytest.mark.parametrize("size", [(200_000, 200_000), (14_401, 1)])
def test_a_giant_page_is_refused(size: tuple[int, int], folder: Path) -> None:
    assert refused(sample_files.pdf(1, size=size), folder) is RefusalReason.TOO_LARGE


def test_a_large_page_is_drawn_within_limits(folder: Path) -> None:
    result = rebuilt(sample_files.pdf(1, size=(14_000, 7_000)), folder)
    assert (result.parts[2].width or 0) * (result.parts[2].height or 0) <= 8_010_000


def test_distinguishes_a_locked_file_from_a_damaged_one(folder: Path) -> None:
    locked = sample_files.pdf(1).replace(
        b"/Info 8 0 R",
        b"/Info 8 0 R /ID [<00><00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /Length 40"
        b" /O <" + b"11" * 32 + b"> /U <" + b"22" * 32 + b"> >>",
    )
    assert refused(locked, folder) is RefusalReason.PROTECTED
    assert refused(b"%PDF-1.7\nnothing behind\n", folder) is RefusalReason.DAMAGED
    assert refused(sample_files.pdf(1)[:300], folder) is RefusalReason.DAMAGED


def test_stops_a_page_that_never_finishes_rendering(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = dataclasses.replace(limits.PROCESS_LIMITS[MediaKind.DOCUMENT], elapsed_seconds=1)
    monkeypatch.setitem(limits.PROCESS_LIMITS, MediaKind.DOCUMENT, short)
    draw = b"0 0 1 rg 0 0 612 792 re f\n" * 200_000
    assert refused(sample_files.pdf(1, content=draw), folder) is RefusalReason.TOO_LARGE
