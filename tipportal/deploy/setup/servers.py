"""PostgreSQL and Redis of an installation: what they must not keep, and their users."""

from __future__ import annotations

from core.roles import Role
from tipportal.deploy.setup import layout

# tipportal/doctor/servers.py explains each, and a test compares the two.
POSTGRES_SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "300",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_duration": "off",
    "log_connections": "off",
    "log_disconnections": "off",
    "track_commit_timestamp": "off",
    "update_process_title": "off",
}
STORE_SETTINGS = {
    "port": "0",
    "unixsocket": str(layout.STORE_SOCKET),
    "unixsocketperm": "770",
    "save": '""',
    "appendonly": "no",
    "maxmemory-policy": "noeviction",
    "slowlog-log-slower-than": "-1",
    "loglevel": "warning",
    "logfile": '""',
    "dir": str(layout.STORE_SOCKET.parent),
    "supervised": "systemd",
}
# Roles that sign in to PostgreSQL; portal_all, of `make run` alone, can't.
_USERS = [role.database_user for role in layout.ROLES if role.database_user]
_CREATE_USER = "SELECT 'CREATE ROLE {0} {1}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{0}') \\gexec\n"
_CREATE_DATABASE = """\
SELECT 'CREATE DATABASE {0} OWNER portal_owner TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE ''C'' LC_CTYPE ''C.UTF-8'''
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{0}') \\gexec
"""
# Names the users and the database that are there.
NAMES_QUERY = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'portal%' UNION SELECT datname FROM pg_database WHERE datname LIKE 'portal%'"
_DATABASES = (
    layout.DATABASE,
    f"{layout.DATABASE}_drill",
)  # the second for drills of backups (tipportal/backup/drill.py)
NAMES = {*_USERS, "portal_all", *_DATABASES}


def write_postgres_settings() -> str:
    lines = [f"{name} = {value}\n" for name, value in POSTGRES_SETTINGS.items()]
    return (
        "# Of the portal: errors are logged without their content, and nobody connects over the network.\n"
        + "".join(lines)
    )


def write_store_settings() -> str:
    lines = [f"{name} {value}\n" for name, value in STORE_SETTINGS.items()]
    return "# Of the portal: broker and memory-only store, which writes nothing to a disk.\n" + "".join(lines)


def write_users() -> str:
    """Return the script for psql that makes each user and the database unless they are there. The rights come with `migrate`."""
    users = [_CREATE_USER.format(user, "LOGIN") for user in _USERS]
    users.append(_CREATE_USER.format(Role.ALL.database_user, "NOLOGIN"))
    databases = [_CREATE_DATABASE.format(name) for name in _DATABASES]
    closed = f"REVOKE ALL ON DATABASE {_DATABASES[1]} FROM PUBLIC;\n"
    return "".join((*users, "GRANT portal_public, portal_staff TO portal_all;\n", *databases, closed))
