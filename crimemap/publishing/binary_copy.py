"""TODO docstring."""

from __future__ import annotations

import struct
from collections.abc import Generator

import numpy as np

from crimemap.snapshot.format import ID_CHARACTERS, Array

CHUNK = 50_000  # rows decoded at a time
# A row of COPY's binary format: the number of fields, then each with its length before it, all big-endian.
ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("id_bytes", ">i4"),
        ("id", ">i8"),
        ("public_id_bytes", ">i4"),
        ("public_id", f"S{ID_CHARACTERS}"),
        ("start_bytes", ">i4"),
        ("start", ">i8"),
        ("end_bytes", ">i4"),
        ("end", ">i8"),
        ("kind_bytes", ">i4"),
        ("kind", ">i8"),
        ("place_bytes", ">i4"),
        ("place", ">i8"),
    ]
)
SIGNATURE = b"PGCOPY\n\xff\r\n\0"
BEFORE_2000 = 946_684_800_000_000  # PostgreSQL counts microseconds since 2000
QUARTER = 900_000_000  # microseconds of a quarter of an hour: no clock on earth is off by less


class BinaryCopyDecoder:
    """Takes the rows of a binary COPY one by one, as psycopg2 hands them over, and makes columns of them."""

    KINDS = {"id": "i8", "public_id": f"S{ID_CHARACTERS}", "start": "i4", "end": "i4", "kind": "i8", "place": "i8"}

    def __init__(self) -> None:
        self.parts: dict[str, list[Array]] = {name: [] for name in self.KINDS}
        self.rows: list[bytes] = []
        taking = self._take()
        next(taking)
        self.write = taking.send  # half the cost of a method, millions of times

    def _take(self) -> Generator[None, bytes, None]:
        while True:
            append = self.rows.append
            for _ in range(CHUNK):
                append((yield))
            self._decode()

    def columns(self) -> dict[str, Array]:
        """`start` and `end` in quarters of an hour since 1970 (UTC); `kind` and `place` are hashes."""
        self._decode()
        return {
            name: np.concatenate(self.parts.pop(name)) if self.parts[name] else np.empty(0, kind)
            for name, kind in self.KINDS.items()
        }

    def _decode(self) -> None:
        rows = self.rows
        if rows and rows[0].startswith(SIGNATURE):
            (extension,) = struct.unpack_from(">i", rows[0], 15)
            rows[0] = rows[0][19 + extension :]
        if rows and len(rows[-1]) == 2:  # the end mark
            rows.pop()
        decoded = np.frombuffer(b"".join(rows), ROW)
        self.rows = []
        for name in ("id", "public_id", "kind", "place"):
            self.parts[name].append(decoded[name].astype(self.KINDS[name]))
        for name in ("start", "end"):
            self.parts[name].append(((decoded[name] + BEFORE_2000) // QUARTER).astype("i4"))
