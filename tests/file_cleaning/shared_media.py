"""Media files in a folder beside the project, on machines that have it."""

from __future__ import annotations

from pathlib import Path

SHARED = Path(__file__).resolve().parents[3] / "shared"
GOOD, HOSTILE = SHARED / "media" / "good", SHARED / "media" / "hostile"


def files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*")) if path.suffix != ".json"]
