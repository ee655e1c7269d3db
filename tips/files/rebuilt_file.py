"""Rebuilt files in the sealed store: one sealed file each, its parts one after the other, described in its closing chunk."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from file_cleaning import MediaKind, RebuiltFile
from tips import vault
from tips.files import sealed_store


@dataclass(frozen=True, slots=True)
class FilePart:
    """One part of a rebuilt file, such as its thumbnail or a page.

    `type` is a media type; `start` and `length` are in bytes, `width` and `height` in pixels, None for sound and bound
    documents.
    """

    role: str
    type: str
    start: int
    length: int
    width: int | None
    height: int | None


def seal(rebuilt: RebuiltFile) -> tuple[uuid.UUID, bytes]:
    """Seal a rebuilt file under a new key; return (file, key) once it is on the disk.

    Raises sealed_store.StoreFullError, with nothing of it left in the store.
    """
    file, key = uuid.uuid4(), vault.generate_key()
    writer = sealed_store.Writer(file, key)
    try:
        parts = []
        for part in rebuilt.parts:
            start = writer.offset
            with part.path.open("rb") as stream:
                while piece := stream.read(sealed_store.CHUNK_BYTES):
                    writer.write(piece)
            parts.append(FilePart(part.role, part.media_type, start, writer.offset - start, part.width, part.height))
        writer.finish(
            kind=rebuilt.kind.value,
            duration=rebuilt.duration_seconds,
            pages=rebuilt.pages,
            parts=[dataclasses.asdict(part) for part in parts],
        )
    except BaseException:
        writer.discard()
        raise
    return file, key


class RebuiltFileReader(sealed_store.Reader):
    """A rebuilt file, opened with its key. Raises FileNotFoundError and vault.SealError.

    `duration_seconds` is None for photos and documents.
    """

    def __init__(self, file: uuid.UUID, key: bytes) -> None:
        super().__init__(file, key)
        self.kind = MediaKind(self.content["kind"])
        self.duration_seconds: float | None = self.content["duration"]
        self.parts = [FilePart(**part) for part in self.content["parts"]]

    def part_indexes(self, role: str) -> list[int]:
        """Return the indexes of the `parts` with this role, in order: one, except for the pages of a document."""
        return [index for index, part in enumerate(self.parts) if part.role == role]

    def read_part(self, part: FilePart, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of a part from `start` to before `stop`; only the chunks they lie in are opened."""
        stop = part.length if stop is None else min(stop, part.length)
        return self.read(part.start + start, part.start + stop)
