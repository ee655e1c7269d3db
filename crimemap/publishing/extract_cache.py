"""TODO docstring."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings

from crimemap.privacy.records import COLUMNS, Records
from crimemap.snapshot.format import Array


@dataclass(frozen=True, slots=True)
class CachedExtract:
    """A whole reading: rows that no import but the `final` ones touched are as they were then."""

    records: Records
    final: list[int]
    zones: dict[int, str]
    token: str  # of this reading


def save_extract(kept: CachedExtract) -> None:
    folder = settings.INCIDENT_CACHE
    if folder is None:
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob("making-*"):
        shutil.rmtree(left, ignore_errors=True)
    making = Path(tempfile.mkdtemp(prefix="making-", dir=folder))
    try:
        for name, array in (
            kept.records.columns | {"kinds": kept.records.kinds, "places": kept.records.places}
        ).items():
            with (making / f"{name}.npy").open("wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())  # a torn copy would be taken for the truth
        told = {"final": kept.final, "zones": kept.zones, "token": kept.token, "texts": kept.records.texts}
        (making / "state.json").write_text(json.dumps(told))
        shutil.rmtree(folder / "records", ignore_errors=True)
        making.rename(folder / "records")
    finally:
        shutil.rmtree(making, ignore_errors=True)


def load_extract(zones: dict[int, str]) -> CachedExtract | None:
    """The last whole reading; None when there is none that holds (it is only ever a copy)."""
    if settings.INCIDENT_CACHE is None:
        return None
    folder = settings.INCIDENT_CACHE / "records"

    def load(name: str) -> Array:
        column: Array = np.load(folder / f"{name}.npy", "c", allow_pickle=False).view(np.ndarray)
        return column

    try:
        told = json.loads((folder / "state.json").read_text())
        columns = {name: load(name) for name in COLUMNS}
        records = Records(columns, load("kinds"), load("places"), told["texts"])
        kept = CachedExtract(
            records, told["final"], {int(number): zone for number, zone in told["zones"].items()}, told["token"]
        )
    except (OSError, ValueError, KeyError):
        return None
    if any(zones.get(number) != zone for number, zone in kept.zones.items()):
        return None  # a source's clock was set right: its local hours are others
    return kept
