"""Where a command typed by hand finds its settings when the environment names none.

`make run` writes `var/environment` (mode 0600) while its private servers are up; production sets real variables and never
has that file.
"""

from __future__ import annotations

import os
from pathlib import Path

from core.roles import Role
from tipportal.deploy import processes

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "var" / "environment"
# Commands that do what the web role may not: tables and rights are the owner's, incidents the bulk worker's. The file names
# each role's database as OWNER_DATABASE_URL and BULK_DATABASE_URL.
COMMANDS = {
    **dict.fromkeys(("migrate", "sqlmigrate", "makemigrations"), Role.OWNER),
    **dict.fromkeys(("import_incidents", "publish_incidents", "demo_incidents", "send_alerts", "addresses"), Role.BULK),
}
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
    role = COMMANDS.get(command)
    url = f"{role.value.upper()}_DATABASE_URL" if role else ""
    if role and url in os.environ:
        os.environ |= {"PORTAL_ROLE": role.value, "DATABASE_URL": os.environ[url]}
    for name in set(processes.VARIABLES) - processes.variables_of(Role(os.environ["PORTAL_ROLE"])):
        os.environ.pop(name, None)
    return True
