"""Rights of a role's PostgreSQL user: those it needs, and those it must not have (tipportal/database/grants.sql)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings

from core.roles import Role

# Tables on which the web process for residents and the media worker must have no rights (grants.sql).
STAFF_TABLES = (
    "core_account",
    "core_account_groups",
    "core_auditentry",
    "core_failedattempt",
    "core_provideridentity",
    "auth_group",
    "django_session",
    "mfa_authenticator",
    "django_admin_log",
    "tips_note",
    "tips_noteskey",
    "tips_callerformcount",
)

GRANTS = Path(__file__).resolve().parents[1] / "database" / "grants.sql"


def grant(cursor: Any) -> bool:
    """Give each role's user its rights and take away all others. Returns False, and does nothing, if users are missing."""
    users = [role.database_user for role in Role if role.database_user]
    cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", [users])
    if cursor.fetchone()[0] < len(users):
        return False
    cursor.execute(GRANTS.read_text(encoding="utf-8"))
    return True


def find_problems(cursor: Any, role: Role) -> list[str]:
    """Return a sentence for each thing that is wrong with the user of this connection."""
    cursor.execute(
        "SELECT current_user::text, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication,"
        " has_schema_privilege('public', 'USAGE'), EXISTS (SELECT FROM pg_tables WHERE tablename = 'django_migrations')"
        " FROM pg_roles WHERE rolname = current_user"
    )
    user, is_mighty, has_rights, has_tables = cursor.fetchone()
    problems = []
    if user != role.database_user and not settings.DEMO:
        problems.append(
            f"DATABASE_URL names the database user {user}. The {role} role must be {role.database_user}, which has the rights"
            " that it needs and no others."
        )
    if is_mighty and not settings.DEMO and role is not Role.OWNER:
        problems.append(
            f"The database user {user} is a superuser, or can make users, databases or copies. Take that right away: no rule"
            " of the database would bind it."
        )
    if role is not Role.OWNER and not (has_tables and has_rights):
        problems.append(
            "The database isn't set up. Run manage.py migrate as the owner (PORTAL_ROLE=owner), then start again."
        )
    elif open_tables := list_open_staff_tables(cursor, role):
        problems.append(
            f"The database user of the {role} role has access to {', '.join(open_tables)}. Use the database user"
            f" {role.database_user}, and run manage.py migrate to set its rights."
        )
    return problems


def list_open_staff_tables(cursor: Any, role: Role) -> list[str]:
    """Return the staff tables on which the user of this connection has rights though its role must have none."""
    if role not in (Role.PUBLIC, Role.MEDIA):
        return []
    cursor.execute(
        "SELECT name FROM unnest(%s) AS name WHERE to_regclass(name) IS NOT NULL"
        " AND has_any_column_privilege(current_user, to_regclass(name), 'SELECT, INSERT, UPDATE')",
        [list(STAFF_TABLES)],
    )
    return [name for (name,) in cursor.fetchall()]
