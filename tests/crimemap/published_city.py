"""A quickly built published folder with points and areas of Riverton, for tests of pages and of the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from crimemap.privacy import visibility
from crimemap.publishing import publisher
from tests.crimemap.sample_incidents import TODAY, records, rule

ROWS = 2000
DISTRICTS, BEATS, NEIGHBOURHOODS = ("1", "2"), ("11", "12", "21"), ("old-town", "millside")


def rows(number: int = ROWS) -> list[dict[str, Any]]:
    """Return rows from the 400 days before TODAY; those of `place` 0 have no mapped place."""
    random = np.random.default_rng(11)
    points = np.round(random.random((80, 2)) * [0.03, 0.04] + [41.485, -38.52], 5).tolist()
    result = []
    for each in range(number):
        place = int(random.integers(80))
        result.append(
            {
                "code": int(random.choice([1, 1, 2, 3, 6])),
                "precision": str(random.choice(["minute", "hour", "day"], p=[0.8, 0.1, 0.1])),
                "point": points[place] if place else None,
                "block": f"{place}00 block of Arden Street",
                "district": DISTRICTS[place % 2],
                "beat": BEATS[place % 3],
                "neighbourhood": NEIGHBOURHOODS[place % 2],
                "description": str(random.choice(["", "Street", "Alley"])),
                "outcome": str(random.choice(["", "Arrest"])),
                "day": TODAY - 8 - int(random.integers(400)),
                "hour": int(random.integers(24)),
                "public_id": f"{each:05}abcdefg",
            }
        )
    return result


def write(folder: Path, given: list[dict[str, Any]] | None = None) -> Path:
    """Publish these rows in `folder`."""
    stored = records(*(rows() if given is None else given))
    publisher.write_version(folder, stored, visibility.decide_levels(stored, rule()), rule(), [])
    return folder
