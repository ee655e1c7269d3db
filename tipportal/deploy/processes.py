"""The portal's processes, and the environment variables each of them gets.

`make run`, docker-compose.yml and the tests all start processes from here (`python -m tipportal.deploy.processes NAME`
becomes that process), so no role anywhere sees a variable that is not its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from core.roles import Role

_GUNICORN = ("gunicorn", "--config", "python:tipportal.deploy.gunicorn", "tipportal.wsgi")
# Celery drops what Django's checks find, and to find it they load all pages: 20 MB of each worker, and a sixth of its start.
_CELERY = ("celery", "--quiet", "--skip-checks", "-A", "tipportal")


def _celery_worker(queue: str, concurrency: int = 1) -> tuple[str, ...]:
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")
    # The node is named after its queue: Celery's default name would put the machine's name into Redis.
    node = f"{queue}@portal"
    return (*_CELERY, "worker", "-Q", queue, "-n", node, "-c", str(concurrency), *quiet)


# Beat keeps its schedule in memory, so there is no file to lock or damage. Its intervals start again with the process: a task
# that runs less often than hourly needs a crontab.
_BEAT = (
    *_CELERY,
    "beat",
    "--scheduler",
    "tipportal.heartbeats.beat_scheduler:HeartbeatScheduler",
    "--pidfile=",
    "--loglevel",
    "WARNING",
)


@dataclass(frozen=True, slots=True)
class Process:
    """A process: its name, also that of its service in docker-compose.yml, its role, and the arguments of `python -m`."""

    name: str
    role: Role
    module_arguments: tuple[str, ...]

    @property
    def argv(self) -> list[str]:
        return [sys.executable, "-m", *self.module_arguments]


WEB_ALL = Process("web", Role.ALL, _GUNICORN)
WEB_PUBLIC = Process("web-public", Role.PUBLIC, _GUNICORN)
WEB_STAFF = Process("web-staff", Role.STAFF, _GUNICORN)
# Runs only where SEARCH_SOCKET is set.
_SEARCH = ("django", "search_process")
SEARCH, SEARCH_ALL = Process("search", Role.STAFF, _SEARCH), Process("search", Role.ALL, _SEARCH)
# One queue each: nothing delays alerts, a long video delays no photo, and a slow document not every photo.
WORKERS = (
    Process("worker-alerts", Role.ALERTS, _celery_worker("alerts")),
    Process("worker-bulk", Role.BULK, _celery_worker("bulk")),
    Process("worker-media", Role.MEDIA, _celery_worker("media", concurrency=2)),
    Process("worker-media-video", Role.MEDIA, _celery_worker("media-video")),
)
BEAT = Process("beat", Role.BEAT, _BEAT)

PRODUCTION = (WEB_PUBLIC, WEB_STAFF, SEARCH, *WORKERS, BEAT)
MAKE_RUN = (WEB_ALL, *WORKERS, BEAT)
BY_NAME = {process.name: process for process in (WEB_ALL, *PRODUCTION)}

# Each variable that the settings and the web server read, with the roles that get it; None stands for all roles.
# COMMAND_VARIABLES are read by commands alone (tipportal/dev_stack/environment.py).
_WEB = frozenset({Role.PUBLIC, Role.STAFF, Role.ALL})
_STAFF = frozenset({Role.STAFF, Role.ALL})
VARIABLES: dict[str, frozenset[Role] | None] = {
    "PORTAL_ROLE": None,
    "AGENCY_NAME": None,
    "CITY_NAME": None,
    "EMERGENCY_NUMBER": None,
    "CRISIS_LINES": None,
    "DISPATCH_NUMBER": _STAFF,
    "CONTACT": None,
    "LEAVE_URL": None,
    "PORTAL_URL": None,
    "STAFF_URL": None,
    "TIP_RETENTION_DAYS": None,
    "TIP_MAX_FILES": _WEB,
    "TIP_MAX_BYTES": _WEB,
    "OUTREACH_SELF_APPROVAL": _STAFF,
    "LANGUAGE_CODE": None,
    "TIME_ZONE": None,
    "DEMO": None,
    "ALLOWED_HOSTS": _WEB,
    "HTTPS": None,
    "BEHIND_PROXY": _WEB,
    "BIND": _WEB,
    "WEB_CONCURRENCY": _WEB,
    "STATIC_ROOT": _WEB,
    "REDIS_URL": None,
    "DATABASE_URL": frozenset(Role) - {Role.BEAT},
    "EMAIL_URL": frozenset({Role.ALERTS, Role.BULK}),
    "DEFAULT_FROM_EMAIL": frozenset({Role.ALERTS, Role.BULK}),
    "ALERT_CHANNELS": _STAFF | {Role.ALERTS},
    "ALERT_ESCALATION_MINUTES": _STAFF | {Role.ALERTS},
    "ALERT_CHANNEL_PUBLIC_KEYS": _STAFF | {Role.ALERTS},
    "ALERT_CHANNEL_PRIVATE_KEYS": frozenset({Role.ALERTS}),
    "SECRET_KEY": _STAFF,
    "STAFF_LOCK_MINUTES": _STAFF,
    "METRICS_TOKEN": _STAFF,
    "SEARCH_SOCKET": _STAFF,
    "TRANSLATE_COMMAND": _STAFF,
    "TRANSLATE_USER": _STAFF,
    "RECEIPT_SALT": frozenset({Role.PUBLIC, Role.ALL}),
    "AGENCY_PUBLIC_KEYS": _WEB | {Role.MEDIA},
    "AGENCY_PRIVATE_KEYS": _STAFF,
    "AUDIT_KEY": _STAFF,
    "AUDIT_HEAD_EMAIL": _STAFF | {Role.ALERTS},
    "FACTOR_KEY": _STAFF,
    "OIDC_ISSUER": _STAFF,
    "OIDC_CLIENT_ID": _STAFF,
    "OIDC_CLIENT_SECRET": _STAFF,
    "OIDC_NAME": _STAFF,
    "OIDC_ROLES_CLAIM": _STAFF,
    "OIDC_ROLES": _STAFF,
    "OIDC_SECOND_FACTOR": _STAFF,
    "INCIDENT_SNAPSHOTS": _WEB | {Role.BULK},
    "DATA_LICENSE": _WEB | {Role.BULK},
    "INCIDENT_CACHE": frozenset({Role.BULK}),
    "BASE_MAP": _WEB | {Role.OWNER},
    "PUBLICATION_RULES": frozenset({Role.BULK}),
    "INCIDENT_UPLOADS": _STAFF | {Role.BULK},
    "INCIDENT_DROP_DIR": frozenset({Role.BULK}),
    "MEDIA_STORE": _WEB | {Role.MEDIA, Role.OWNER},
    "MEDIA_PUBLIC_KEYS": frozenset({Role.PUBLIC, Role.ALL, Role.MEDIA}),
    "MEDIA_PRIVATE_KEYS": frozenset({Role.MEDIA}),
    "BACKUP_KEYS": frozenset({Role.OWNER}),
    "BACKUP_DAYS": frozenset({Role.OWNER}),
    "RAM_FOLDER": frozenset({Role.MEDIA}),
    "ADDRESS_PUBLIC_KEYS": _WEB | {Role.BULK},
    "ADDRESS_PRIVATE_KEYS": frozenset({Role.BULK}),
    "ADDRESS_HASH_KEY": frozenset({Role.PUBLIC, Role.ALL, Role.BULK}),
}

COMMAND_VARIABLES = ("OWNER_DATABASE_URL", "BULK_DATABASE_URL", "ALERTS_DATABASE_URL")

# Freed memory is overwritten at once, so that a copy of a process's memory tells nothing of visitors who have left. Python
# must leave small objects to the C library, whose caches by thread would keep chunks under 1 KB whole. Only glibc reads the
# last two: with musl or on macOS freed memory stays as it is (SECURITY.md).
# It would also give threads heaps of their own, up to eight for each core, and each keeps what the requests of its threads have
# freed: 12 MB more in a process of web-public after 1,000 requests, and 3 with two heaps. Python's lock lets one thread allocate
# at a time anyway.
WIPING_ALLOCATOR = {
    "PYTHONMALLOC": "malloc",
    "MALLOC_PERTURB_": "165",
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=2",
}


def variables_of(role: Role) -> set[str]:
    return {name for name, roles in VARIABLES.items() if roles is None or role in roles}


def environment_for(role: Role, everything: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process: the variables of its role, and those that are not the portal's (PATH, TZ).

    PORTAL_ROLE and DJANGO_SETTINGS_MODULE are set, and what makes the allocator wipe, which it reads before the first line
    of Python runs.
    """
    own = variables_of(role)
    environment = {
        name: value for name, value in everything.items() if name in own or name not in {*VARIABLES, *COMMAND_VARIABLES}
    }
    own_settings = {"PORTAL_ROLE": role.value, "DJANGO_SETTINGS_MODULE": "tipportal.settings"}
    return environment | WIPING_ALLOCATOR | own_settings


def main() -> None:
    """Become the process named on the command line, unless it lacks what its role needs."""
    from tipportal.deploy import start_requirements

    process = BY_NAME.get(sys.argv[1]) if len(sys.argv) == 2 else None
    if process is None:
        sys.exit(f"Name the process to start: python -m tipportal.deploy.processes {' | '.join(BY_NAME)}")
    environment = environment_for(process.role, os.environ)
    os.environ.clear()
    os.environ.update(environment)  # the settings read it
    if problems := start_requirements.find_problems(process.role, environment):
        sys.exit(start_requirements.describe(process.name, problems))
    # For the user and its group: folders that two roles share give new files their own group (docs/installation.md).
    os.umask(0o007)
    os.execve(sys.executable, process.argv, environment)  # noqa: S606


if __name__ == "__main__":
    main()
