"""Places of an installation's code, configuration, data and sockets, and names of its Unix users."""

from __future__ import annotations

from pathlib import Path

from core.roles import Role
from tipportal.deploy import role_files

CODE = Path("/opt/portal")
RELEASES = CODE / "releases"
CURRENT = CODE / "current"  # a link to the release that runs
PYTHON = CURRENT / ".venv" / "bin" / "python"
# Below a folder of its own, so that nginx finds /static/... without a rule.
WEB_ROOT = CURRENT / "www"
STATIC = WEB_ROOT / "static"
CONFIGURATION = Path("/etc/portal")
ANSWERS = CONFIGURATION / "portal.env"
CERTIFICATES = CONFIGURATION / "certificates"
DATA = Path("/var/lib/portal")
KEYS = DATA / "keys"
SECRET_KEY = KEYS / "secret_key"
OIDC_SECRET = KEYS / "oidc_client_secret"
# Empty on the disk: each media worker sees a folder in memory there.
RAM = DATA / "ram"
CHALLENGES = DATA / "challenges"  # certbot's
STORE_USER = "portal_store"
STORE_SOCKET = Path("/run/portal-store/socket")
SEARCH_SOCKET = Path("/run/portal-search/socket")
POSTGRES_SOCKETS = Path("/var/run/postgresql")
DATABASE = "portal"

# Roles of an installation, each with a Unix user. The owner runs commands alone.
ROLES = (Role.PUBLIC, Role.STAFF, Role.ALERTS, Role.BULK, Role.MEDIA, Role.BEAT, Role.OWNER)


def path_of(item: role_files.SecretFile | role_files.Folder) -> Path:
    return DATA / item.path


def environment_file(role: Role) -> Path:
    return CONFIGURATION / f"{role}.env"
