"""Where a command typed by hand finds its settings when the environment names none.

`make run` writes `var/environment` (mode 0600) while its private servers are up; production sets real variables and never
has that file.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "var" / "environment"
# These change tables and rights, which only the owner's PostgreSQL user may.
OWNER_COMMANDS = {"migrate", "sqlmigrate", "makemigrations"}
# These use no server and no key, so they work where nothing is set up, and want nothing of what is.
PLAIN_COMMANDS = {"rebuild"}


def load(command: str = "", path: Path = FILE) -> bool:
    """Put the variables of a running `make run` into the environment unless PORTAL_ROLE is already set.

    Lines are `NAME=value`, taken as they are. Returns whether the file was used.
    """
    if command in PLAIN_COMMANDS:
        os.environ.setdefault("PORTAL_ROLE", "beat")
        os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1")  # named because settings want it, never connected to
        return False
    if os.environ.get("PORTAL_ROLE") or not path.exists():
        return False
    for line in path.read_text(encoding="utf-8").splitlines():
        name, separator, value = line.partition("=")
        if separator and not name.startswith("#"):
            os.environ.setdefault(name, value)
    if command in OWNER_COMMANDS and "OWNER_DATABASE_URL" in os.environ:
        os.environ["PORTAL_ROLE"] = "owner"
        os.environ["DATABASE_URL"] = os.environ["OWNER_DATABASE_URL"]
        for name in ("AGENCY_PRIVATE_KEYS", "AUDIT_KEY"):
            os.environ.pop(name, None)
    return True
