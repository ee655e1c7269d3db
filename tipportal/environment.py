"""Where a command typed by hand finds its settings when the environment names none.

`make run` writes `var/environment` (mode 0600) while its private servers are up; production sets real variables and never
has that file.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "var" / "environment"


def load(path: Path = FILE) -> bool:
    """Put the variables of a running `make run` into the environment unless PORTAL_ROLE is already set.

    Lines are `NAME=value`, taken as they are. Returns whether the file was used.
    """
    if os.environ.get("PORTAL_ROLE") or not path.exists():
        return False
    for line in path.read_text(encoding="utf-8").splitlines():
        name, separator, value = line.partition("=")
        if separator and not name.startswith("#"):
            os.environ.setdefault(name, value)
    return True
