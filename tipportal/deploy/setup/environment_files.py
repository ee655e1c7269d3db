"""Environment files: one for each role, with the role's variables alone. systemd and the shell read them alike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from core.roles import Role
from tipportal.deploy import role_files
from tipportal.deploy.processes import WIPING_ALLOCATOR, variables_of
from tipportal.deploy.setup import layout
from tipportal.deploy.setup.answers import split

PORTS = {Role.PUBLIC: 8001, Role.STAFF: 8002}
_NEEDS_BACKSLASH = re.compile(r'(["\\$`])')


def write(role: Role, answers: Mapping[str, str], secret_key: str) -> str:
    """Return the text of a role's file. `secret_key` reaches the staff role alone."""
    values = _find_values(role, answers, secret_key)
    own = {name: value for name, value in values.items() if name in variables_of(role) and (value or name in answers)}
    # Commands overwrite what they free, as the processes do.
    lines = [f'{name}="{_escape(value)}"\n' for name, value in sorted({**own, **WIPING_ALLOCATOR}.items())]
    return f"# Variables of the {role} role. `install` writes this file: change {layout.ANSWERS} and run it again.\n{''.join(lines)}"


def _find_values(role: Role, answers: Mapping[str, str], secret_key: str) -> dict[str, str]:
    public, staff = split(answers["PUBLIC_HOSTS"]), split(answers["STAFF_HOSTS"])
    sockets = quote(str(layout.POSTGRES_SOCKETS), safe="")
    return {
        "PORTAL_URL": f"https://{public[0]}",
        "STAFF_URL": f"https://{staff[0]}",
        **answers,
        **{item.variable: str(layout.path_of(item)) for item in (*role_files.FILES, *role_files.FOLDERS)},
        "PORTAL_ROLE": str(role),
        "ALLOWED_HOSTS": ",".join(staff if role is Role.STAFF else public),
        "HTTPS": "true",
        "BEHIND_PROXY": "true",
        "BIND": f"127.0.0.1:{PORTS.get(role, 0)}",
        "STATIC_ROOT": str(layout.STATIC),
        "REDIS_URL": f"unix://{layout.STORE_SOCKET}",
        # PostgreSQL asks the system which user this is (peer), so there is no password.
        "DATABASE_URL": f"postgres://{role.unix_user}@{sockets}/{layout.DATABASE}",
        "SECRET_KEY": secret_key,
        "RAM_FOLDER": str(layout.RAM),
        "OIDC_CLIENT_SECRET": str(layout.OIDC_SECRET) if answers.get("OIDC_ISSUER") else "",
        "SEARCH_SOCKET": str(layout.SEARCH_SOCKET) if answers.get("SEARCH_SOCKET") else "",
    }


def _escape(value: str) -> str:
    return _NEEDS_BACKSLASH.sub(r"\\\1", value)
