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

LOST_ID_PREFIX = "~?"  # of the key of a row whose id this file has lost
MAX_SHARED_IDS = 1_000_000  # rows that share their id with another; beyond it the column holds no ids


class RowKeys:
    """Assigns the keys of one file's rows: the id; without an id, or if an earlier row has it, a hash and an ordinal.

    A row whose id this file has lost gets LOST_ID_PREFIX, so that it is found when a later file has the id (matching.py).
    Which of several rows with one id comes first may change from file to file: a row that is stored with the same content
    under a hash beside its id (`siblings`: content hash by key) stays there. Ids that were met take 8 bytes each.
    """

    def __init__(self, file_name: str, siblings: Mapping[str, bytes]) -> None:
        self.file_name, self.siblings = file_name, siblings
        self.ids_with_siblings = {key.partition("~")[0] for key in siblings}
        self.known_hashes: list[np.ndarray[Any, np.dtype[np.int64]]] = []  # sorted; each less than half the one before
        self.ordinals: Counter[str] = Counter()
        self.shared_id_count = 0  # rows whose id an earlier row has
        self.identical_count = 0  # rows without an id that equal an earlier row

    def assign(self, rows: Sequence[ParsedRow]) -> list[str]:
        """Raises UnreadableFileError if too many rows share an id."""
        keys = [_first_key(row) for row in rows]
        if self.ids_with_siblings:
            self._keep_siblings(rows, keys)
        for index in self._find_repeated(keys):
            row = rows[index]
            if not keys[index].startswith("~"):
                keys[index] = self._sibling_key(row)
                self.shared_id_count += 1
                self.ordinals[_hashed_key(row)] += 1
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

    def _keep_siblings(self, rows: Sequence[ParsedRow], keys: list[str]) -> None:
        for index, row in enumerate(rows):
            if row.external_id not in self.ids_with_siblings:
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

    def _find_repeated(self, keys: list[str]) -> list[int]:
        """Return the indexes of keys that came before, and remember the others."""
        hashes = np.fromiter(map(hash, keys), np.int64, len(keys))
        repeated = np.ones(len(keys), bool)
        repeated[np.unique(hashes, return_index=True)[1]] = False
        for known in self.known_hashes:
            repeated |= known[np.minimum(np.searchsorted(known, hashes), len(known) - 1)] == hashes
        self.known_hashes.append(np.unique(hashes[~repeated]))
        while len(self.known_hashes) > 1 and len(self.known_hashes[-1]) * 2 > len(self.known_hashes[-2]):
            self.known_hashes[-2:] = [np.sort(np.concatenate(self.known_hashes[-2:]), kind="stable")]
        if self.known_hashes and not len(self.known_hashes[-1]):
            self.known_hashes.pop()
        return np.flatnonzero(repeated).tolist()


def _first_key(row: ParsedRow) -> str:
    if row.external_id == LOST_ID:
        return f"{LOST_ID_PREFIX}{row.identity_hash()}"
    return row.external_id or f"~{row.identity_hash()}"


def _hashed_key(row: ParsedRow) -> str:
    return f"{row.external_id}~{row.identity_hash()[:16]}"
