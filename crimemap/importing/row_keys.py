"""Gives each row of a file the key under which it is stored, so that the same file twice is the same incidents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from crimemap.importing.parsed_rows import ParsedRow
from crimemap.importing.readers.cells import LOST_ID
from crimemap.importing.readers.errors import UnreadableFileError

SAME_AS_BEFORE = ""  # in place of the key of a row that an earlier row with its id equals in all that is read
LOST_ID_PREFIX = "~?"  # of the key of a row whose id this file has lost
MAX_SHARED_IDS = 1_000_000  # rows that share their id with another; beyond it the column holds no ids


class RowKeys:
    """Assigns the keys of one file's rows: the id; without an id, or if an earlier row has it, a hash and an ordinal.

    A row whose id this file has lost gets LOST_ID_PREFIX, so that it is found when a later file has the id (matching.py).
    Which of several rows with one id comes first may change from file to file: a row that is stored with the same content
    under a hash beside its id (`siblings`: content hash by key) stays there. A row that equals an earlier one with its id is
    the same incident, exported once for each victim or charge. A row that was met takes 16 bytes.
    """

    def __init__(self, file_name: str, siblings: Mapping[str, bytes], *, copies_are_one: bool = False) -> None:
        """`copies_are_one`: rows without an id that equal an earlier row are the same incident, too."""
        self.file_name, self.siblings, self.copies_are_one = file_name, siblings, copies_are_one
        self.ids_with_siblings = {key.partition("~")[0] for key in siblings}
        self.known_keys, self.known_contents = _KnownHashes(), _KnownHashes()
        self.ordinals: Counter[str] = Counter()
        self.shared_id_count = 0  # rows whose id an earlier row has
        self.copy_count = 0  # rows that equal an earlier one with their id, or any earlier one if copies are one
        self.identical_count = 0  # rows without an id that equal an earlier row

    def assign(self, rows: Sequence[ParsedRow]) -> list[str]:
        """Raises UnreadableFileError if too many rows share an id."""
        keys = [_first_key(row) for row in rows]
        copies = self._find_copies(rows)
        for index in copies:
            keys[index] = SAME_AS_BEFORE
        if self.ids_with_siblings:
            self._keep_siblings(rows, keys)
        for index in self.known_keys.find_repeated(list(map(hash, keys))):
            row = rows[index]
            if keys[index] == SAME_AS_BEFORE:
                continue
            if not keys[index].startswith("~"):
                keys[index] = self._sibling_key(row)
                self.shared_id_count += 1
                self.ordinals[_hashed_key(row)] += 1
            elif self.copies_are_one and not keys[index].startswith(LOST_ID_PREFIX):
                self.copy_count += 1
                keys[index] = SAME_AS_BEFORE
            else:  # the first of these rows was counted by its key alone
                self.identical_count += 1
                self.ordinals[keys[index]] += 1
                keys[index] += f"~{self.ordinals[keys[index]] + 1}"
        if len(self.ordinals) > MAX_SHARED_IDS:
            raise UnreadableFileError(
                _(
                    "%(name)s: more than a million rows share their id with another row, so that column doesn't contain ids."
                )
                % {"name": self.file_name}
            )
        return keys

    def _find_copies(self, rows: Sequence[ParsedRow]) -> list[int]:
        """Return the indexes of rows that equal an earlier row with their id."""
        with_ids = [index for index, row in enumerate(rows) if row.external_id not in ("", LOST_ID)]
        contents = [hash((rows[index].external_id, rows[index].content_hash())) for index in with_ids]
        copies = [with_ids[position] for position in self.known_contents.find_repeated(contents)]
        self.copy_count += len(copies)
        return copies

    def _keep_siblings(self, rows: Sequence[ParsedRow], keys: list[str]) -> None:
        for index, row in enumerate(rows):
            if row.external_id not in self.ids_with_siblings or keys[index] == SAME_AS_BEFORE:
                continue
            key = self._sibling_key(row)
            if self.siblings.get(key) == row.content_hash():
                self.ordinals[_hashed_key(row)] += 1
                keys[index] = key
                self.shared_id_count += 1

    def _sibling_key(self, row: ParsedRow) -> str:
        """Return the key of a row that is not the first with its id."""
        ordinal = self.ordinals[_hashed_key(row)] + 1
        return f"{_hashed_key(row)}~{ordinal}" if ordinal > 1 else _hashed_key(row)


class _KnownHashes:
    """Hashes that were met, 8 bytes each, in sorted arrays, each less than half as long as the one before."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray[Any, np.dtype[np.int64]]] = []

    def find_repeated(self, values: list[int]) -> list[int]:
        """Return the indexes of hashes that came before, and remember the others."""
        hashes = np.fromiter(values, np.int64, len(values))
        repeated = np.ones(len(values), bool)
        repeated[np.unique(hashes, return_index=True)[1]] = False
        for known in self.arrays:
            repeated |= known[np.minimum(np.searchsorted(known, hashes), len(known) - 1)] == hashes
        self.arrays.append(np.unique(hashes[~repeated]))
        while len(self.arrays) > 1 and len(self.arrays[-1]) * 2 > len(self.arrays[-2]):
            self.arrays[-2:] = [np.sort(np.concatenate(self.arrays[-2:]), kind="stable")]
        if self.arrays and not len(self.arrays[-1]):
            self.arrays.pop()
        return np.flatnonzero(repeated).tolist()


def _first_key(row: ParsedRow) -> str:
    if row.external_id == LOST_ID:
        return f"{LOST_ID_PREFIX}{row.identity_hash()}"
    return row.external_id or f"~{row.identity_hash()}"


def _hashed_key(row: ParsedRow) -> str:
    return f"{row.external_id}~{row.identity_hash()[:16]}"
