"""Packed files, gzip and zip, as their content: a confined process (unpacking_process.py) unpacks them piece by piece."""

from __future__ import annotations

import os
import selectors
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from crimemap.importing.readers import unpacking_process
from crimemap.importing.readers.errors import UnreadableFileError
from file_cleaning.confinement.child_process import ChildProcess

ZIP_STARTS, GZIP_START = (b"PK\3\4", b"PK\5\6"), b"\x1f\x8b"
MAX_SILENCE_SECONDS = 60  # of the process, while the importer waits for its next piece
# Isolated mode leaves the project's folder off the path.
_BOOTSTRAP = """
import sys
sys.path.append(sys.argv.pop(1))
from crimemap.importing.readers.unpacking_process import main
main()
"""


class Member(NamedTuple):
    """A table in a packed file: its number in a zip archive (GZIP_MEMBER for gzip), its name there, its bytes and packed bytes."""

    number: int
    name: str
    size: int
    packed_size: int


@dataclass(frozen=True, slots=True)
class Listing:
    """The tables of a packed file; `count` is that of all, `members` are the first of them by name."""

    members: list[Member]
    count: int
    is_workbook: bool


def is_packed(head: bytes) -> bool:
    """Return whether a file that starts with these four bytes is gzip or zip."""
    return head in ZIP_STARTS or head.startswith(GZIP_START)


def list_members(path: Path) -> Listing:
    """Return the tables of a packed file. Raises UnreadableFileError, also for a bomb: its rows cost no time."""
    limits = unpacking_process.process_limits(path.stat().st_size)
    with path.open("rb") as file:
        child = _start("list", path, file.fileno(), 0)
        try:
            child.read_messages(limits.elapsed_seconds, None)
        finally:
            child.terminate()
    listing = None if child.timed_out else _check_listing(child.reply)
    if listing is not None:
        return listing
    if child.layers is None:
        raise _no_process_error(path.name)
    reason = child.reply.get("refused", "slow")  # a process that was killed ran out of its time or memory
    sentences = _sentences()
    raise UnreadableFileError(
        sentences.get(str(reason), sentences["damaged"])
        % {"name": path.name, "ratio": unpacking_process.MAX_UNPACK_RATIO}
    )


class UnpackedStream:
    """The unpacked content of a file's member, as it comes from the process. Reading raises UnreadableFileError."""

    def __init__(self, child: ChildProcess, name: str, packed: int) -> None:
        """`packed`: the descriptor of the packed file, whose position it shares with the process."""
        self._child, self._name, self._packed, self._is_over = child, name, packed, False
        assert child.process.stdout
        self._pipe = child.process.stdout.fileno()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pipe, selectors.EVENT_READ)

    def read(self, size: int, /) -> bytes:
        """Return the next `size` bytes, fewer at the end of the content."""
        pieces = []
        while size and (piece := self._read_piece(size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def tell_packed(self) -> int:
        """Return how many bytes of the packed file the process has read."""
        return os.lseek(self._packed, 0, os.SEEK_CUR)

    def skip_first_line(self) -> None:
        """Read the line that says how the process is confined."""
        line = b""
        while not line.endswith(b"\n") and len(line) < 1000:
            byte = self._read_piece(1)
            if not byte:
                break
            line += byte
        if not line.startswith(b'{"layers"'):
            raise _no_process_error(self._name)

    def _read_piece(self, size: int) -> bytes:
        if self._is_over:
            return b""
        if not self._selector.select(MAX_SILENCE_SECONDS):
            raise UnreadableFileError(_sentences()["slow"] % {"name": self._name})
        piece = os.read(self._pipe, size)
        if not piece:
            self._is_over = True
            self._check_end()
        return piece

    def _check_end(self) -> None:
        self._child.closed_output = True
        try:
            status = self._child.process.wait(MAX_SILENCE_SECONDS)
        except subprocess.TimeoutExpired:  # it has closed its output and stays
            status = unpacking_process.TOO_LARGE
        if status:
            key = {unpacking_process.DAMAGED: "cut", unpacking_process.LOCKED: "locked"}.get(status, "slow")
            raise UnreadableFileError(_sentences()[key] % {"name": self._name})

    def close(self) -> None:
        self._selector.close()
        self._child.terminate()


@contextmanager
def open_member(path: Path, number: int, name: str) -> Iterator[UnpackedStream]:
    """Open a member's content. `name`: the file's in sentences. Raises UnreadableFileError, as does reading it."""
    with path.open("rb", buffering=0) as file:
        stream = UnpackedStream(_start("read", path, file.fileno(), number), name, file.fileno())
        try:
            stream.skip_first_line()
            yield stream
        finally:
            stream.close()


def _start(command: str, path: Path, source: int, number: int) -> ChildProcess:
    return ChildProcess(_BOOTSTRAP, [command, str(path.stat().st_size), str(number)], Path("/"), source)


def _check_listing(claim: dict[str, Any]) -> Listing | None:
    """Return what the process says it found; None if it makes no sense. A hostile file may have made it lie."""
    try:
        members = [
            Member(int(number), str(name), int(size), int(packed)) for number, name, size, packed in claim["tables"]
        ]
        return Listing(members, int(claim["count"]), claim["is_workbook"] is True)
    except (KeyError, TypeError, ValueError):
        return None


def _no_process_error(name: str) -> UnreadableFileError:
    return UnreadableFileError(
        _("%(name)s can't be unpacked: the server can't start the process that unpacks files. Tell the person who runs the server.")
        % {"name": name}
    )  # fmt: skip


def _sentences() -> dict[str, str]:
    return {
        "too-large": _(
            "%(name)s unpacks to more than %(ratio)d times its size, which no real export does. If its rows are right, import"
            " it unpacked."
        ),
        "too-many-lines": _(
            "%(name)s unpacks to more lines than a file of its size ever holds, which no real export does. If its rows are right,"
            " import it unpacked."
        ),
        "damaged": _("%(name)s is a zip archive that is damaged or incomplete. Send it again."),
        "cut": _("%(name)s is damaged or incomplete: it can't be unpacked completely. Send it again."),
        "locked": _("%(name)s has a password, or is packed in a way that can't be opened."),
        "slow": _("%(name)s took too long or too much memory to unpack, so it was given up. Import it unpacked."),
    }
