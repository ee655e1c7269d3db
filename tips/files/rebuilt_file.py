"""A rebuilt file as it lies in the store: one sealed file, its parts one after the other, and at its end what they are."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from file_cleaning import MediaKind, RebuiltFile
from tips import vault
from tips.files import sealed_store


@dataclass(frozen=True, slots=True)
class Part:
    """`start` and `length` in bytes; `width` and `height` in pixels, None for sound and bound documents."""

    role: str
    type: str
    start: int
    length: int
    width: int | None
    height: int | None


def seal(rebuilt: RebuiltFile) -> tuple[uuid.UUID, bytes]:
    """Seal what came out of the sandbox under a new key; returns (file, key) once it is on the disk.

    Raises store.StoreFullError; then nothing of it is left.
    """
    file, key = uuid.uuid4(), vault.random_key()
    writer = sealed_store.Writer(file, key)
    try:
        parts = []
        for part in rebuilt.parts:
            start = writer.offset
            with part.path.open("rb") as stream:
                while piece := stream.read(sealed_store.CHUNK):
                    writer.write(piece)
            parts.append(Part(part.role, part.media_type, start, writer.offset - start, part.width, part.height))
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


class Container:
    """A rebuilt file, opened with its key. Raises FileNotFoundError and vault.SealError."""

    def __init__(self, file: uuid.UUID, key: bytes) -> None:
        self._reader = sealed_store.Reader(file, key)
        content = self._reader.content
        self.kind = MediaKind(content["kind"])
        self.duration: float | None = content["duration"]
        self.parts = [Part(**part) for part in content["parts"]]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._reader.close()

    def numbers(self, role: str) -> list[int]:
        """Which of `parts` have this role, in order: one, except for the pages of a document."""
        return [number for number, part in enumerate(self.parts) if part.role == role]

    def read(self, part: Part, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes of a part from `start` to before `stop`; only their chunks are opened."""
        stop = part.length if stop is None else min(stop, part.length)
        return self._reader.read(part.start + start, part.start + stop)
