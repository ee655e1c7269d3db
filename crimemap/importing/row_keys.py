"""Under which key each row of a file is stored, so that the same file twice is the same incidents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from crimemap.importing.parsed_rows import ParsedRow
from crimemap.importing.readers.cells import LOST_ID
from crimemap.importing.readers.files import UnreadableFileError

LOST_ID_PREFIX = "~?"  # how the key of a row begins that has an id which its file did not say
MAX_SHARED_IDS = 1_000_000  # rows that share their id with another: more, and the column holds no ids


class RowKeys:
    """What each row of a file is kept under: its id; without one, or when a row before has it, a hash and an ordinal. What
    has lost its id in this file alone is marked (ANONYMOUS), so that it is found when the id comes (recognizing.py).

    Which of some rows with one id comes first may change from file to file: a row that is stored as it is under a hash
    beside its id (`siblings`) stays there. Which ids have been met is kept in 8 bytes each.
    """

    def __init__(self, name: str, siblings: Mapping[str, bytes]) -> None:
        self.name, self.siblings = name, siblings
        self.shared = {key.partition("~")[0] for key in siblings}
        self.met: list[np.ndarray[Any, np.dtype[np.int64]]] = []
        self.ordinals: Counter[str] = Counter()
        self.repeated, self.alike = 0, 0  # rows whose id a row before has; rows without id that are like one before

    def of(self, rows: Sequence[ParsedRow]) -> list[str]:
        """Raises UnreadableError when ids repeat beyond reason."""
        ids = [_key(row) for row in rows]
        if self.shared:
            for at, row in enumerate(rows):
                if row.external_id in self.shared and self.siblings.get(key := self._beside(row)) == row.content():
                    self.ordinals[_hashed(row)] += 1
                    ids[at] = key
                    self.repeated += 1
        for at in self._repeated(ids):
            row = rows[at]
            if not ids[at].startswith("~"):
                ids[at] = self._beside(row)
                self.repeated += 1
                self.ordinals[_hashed(row)] += 1
            else:  # the first of its kind was counted by its key alone
                self.alike += 1
                self.ordinals[ids[at]] += 1
                ids[at] += f"~{self.ordinals[ids[at]] + 1}"
        if len(self.ordinals) > MAX_SHARED_IDS:
            raise UnreadableFileError(
                _("%(name)s: more than a million rows have the same id as another. That column holds no ids.")
                % {"name": self.name}
            )
        return ids

    def _beside(self, row: ParsedRow) -> str:
        """The key of a row that is not the first with its id."""
        ordinal = self.ordinals[_hashed(row)] + 1
        return f"{_hashed(row)}~{ordinal}" if ordinal > 1 else _hashed(row)

    def _repeated(self, ids: list[str]) -> list[int]:
        hashes = np.fromiter(map(hash, ids), np.int64, len(ids))
        again = np.ones(len(ids), bool)
        again[np.unique(hashes, return_index=True)[1]] = False
        for met in self.met:
            again |= met[np.minimum(np.searchsorted(met, hashes), len(met) - 1)] == hashes
        self.met.append(np.unique(hashes[~again]))
        while len(self.met) > 1 and len(self.met[-1]) * 2 > len(self.met[-2]):
            self.met[-2:] = [np.sort(np.concatenate(self.met[-2:]), kind="stable")]
        if self.met and not len(self.met[-1]):
            self.met.pop()
        return np.flatnonzero(again).tolist()


def _key(row: ParsedRow) -> str:
    if row.external_id == LOST_ID:
        return f"{LOST_ID_PREFIX}{row.identity()}"
    return row.external_id or f"~{row.identity()}"


def _hashed(row: ParsedRow) -> str:
    return f"{row.external_id}~{row.identity()[:16]}"
