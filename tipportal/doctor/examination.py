"""The order of the checks, and which of them concern a role."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from core.roles import Role
from tipportal.deploy import start_requirements
from tipportal.doctor import machine, portal, servers
from tipportal.doctor.findings import Finding, fault, summarize

_WEB = (Role.PUBLIC, Role.STAFF, Role.ALL)


def examine() -> Iterator[Finding]:
    """Yield the findings about this process's role, its machine and its servers."""
    role: Role = settings.ROLE
    yield from summarize(start_requirements.find_file_problems(role), "Keys and folders can be used as the role needs.")
    yield from _examine_database(role)
    yield from servers.check_store()
    if role in (Role.ALERTS, Role.BULK):
        yield from servers.check_mail()
    if role.is_web:
        yield from servers.check_certificate(settings.STAFF_URL if role is Role.STAFF else settings.PORTAL_URL)
    for check in (machine.check_swap, machine.check_disks, machine.check_other_keys, machine.check_users):
        yield from check()


def _examine_database(role: Role) -> Iterator[Finding]:
    """Yield what only the database can tell; one fault if it is away."""
    checks: list[Callable[[], list[Finding]]] = []
    if role.database_user:
        checks = [lambda: _check_rights(role), portal.check_gate, servers.check_database_log]
        checks += [portal.check_migrations] if role in _WEB or role is Role.OWNER else []
        checks += [portal.check_salt] if role.serves_public else []
        checks += [portal.check_base_map] if role in _WEB else []
        checks += [portal.check_feeds] if role.serves_staff or role is Role.BULK else []
        checks += [portal.check_queues] if role.serves_staff else []
        checks += [portal.check_backups] if role.serves_staff or role is Role.OWNER else []
        checks += [portal.check_heartbeats] if role.serves_staff or role in (Role.ALERTS, Role.BULK) else []
    checks += [portal.check_settings, lambda: servers.check_clocks(machine.is_clock_synchronized())]
    for check in checks:
        try:
            yield from check()
        except (DatabaseError, InterfaceError) as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            yield fault(f"The database that DATABASE_URL names doesn't answer: {reason[-1].strip()}")
            return


def _check_rights(role: Role) -> list[Finding]:
    """Compare the database user with its role. Raises OperationalError if the database is away."""
    if not (problems := start_requirements.find_database_problems(role)):
        connection.ensure_connection()
    return summarize(problems, "The database user has the rights of its role.")
