"""The confined process that unpacks one file: gzip or zip on standard input, its unpacked content on standard output.

Arguments: "list" or "read", the size of the file in bytes, and for "read" the number of a zip archive's member (-1 for gzip).
The first line of standard output is a JSON object with the active layers of the sandbox. "list" adds the reply: {"tables":
[[number, name, bytes, packed bytes], ...], "count": tables in all, "is_workbook": ...} or {"refused": reason}. "read" adds the unpacked bytes;
the exit status says how they ended. No byte of the file is read before the first line is written. Started by unpacking.py;
knows no Django.
"""

from __future__ import annotations

import gzip
import json
import lzma
import os
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict
from typing import Any, BinaryIO, Protocol

from file_cleaning.confinement import sandbox
from file_cleaning.confinement.sandbox import ProcessLimits, SandboxLayers

MIB = 1024**2
# Beyond so many bytes no file may unpack to more than this multiple of its size: exports reach 30. A megabyte of rows takes
# the importer about a second.
UNCHECKED_BYTES, MAX_UNPACK_RATIO = 5_000_000, 45
# Beyond so many lines each must have taken so many bytes of the packed file: rows of real exports take 14 and more. They take 1.6
# where only month, kind and area of each are left; such a file is imported unpacked.
UNCHECKED_LINES, MIN_PACKED_LINE_BYTES = 50_000, 4
MAX_ARCHIVE_TABLES = 1_000
TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".geojson")
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
MAX_NAME = 200  # characters of a member's name
PIECE_BYTES = 262_144
GZIP_MEMBER = -1
# Exit statuses of "read", beside 0.
DAMAGED, LOCKED, TOO_LARGE = 3, 4, 5


class ByteReader(Protocol):
    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class UnpackingRefusedError(Exception):
    """The file is not unpacked. The message is a key of unpacking.py's sentences."""


def process_limits(size: int) -> ProcessLimits:
    """Return the limits for a file of `size` bytes. A byte unpacks to 45, in the slowest packing (bzip2) in 2 microseconds.

    Elapsed seconds are those of "list": "read" waits for the importer, which works on the rows meanwhile.
    """
    seconds = 10 + 4 * size // MIB
    return ProcessLimits(memory_bytes=1024 * MIB, file_bytes=0, cpu_seconds=seconds, elapsed_seconds=4 * seconds)


def main() -> None:
    command, size, member = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    memory, namespace = sandbox.confine_before_imports(process_limits(size))
    landlock, seccomp = sandbox.confine_before_reading(None, sandbox.SYSTEM_FOLDERS, None)
    pipe = os.dup(1)
    layers = SandboxLayers(namespace=namespace, landlock=landlock, seccomp=seccomp, memory=memory)
    _write(pipe, json.dumps({"layers": asdict(layers)}).encode() + b"\n")
    silence = os.open(os.devnull, os.O_RDWR)  # an error's text may quote the file
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    with open(0, "rb", closefd=False) as file:
        if command == "list":
            _write(pipe, json.dumps(_list_tables(file, size)).encode() + b"\n")
        else:
            sys.exit(_unpack(file, member, pipe))


def is_table(member: str) -> bool:
    """Return whether a member's name is that of a table: no folder, and none of the files that systems add beside each file."""
    file_name = member.rpartition("/")[2]
    return (
        file_name.lower().endswith((*TEXT_SUFFIXES, *WORKBOOK_SUFFIXES))
        and not file_name.startswith(("._", "~$"))
        and not member.startswith("__MACOSX/")
    )


def _list_tables(file: BinaryIO, size: int) -> dict[str, Any]:
    """Return the reply about a file's tables. A bomb is refused here, before a row of it costs any time."""
    try:
        if file.peek(2)[:2] == b"\x1f\x8b":  # type: ignore[attr-defined]
            # Reading it says whether it is whole.
            with suppress(EOFError, OSError, zlib.error), closing(_open_member(file, GZIP_MEMBER)) as unpacked:
                _refuse_bomb(size, _read_pieces(unpacked))
            return {"tables": [[GZIP_MEMBER, "", 0, size]], "count": 1, "is_workbook": False}
        return _list_archive(file, size)
    except UnpackingRefusedError as refusal:
        return {"refused": str(refusal)}
    except MemoryError:
        return {"refused": "slow"}
    except Exception:  # any error of a library about a damaged or hostile file
        return {"refused": "damaged"}


def _list_archive(file: BinaryIO, size: int) -> dict[str, Any]:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    names = {member.filename for member in members}
    tables = sorted(
        ((number, member) for number, member in enumerate(members) if is_table(member.filename)),
        key=lambda each: each[1].filename,
    )
    is_office = "[Content_Types].xml" in names or any(name.startswith("xl/") for name in names)
    is_workbook = is_office or {"mimetype", "content.xml"} <= names
    if not is_workbook and 0 < len(tables) <= MAX_ARCHIVE_TABLES:
        if sum(member.file_size for _number, member in tables) > _most_bytes(size):
            raise UnpackingRefusedError("too-large")
        texts = [number for number, member in tables if member.filename.lower().endswith(TEXT_SUFFIXES)]
        # Reading a member says whether it is whole, and without a password.
        with suppress(EOFError, OSError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, RuntimeError):
            _refuse_bomb(size, (piece for number in texts for piece in _read_member(file, number)))
    shown = [
        [number, member.filename[:MAX_NAME], member.file_size, member.compress_size]
        for number, member in tables[:MAX_ARCHIVE_TABLES]
    ]
    return {"tables": shown, "count": len(tables), "is_workbook": is_workbook}


def _most_bytes(size: int) -> int:
    return max(UNCHECKED_BYTES, MAX_UNPACK_RATIO * size)


def _refuse_bomb(size: int, pieces: Iterator[bytes]) -> None:
    """Refuse what unpacks to a multiple, or to so many lines or JSON objects, that no export reaches."""
    byte_count = line_count = 0
    most_lines = max(UNCHECKED_LINES, size // MIN_PACKED_LINE_BYTES)
    with closing(pieces):  # type: ignore[type-var]
        for piece in pieces:
            byte_count += len(piece)
            line_count += max(map(piece.count, (b"\n", b"\r", b"{")))
            if byte_count > _most_bytes(size):
                raise UnpackingRefusedError("too-large")
            if line_count > most_lines:
                raise UnpackingRefusedError("too-many-lines")


def _open_member(file: BinaryIO, number: int) -> ByteReader:
    file.seek(0)
    if number == GZIP_MEMBER:
        return gzip.GzipFile(fileobj=file)
    archive = zipfile.ZipFile(file)
    return archive.open(archive.infolist()[number])


def _read_member(file: BinaryIO, number: int) -> Iterator[bytes]:
    with closing(_open_member(file, number)) as unpacked:
        yield from _read_pieces(unpacked)


def _read_pieces(unpacked: ByteReader) -> Iterator[bytes]:
    while piece := unpacked.read(PIECE_BYTES):
        yield piece


def _unpack(file: BinaryIO, member: int, pipe: int) -> int:
    """Write a member's content to the pipe; return the exit status."""
    try:
        for piece in _read_member(file, member):
            _write(pipe, piece)
    except (NotImplementedError, RuntimeError):  # zipfile: unknown compression; encrypted
        return LOCKED
    except MemoryError:
        return TOO_LARGE
    except Exception:  # any error of a library about a damaged or hostile file
        return DAMAGED
    return 0


def _write(pipe: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(pipe, view) :]


if __name__ == "__main__":
    main()
