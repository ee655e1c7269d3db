"""Stored incidents as columns: what publication works on. Private: domestic flags, held and hidden rows are in here.

An incident is a position in arrays of one length. What many share stands in tables that the arrays point into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from crimemap.snapshot import format

MINUTE, HOUR, DAY, MONTH = range(4)

COLUMNS: dict[str, str] = {
    "id": "i8",
    "public_id": f"S{format.ID_CHARACTERS}",
    "hour": "i4",  # the start: local hours since 1970-01-01 00:00
    "end_day": "i4",  # the last local day it can have happened on, in days since 1970-01-01
    "kind": "i4",  # into `kinds`
    "place": "i4",  # into `places`
}
# Columns of `kinds`: primary keys of source and offence code (0: none), position in PRECISIONS, 0 or 1, texts.
SOURCE, CODE, PRECISION, DOMESTIC, REMOVED, DESCRIPTION, OUTCOME = range(7)
# Columns of `places`: 1/DEGREE degrees or NOWHERE, texts.
LATITUDE, LONGITUDE, DISTRICT, BEAT, NEIGHBOURHOOD, BLOCK_TEXT = range(6)


@dataclass(frozen=True, slots=True)
class Records:
    """`columns`: one array for each of COLUMNS. `kinds` (n x 7, i4) and `places` (n x 6, i4) may hold a line twice.

    Their texts are positions in `texts`, where 0 is "": unknown.
    """

    columns: dict[str, format.Array]
    kinds: format.Array
    places: format.Array
    texts: list[str]

    def __len__(self) -> int:
        return len(self.columns["id"])

    def __getitem__(self, name: str) -> format.Array:
        return self.columns[name]

    def of_kind(self, column: int) -> format.Array:
        """One column of `kinds`, by record."""
        result: format.Array = self.kinds[:, column][self.columns["kind"]]
        return result

    def where(self, chosen: format.Array) -> Records:
        """Those of a boolean mask or an array of positions, with the same tables."""
        return replace(self, columns={name: column[chosen] for name, column in self.columns.items()})


EMPTY = Records(
    {name: np.empty(0, kind) for name, kind in COLUMNS.items()}, np.empty((0, 7), "i4"), np.empty((0, 6), "i4"), [""]
)


class Reclassification(NamedTuple):
    """`incident`: primary key; `day`: of the import that told, where it happened, in days since 1970-01-01; the offence
    codes before and after: primary keys."""

    incident: int
    public_id: str
    day: int
    before: int
    after: int


def joined(first: Records, second: Records) -> Records:
    """All of both, one after the other; their tables, too."""
    columns = {}
    for name in COLUMNS:
        shift = {"kind": len(first.kinds), "place": len(first.places)}.get(name)
        added = second[name] if shift is None else second[name] + np.int32(shift)
        columns[name] = np.concatenate([first[name], added])
    by = len(first.texts) - 1
    return Records(
        columns,
        np.concatenate([first.kinds, _shifted(second.kinds, [DESCRIPTION, OUTCOME], by)]),
        np.concatenate([first.places, _shifted(second.places, [DISTRICT, BEAT, NEIGHBOURHOOD, BLOCK_TEXT], by)]),
        first.texts + second.texts[1:],
    )


def _shifted(table: format.Array, texts: Sequence[int], by: int) -> format.Array:
    result = table.copy()
    result[:, texts] += np.where(result[:, texts] == 0, 0, by).astype("i4")
    return result
