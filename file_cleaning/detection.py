"""Detect what a file is from its first bytes. Parsing is left to the sandbox.

file_cleaning/confined_process.py hands each format to the one decoder that is allowed to read it.
"""

from __future__ import annotations

import re

from file_cleaning import formats
from file_cleaning.refusals import FileRefusedError, RefusalReason


def detect_kind(head: bytes) -> formats.MediaKind:
    """Return the kind of media that a file with this head (its first HEAD_BYTES bytes) is processed as.

    MP4, 3GP and WebM count as video unless the head shows that there is only sound; the kind of the output is
    `RebuiltFile.kind`. Raises FileRefusedError if the format is not accepted.
    """
    file_format = detect_format(head)
    if file_format in formats.PHOTO_FORMATS:
        return formats.MediaKind.PHOTO
    if file_format is formats.FileFormat.PDF:
        return formats.MediaKind.DOCUMENT
    if file_format in formats.AUDIO_FORMATS or (file_format is formats.FileFormat.MOV and _is_audio_only_mov(head)):
        return formats.MediaKind.AUDIO
    if (
        file_format is formats.FileFormat.MATROSKA
        and re.search(rb"\x86.A_[A-Z]", head, re.DOTALL)
        and b"V_" not in head
    ):
        return formats.MediaKind.AUDIO
    return formats.MediaKind.VIDEO


def detect_format(head: bytes) -> formats.FileFormat:
    """Return the format of a file with this head.

    Raises FileRefusedError if the file is empty or of no accepted format; the sentence names formats people often send.
    """
    if not head:
        raise FileRefusedError(RefusalReason.EMPTY)
    file_format = _match_signature(head)
    if file_format:
        return file_format
    hint = _find_hint(head)
    if hint in ("", "text") and b"%PDF-" in head[:1024]:  # some scanners and mail programs put a line before it
        return formats.FileFormat.PDF
    raise FileRefusedError(RefusalReason.UNSUPPORTED, hint)


_SIGNATURES: tuple[tuple[bytes, formats.FileFormat], ...] = (
    (b"\xff\xd8\xff", formats.FileFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", formats.FileFormat.PNG),
    (b"GIF87a", formats.FileFormat.GIF),
    (b"GIF89a", formats.FileFormat.GIF),
    (b"II*\0", formats.FileFormat.TIFF),
    (b"MM\0*", formats.FileFormat.TIFF),
    (b"II+\0", formats.FileFormat.TIFF),
    (b"MM\0+", formats.FileFormat.TIFF),
    (b"\x1a\x45\xdf\xa3", formats.FileFormat.MATROSKA),
    (b"OggS", formats.FileFormat.OGG),
    (b"fLaC", formats.FileFormat.FLAC),
    (b"#!AMR", formats.FileFormat.AMR),
    (b"%PDF-", formats.FileFormat.PDF),
)
_RIFF = {b"WEBP": formats.FileFormat.WEBP, b"AVI ": formats.FileFormat.AVI, b"WAVE": formats.FileFormat.WAV}
_BMP_HEADERS = (12, 40, 52, 56, 108, 124)  # bytes


def _match_signature(head: bytes) -> formats.FileFormat | None:
    for signature, file_format in _SIGNATURES:
        if head.startswith(signature):
            is_canon_raw = file_format is formats.FileFormat.TIFF and head[8:10] == b"CR"
            return None if is_canon_raw else file_format
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return _RIFF.get(head[8:12])
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return formats.FileFormat.BMP
    return _match_iso_media(head) or (
        formats.FileFormat.MPEGTS if _is_transport_stream(head) else _match_mpeg_audio(head)
    )


def _match_iso_media(head: bytes) -> formats.FileFormat | None:
    brands = _read_brands(head)
    if brands & {b"avif", b"avis"}:
        return formats.FileFormat.AVIF
    if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
        return formats.FileFormat.HEIF
    has_no_ftyp = head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # QuickTime until 2001
    return formats.FileFormat.MOV if has_no_ftyp or (brands and not brands & _NON_VIDEO_BRANDS) else None


def _read_brands(head: bytes) -> set[bytes]:
    """Return the major and compatible brands of an ISO media file (ISO/IEC 14496-12); empty for other files."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), 512, len(head))
    return {head[8:12], *(head[offset : offset + 4] for offset in range(16, end - 3, 4))}


_IMAGE_BRANDS = frozenset({b"jp2 ", b"jpx ", b"jxl "})
_NON_VIDEO_BRANDS = _IMAGE_BRANDS | {b"crx ", b"F4V "}


def _is_audio_only_mov(head: bytes) -> bool:
    if head[8:12] in (b"M4A ", b"M4B "):
        return True
    handlers = set(re.findall(rb"hdlr.{8}(vide|soun)", head, re.DOTALL))
    return handlers == {b"soun"}


def _is_transport_stream(head: bytes) -> bool:
    """Check for three MPEG-TS packets in a row: 188 bytes each, or 192 as camcorders write them."""
    return any(
        all(head[offset : offset + 1] == b"G" for offset in (first, first + size, first + 2 * size))
        for first, size in ((0, 188), (4, 192))
    )


def _match_mpeg_audio(head: bytes) -> formats.FileFormat | None:
    """Recognize MP3, AAC or FLAC by the header of the first frame, after an ID3 tag if there is one."""
    has_id3 = head.startswith(b"ID3") and len(head) > 10
    offset = 0
    if has_id3:
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        offset = 10 + size
    frame = head[offset : offset + 4]
    if frame.startswith(b"fLaC"):
        return formats.FileFormat.FLAC
    if len(frame) == 4 and frame[0] == 0xFF and frame[1] & 0xF6 == 0xF0:
        return formats.FileFormat.AAC
    layer, bit_rate, sample_rate = (
        (frame[1] >> 1 & 3, frame[2] >> 4, frame[2] >> 2 & 3) if len(frame) == 4 else (0, 0, 0)
    )
    is_mp3 = (
        frame[:1] == b"\xff" and frame[1] & 0xE0 == 0xE0 and layer in (1, 2) and bit_rate != 15 and sample_rate != 3
    )
    return formats.FileFormat.MP3 if is_mp3 or has_id3 else None


# First bytes of files we refuse, by the hint that explains the refusal (file_cleaning/refusals.py).
_REFUSED_SIGNATURES: tuple[tuple[tuple[bytes, ...], str], ...] = (
    ((b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"dex\n", b"#!", b"\0asm"), "program"),
    ((b"Rar!", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"MSCF", b"xar!"), "archive"),
    ((b"{\\rtf",), "word"),
    ((b"8BPS", b"%!PS", b"\xc5\xd0\xd3\xc6", b"gimp xcf", b"push graphic-context", b"\xd7\xcd\xc6\x9a"), "drawing"),
    ((b"#EXTM3U", b"ffconcat", b"[playlist]", b"v=0\r\n", b"v=0\n", b"[Reference]"), "playlist"),
    ((b"\x30\x26\xb2\x75", b"FLV\x01", b".RMF", b"\0\0\x01\xba", b"\0\0\x01\xb3", b"DKIF"), "other_film"),
    ((b"FORM", b"caff", b"MThd", b".snd", b"\x02#!SILK", b"#!SILK"), "other_sound"),
    ((b"\xff\x0a", b"\0\0\0\x0cJXL ", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"icns", b"\0\0\x01\0", b"P6", b"qoif"), "other_picture"),
    ((b"II*\0", b"MM\0*", b"IIU\0", b"IIRO", b"IIRS", b"FUJIFILMCCD-RAW", b"FOVb"), "raw"),
    ((b"BEGIN:VCARD", b"BEGIN:VCALENDAR"), "text"),
    ((b"From ", b"Received:", b"Return-Path:", b"Delivered-To:", b"MIME-Version:"), "mail"),
    ((b"bplist00",), "web_page"),
)  # fmt: skip


def _find_hint(head: bytes) -> str:
    """Return the key of the sentence that explains the refusal; empty if the file is of no known kind."""
    if head.startswith(b"PK\x03\x04"):
        return _find_zip_hint(head)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _find_compound_file_hint(head)
    brands = _read_brands(head)
    if brands:
        return "raw" if b"crx " in brands else "other_picture" if brands & _IMAGE_BRANDS else "other_film"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<"):
        return "drawing" if b"<svg" in text else "web_page"
    hint = next((hint for signatures, hint in _REFUSED_SIGNATURES if head.startswith(signatures)), "")
    if head[257:262] == b"ustar":
        return "archive"
    return hint or ("text" if _is_text(head) else "")


def _find_zip_hint(head: bytes) -> str:
    """Tell office files from other archives by the fixed names of their entries."""
    for entry_name, hint in (
        (b"AndroidManifest.xml", "program"),
        (b"META-INF/MANIFEST.MF", "program"),
        (b"word/", "word"),
        (b"xl/", "excel"),
        (b"ppt/", "powerpoint"),
        (b"opendocument", "office"),
        (b"Index/Document.iwa", "office"),
        (b"[Content_Types].xml", "office"),
        (b"epub+zip", "office"),
    ):
        if entry_name in head:
            return hint
    return "archive"


def _find_compound_file_hint(head: bytes) -> str:
    """Tell old office files apart by their UTF-16 directory names, which may lie beyond the head."""
    for entry_name, hint in (
        ("WordDocument", "word"),
        ("Workbook", "excel"),
        ("PowerPoint", "powerpoint"),
        ("__nameid", "mail"),
    ):
        if entry_name.encode("utf-16-le") in head:
            return hint
    return "office"


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16
        return True
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return all(letter.isprintable() or letter in "\t\r\n\f" for letter in text)
