"""The private cache of the last full extraction (INCIDENT_CACHE), so that later ones read only the changed rows."""

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
from crimemap.privacy.visibility import RULE_VERSION
from crimemap.snapshot.format import Array


@dataclass(frozen=True, slots=True)
class CachedExtract:
    """A full extraction. Rows that only the `final_runs` have touched are unchanged since.

    zones: time zone by source id. token: random, identifies this extraction.
    """

    records: Records
    final_runs: list[int]
    zones: dict[int, str]
    token: str


def save_extract(extract: CachedExtract) -> None:
    """Replace the cache by this extraction."""
    folder = settings.INCIDENT_CACHE
    if folder is None:
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob("making-*"):
        shutil.rmtree(left, ignore_errors=True)
    making = Path(tempfile.mkdtemp(prefix="making-", dir=folder))
    try:
        for name, array in (
            extract.records.columns | {"kinds": extract.records.kinds, "places": extract.records.places}
        ).items():
            with (making / f"{name}.npy").open("wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())  # a half-written cache must not look valid after a power failure
        state = {
            "rule": RULE_VERSION,
            "final": extract.final_runs,
            "zones": extract.zones,
            "token": extract.token,
            "texts": extract.records.texts,
        }
        (making / "state.json").write_text(json.dumps(state))
        shutil.rmtree(folder / "records", ignore_errors=True)
        making.rename(folder / "records")
    finally:
        shutil.rmtree(making, ignore_errors=True)


def load_extract(zones: dict[int, str]) -> CachedExtract | None:
    """Return the cached extraction, None if it is missing, damaged, of another version of the rule (whose texts
    may not stay on disk), or from before a source's time zone changed."""
    if settings.INCIDENT_CACHE is None:
        return None
    folder = settings.INCIDENT_CACHE / "records"

    def load(name: str) -> Array:
        column: Array = np.load(folder / f"{name}.npy", "c", allow_pickle=False).view(np.ndarray)
        return column

    try:
        state = json.loads((folder / "state.json").read_text())
        if state["rule"] != RULE_VERSION:
            return None
        columns = {name: load(name) for name in COLUMNS}
        records = Records(columns, load("kinds"), load("places"), state["texts"])
        extract = CachedExtract(
            records, state["final"], {int(number): zone for number, zone in state["zones"].items()}, state["token"]
        )
    except (OSError, ValueError, KeyError):
        return None
    if any(zones.get(number) != zone for number, zone in extract.zones.items()):
        return None  # the cached local hours of that source are wrong now
    return extract
