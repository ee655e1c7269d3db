"""Real files from real cities, each imported twice (../shared/data, where there is one)."""

from __future__ import annotations

from pathlib import Path

import pytest

from crimemap.models import Incident
from tests.crimemap.importing.import_command import SHARED, outcomes, run_import_command

pytestmark = pytest.mark.django_db

# File, profile, rows in it. The largest is cut: the rest of it is more of the same.
KNOWN = [
    ("chicago_portal_2024_10k.csv.gz", "chicago_portal", 10_000),
    ("chicago_soda_2012_10k.csv.gz", "chicago_soda", 10_000),
    ("policeuk_2021-01-avon-and-somerset-street.csv.gz", "police_uk", 10_426),
    ("policeuk_2021-01-city-of-london-street.csv.gz", "police_uk", 247),
    ("philadelphia_2025-01_part1_part2.csv.gz", "philadelphia", 7_874),
]
SLIM = [("chicago_2022_slim_nocoords_215k.csv.gz", "chicago_portal", 20_000)]
FILES = [(SHARED / name, profile, rows) for name, profile, rows in KNOWN + SLIM if (SHARED / name).exists()]


@pytest.mark.parametrize(("path", "profile", "rows"), FILES, ids=lambda value: getattr(value, "name", ""))
def test_a_real_file_twice(path: Path, profile: str, rows: int) -> None:
    limit = {"limit": rows} if (path.name, profile, rows) in SLIM else {}
    first = run_import_command("city", path, profile=profile, **limit)
    copies = first["quirks"].get(COPIES, 0)
    assert copies == ODD[path.name][0].get(COPIES, 0)
    assert outcomes(first) == (rows - copies, 0, copies, 0)
    assert first["held"] <= rows / 100
    assert Incident.objects.count() == rows - copies
    again = run_import_command("city", path, **limit)
    assert outcomes(again) == (0, 0, rows, 0)
    assert (again["held"], again["removed"]) == (first["held"], 0)


COPIES = "rows repeated under one id, counted once"
SHARE, ALIKE, BLANK = "rows that share their id with another", "rows that are exactly alike", "rows without an id"
# What ../shared/data/README.md measured of each file: quirks with their number, odd cells, rows without a place.
ODD = {
    "chicago_portal_2024_10k.csv.gz": ({"byte order mark": 1, "times that tell the day alone": 317}, set(), 270),
    # One pair is alike to the letter; the others differ in the case number alone, which is not read.
    "chicago_soda_2012_10k.csv.gz": ({"no column of ids": 1, ALIKE: 13, "zero coordinates": 1}, set(), 88),
    "policeuk_2021-01-avon-and-somerset-street.csv.gz": ({BLANK: 1904, SHARE: 21, COPIES: 2, ALIKE: 542}, set(), 505),
    "policeuk_2021-01-city-of-london-street.csv.gz": ({SHARE: 2}, set(), 34),
    "philadelphia_2025-01_part1_part2.csv.gz": ({SHARE: 1, COPIES: 1}, {"numbers with .0"}, 33),
    "chicago_2022_slim_nocoords_215k.csv.gz": ({"no column of ids": 1, "no columns of coordinates": 1}, set(), 20_000),
}


@pytest.mark.parametrize(("path", "profile", "rows"), FILES, ids=lambda value: getattr(value, "name", ""))
def test_the_report_names_the_quirks_of_a_real_file(path: Path, profile: str, rows: int) -> None:
    result = run_import_command(
        "city", path, profile=profile, dry_run=True, **({"limit": rows} if "slim" in path.name else {})
    )
    quirks, cells, unmapped = ODD[path.name]
    assert result["quirks"] | quirks == result["quirks"]
    assert cells <= set(result["cells"])
    assert result["unmapped"] == unmapped


PORTAL = [path for path, _, _ in FILES if path.name.startswith("chicago_portal")]


@pytest.mark.parametrize("path", PORTAL, ids=lambda path: path.name)
def test_no_case_number_and_no_published_digit_beyond_a_metre_is_stored(path: Path) -> None:
    run_import_command("city", path, profile="chicago_portal")
    stored = "\n".join(" ".join(map(str, row)) for row in Incident.objects.values_list())
    assert "JH146864" not in stored
    assert "41.80913" in stored
    assert "41.809125265" not in stored
