"""An agency's file as the tables in it: text, a workbook, gzip or zip, read in bounded memory.

    with TableUnpacker() as unpacker:
        for table in unpacker.list_tables(path): ...

Knows nothing of columns. UnreadableFileError says in a sentence for administrators why a file cannot be read.
"""

from __future__ import annotations

import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

import file_cleaning
from crimemap.importing.readers import workbooks
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.text_decoding import ByteStream, decode_text

# Beyond so many bytes no file may unpack to more than this multiple of its size: exports reach 30. A megabyte of rows takes
# the importer about a second.
UNCHECKED_BYTES, MAX_UNPACK_RATIO = 5_000_000, 45
_UNPACKED_AT_ONCE = 1_000_000
MAX_ARCHIVE_TABLES = 1_000
_TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".geojson")
_ZIP_STARTS = (b"PK\3\4", b"PK\5\6")


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """A person's choices for reading a source's files; an empty value leaves it to be recognized.

    delimiter: one character. encoding: a name of Python's codecs. header_line: 1 for the first line. sheet: a name.
    """

    delimiter: str = ""
    encoding: str = ""
    header_line: int = 0
    sheet: str = ""


AS_RECOGNIZED = ReadingOptions()


@dataclass(slots=True)
class TableFile:
    """One table: a file, a member of an archive, or a sheet of a workbook. `quirks` counts what was odd about it, by kind.

    part: what the table is called within its file. size: bytes, or cells of a sheet, to compare it with the file's other
    tables.
    """

    name: str
    path: Path
    member: str = ""
    part: str = ""
    size: int = 0
    is_hidden: bool = False
    encoding: str = ""
    quirks: dict[str, int] = field(default_factory=dict)
    bytes_read: int = 0  # of the file, as packed, at the last reading

    def fraction_read(self) -> float:
        """Return how much of its file has been read, 0 to 1. Members of an archive lie one behind the other in it."""
        return min(1.0, self.bytes_read / max(1, self.path.stat().st_size))

    def read_text(self) -> Iterator[str]:
        """Yield the whole text in pieces; every line end is "\\n". Raises UnreadableFileError, at any piece."""
        try:
            with self._open() as (stream, file):
                for text in decode_text(stream, self.name, self.quirks, self.encoding):
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


class TableUnpacker(ExitStack):
    """Lists the tables in files. Sheets of workbooks lie unpacked in a private folder until the unpacker is closed."""

    def __init__(self) -> None:
        super().__init__()
        self._folder: Path | None = None
        self._workbook_count = 0

    def list_tables(self, path: Path, options: ReadingOptions = ReadingOptions()) -> list[TableFile]:
        """Return the tables in a file: itself, the sheets of a workbook, or the tables of a zip archive by name.

        Raises UnreadableFileError.
        """
        head = read_start(path)
        members = _archive_sizes(path) if head in _ZIP_STARTS else {}
        if workbooks.is_workbook(head, list(members)):
            tables = self._list_sheets(path, path.name, options.sheet)
        elif members:
            tables = self._list_archive(path, members, options.sheet)
        else:
            if head[:2] == b"\x1f\x8b":
                _refuse_bomb(path, _gzip_sizes(path))
            tables = [TableFile(path.name, path)]
        if not any(table.part and not table.member for table in tables):  # sheets have no encoding to choose
            for table in tables:
                table.encoding = options.encoding
        return tables

    def _list_archive(self, path: Path, sizes: dict[str, int], sheet: str) -> list[TableFile]:
        members = sorted(name for name in sizes if _is_table(name))
        if not members or len(members) > MAX_ARCHIVE_TABLES:
            raise UnreadableFileError(
                _(
                    "%(name)s is a zip archive with %(count)d tables (.csv, .tsv, .txt, .json, .xlsx, .xls, .ods); it should"
                    " contain 1 to %(most)d."
                )
                % {"name": path.name, "count": len(members), "most": MAX_ARCHIVE_TABLES}
            )
        _refuse_bomb(path, (sizes[name] for name in members))
        tables: list[TableFile] = []
        for name in members:
            shown = f"{path.name}/{name}"
            if name.lower().endswith(workbooks.SUFFIXES):
                tables += self._list_sheets(self._unpack_member(path, name), shown, sheet)
            else:
                tables.append(TableFile(shown, path, name, name, sizes[name]))
        return tables

    def _list_sheets(self, path: Path, name: str, chosen: str) -> list[TableFile]:
        """Return the sheets of a workbook, or the one that was chosen. Raises UnreadableFileError."""
        folder = self._make_folder()
        sheets = workbooks.write_sheets(path, name, folder)
        if chosen:
            fitting = [sheet for sheet in sheets if sheet.name.strip().casefold() == chosen.strip().casefold()]
            if not fitting:
                raise UnreadableFileError(
                    _("%(name)s has no sheet “%(sheet)s”. It has: %(sheets)s.")
                    % {"name": name, "sheet": chosen, "sheets": ", ".join(sheet.name for sheet in sheets[:20])}
                )
            sheets = fitting
        return [
            TableFile(
                f"{name}/{sheet.name}", sheet.path, part=sheet.name, size=sheet.cell_count, is_hidden=sheet.is_hidden
            )
            for sheet in sheets
        ]

    def _unpack_member(self, path: Path, member: str) -> Path:
        unpacked = self._make_folder() / "workbook"
        try:
            with zipfile.ZipFile(path) as archive, archive.open(member) as stream, unpacked.open("wb") as copy:
                shutil.copyfileobj(stream, copy)
        except (EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError) as error:
            raise UnreadableFileError(
                _("%(name)s is damaged, or has a password: “%(member)s” in it can't be unpacked.")
                % {"name": path.name, "member": member}
            ) from error
        return unpacked

    def _make_folder(self) -> Path:
        """Return a new empty folder. It lies in memory where there is one, and is removed even after a crash."""
        if self._folder is None:
            self._folder = self.enter_context(file_cleaning.open_workspace(allow_disk=True))
        self._workbook_count += 1
        folder = self._folder / str(self._workbook_count)
        folder.mkdir(mode=0o700)
        return folder


def read_start(path: Path) -> bytes:
    """Return the first four bytes of a file. Raises UnreadableFileError if there is no such file."""
    if not path.is_file():
        wrong = _("%(name)s is a folder, not a file.") if path.is_dir() else _("There is no file %(name)s.")
        raise UnreadableFileError(wrong % {"name": path})
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise UnreadableFileError(
            _("%(name)s can't be read: %(why)s.") % {"name": path, "why": error.strerror}
        ) from error


def _archive_sizes(path: Path) -> dict[str, int]:
    """Return the unpacked size of each member. zipfile unpacks no more of a member than that."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {member.filename: member.file_size for member in archive.infolist()}
    except zipfile.BadZipFile as error:
        raise UnreadableFileError(
            _("%(name)s is a zip archive that is damaged or incomplete. Send it again.") % {"name": path.name}
        ) from error


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
    """Return whether a member's name is that of a table: no folder, and none of the files that systems add beside each file."""
    file_name = member.rpartition("/")[2]
    return (
        file_name.lower().endswith((*_TEXT_SUFFIXES, *workbooks.SUFFIXES))
        and not file_name.startswith(("._", "~$"))
        and not member.startswith("__MACOSX/")
    )
