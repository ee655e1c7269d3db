"""Detection of formats by the first bytes, and the sentences for refused files."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from file_cleaning import FileRefusedError, MediaKind, RefusalReason, detect_kind, explain_refusal


def box(name: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + name + content


def ftyp(*brands: bytes) -> bytes:
    return box(b"ftyp", brands[0] + bytes(4) + b"".join(brands))


def handler(kind: bytes) -> bytes:
    return box(b"hdlr", bytes(8) + kind + bytes(12))


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return stream.getvalue()


PACKETS = (b"G" + bytes(187)) * 4
TAKEN = [
    (b"\xff\xd8\xff\xe1", MediaKind.PHOTO),
    (b"\x89PNG\r\n\x1a\n", MediaKind.PHOTO),
    (b"GIF89a", MediaKind.PHOTO),
    (b"RIFF\0\0\0\0WEBPVP8 ", MediaKind.PHOTO),
    (b"II*\0\x08\0\0\0\0\0", MediaKind.PHOTO),
    (b"MM\0*\0\0\0\x08\0\0", MediaKind.PHOTO),
    (b"BM" + bytes(12) + b"\x28\0\0\0\0", MediaKind.PHOTO),
    (ftyp(b"heic", b"mif1"), MediaKind.PHOTO),
    (ftyp(b"mif1", b"avif"), MediaKind.PHOTO),
    (ftyp(b"isom", b"avc1"), MediaKind.VIDEO),
    (ftyp(b"qt  "), MediaKind.VIDEO),
    (ftyp(b"3gp5"), MediaKind.VIDEO),
    (box(b"wide", b"") + box(b"mdat", b""), MediaKind.VIDEO),
    (ftyp(b"isom") + handler(b"soun") + handler(b"vide"), MediaKind.VIDEO),
    (ftyp(b"3gp4") + handler(b"soun"), MediaKind.AUDIO),
    (ftyp(b"M4A "), MediaKind.AUDIO),
    (b"\x1a\x45\xdf\xa3" + b"webm\x86\x85V_VP8", MediaKind.VIDEO),
    (b"\x1a\x45\xdf\xa3" + b"webm\x86\x86A_OPUS", MediaKind.AUDIO),
    (b"RIFF\0\0\0\0AVI LIST", MediaKind.VIDEO),
    (PACKETS, MediaKind.VIDEO),
    (bytes(4) + (b"G" + bytes(191)) * 4, MediaKind.VIDEO),
    (b"RIFF\0\0\0\0WAVEfmt ", MediaKind.AUDIO),
    (b"ID3\x04\0\0\0\0\0\0", MediaKind.AUDIO),
    (b"ID3\x04\0\0\0\0\0\x02\0\0fLaC", MediaKind.AUDIO),
    (b"\xff\xfb\x90\x64", MediaKind.AUDIO),
    (b"\xff\xf1\x50\x80", MediaKind.AUDIO),
    (b"OggS\0", MediaKind.AUDIO),
    (b"fLaC\0", MediaKind.AUDIO),
    (b"#!AMR-WB\n", MediaKind.AUDIO),
    (b"%PDF-1.7\n", MediaKind.DOCUMENT),
    (b"\r\n\xef\xbb\xbf\r\n%PDF-1.7\n", MediaKind.DOCUMENT),
]
NOT_TAKEN = [
    (zipped("[Content_Types].xml", "word/document.xml"), "Word file"),
    (zipped("[Content_Types].xml", "xl/workbook.xml"), "Excel file"),
    (zipped("[Content_Types].xml", "ppt/presentation.xml"), "PowerPoint file"),
    (zipped("photo.jpg"), "holds other files"),
    (zipped("AndroidManifest.xml"), "program"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "Word file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office document"),
    (b"{\\rtf1", "Word file"),
    (b"Rar!\x1a\x07", "holds other files"),
    (b"MZ\x90\0", "program"),
    (b"\x7fELF", "program"),
    (b"#!/bin/sh\n", "program"),
    (b"<!DOCTYPE html><script>", "web page"),
    (b"\xef\xbb\xbf \n<html>%PDF-1.4", "web page"),
    (b'<?xml version="1.0"?><svg onload="x()">', "drawing"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n", "drawing"),
    (b"8BPS\0\x01", "drawing"),
    (b"push graphic-context\n", "drawing"),
    (b"#EXTM3U\n#EXTINF", "playlist"),
    (b"ffconcat version 1.0\n", "playlist"),
    (b"v=0\r\no=-", "playlist"),
    (b"\x30\x26\xb2\x75\x8e\x66", "MP4"),
    (b"FORM\0\0\0\0AIFF", "MP3"),
    (b"II*\0\x10\0\0\0CR\x02\0", "raw photo"),
    (ftyp(b"crx ", b"isom"), "raw photo"),
    (ftyp(b"jp2 "), "JPEG or PNG"),
    (b"\xff\x0a\xfa\x7f", "JPEG or PNG"),
    (b"He was there at nine.\n", "text file"),
    ("\ufeffHe was there".encode("utf-16-le"), "text file"),
    (b"Received: from x by y\r\n", "email"),
    (b"\x01\x02\x03\x04\x05\x06", "this kind of file"),
]


def test_detects_accepted_kinds() -> None:
    for head, kind in TAKEN:
        assert detect_kind(head.ljust(256, b"\0")) is kind, head


def test_refusal_names_formats_people_often_send() -> None:
    for head, words in NOT_TAKEN:
        with pytest.raises(FileRefusedError) as refused:
            detect_kind(head)
        assert refused.value.reason is RefusalReason.UNSUPPORTED, head
        assert words in refused.value.sentence


def test_refuses_an_empty_file() -> None:
    with pytest.raises(FileRefusedError) as refused:
        detect_kind(b"")
    assert refused.value.reason is RefusalReason.EMPTY


@given(start=st.sampled_from([head for head, _ in TAKEN + NOT_TAKEN] + [b""]), cut=st.integers(0, 64), rest=st.binary())
def test_detects_or_refuses_any_bytes(start: bytes, cut: int, rest: bytes) -> None:
    with suppress(FileRefusedError):
        assert detect_kind(start[:cut] + rest) in MediaKind


@pytest.mark.parametrize("reason", RefusalReason)
def test_each_reason_has_a_sentence_with_advice(reason: RefusalReason) -> None:
    assert "ttach" in explain_refusal(reason) or "Send" in explain_refusal(reason)
    assert explain_refusal(reason, "no such hint") == explain_refusal(reason)


def test_sentences_name_the_limits() -> None:
    assert "2 hours" in explain_refusal(RefusalReason.TOO_LONG)
    assert "200 pages" in explain_refusal(RefusalReason.TOO_LONG)
    assert "100 megapixels" in explain_refusal(RefusalReason.TOO_LARGE)
