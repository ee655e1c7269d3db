"""An agency's file as the tables in it: plain, gzip or zip, read in bounded memory.

Knows nothing of columns. UnreadableFileError says in a sentence for administrators why a file cannot be read.
"""

from __future__ import annotations

import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.text_decoding import ByteStream, decode_text

# Beyond so many bytes no file may unpack to more than this multiple of its size: exports reach 30. A megabyte of rows takes
# the importer about a second.
UNCHECKED_BYTES, MAX_UNPACK_RATIO = 5_000_000, 45
_UNPACKED_AT_ONCE = 1_000_000
MAX_ARCHIVE_TABLES = 1_000


@dataclass(slots=True)
class TableFile:
    """One table: a file, or a member of an archive. `quirks` counts what was odd about it, by kind."""

    name: str
    path: Path
    member: str = ""
    quirks: dict[str, int] = field(default_factory=dict)
    bytes_read: int = 0  # of the file, as packed, at the last reading

    def fraction_read(self) -> float:
        """Return how much of its file has been read, 0 to 1. Members of an archive lie one behind the other in it."""
        return min(1.0, self.bytes_read / max(1, self.path.stat().st_size))

    def read_text(self) -> Iterator[str]:
        """Yield the whole text in pieces; every line end is "\\n". Raises UnreadableFileError, at any piece."""
        try:
            with self._open() as (stream, file):
                for text in decode_text(stream, self.name, self.quirks):
                    self.bytes_read = file.tell()
                    yield text
        except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
            raise UnreadableFileError(
                _("%(name)s is damaged or incomplete: it can't be unpacked completely. Send it again.")
                % {"name": self.name}
            ) from error
        except (NotImplementedError, RuntimeError) as error:  # zipfile: unknown compression; encrypted
            raise UnreadableFileError(
                _("%(name)s has a password, or is packed in a way that can't be opened.") % {"name": self.name}
            ) from error

    @contextmanager
    def _open(self) -> Iterator[tuple[ByteStream, IO[bytes]]]:
        """Open the unpacked content, and the file that it comes from."""
        with self.path.open("rb") as file:
            if self.member:
                with zipfile.ZipFile(file) as archive, archive.open(self.member) as stream:
                    yield stream, file
            elif file.peek(2)[:2] == b"\x1f\x8b":
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield unpacked, file
            else:
                yield file, file


def list_table_files(path: Path) -> list[TableFile]:
    """Return the tables in a file: itself, or the tables of a zip archive by name. Raises UnreadableFileError."""
    if not path.is_file():
        wrong = _("%(name)s is a folder, not a file.") if path.is_dir() else _("There is no file %(name)s.")
        raise UnreadableFileError(wrong % {"name": path})
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise UnreadableFileError(
            _("%(name)s can't be read: %(why)s.") % {"name": path, "why": error.strerror}
        ) from error
    if head[:2] == b"\x1f\x8b":
        _refuse_bomb(path, _gzip_sizes(path))
    if head[:4] not in (b"PK\3\4", b"PK\5\6"):
        return [TableFile(path.name, path)]
    return _list_archive(path)


def _list_archive(path: Path) -> list[TableFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            # zipfile unpacks no more of a member than the size that the archive states.
            sizes = {member.filename: member.file_size for member in archive.infolist()}
    except zipfile.BadZipFile as error:
        raise UnreadableFileError(
            _("%(name)s is a zip archive that is damaged or incomplete. Send it again.") % {"name": path.name}
        ) from error
    if any(name.startswith(("xl/", "[Content_Types]")) for name in sizes):
        raise UnreadableFileError(
            _("%(name)s is an Excel workbook. Save it as CSV and import that.") % {"name": path.name}
        )
    tables = sorted(name for name in sizes if _is_table(name))
    if not tables or len(tables) > MAX_ARCHIVE_TABLES:
        raise UnreadableFileError(
            _(
                "%(name)s is a zip archive with %(count)d tables (.csv, .tsv, .txt, .json); it should contain 1 to %(most)d."
            )
            % {"name": path.name, "count": len(tables), "most": MAX_ARCHIVE_TABLES}
        )
    _refuse_bomb(path, (sizes[name] for name in tables))
    return [TableFile(f"{path.name}/{name}", path, name) for name in tables]


def _gzip_sizes(path: Path) -> Iterator[int]:
    """Yield the size of each piece that a gzip file unpacks to, as far as it is whole: reading it says that it is damaged."""
    with suppress(EOFError, OSError, zlib.error), gzip.open(path) as unpacked:
        while piece := unpacked.read(_UNPACKED_AT_ONCE):
            yield len(piece)


def _refuse_bomb(path: Path, unpacked_sizes: Iterable[int]) -> None:
    """Refuse a file that unpacks to a multiple that no export reaches, before a row of it costs any time."""
    most = max(UNCHECKED_BYTES, MAX_UNPACK_RATIO * path.stat().st_size)
    if any(unpacked_size > most for unpacked_size in accumulate(unpacked_sizes)):
        raise UnreadableFileError(
            _(
                "%(name)s unpacks to more than %(ratio)d times its size, which no real export does. If its rows are right, import"
                " it unpacked."
            )
            % {"name": path.name, "ratio": MAX_UNPACK_RATIO}
        )


def _is_table(member: str) -> bool:
    """Return whether a member's name is that of a table: no folder, and none of the files that macOS adds beside each file."""
    file_name = member.rpartition("/")[2]
    return (
        file_name.lower().endswith((".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson"))
        and not file_name.startswith("._")
        and not member.startswith("__MACOSX/")
    )
