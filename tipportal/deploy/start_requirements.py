"""Requirements of a role's start: variables, key files, folders, and the rights of its database user.

`python -m tipportal.deploy.processes NAME` refuses to start a process that lacks one, with a sentence for each, and `manage.py
doctor` prints the same. Sentences are in English: they are for the operator, and are needed before translations are loaded.
"""

from __future__ import annotations

import itertools
import os
import re
import stat
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections
from environs import EnvError

from core.roles import Role
from tipportal.deploy import database_rights, role_files
from tipportal.deploy.role_files import Folder, SecretFile

_ALL_ROLES = frozenset(Role)
_PUBLIC = frozenset({Role.PUBLIC, Role.ALL})
_STAFF = frozenset({Role.STAFF, Role.ALL})
_WEB = _PUBLIC | _STAFF

# Variables without which a role can't do its work.
NEEDED_VARIABLES: Mapping[str, frozenset[Role]] = {
    "REDIS_URL": _ALL_ROLES,
    "DATABASE_URL": _ALL_ROLES - {Role.BEAT},
    "SECRET_KEY": _STAFF,
    "RECEIPT_SALT": _PUBLIC,
    "AGENCY_PUBLIC_KEYS": _WEB | {Role.MEDIA},
    "AGENCY_PRIVATE_KEYS": _STAFF,
    "AUDIT_KEY": _STAFF,
    "FACTOR_KEY": _STAFF,
    "MEDIA_STORE": _WEB | {Role.MEDIA},
    "MEDIA_PUBLIC_KEYS": _PUBLIC | {Role.MEDIA},
    "MEDIA_PRIVATE_KEYS": frozenset({Role.MEDIA}),
}
# Those that have defaults for a test machine alone: without them links in mails and on pages lead nowhere.
NEEDED_IN_PRODUCTION: Mapping[str, frozenset[Role]] = {
    "PORTAL_URL": _WEB | {Role.ALERTS, Role.BULK},
    "STAFF_URL": _STAFF | {Role.ALERTS, Role.BULK},
    "ALLOWED_HOSTS": _WEB,
}
_FILES_TO_TRY = 200
# A part of a connection's error that tells a mistake of the set-up from a server that is away for a while.
_WRONG_CONNECTION = re.compile(r"authentication failed|no pg_hba\.conf entry|does not exist|not permitted to log in")


def find_problems(role: Role, environment: Mapping[str, str]) -> list[str]:
    """Return a sentence for each reason why a process of this role must not start.

    `environment` must be that of this process: files and the database are looked at as the settings name them. Looks at
    nothing further while a variable is missing. A database that doesn't answer is no reason: it may be back in a moment.
    """
    if missing := find_missing_variables(role, environment):
        return missing
    try:
        files = find_file_problems(role)
    except (EnvError, ImproperlyConfigured) as error:  # the settings have read a value that they can't use
        return [str(error)]
    return files + (find_database_problems(role) if role.database_user else [])


def find_missing_variables(role: Role, environment: Mapping[str, str]) -> list[str]:
    needed = {name for name, roles in NEEDED_VARIABLES.items() if role in roles}
    if environment.get("DEMO", "").lower() not in ("1", "true", "yes", "on"):
        needed |= {name for name, roles in NEEDED_IN_PRODUCTION.items() if role in roles}
    return [
        f"{name} isn't set. The {role} role needs it: docs/installation.md, “Variables”, says what it is."
        for name in sorted(needed)
        if not environment.get(name)
    ]


def find_file_problems(role: Role) -> list[str]:
    """Return a sentence for each key file and folder that this process can't use as its role must."""
    problems: list[str] = []
    for file in role_files.FILES:
        if role in file.roles and (path := _path_of(file.variable)) is not None:
            problems += _check_secret(file, path)
    for folder in role_files.FOLDERS:
        if role in folder.readers | folder.writers and (path := _path_of(folder.variable)) is not None:
            problems += _check_folder(folder, path, is_writer=role in folder.writers)
    if role is Role.ALERTS and settings.ALERT_CHANNELS and not _has_channel_key():
        problems.append(
            "ALERT_CHANNELS is set, but the key that opens the addresses of officers' channels is missing. Set"
            " ALERT_CHANNEL_PUBLIC_KEYS and ALERT_CHANNEL_PRIVATE_KEYS to its two folders, and create it with manage.py"
            " alert_channels create-key as the alerts role."
        )
    if role.serves_staff or role is Role.MEDIA:
        problems += _check_sealed_files(_path_of("MEDIA_STORE"))
    return problems + (_check_static_files(settings.STATIC_ROOT) if role.is_web else [])


def find_database_problems(role: Role) -> list[str]:
    """Return a sentence for each thing that is wrong with the database user. A database that is away has no fault."""
    try:
        with warnings.catch_warnings(), connections["default"].cursor() as cursor:
            # Nothing of Django's apps is needed here, and they take a second to load.
            warnings.filterwarnings("ignore", "Accessing the database during app initialization")
            return database_rights.find_problems(cursor, role)
    except OperationalError as error:
        if _WRONG_CONNECTION.search(str(error)) is None:
            return []
        return [
            f"The database refuses the {role} role: {str(error).strip().splitlines()[-1]}. Check user, password and"
            " database in DATABASE_URL."
        ]
    finally:
        if not connections["default"].in_atomic_block:
            connections["default"].close()


def _path_of(variable: str) -> Path | None:
    path: Path | None = getattr(settings, variable)
    return path


def _has_channel_key() -> bool:
    public, private = _path_of("ALERT_CHANNEL_PUBLIC_KEYS"), _path_of("ALERT_CHANNEL_PRIVATE_KEYS")
    return bool(public and private and any(public.glob("*.pub")) and any(private.glob("*.key")))


def _check_static_files(folder: Path) -> list[str]:
    try:
        (folder / "staticfiles.json").open("rb").close()
    except FileNotFoundError:
        return [f"{folder} holds no collected style sheets and scripts. Run manage.py collectstatic."]
    except OSError as error:
        return [_explain("STATIC_ROOT", folder, error)]
    return []


def _check_secret(file: SecretFile, path: Path) -> list[str]:
    try:
        size, mode = len(path.read_bytes()), path.stat().st_mode
    except OSError as error:
        return [_explain(file.variable, path, error)]
    if size not in file.sizes:
        return [
            f"{file.variable} names {path}, which has {size} bytes instead of {file.sizes[0]}. Restore it from your safe copy."
        ]
    return _check_mode(path, mode, stat.S_IRWXO if file.may_be_shared else stat.S_IRWXG | stat.S_IRWXO)


def _check_folder(folder: Folder, path: Path, *, is_writer: bool) -> list[str]:
    try:
        names = os.listdir(path)
        # Of a folder that can be listed and not entered, no file can be opened.
        if not os.access(path, os.X_OK | (os.W_OK if is_writer else 0)):
            raise PermissionError
    except OSError as error:
        return [_explain(folder.variable, path, error, "write to it" if is_writer else "read it")]
    keys = sorted(name for name in names if name.endswith(f".{folder.keys}")) if folder.keys else []
    if folder.keys and not keys:
        return [f"{folder.variable} names {path}, which has no key. Run manage.py vault create-key on the staff node."]
    return [problem for name in keys for problem in _check_key(path / name)]


def _check_sealed_files(store: Path | None) -> list[str]:
    """Look at some of the sealed files of other users: one that this process can't read is never cleaned or shown."""
    if store is None or not os.access(store, os.R_OK | os.X_OK):
        return []
    if all(os.access(entry.path, os.R_OK) for entry in itertools.islice(os.scandir(store), _FILES_TO_TRY)):
        return []
    return [
        f"{store} holds sealed files that the user of this process (id {os.geteuid()}) can't read. Give the folder and its"
        " files to a group of the public, media and staff users: chgrp -R GROUP, chmod 2770 for the folder, chmod 640 for its"
        " files."
    ]


def _check_key(path: Path) -> list[str]:
    try:
        with path.open("rb"):
            mode = path.stat().st_mode
    except OSError as error:
        return [
            f"This process can't read the key {path} ({error.strerror}). Give the file to the user that it runs as."
        ]
    return _check_mode(path, mode, stat.S_IRWXG | stat.S_IRWXO) if path.suffix == ".key" else []


def _check_mode(path: Path, mode: int, closed: int) -> list[str]:
    if not mode & closed:
        return []
    return [f"{path} can be read by other users than its own. Run chmod 600 on it."]


def _explain(variable: str, path: Path, error: OSError, act: str = "read it") -> str:
    if isinstance(error, FileNotFoundError):
        return f"{variable} names {path}, which doesn't exist."
    if isinstance(error, PermissionError):
        return f"{variable} names {path}, and the user of this process (id {os.geteuid()}) can't {act}. Set its owner, group and mode."
    return f"{variable} names {path}, which can't be used: {error.strerror}."


def describe(process: str, problems: Iterable[str]) -> str:
    """Return what a process that doesn't start prints."""
    return "\n".join([f"{process} doesn't start:", *(f"- {problem}" for problem in problems)])
