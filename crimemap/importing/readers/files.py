"""An agency's file as the tables in it: text, a workbook, gzip or zip, read in bounded memory.

    with TableUnpacker() as unpacker:
        for table in unpacker.list_tables(path): ...

Knows nothing of columns. UnreadableFileError says in a sentence for administrators why a file cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.translation import gettext as _

import file_cleaning
from crimemap.importing.readers import unpacking, workbooks
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.importing.readers.text_decoding import ByteStream, decode_text
from crimemap.importing.readers.unpacking_process import GZIP_MEMBER, MAX_ARCHIVE_TABLES, PIECE_BYTES, WORKBOOK_SUFFIXES


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

    member: its number in a packed file. part: what the table is called within its file. size: bytes, or cells of a sheet, to
    compare it with the file's other tables.
    """

    name: str
    path: Path
    member: int | None = None
    part: str = ""
    size: int = 0
    is_hidden: bool = False
    encoding: str = ""
    quirks: dict[str, int] = field(default_factory=dict)
    bytes_read: int = 0  # of the file, as packed, at the last reading

    @property
    def is_sheet(self) -> bool:
        """Return whether the table is a sheet of a workbook."""
        return bool(self.part) and self.member == GZIP_MEMBER

    def fraction_read(self) -> float:
        """Return how much of its file has been read, 0 to 1. Members of an archive lie one behind the other in it."""
        return min(1.0, self.bytes_read / max(1, self.path.stat().st_size))

    def read_text(self) -> Iterator[str]:
        """Yield the whole text in pieces; every line end is "\\n". Raises UnreadableFileError, at any piece."""
        with self._open() as (stream, tell):
            for text in decode_text(stream, self.name, self.quirks, self.encoding):
                self.bytes_read = tell()
                yield text

    @contextmanager
    def _open(self) -> Iterator[tuple[ByteStream, Callable[[], int]]]:
        """Open the content, and a function that returns how many bytes of the file have been read."""
        if self.member is None:
            with self.path.open("rb") as file:
                yield file, file.tell
        else:
            with unpacking.open_member(self.path, self.member, self.name) as stream:
                yield stream, stream.tell_packed


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
        listing = unpacking.list_members(path) if unpacking.is_packed(head) else None
        if head == workbooks.OLE_START or (listing and listing.is_workbook):
            tables = self._list_sheets(path, path.name, options.sheet)
        elif listing and head in unpacking.ZIP_STARTS:
            tables = self._list_archive(path, listing, options.sheet)
        else:
            tables = [TableFile(path.name, path, GZIP_MEMBER if listing else None)]
        if not any(table.is_sheet for table in tables):  # they have no encoding to choose
            for table in tables:
                table.encoding = options.encoding
        return tables

    def _list_archive(self, path: Path, listing: unpacking.Listing, sheet: str) -> list[TableFile]:
        if not 0 < listing.count <= MAX_ARCHIVE_TABLES:
            raise UnreadableFileError(
                _(
                    "%(name)s is a zip archive with %(count)d tables (.csv, .tsv, .txt, .json, .xlsx, .xls, .ods); it should"
                    " contain 1 to %(most)d."
                )
                % {"name": path.name, "count": listing.count, "most": MAX_ARCHIVE_TABLES}
            )
        tables: list[TableFile] = []
        workbook_count = sum(_is_workbook(member) for member in listing.members)
        for member in listing.members:
            shown = f"{path.name}/{member.name}"
            if _is_workbook(member):
                limits = {"packed_size": member.packed_size, "workbook_count": workbook_count}
                tables += self._list_sheets(self._unpack_member(path, member.number, shown), shown, sheet, **limits)
            else:
                tables.append(TableFile(shown, path, member.number, member.name, member.size))
        return tables

    def _list_sheets(self, path: Path, name: str, chosen: str, **limits: int) -> list[TableFile]:
        """Return the sheets of a workbook, or the one that was chosen. Raises UnreadableFileError."""
        folder = self._make_folder()
        sheets = workbooks.write_sheets(path, name, folder, **limits)
        if chosen:
            fitting = [sheet for sheet in sheets if sheet.name.strip().casefold() == chosen.strip().casefold()]
            if not fitting:
                raise UnreadableFileError(
                    _("%(name)s has no sheet “%(sheet)s”. It has: %(sheets)s.")
                    % {"name": name, "sheet": chosen, "sheets": ", ".join(sheet.name for sheet in sheets[:20])}
                )
            sheets = fitting
        return [
            TableFile(f"{name}/{sheet.name}", sheet.path, GZIP_MEMBER, sheet.name, sheet.cell_count, sheet.is_hidden)
            for sheet in sheets
        ]

    def _unpack_member(self, path: Path, number: int, name: str) -> Path:
        unpacked = self._make_folder() / "workbook"
        with unpacking.open_member(path, number, name) as stream, unpacked.open("wb") as copy:
            while piece := stream.read(PIECE_BYTES):
                copy.write(piece)
        return unpacked

    def _make_folder(self) -> Path:
        """Return a new empty folder. It lies in memory where there is one, and is removed even after a crash."""
        if self._folder is None:
            self._folder = self.enter_context(file_cleaning.open_workspace(allow_disk=True))
        self._workbook_count += 1
        folder = self._folder / str(self._workbook_count)
        folder.mkdir(mode=0o700)
        return folder


def _is_workbook(member: unpacking.Member) -> bool:
    return member.name.lower().endswith(WORKBOOK_SUFFIXES)


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
