"""Stored incidents as columns, the input of publication. Private: includes domestic flags, held and hidden rows.

An incident is a position in arrays of equal length. Values that many incidents share are dictionary-encoded: they stand
in the tables `kinds`, `places` and `texts`, and the arrays point into these.
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
    "hour": "i4",  # local hour of the start, since 1970-01-01 00:00
    "end_day": "i4",  # last local day on which it can have happened, since 1970-01-01
    "kind": "i4",  # row of `kinds`
    "place": "i4",  # row of `places`
}
# Columns of `kinds`: primary keys of source and offense code (0: none), position in PRECISIONS, two flags, two texts.
SOURCE, CODE, PRECISION, DOMESTIC, REMOVED, DESCRIPTION, OUTCOME = range(7)
# Columns of `places`: coordinates in 1/DEGREE degrees or NOWHERE, then texts.
LATITUDE, LONGITUDE, DISTRICT, BEAT, NEIGHBOURHOOD, BLOCK_TEXT = range(6)


@dataclass(frozen=True, slots=True)
class Records:
    """Incidents and the tables they point into.

    columns: one array for each of COLUMNS. kinds (n x 7, i4) and places (n x 6, i4) may repeat a row. Their text columns
    are positions in `texts`, where position 0 is "" (unknown).
    """

    columns: dict[str, format.Array]
    kinds: format.Array
    places: format.Array
    texts: list[str]

    def __len__(self) -> int:
        return len(self.columns["id"])

    def __getitem__(self, name: str) -> format.Array:
        return self.columns[name]

    def kind_column(self, column: int) -> format.Array:
        """Return one column of `kinds`, one value per incident."""
        result: format.Array = self.kinds[:, column][self.columns["kind"]]
        return result

    def select(self, chosen: format.Array) -> Records:
        """Return the incidents of a boolean mask or an array of positions, with the same tables."""
        return replace(self, columns={name: column[chosen] for name, column in self.columns.items()})


EMPTY = Records(
    {name: np.empty(0, kind) for name, kind in COLUMNS.items()}, np.empty((0, 7), "i4"), np.empty((0, 6), "i4"), [""]
)


class Reclassification(NamedTuple):
    """A changed offense code. incident, before, after: primary keys of the incident and of its codes; day: local day of the
    import that brought the change, in days since 1970-01-01."""

    incident: int
    public_id: str
    day: int
    before: int
    after: int


def concatenate_records(first: Records, second: Records) -> Records:
    """Return the incidents of both, one after the other, with their tables concatenated too."""
    columns = {}
    for name in COLUMNS:
        shift = {"kind": len(first.kinds), "place": len(first.places)}.get(name)
        added = second[name] if shift is None else second[name] + np.int32(shift)
        columns[name] = np.concatenate([first[name], added])
    text_shift = len(first.texts) - 1  # position 0, the empty text, is shared
    return Records(
        columns,
        np.concatenate([first.kinds, _shift_text_positions(second.kinds, [DESCRIPTION, OUTCOME], text_shift)]),
        np.concatenate(
            [
                first.places,
                _shift_text_positions(second.places, [DISTRICT, BEAT, NEIGHBOURHOOD, BLOCK_TEXT], text_shift),
            ]
        ),
        first.texts + second.texts[1:],
    )


def _shift_text_positions(table: format.Array, text_columns: Sequence[int], shift: int) -> format.Array:
    result = table.copy()
    result[:, text_columns] += np.where(result[:, text_columns] == 0, 0, shift).astype("i4")
    return result
