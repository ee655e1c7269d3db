"""Stored incidents as columns: what publication works on. Private: domestic flags, held and hidden rows are in here.

An incident is a position in arrays of one length. What many share stands in tables that the arrays point into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

PRECISIONS = ("minute", "hour", "day", "month")
MINUTE, HOUR, DAY, MONTH = range(4)
ID_CHARACTERS = 12  # of a public id
DEGREE = 100_000  # points are kept in whole hundred-thousandths of a degree: a metre
NOWHERE = -(2**31)  # both coordinates of what has no mapped place

COLUMNS: dict[str, str] = {
    "id": "i8",
    "public_id": f"S{ID_CHARACTERS}",
    "hour": "i4",  # the start: local hours since 1970-01-01 00:00
    "end_day": "i4",  # the last local day it can have happened on, in days since 1970-01-01
    "precision": "u1",  # into PRECISIONS
    "code": "i4",  # primary key of the offence code, 0 for none
    "source": "i4",  # primary key
    "domestic": "?",
    "removed": "?",
    "place": "i4",  # into `places`
    "detail": "i4",  # into `details`
}
LATITUDE, LONGITUDE, DISTRICT, BEAT, NEIGHBOURHOOD, BLOCK_TEXT = range(6)  # columns of `places`
DESCRIPTION, OUTCOME = range(2)  # columns of `details`


@dataclass(frozen=True, slots=True)
class Records:
    """`columns`: one array for each of COLUMNS. `places` (n x 6, i4): point, areas and block; `details` (n x 2, i4).

    Points in 1/DEGREE degrees; the rest of both tables points into `texts`, where 0 is "". Tables may hold a line twice.
    """

    columns: dict[str, Array]
    places: Array
    details: Array
    texts: list[str]

    def __len__(self) -> int:
        return len(self.columns["id"])

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def where(self, chosen: Array) -> Records:
        """Those of a boolean mask or an array of positions, with the same tables."""
        return replace(self, columns={name: column[chosen] for name, column in self.columns.items()})


EMPTY = Records(
    {name: np.empty(0, kind) for name, kind in COLUMNS.items()}, np.empty((0, 6), "i4"), np.empty((0, 2), "i4"), [""]
)


def joined(parts: Sequence[Records]) -> Records:
    """All of some parts, one after the other; tables are put one after the other, too."""
    places, details, texts = [], [], [""]
    columns: dict[str, list[Array]] = {name: [] for name in COLUMNS}
    for part in parts:
        shift = {
            "place": sum(map(len, places)),
            "detail": sum(map(len, details)),
        }
        for name, column in part.columns.items():
            columns[name].append(column + np.int32(shift[name]) if shift.get(name) else column)
        moved = part.places.copy()
        moved[:, DISTRICT:] = _moved(part.places[:, DISTRICT:], len(texts) - 1)
        places.append(moved)
        details.append(_moved(part.details, len(texts) - 1))
        texts += part.texts[1:]
    return Records(
        {name: np.concatenate(arrays) for name, arrays in columns.items()},
        np.concatenate(places),
        np.concatenate(details),
        texts,
    )


def _moved(pointers: Array, by: int) -> Array:
    return np.where(pointers == 0, 0, pointers + by).astype("i4")
