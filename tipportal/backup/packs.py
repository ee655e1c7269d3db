"""Packs: many sealed files in one part, so that a thief of the folder can count neither files nor those of one day.

Each backup writes at least one new pack of at least STEP_BYTES, whether a file came or not. A pack is used by later backups
until less than half of it is of files that exist; then these move to a new one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from tipportal.backup.errors import BackupError
from tipportal.backup.sealed_parts import Part, PartReader, PartWriter
from tips import vault
from tips.files import sealed_store

PACK_BYTES = 256 * 1024**2
STEP_BYTES = 16 * 1024**2
_PIECE_BYTES = 1024**2


@dataclass(frozen=True, slots=True)
class Place:
    """The bytes of a file in a pack: from `start` to before `stop`."""

    pack: str
    start: int
    stop: int


Places = dict[str, Place]  # by the file's id


class PackWriter:
    """Copies files of the store to new packs in a folder. `keys` are those of the packs, by their ids."""

    def __init__(self, folder: Path, public: vault.KeyFile) -> None:
        self.places: Places = {}
        self.parts: list[Part] = []
        self.keys: dict[str, bytes] = {}
        self._folder, self._public = folder, public
        self._writer: PartWriter | None = None

    def add(self, files: Iterable[str]) -> set[str]:
        """Copy these files, and return those that are not in the store."""
        return {file for file in sorted(files) if not self._copy(file)}

    def finish(self) -> None:
        """Close the last pack. Writes one without files if there was none."""
        self._close() if self._writer or self.parts else self._close(self._open())

    def abandon(self) -> None:
        """Remove the pack that is being written."""
        if self._writer is not None:
            self._writer.__exit__(None, None, None)

    def _copy(self, file: str) -> bool:
        try:
            stream = sealed_store.file_path(UUID(file)).open("rb")
        except FileNotFoundError:
            return False
        with stream:
            writer = self._writer or self._open()
            start = writer.length
            while piece := stream.read(_PIECE_BYTES):
                writer.write(piece)
        self.places[file] = Place(str(writer.id), start, writer.length)
        if writer.length >= PACK_BYTES:
            self._close()
        return True

    def _open(self) -> PartWriter:
        self._writer = PartWriter(self._folder, STEP_BYTES)
        return self._writer

    def _close(self, writer: PartWriter | None = None) -> None:
        if writer := writer or self._writer:
            self.parts.append(writer.finish(self._public))
            self.keys[str(writer.id)] = writer.key
        self._writer = None


def choose_packs(
    packs: Iterable[Part], places: Places, files: Collection[str], key_id: str
) -> tuple[list[Part], Places]:
    """Return the packs of an earlier backup that the next one uses, and where in them these files are."""
    used: dict[str, int] = {}
    for file, place in places.items():
        if file in files:
            used[place.pack] = used.get(place.pack, 0) + place.stop - place.start
    kept = [pack for pack in packs if pack.key_id == key_id and 2 * used.get(pack.id, 0) >= pack.bytes]
    ids = {pack.id for pack in kept}
    return kept, {file: place for file, place in places.items() if file in files and place.pack in ids}


def read_files(
    folder: Path, packs: Iterable[Part], keys: dict[str, bytes], places: Places
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield each file's id and its bytes in pieces, pack by pack. Raises BackupError."""
    by_pack: dict[str, list[tuple[int, int, str]]] = {}
    for file, place in places.items():
        by_pack.setdefault(place.pack, []).append((place.start, place.stop, file))
    for pack in packs:
        if pack.id not in by_pack:
            continue
        with PartReader(folder, pack, keys[pack.id]) as reader:
            for start, stop, file in sorted(by_pack.pop(pack.id)):
                yield file, reader.read(start, stop)
    if by_pack:
        raise BackupError("The index of this backup names packs that don't belong to it. Restore another backup.")
