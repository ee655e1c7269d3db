"""Settings for a command typed by hand beside `make run`.

`make run` writes `var/environment` (mode 0600) while its private servers are up. Production sets real variables and never
has this file.
"""

from __future__ import annotations

import os
from pathlib import Path

from core.roles import Role
from tipportal.deploy import processes

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "var" / "environment"
# Commands that need rights the web role lacks: the owner has tables and grants, the bulk worker incidents and mail, the alerts worker
# the addresses of channels. The file names the database of each as OWNER_DATABASE_URL, BULK_DATABASE_URL and ALERTS_DATABASE_URL.
COMMAND_ROLES = {
    **dict.fromkeys(("migrate", "sqlmigrate", "makemigrations"), Role.OWNER),
    **dict.fromkeys(("import_incidents", "publish_incidents", "demo_incidents", "send_alerts", "addresses"), Role.BULK),
    "alert_channels": Role.ALERTS,
}
# Commands that use no server and no key, and so must work where nothing is set up.
STANDALONE_COMMANDS = {"rebuild"}


def load(command: str = "", path: Path = FILE) -> bool:
    """Add the variables of a running `make run` to the environment unless PORTAL_ROLE is set.

    `command` is the name of a management command. Lines of the file are `NAME=value`, without quoting. Returns whether the
    file was used.
    """
    if command in STANDALONE_COMMANDS:
        os.environ.setdefault("PORTAL_ROLE", "beat")
        os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1")  # the settings require it; nothing connects to it
        return False
    if os.environ.get("PORTAL_ROLE") or not path.exists():
        return False
    for line in path.read_text(encoding="utf-8").splitlines():
        name, separator, value = line.partition("=")
        if separator and not name.startswith("#"):
            os.environ.setdefault(name, value)
    role = COMMAND_ROLES.get(command)
    url = f"{role.value.upper()}_DATABASE_URL" if role else ""
    if role and url in os.environ:
        os.environ |= {"PORTAL_ROLE": role.value, "DATABASE_URL": os.environ[url]}
    for name in set(processes.VARIABLES) - processes.variables_of(Role(os.environ["PORTAL_ROLE"])):
        os.environ.pop(name, None)
    return True
