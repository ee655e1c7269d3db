"""Decoder of PostgreSQL's binary COPY format into numpy columns.

adbc-driver-postgresql was measured against it on the same 2,000,000 rows (median of 3 runs): 12.9 s instead of 11.5 s for
the rows, 3.3 s instead of 2.8 s of our own processor time, a peak of 434 MB instead of 380 MB.
"""

from __future__ import annotations

import struct
from collections.abc import Generator

import numpy as np

from crimemap.snapshot.format import ID_CHARACTERS, Array

CHUNK_ROWS = 50_000  # decoded at a time
# A row in COPY's binary format: the number of fields, then each field after its length in bytes, all big-endian.
# https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
ROW_TYPE = np.dtype(
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
MICROSECONDS_1970_TO_2000 = 946_684_800_000_000  # PostgreSQL counts microseconds from 2000-01-01
QUARTER_MICROSECONDS = 900_000_000  # a quarter of an hour, the finest offset of any time zone


class BinaryCopyDecoder:
    """A file-like object for psycopg2's copy_expert: collects the rows of a binary COPY and decodes them to columns."""

    TYPES = {"id": "i8", "public_id": f"S{ID_CHARACTERS}", "start": "i4", "end": "i4", "kind": "i8", "place": "i8"}

    def __init__(self) -> None:
        self.parts: dict[str, list[Array]] = {name: [] for name in self.TYPES}
        self.rows: list[bytes] = []
        collector = self._collect()
        next(collector)
        self.write = collector.send  # called millions of times, at half the cost of a method

    def _collect(self) -> Generator[None, bytes, None]:
        while True:
            append = self.rows.append
            for _ in range(CHUNK_ROWS):
                append((yield))
            self._decode()

    def columns(self) -> dict[str, Array]:
        """Return the columns: start and end in quarters of an hour since 1970 (UTC), kind and place as hashes."""
        self._decode()
        return {
            name: np.concatenate(self.parts.pop(name)) if self.parts[name] else np.empty(0, dtype)
            for name, dtype in self.TYPES.items()
        }

    def _decode(self) -> None:
        rows = self.rows
        if rows and rows[0].startswith(SIGNATURE):
            (extension,) = struct.unpack_from(">i", rows[0], 15)
            rows[0] = rows[0][19 + extension :]
        if rows and len(rows[-1]) == 2:  # the end-of-data marker
            rows.pop()
        decoded = np.frombuffer(b"".join(rows), ROW_TYPE)
        self.rows = []
        for name in ("id", "public_id", "kind", "place"):
            self.parts[name].append(decoded[name].astype(self.TYPES[name]))
        for name in ("start", "end"):
            self.parts[name].append(((decoded[name] + MICROSECONDS_1970_TO_2000) // QUARTER_MICROSECONDS).astype("i4"))
