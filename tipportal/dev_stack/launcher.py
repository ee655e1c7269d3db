"""`make run`: private servers, keys, a demo city and every process of the portal, started, watched and stopped together.

bootstrap.py makes `.venv`, takes the folder's lock and becomes this. All it writes is below `var/`. A failure ends in a
sentence that says what to do.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg2
import redis

from core.roles import Role
from file_cleaning.host_requirements import find_missing_requirements
from tipportal.deploy import processes
from tipportal.deploy.processes import Process
from tipportal.dev_stack import child_process, environment, static_files
from tipportal.dev_stack.child_process import Child, ChildError
from tipportal.dev_stack.servers import Servers
from tips import vault

ROOT = environment.ROOT
VAR = ROOT / "var"
LOGS = VAR / "logs"
KEYS = VAR / "keys"
MEDIA = VAR / "media"
INCIDENTS = VAR / "incidents"
RUN = VAR / "run"
PATIENCE = 90


class CannotStartError(ChildError):
    """The message is a sentence that says what to do."""


# Set by a signal, asked between steps. An exception raised by the handler itself could end anywhere, even in a library's
# clean-up that swallows it.
stopping = threading.Event()


class StopRequestedError(Exception):
    """Somebody asked the portal to stop."""


def main() -> None:
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        signal.signal(number, lambda _number, _frame: stopping.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)  # bootstrap.py holds them back while this module is imported
    portal = Portal(port())
    failure = ""
    try:
        portal.start()
        portal.watch()
    except StopRequestedError:
        pass
    except ChildError as reason:
        failure = str(reason)
    except psycopg2.Error as error:
        failure = f"The database does not answer ({type(error).__name__}). Start again."
    except OSError as error:
        failure = f"{error.filename or VAR}: {error.strerror}. Mend that, then start again."
    if stopping.is_set():  # a step that failed then failed because of it
        failure = ""
        say("Stopping ...")
    portal.stop()
    if failure:
        sys.exit(failure)
    say("Stopped.")


def go_on() -> None:
    """Raises StoppedError once somebody asked to stop."""
    if stopping.is_set():
        raise StopRequestedError


def say(line: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(line, flush=True)


def port() -> int:
    text = os.environ.get("PORT", "8000")
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        sys.exit(f"PORT={text} is not a port. Choose a number from 1024 to 65535, as in: PORT=8080 make run")
    return int(text)


class Portal:
    """What `make run` starts."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.servers: Servers | None = None
        self.watched: list[Watched] = []
        self.variables: dict[str, str] = {}
        self.commands: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        for folder in (VAR, LOGS, KEYS, MEDIA, INCIDENTS, INCIDENTS / "uploads", INCIDENTS / "drop", RUN):
            folder.mkdir(mode=0o700, exist_ok=True)
        for process in processes.MAKE_RUN:
            child_process.end_remains(_lock(process), signal.SIGTERM, 10)
        self._refuse_taken_port()
        (LOGS / "start.log").unlink(missing_ok=True)
        say("Starting ...")
        self._start_servers()
        self.variables |= _secrets() | {
            "DEMO": "1",
            "PORTAL_URL": self.url,
            "STAFF_URL": self.url,
            "BIND": f"127.0.0.1:{self.port}",
        }
        self.variables.setdefault("EMAIL_URL", "file:///var/mail")
        self._prepare()
        self._wait_for_media_key()
        demo = self._demo()
        environment.FILE.unlink(missing_ok=True)
        _write(environment.FILE, self.variables | {"PORTAL_ROLE": "all"})
        for process in processes.MAKE_RUN:
            if process.role is not Role.MEDIA:
                self._start_process(process)
        self._wait()
        self._report(demo)

    def watch(self) -> None:
        """Start again what dies, until a signal ends the portal."""
        while not stopping.wait(0.3):
            for each in self.watched:
                each.look()

    def stop(self) -> None:
        environment.FILE.unlink(missing_ok=True)
        for command in self.commands:
            command.kill()
            command.communicate()
        portal = [each.child for each in self.watched if each.is_portal]
        for child in portal:
            child.ask_to_stop()
        for child in portal:
            with contextlib.suppress(ChildError):
                child.stop()
        if self.servers:
            with contextlib.suppress(ChildError):
                self.servers.stop()

    # Steps of the start

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except PermissionError:
                raise CannotStartError(
                    f"Port {self.port} is for root alone here. Choose another: PORT=8080 make run"
                ) from None
            except OSError:
                other = self.port + 1
                raise CannotStartError(
                    f"Port {self.port} is in use by another program. Stop that one, or choose another port: PORT={other} make run"
                ) from None

    def _start_servers(self) -> None:
        """The servers that DATABASE_URL and REDIS_URL name, private ones where they name none."""
        given = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL")}
        self.variables = {name: value for name, value in os.environ.items() if name in processes.VARIABLES}
        if not all(given.values()):
            self.servers = Servers(VAR / "servers")
        if given["REDIS_URL"]:
            _check_redis(given["REDIS_URL"])
        elif self.servers:
            self.servers.start_valkey()
            self.watched.append(Watched(self.servers.valkey, self.servers.start_valkey))
            self.variables["REDIS_URL"] = self.servers.redis_url
        if given["DATABASE_URL"]:
            _check_database(given["DATABASE_URL"])
            self.variables["OWNER_DATABASE_URL"] = self.variables["BULK_DATABASE_URL"] = given["DATABASE_URL"]
        elif self.servers:
            self.servers.start_postgres()
            self.watched.append(Watched(self.servers.postgres, self.servers.start_postgres))
            self.variables["DATABASE_URL"] = self.servers.database_url("portal_all")
            self.variables["OWNER_DATABASE_URL"] = self.servers.database_url("portal_owner")
            self.variables["BULK_DATABASE_URL"] = self.servers.database_url("portal_bulk")

    def _environment(self, role: Role) -> dict[str, str]:
        everything = {**os.environ, **self.variables}
        if self.servers and self.servers.postgres.process and role.database_user:
            everything["DATABASE_URL"] = self.servers.database_url(role.database_user)
        return processes.environment_for(role, everything)

    def _prepare(self) -> None:
        """Tables, rights, the agency's key, the media workers and static files."""
        migrating = self._manage(Role.OWNER, "migrate", "--verbosity=0")
        try:
            self.variables["STATIC_ROOT"] = str(static_files.collect(self._environment(Role.ALL)))
        except subprocess.CalledProcessError as error:
            raise CannotStartError(_last_words("The static files cannot be collected", error.stderr)) from None
        self._result(migrating, "The database cannot be brought up to date")
        for process in processes.WORKERS:
            if process.role is Role.MEDIA:  # first, since files, those of the demo too, are sealed to its key
                self._start_process(process)
        if not self._has_key():
            self._result(self._manage(Role.ALL, "vault", "create-key"), "The agency's key cannot be made")
        if not vault.key_files(KEYS / "addresses-public", "pub"):
            vault.create_key_pair(KEYS / "addresses-public", KEYS / "addresses-private")

    def _has_key(self) -> bool:
        """Whether the newest key in the folder is one that this database knows: the folder may be older than the database."""
        keys = vault.key_files(KEYS / "public", "pub")
        with (
            contextlib.closing(psycopg2.connect(self.variables["OWNER_DATABASE_URL"])) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT id FROM tips_agencykey")
            return bool(keys) and (keys[-1].id,) in cursor.fetchall()

    def _demo(self) -> dict[str, object]:
        done = self._manage(Role.ALL, "demo", "--json")
        demo: dict[str, object] = json.loads(
            self._result(done, "The demo city cannot be made").strip().splitlines()[-1]
        )
        self._result(self._manage(Role.BULK, "demo_incidents"), "The demo city's incidents cannot be imported")
        return demo

    def _manage(self, role: Role, *args: str) -> subprocess.Popen[str]:
        """A command in a session of its own: Ctrl-C is ours to handle."""
        go_on()
        command = subprocess.Popen(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=self._environment(role),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.commands.append(command)
        return command

    def _result(self, command: subprocess.Popen[str], what: str) -> str:
        while True:
            go_on()
            with contextlib.suppress(subprocess.TimeoutExpired):
                output, errors = command.communicate(timeout=0.2)
                break
        self.commands.remove(command)
        if command.returncode:
            (LOGS / "start.log").write_text(errors)
            raise CannotStartError(_last_words(what, errors))
        return output

    def _start_process(self, process: Process) -> None:
        go_on()
        child = Child(
            process.name,
            process.argv,
            lock=_lock(process),
            log=LOGS / f"{process.name}.log",
            environment=self._environment(process.role),
            folder=ROOT,
        )
        self.watched.append(Watched(child, child.start, is_portal=True))
        child.start()

    def _wait_for_media_key(self) -> None:
        self._wait_until(lambda: bool(vault.key_files(KEYS / "media-public", "pub")))

    def _wait(self) -> None:
        """Until the pages answer and every worker listens."""
        redis_url, workers = self.variables["REDIS_URL"], len(processes.WORKERS)
        self._wait_until(lambda: answers(self.port) and workers_listening(redis_url) >= workers)

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not condition():
            go_on()
            dead = next((each.child for each in self.watched if not each.child.alive), None)
            if dead or time.monotonic() > until:
                late = dead or next(each.child for each in self.watched if each.is_portal)
                words = late.log.read_text(errors="replace")
                raise CannotStartError(_last_words(f"{late.name} does not come up", words, late.log))
            time.sleep(0.1)

    def _report(self, demo: Mapping[str, object]) -> None:
        say(f"Portal: {self.url}/")
        staff = demo.get("staff")
        for account in staff if isinstance(staff, list) else ():
            say(f"Staff: {self.url}/admin/ {account['user']} {account['password']}")
        say(f"Demo receipt: {demo.get('receipt')}")
        if self.variables["EMAIL_URL"] == "file:///var/mail":
            say("Mail: var/mail")
        for sentence in find_missing_requirements():
            say(f"Not safe enough for real tips: {sentence}")
        say("Ctrl-C stops everything. Logs: var/logs")


class Watched:
    """A child that is started again when it dies, later each time it does not live long."""

    LONG = 60.0
    LONGEST_DELAY = 30.0

    def __init__(self, child: Child, start: Callable[[], None], *, is_portal: bool = False) -> None:
        self.child = child
        self.start = start
        self.is_portal = is_portal
        self.delay = 1.0
        self.since = time.monotonic()
        self.due: float | None = None

    def look(self) -> None:
        now = time.monotonic()
        if self.child.alive:
            return
        if self.due is None:
            self.delay = 1.0 if now - self.since > self.LONG else min(self.delay * 2, self.LONGEST_DELAY)
            self.due = now + self.delay
            say(
                f"{self.child.name} ended ({_ending(self.child)}); it starts again in {self.delay:.0f} s. Its log: {self.child.log}"
            )
        elif now >= self.due:
            self.due, self.since = None, now
            try:
                self.start()
            except ChildError as reason:
                say(str(reason))


def answers(port: int) -> bool:
    """Whether the home page is served there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def workers_listening(redis_url: str) -> int:
    """How many Celery workers wait for work on this server."""
    try:
        with redis.Redis.from_url(redis_url, socket_timeout=2) as client:
            return sum(other["cmd"].lower() == "brpop" for other in client.client_list())
    except redis.RedisError:
        return 0


def _lock(process: Process) -> Path:
    return RUN / f"{process.name}.lock"


def _ending(child: Child) -> str:
    code = child.exit_code or 0
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _secrets() -> dict[str, str]:
    """Made at the first start, kept afterwards."""
    for name, content in (
        ("secret_key", secrets.token_urlsafe(50).encode()),
        ("receipt_salt", os.urandom(vault.SALT_BYTES)),
        ("audit_key", os.urandom(vault.KEY_BYTES)),
        ("address_hash_key", os.urandom(vault.KEY_BYTES)),
    ):
        if not (KEYS / name).exists():
            vault.write_secret(KEYS / name, content)
    return {
        "SECRET_KEY": (KEYS / "secret_key").read_text(),
        "RECEIPT_SALT": str(KEYS / "receipt_salt"),
        "AUDIT_KEY": str(KEYS / "audit_key"),
        "AGENCY_PUBLIC_KEYS": str(KEYS / "public"),
        "AGENCY_PRIVATE_KEYS": str(KEYS / "private"),
        "MEDIA_STORE": str(MEDIA),
        "INCIDENT_SNAPSHOTS": str(INCIDENTS / "public"),
        "INCIDENT_CACHE": str(INCIDENTS / "cache"),
        "INCIDENT_UPLOADS": str(INCIDENTS / "uploads"),
        "INCIDENT_DROP_DIR": str(INCIDENTS / "drop"),
        "MEDIA_PUBLIC_KEYS": str(KEYS / "media-public"),
        "MEDIA_PRIVATE_KEYS": str(KEYS / "media-private"),
        "ADDRESS_PUBLIC_KEYS": str(KEYS / "addresses-public"),
        "ADDRESS_PRIVATE_KEYS": str(KEYS / "addresses-private"),
        "ADDRESS_HASH_KEY": str(KEYS / "address_hash_key"),
    }


def _write(path: Path, variables: Mapping[str, str]) -> None:
    lines = [f"{name}={value}\n" for name, value in variables.items() if "\n" not in value]
    vault.write_secret(path, "".join(lines).encode())


def _check_redis(url: str) -> None:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise CannotStartError(
            f"The server that REDIS_URL names does not answer ({error}). Start it, or unset REDIS_URL."
        ) from None


def _check_database(url: str) -> None:
    try:
        psycopg2.connect(url, connect_timeout=5).close()
    except (psycopg2.Error, ValueError) as error:
        words = str(error).strip().splitlines()[-1]
        raise CannotStartError(
            f"The server that DATABASE_URL names does not answer ({words}). Start it, or unset DATABASE_URL."
        ) from None


def _last_words(what: str, words: str, log: Path = LOGS / "start.log") -> str:
    if "No space left on device" in words:
        return f"{what}: the disk is full. Make room, then start again."
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return f"{what}: {lines[-1] if lines else 'it said nothing'} (see {log.relative_to(ROOT)})"


if __name__ == "__main__":
    main()
