"""What a file is, from its first bytes alone. Nothing is parsed here: the sandbox does that.

The names of formats are ours; file_cleaning/worker.py hands each to the one decoder that is allowed to see it.
"""

from __future__ import annotations

import re

from file_cleaning import formats
from file_cleaning.refusals import FileRefusedError, RefusalReason


def detect_kind(head: bytes) -> formats.MediaKind:
    """The kind that a file with these first bytes (up to HEAD_BYTES) is treated as.

    Raises RefusedError with a sentence that names what it is, where people do send such files. MP4, 3GP and WebM count as
    video unless the bytes seen show that there is only sound; what comes out in the end says `Rebuilt.kind`.
    """
    found = detect_format(head)
    if found in formats.PHOTO_FORMATS:
        return formats.MediaKind.PHOTO
    if found is formats.Format.PDF:
        return formats.MediaKind.DOCUMENT
    if found in formats.AUDIO_FORMATS or (found is formats.Format.MOV and _only_sound_in_mov(head)):
        return formats.MediaKind.AUDIO
    if found is formats.Format.MATROSKA and re.search(rb"\x86.A_[A-Z]", head, re.DOTALL) and b"V_" not in head:
        return formats.MediaKind.AUDIO
    return formats.MediaKind.VIDEO


def detect_format(head: bytes) -> formats.Format:
    """The format these first bytes belong to. Raises RefusedError for all that is not on the list."""
    if not head:
        raise FileRefusedError(RefusalReason.EMPTY)
    found = _known(head)
    if found:
        return found
    hint = _hint(head)
    if hint in ("", "text") and b"%PDF-" in head[:1024]:  # some scanners and mail programs leave a line in front
        return formats.Format.PDF
    raise FileRefusedError(RefusalReason.UNSUPPORTED, hint)


_STARTS: tuple[tuple[bytes, formats.Format], ...] = (
    (b"\xff\xd8\xff", formats.Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", formats.Format.PNG),
    (b"GIF87a", formats.Format.GIF),
    (b"GIF89a", formats.Format.GIF),
    (b"II*\0", formats.Format.TIFF),
    (b"MM\0*", formats.Format.TIFF),
    (b"II+\0", formats.Format.TIFF),
    (b"MM\0+", formats.Format.TIFF),
    (b"\x1a\x45\xdf\xa3", formats.Format.MATROSKA),
    (b"OggS", formats.Format.OGG),
    (b"fLaC", formats.Format.FLAC),
    (b"#!AMR", formats.Format.AMR),
    (b"%PDF-", formats.Format.PDF),
)
_RIFF = {b"WEBP": formats.Format.WEBP, b"AVI ": formats.Format.AVI, b"WAVE": formats.Format.WAV}
_BMP_HEADERS = (12, 40, 52, 56, 108, 124)  # bytes


def _known(head: bytes) -> formats.Format | None:
    for start, found in _STARTS:
        if head.startswith(start):
            is_canon_raw = found is formats.Format.TIFF and head[8:10] == b"CR"
            return None if is_canon_raw else found
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return _RIFF.get(head[8:12])
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return formats.Format.BMP
    return _iso_media(head) or (formats.Format.MPEGTS if _is_transport_stream(head) else _mpeg_sound(head))


def _iso_media(head: bytes) -> formats.Format | None:
    brands = _brands(head)
    if brands & {b"avif", b"avis"}:
        return formats.Format.AVIF
    if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
        return formats.Format.HEIF
    before_ftyp = head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # QuickTime until 2001
    return formats.Format.MOV if before_ftyp or (brands and not brands & _NOT_A_FILM) else None


def _brands(head: bytes) -> set[bytes]:
    """Major and compatible brands of an ISO media file (ISO/IEC 14496-12), nothing for other files."""
    if head[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(head[:4], "big"), 512, len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))}


_PICTURES = frozenset({b"jp2 ", b"jpx ", b"jxl "})
_NOT_A_FILM = _PICTURES | {b"crx ", b"F4V "}


def _only_sound_in_mov(head: bytes) -> bool:
    if head[8:12] in (b"M4A ", b"M4B "):
        return True
    handlers = set(re.findall(rb"hdlr.{8}(vide|soun)", head, re.DOTALL))
    return handlers == {b"soun"}


def _is_transport_stream(head: bytes) -> bool:
    """Three packets in a row: 188 bytes each, or 192 as camcorders write them."""
    return any(
        all(head[at : at + 1] == b"G" for at in (first, first + size, first + 2 * size))
        for first, size in ((0, 188), (4, 192))
    )


def _mpeg_sound(head: bytes) -> formats.Format | None:
    """MP3 or AAC by the first frame's header, past an ID3 tag whose end lies in `head`."""
    tagged = head.startswith(b"ID3") and len(head) > 10
    at = 0
    if tagged:
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        at = 10 + size
    frame = head[at : at + 4]
    if frame.startswith(b"fLaC"):
        return formats.Format.FLAC
    if len(frame) == 4 and frame[0] == 0xFF and frame[1] & 0xF6 == 0xF0:
        return formats.Format.AAC
    layer, rate, frequency = (frame[1] >> 1 & 3, frame[2] >> 4, frame[2] >> 2 & 3) if len(frame) == 4 else (0, 0, 0)
    is_mp3 = frame[:1] == b"\xff" and frame[1] & 0xE0 == 0xE0 and layer in (1, 2) and rate != 15 and frequency != 3
    return formats.Format.MP3 if is_mp3 or tagged else None


_SIGNS: tuple[tuple[tuple[bytes, ...], str], ...] = (
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


def _hint(head: bytes) -> str:
    """The key of the sentence for a file that is not taken; empty where nothing better is known."""
    if head.startswith(b"PK\x03\x04"):
        return _in_zip(head)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _in_old_office(head)
    brands = _brands(head)
    if brands:
        return "raw" if b"crx " in brands else "other_picture" if brands & _PICTURES else "other_film"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<"):
        return "drawing" if b"<svg" in text else "web_page"
    found = next((hint for starts, hint in _SIGNS if head.startswith(starts)), "")
    if head[257:262] == b"ustar":
        return "archive"
    return found or ("text" if _reads_as_text(head) else "")


def _in_zip(head: bytes) -> str:
    """Office files are archives with folders of a fixed name."""
    for mark, hint in (
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
        if mark in head:
            return hint
    return "archive"


def _in_old_office(head: bytes) -> str:
    """Directory names of a compound file are UTF-16, and may lie behind the bytes seen."""
    for name, hint in (
        ("WordDocument", "word"),
        ("Workbook", "excel"),
        ("PowerPoint", "powerpoint"),
        ("__nameid", "mail"),
    ):
        if name.encode("utf-16-le") in head:
            return hint
    return "office"


def _reads_as_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16
        return True
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return all(letter.isprintable() or letter in "\t\r\n\f" for letter in text)
