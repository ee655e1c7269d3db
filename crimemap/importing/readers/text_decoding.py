"""Decodes an agency's file, in whatever encoding it comes, piece by piece; refuses files that hold no text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Protocol

from django.utils.translation import gettext as _

from crimemap.importing.readers.errors import UnreadableFileError

HEAD_BYTES = 65_536  # enough to recognize the encoding
PIECE_BYTES = 262_144
OLDER_ENCODINGS = ("cp850", "mac-roman")
_WESTERN_LETTERS = frozenset("àâäáãåæçèéêëìíîïñòóôõöøœùúûüýßÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØŒÙÚÛÜÝºª°")
# Of letters that were encoded twice. A piece may end with the first, or with the first half of a line's end.
_BEGINNINGS = ("\r", "\u00c2", "\u00c3")
_CONTINUATION = "".join(bytes([byte]).decode("cp1252", "ignore") + chr(byte) for byte in range(0x80, 0xC0))
_ENCODED_TWICE = re.compile(rf"[\u00c2\u00c3][{_CONTINUATION}]|\u00e2\u20ac[{_CONTINUATION}]")
WINDOWS_1252_HANDLER = "crimemap-windows-1252"  # of codecs' error handlers
_BINARY_FORMATS = (
    (b"%PDF", "PDF"), (b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"), (b"\x28\xb5\x2f\xfd", "Zstandard"), (b"7z\xbc\xaf", "7-Zip"), (b"PAR1", "Parquet"),
    (b"SQLite format", "SQLite"), (b"Rar!", "RAR"),
)  # fmt: skip

Decode = Callable[[bytes, bool], str]  # of a piece; whether it is the last


class ByteStream(Protocol):
    def read(self, size: int, /) -> bytes: ...


def decode_text(stream: ByteStream, name: str, quirks: dict[str, int], encoding: str = "") -> Iterator[str]:
    """Yield the text in pieces, every line end as "\\n", and note the encoding in `quirks`, unless `encoding` says it.

    Raises UnreadableFileError.
    """
    head = stream.read(HEAD_BYTES)
    if not head.strip():
        raise UnreadableFileError(_("%(name)s is empty.") % {"name": name})
    _refuse_other_formats(head, name)
    decode = _strict_decoder(encoding, name) if encoding else _recognize_encoding(head, name, quirks)
    content, begun = head, ""
    while content:
        text = begun + decode(content, False)
        begun = text[-1:] if text.endswith(_BEGINNINGS) else ""
        yield _decode_again(text.removesuffix(begun).replace("\r\n", "\n").replace("\r", "\n"), quirks)
        content = stream.read(PIECE_BYTES)
    yield _decode_again((begun + decode(b"", True)).replace("\r", "\n"), quirks)


def _decode_again(text: str, quirks: dict[str, int]) -> str:
    """Return a text with the letters mended that were read as Windows-1252 and written as UTF-8: "JUÃ¡REZ"."""
    if not any(first in text for first in ("\u00c2", "\u00c3", "\u00e2\u20ac")):
        return text
    mended, count = _ENCODED_TWICE.subn(_decode_letter, text)
    if count:
        quirks["letters encoded twice"] = 1
    return mended


def _decode_letter(match: re.Match[str]) -> str:
    codes = (ord(letter) if ord(letter) < 256 else letter.encode("cp1252")[0] for letter in match[0])
    return bytes(codes).decode("utf-8", "replace")


def _refuse_other_formats(head: bytes, name: str) -> None:
    """Raises UnreadableFileError for a file that is no text of rows, with its kind and what to do."""
    for magic, kind in _BINARY_FORMATS:
        if head.startswith(magic):
            raise UnreadableFileError(
                _("%(name)s is a %(kind)s file. Save it as CSV or JSON.") % {"name": name, "kind": kind}
            )
    # Old tools write UTF-16 here, too; a comparison without zero bytes suffices to recognize the start.
    start = head[:4096].translate(None, b"\0").removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").lstrip().lower()
    if b"urn:schemas-microsoft-com:office:spreadsheet" in start and start.startswith(b"<?xml"):
        raise UnreadableFileError(
            _("%(name)s is an XML file of an old Excel. Open it in Excel, save it as .xlsx or CSV, and import that.")
            % {"name": name}
        )
    is_page = start.startswith((b"<!doctype html", b"<html", b"<table", b"<meta", b"mime-version:")) or (
        start.startswith(b"<?xml") and b"<html" in start
    )
    if is_page and (b"<table" in head.lower() or name.lower().endswith((".xls", ".xlsx"))):
        raise UnreadableFileError(
            _(
                "%(name)s is a web page with a table in it, not a file of rows: some systems call that an Excel file. Open it in a"
                " spreadsheet program, save it as .xlsx or CSV, and import that."
            )
            % {"name": name}
        )
    if is_page:
        raise UnreadableFileError(
            _("%(name)s is a web page, not a table: perhaps the download asked for a sign-in.") % {"name": name}
        )
    if start.startswith((b"<?xml", b"<!doctype", b"<")):
        raise UnreadableFileError(_("%(name)s is an XML file. Export it as CSV or JSON.") % {"name": name})


def _recognize_encoding(head: bytes, name: str, quirks: dict[str, int]) -> Decode:
    """UTF-16 by its byte order mark or by the places of zero bytes; else UTF-8, its invalid bytes as Windows-1252."""
    even_zeros, odd_zeros, half_length = head[::2].count(0), head[1::2].count(0), len(head) // 2
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        quirks["utf-16"] = 1
        return _strict_decoder("utf-16", name)
    if max(even_zeros, odd_zeros) > 0.3 * half_length and min(even_zeros, odd_zeros) < 0.05 * half_length:
        quirks["utf-16"] = 1
        return _strict_decoder("utf-16-le" if odd_zeros > even_zeros else "utf-16-be", name)
    control_count = len(head) - len(head.translate(None, bytes(set(range(32)) - set(b"\t\n\r\f\x1a"))))
    if control_count > len(head) / 20:
        raise UnreadableFileError(_("%(name)s isn't a text file. Save it as CSV or JSON.") % {"name": name})
    if head.startswith(codecs.BOM_UTF8):
        quirks["byte order mark"] = 1
    if other := _guess_older_encoding(head):
        quirks[other] = 1
        return _strict_decoder(other, name)
    return _lenient_decoder(quirks)


def _guess_older_encoding(head: bytes) -> str:
    """Return the encoding of DOS or of old Macintoshes if only with it the other letters are those of Western words; else ""."""
    try:
        codecs.utf_8_decode(head, "strict", False)
    except UnicodeDecodeError:
        shares = {
            encoding: _share_of_letters(head.decode(encoding, "replace")) for encoding in ("cp1252", *OLDER_ENCODINGS)
        }
        best = max(shares, key=lambda encoding: shares[encoding])
        return best if best in OLDER_ENCODINGS and shares[best] > 0.9 and shares["cp1252"] < 0.6 else ""
    return ""


def _share_of_letters(text: str) -> float:
    """Return the share of the characters beyond ASCII that are Western letters, none of them a capital behind a small letter."""
    others = [(before, each) for before, each in pairwise(f" {text}") if ord(each) > 127]
    fitting = sum(each in _WESTERN_LETTERS and not (each.isupper() and before.islower()) for before, each in others)
    return fitting / len(others) if others else 1.0


def _strict_decoder(encoding: str, name: str) -> Decode:
    decoder = codecs.getincrementaldecoder("utf-8-sig" if encoding == "utf-8" else encoding)()

    def decode(content: bytes, final: bool) -> str:
        try:
            return decoder.decode(content, final)
        except UnicodeDecodeError as error:
            raise UnreadableFileError(
                _(
                    "%(name)s starts as %(encoding)s text but then contains something else. Save it again, or choose another encoding."
                )
                % {"name": name, "encoding": encoding.upper()}
            ) from error

    return decode


def _lenient_decoder(quirks: dict[str, int]) -> Decode:
    undecoded, at_start = b"", True

    def decode(content: bytes, final: bool) -> str:
        nonlocal undecoded, at_start
        content = undecoded + content
        try:
            text, length = codecs.utf_8_decode(content, "strict", final)
        except UnicodeDecodeError:
            quirks["windows-1252"] = 1
            text, length = codecs.utf_8_decode(content, WINDOWS_1252_HANDLER, final)
        undecoded = content[length:]
        if at_start and text:
            text, at_start = text.removeprefix("\ufeff"), False
        return text

    return decode


def _decode_windows_1252(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(WINDOWS_1252_HANDLER, _decode_windows_1252)
