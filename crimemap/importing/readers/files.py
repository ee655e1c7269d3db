"""An agency's file as text: plain, gzip or zip, in whatever encoding, in bounded memory.

Nothing here knows columns. What cannot be read is told by UnreadableError in a sentence for administrators.
"""

from __future__ import annotations

import codecs
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from django.utils.translation import gettext as _

HEAD = 65_536  # bytes looked at to tell what a file is
PIECE = 262_144  # bytes read at a time
SMALL, RATIO = 100_000_000, 200  # beyond so many bytes nothing may unpack to so many times its size: exports reach 30
MEMBERS = 1_000  # files in one archive
WINDOWS = "crimemap-windows-1252"


class UnreadableFileError(Exception):
    """Why a file cannot be read, in a sentence."""


@dataclass(slots=True)
class TableFile:
    """One table: a file, or a member of an archive. `met` tells what was odd: kind -> how often."""

    name: str
    path: Path
    member: str = ""
    met: dict[str, int] = field(default_factory=dict)
    read: int = 0  # bytes of the file, as packed, at the last reading

    def share(self) -> float:
        """How much of its file has been read, 0 to 1; of an archive's later members too, since they stand later in it."""
        return min(1.0, self.read / max(1, self.path.stat().st_size))

    def texts(self) -> Iterator[str]:
        """The whole text in pieces; every line end is "\\n". Raises UnreadableError, at any piece."""
        try:
            with self._bytes() as (stream, file):
                for text in _decoded(stream, self):
                    self.read = file.tell()
                    yield text
        except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
            raise UnreadableFileError(
                _("%(name)s is damaged or cut short: it cannot be unpacked to its end.") % {"name": self.name}
            ) from error
        except (NotImplementedError, RuntimeError) as error:  # zipfile: unknown compression; encrypted
            raise UnreadableFileError(
                _("%(name)s is packed in a way that cannot be opened, or has a password.") % {"name": self.name}
            ) from error

    @contextmanager
    def _bytes(self) -> Iterator[tuple[_Readable, IO[bytes]]]:
        """The content, and the file that it comes from."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            if self.member:
                with zipfile.ZipFile(file) as archive, archive.open(self.member) as stream:
                    yield _Bounded(stream, archive.getinfo(self.member).compress_size, self.name), file
            elif file.peek(2)[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield _Bounded(unpacked, size, self.name), file
            else:
                yield file, file


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


class _Bounded:
    """Stops reading what unpacks to a multiple that no export has."""

    def __init__(self, stream: _Readable, packed: int, name: str) -> None:
        self.stream, self.packed, self.name, self.count = stream, packed, name, 0

    def read(self, size: int = -1) -> bytes:
        content = self.stream.read(size)
        self.count += len(content)
        if self.count > SMALL and self.count > RATIO * self.packed:
            raise UnreadableFileError(
                _("%(name)s unpacks to more than %(ratio)d times its size, which no export does.")
                % {"name": self.name, "ratio": RATIO}
            )
        return content


def list_table_files(path: Path) -> list[TableFile]:
    """The tables in a file: itself, or the tables of a zip archive by name. Raises UnreadableError."""
    if not path.is_file():
        wrong = _("%(name)s is a folder, not a file.") if path.is_dir() else _("There is no file %(name)s.")
        raise UnreadableFileError(wrong % {"name": path})
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise UnreadableFileError(
            _("%(name)s cannot be read: %(why)s.") % {"name": path, "why": error.strerror}
        ) from error
    if head[:4] not in (b"PK\3\4", b"PK\5\6"):
        return [TableFile(path.name, path)]
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        raise UnreadableFileError(_("%(name)s is a damaged or cut short zip archive.") % {"name": path.name}) from error
    if any(name.startswith(("xl/", "[Content_Types]")) for name in names):
        raise UnreadableFileError(
            _("%(name)s is an Excel workbook. Save it as CSV and import that.") % {"name": path.name}
        )
    tables = sorted(name for name in names if _is_table(name))
    if not tables or len(tables) > MEMBERS:
        raise UnreadableFileError(
            _(
                "%(name)s is a zip archive with %(count)d tables (.csv, .tsv, .txt, .json); it should hold 1 to %(most)d."
            )
            % {"name": path.name, "count": len(tables), "most": MEMBERS}
        )
    return [TableFile(f"{path.name}/{name}", path, name) for name in tables]


def _is_table(name: str) -> bool:
    """Neither a folder nor what a Mac puts beside each file."""
    own = name.rpartition("/")[2]
    return (
        own.lower().endswith((".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson"))
        and not own.startswith("._")
        and not name.startswith("__MACOSX/")
    )


# Text

_KINDS = (
    (b"%PDF", "PDF"), (b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"), (b"\x28\xb5\x2f\xfd", "Zstandard"), (b"7z\xbc\xaf", "7-Zip"), (b"PAR1", "Parquet"),
    (b"\xd0\xcf\x11\xe0", "Excel 97"), (b"SQLite format", "SQLite"), (b"Rar!", "RAR"),
)  # fmt: skip


def _decoded(stream: _Readable, part: TableFile) -> Iterator[str]:
    head = stream.read(HEAD)
    if not head.strip():
        raise UnreadableFileError(_("%(name)s is empty.") % {"name": part.name})
    decode = _decoder(head, part)
    content, held = head, ""
    while content:
        text = held + decode(content, False)
        held = "\r" if text.endswith("\r") else ""  # its "\n" may come with the next piece
        yield text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
        content = stream.read(PIECE)
    yield (held + decode(b"", True)).replace("\r", "\n")


def _decoder(head: bytes, part: TableFile) -> Callable[[bytes, bool], str]:
    """By byte order mark, by where zeros stand, else UTF-8 whose broken bytes are taken for Windows-1252."""
    for start, kind in _KINDS:
        if head.startswith(start):
            raise UnreadableFileError(
                _("%(name)s is a %(kind)s file. CSV or JSON is needed.") % {"name": part.name, "kind": kind}
            )
    if head.lstrip()[:15].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise UnreadableFileError(
            _("%(name)s is a web page, not a table: perhaps the download asked for a sign-in.") % {"name": part.name}
        )
    even, odd, length = head[::2].count(0), head[1::2].count(0), len(head) // 2
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        part.met["utf-16"] = 1
        return _strict("utf-16", part)
    if max(even, odd) > 0.3 * length and min(even, odd) < 0.05 * length:
        part.met["utf-16"] = 1
        return _strict("utf-16-le" if odd > even else "utf-16-be", part)
    strange = len(head) - len(head.translate(None, bytes(set(range(32)) - set(b"\t\n\r\f\x1a"))))
    if strange > len(head) / 20:
        raise UnreadableFileError(_("%(name)s is no text. CSV or JSON is needed.") % {"name": part.name})
    if head.startswith(codecs.BOM_UTF8):
        part.met["byte order mark"] = 1
    return _lenient(part)


def _strict(encoding: str, part: TableFile) -> Callable[[bytes, bool], str]:
    decoder = codecs.getincrementaldecoder(encoding)()

    def decode(content: bytes, final: bool) -> str:
        try:
            return decoder.decode(content, final)
        except UnicodeDecodeError as error:
            raise UnreadableFileError(
                _("%(name)s begins as %(encoding)s text but is not so throughout.")
                % {"name": part.name, "encoding": encoding.upper()}
            ) from error

    return decode


def _lenient(part: TableFile) -> Callable[[bytes, bool], str]:
    rest, start = b"", True

    def decode(content: bytes, final: bool) -> str:
        nonlocal rest, start
        content = rest + content
        try:
            text, used = codecs.utf_8_decode(content, "strict", final)
        except UnicodeDecodeError:
            part.met["windows-1252"] = 1
            text, used = codecs.utf_8_decode(content, WINDOWS, final)
        rest = content[used:]
        if start and text:
            text, start = text.removeprefix("\ufeff"), False
        return text

    return decode


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(WINDOWS, _as_windows)
