"""`make run`: start, supervise and stop private servers, keys, a demo city and every process of the portal.

bootstrap.py makes `.venv`, locks the folder and becomes this process. Everything is written below `var/`. A failure ends in a
sentence that says what to do.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg2

from core.roles import Role
from file_cleaning.host_requirements import find_missing_requirements
from tipportal.deploy import processes
from tipportal.deploy.processes import Process
from tipportal.dev_stack import child_process, environment, readiness, static_files, var_folder
from tipportal.dev_stack.child_process import Child, ProcessControlError
from tipportal.dev_stack.servers import Servers
from tipportal.dev_stack.supervisor import SupervisedChild
from tipportal.dev_stack.var_folder import KEYS, LOGS, START_LOG, VAR
from tips import vault

ROOT = environment.ROOT
START_TIMEOUT_SECONDS = 90

# Set by a signal and checked between steps. An exception raised by the handler itself could end up anywhere, even in a
# library's clean-up that swallows it.
stop_requested = threading.Event()


class PortalStartError(ProcessControlError):
    """The portal cannot start. The message is a sentence that says what to do."""


class StopRequestedError(Exception):
    """A signal asks the portal to stop."""


def main() -> None:
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        signal.signal(number, lambda _number, _frame: stop_requested.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)  # bootstrap.py blocks them while this module is imported
    portal = LocalPortal(read_port())
    failure = ""
    try:
        portal.start()
        portal.supervise()
    except StopRequestedError:
        pass
    except ProcessControlError as error:
        failure = str(error)
    except psycopg2.Error as error:
        failure = f"The database isn't responding ({type(error).__name__}). Start again."
    except OSError as error:
        failure = f"{error.filename or VAR}: {error.strerror}. Fix that, then start again."
    if stop_requested.is_set():  # a step that failed after the signal failed because of it
        failure = ""
        print_line("Stopping ...")
    portal.stop()
    if failure:
        sys.exit(failure)
    print_line("Stopped.")


def raise_if_stop_requested() -> None:
    if stop_requested.is_set():
        raise StopRequestedError


def print_line(line: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(line, flush=True)


def read_port() -> int:
    """Return the port that PORT names. Exits with a sentence if it is not a port."""
    text = os.environ.get("PORT", "8000")
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        sys.exit(f"PORT={text} is not a port. Choose a number from 1024 to 65535, for example: PORT=8080 make run")
    return int(text)


class LocalPortal:
    """Everything `make run` starts."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://localhost:{port}"  # browsers refuse passkeys on a bare IP address
        self.servers: Servers | None = None
        self.supervised: list[SupervisedChild] = []
        self.variables: dict[str, str] = {}
        self.commands: list[subprocess.Popen[str]] = []
        # The web server listens on it. It stays open while that restarts: requests wait, and no other program gets the port.
        self.socket = socket.socket()

    def start(self) -> None:
        """Start everything and print the addresses.

        Raises ProcessControlError, StopRequestedError, psycopg2.Error or OSError.
        """
        var_folder.make_folders()
        for process in (*processes.MAKE_RUN, processes.SEARCH_ALL):
            child_process.stop_leftovers(var_folder.lock_of(process), signal.SIGTERM, 10)
        self._bind_port()
        START_LOG.unlink(missing_ok=True)
        print_line("Starting ...")
        self._start_servers()
        self.variables |= var_folder.make_secrets() | {
            "DEMO": "1",
            "PORTAL_URL": self.url,
            "STAFF_URL": self.url,
        }
        self.variables.setdefault("EMAIL_URL", "file:///var/mail")
        self.variables.setdefault("DATA_LICENSE", "CC0-1.0")
        self._prepare()
        self._wait_for_media_key()
        demo = self._load_demo()
        var_folder.write_environment(self.variables | {"PORTAL_ROLE": "all"})
        for process in processes.MAKE_RUN:
            if process.role is not Role.MEDIA:
                self._start_process(process)
        if self.variables.get("SEARCH_SOCKET"):
            self._start_process(processes.SEARCH_ALL)
        self._wait_for_pages_and_workers()
        self._print_summary(demo)

    def supervise(self) -> None:
        """Restart processes that end, until a signal ends the portal."""
        while not stop_requested.wait(0.3):
            for each in self.supervised:
                each.restart_if_ended()

    def stop(self) -> None:
        environment.FILE.unlink(missing_ok=True)
        for command in self.commands:
            command.kill()
            command.communicate()
        children = [each.child for each in self.supervised if each.is_portal]
        for child in children:
            child.ask_to_stop()
        for child in children:
            with contextlib.suppress(ProcessControlError):
                child.stop()
        self.socket.close()
        if self.servers:
            with contextlib.suppress(ProcessControlError):
                self.servers.stop()

    # Steps of the start

    def _bind_port(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self.socket.bind(("127.0.0.1", self.port))
        except PermissionError:
            raise PortalStartError(
                f"Port {self.port} needs root on this machine. Choose another port: PORT=8080 make run"
            ) from None
        except OSError:
            other = self.port + 1
            raise PortalStartError(
                f"Port {self.port} is in use by another program. Stop that program, or choose another port: PORT={other} make run"
            ) from None

    def _start_servers(self) -> None:
        """Use the servers that DATABASE_URL and REDIS_URL name; start a private one for each that is not set."""
        given = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL")}
        self.variables = {name: value for name, value in os.environ.items() if name in processes.VARIABLES}
        if not all(given.values()):
            self.servers = Servers(VAR / "servers")
        if given["REDIS_URL"]:
            readiness.require_redis(given["REDIS_URL"])
        elif self.servers:
            self.servers.start_valkey()
            self._supervise(self.servers.valkey, self.servers.start_valkey)
            self.variables["REDIS_URL"] = self.servers.redis_url
        if given["DATABASE_URL"]:
            readiness.require_database(given["DATABASE_URL"])
            self.variables |= dict.fromkeys(processes.COMMAND_VARIABLES, given["DATABASE_URL"])
        elif self.servers:
            self.servers.start_postgres()
            self._supervise(self.servers.postgres, self.servers.start_postgres)
            self.variables["DATABASE_URL"] = self.servers.database_url("portal_all")
            self.variables["OWNER_DATABASE_URL"] = self.servers.database_url("portal_owner")
            self.variables["BULK_DATABASE_URL"] = self.servers.database_url("portal_bulk")
            self.variables["ALERTS_DATABASE_URL"] = self.servers.database_url("portal_alerts")

    def _prepare(self) -> None:
        """Migrate the database, collect static files, start the media workers and make the keys that are missing."""
        migration = self._start_command(Role.OWNER, "migrate", "--verbosity=0")
        try:
            self.variables["STATIC_ROOT"] = str(static_files.collect(self._environment(Role.ALL)))
        except subprocess.CalledProcessError as error:
            raise PortalStartError(_explain_failure("The static files can't be collected", error.stderr)) from None
        self._finish_command(migration, "The database can't be updated")
        for process in processes.WORKERS:
            if process.role is Role.MEDIA:  # first, since all files, those of the demo too, are sealed to its key
                self._start_process(process)
        if not self._has_agency_key():
            key_command = self._start_command(Role.ALL, "vault", "create-key")
            self._finish_command(key_command, "The agency's key can't be created")
        for name in ("addresses", "channels"):
            if not vault.key_files(KEYS / f"{name}-public", "pub"):
                vault.create_key_pair(KEYS / f"{name}-public", KEYS / f"{name}-private")

    def _has_agency_key(self) -> bool:
        """Return whether the database knows the newest key in the folder: the folder may be older than the database."""
        keys = vault.key_files(KEYS / "public", "pub")
        with (
            contextlib.closing(psycopg2.connect(self.variables["OWNER_DATABASE_URL"])) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT id FROM tips_agencykey")
            return bool(keys) and (keys[-1].id,) in cursor.fetchall()

    def _load_demo(self) -> dict[str, object]:
        """Load the demo city. Returns its accounts and its receipt."""
        # `migrate` has just run Django's checks, which take as long as these commands where the city is there already.
        command = self._start_command(Role.ALL, "demo", "--json", "--skip-checks")
        output = self._finish_command(command, "The demo city can't be loaded")
        demo: dict[str, object] = json.loads(output.strip().splitlines()[-1])
        command = self._start_command(Role.BULK, "demo_incidents", "--skip-checks")
        self._finish_command(command, "The demo city's incidents can't be imported")
        return demo

    def _print_summary(self, demo: Mapping[str, object]) -> None:
        print_line(f"Portal: {self.url}/")
        staff = demo.get("staff")
        for account in staff if isinstance(staff, list) else ():
            print_line(f"Staff: {self.url}/admin/ {account['user']} {account['password']} {account['code']}")
        for account in staff if isinstance(staff, list) else ():
            print_line(f"Authenticator key: {account['user']} {account['key']}")
        print_line("A code is good for a minute, once. Print a new one: .venv/bin/python manage.py demo code officer")
        print_line(f"Demo receipt: {demo.get('receipt')}")
        if self.variables["EMAIL_URL"] == "file:///var/mail":
            print_line("Mail: var/mail")
        for sentence in find_missing_requirements():
            print_line(f"Not safe enough for real tips: {sentence}")
        print_line("Ctrl-C stops everything. Logs: var/logs")

    # Processes and commands

    def _environment(self, role: Role) -> dict[str, str]:
        everything = {**os.environ, **self.variables}
        if self.servers and self.servers.postgres.process and role.database_user:
            everything["DATABASE_URL"] = self.servers.database_url(role.database_user)
        return processes.environment_for(role, everything)

    def _supervise(self, child: Child, start: Callable[[], None], *, is_portal: bool = False) -> None:
        self.supervised.append(SupervisedChild(child, start, print_line, is_portal=is_portal))

    def _start_process(self, process: Process) -> None:
        raise_if_stop_requested()
        environment, descriptors = self._environment(process.role), []
        if process is processes.WEB_ALL:
            descriptors = [self.socket.fileno()]
            environment["BIND"] = f"fd://{self.socket.fileno()}"
        child = Child(
            process.name,
            process.argv,
            lock=var_folder.lock_of(process),
            log=LOGS / f"{process.name}.log",
            environment=environment,
            folder=ROOT,
            descriptors=descriptors,
        )
        self._supervise(child, child.start, is_portal=True)
        child.start()

    def _start_command(self, role: Role, *arguments: str) -> subprocess.Popen[str]:
        """Start `manage.py` in a session of its own, so that Ctrl-C reaches this process alone.

        Before the first visitor there is nothing to overwrite in freed memory, which takes a sixth of a command's time.
        """
        raise_if_stop_requested()
        environment = self._environment(role)
        command = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={name: value for name, value in environment.items() if name not in processes.WIPING_ALLOCATOR},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.commands.append(command)
        return command

    def _finish_command(self, command: subprocess.Popen[str], problem: str) -> str:
        """Wait for a command. Returns its output; raises PortalStartError that begins with `problem` if it failed."""
        while True:
            raise_if_stop_requested()
            with contextlib.suppress(subprocess.TimeoutExpired):
                output, errors = command.communicate(timeout=0.2)
                break
        self.commands.remove(command)
        if command.returncode:
            START_LOG.write_text(errors)
            raise PortalStartError(_explain_failure(problem, errors))
        return output

    def _wait_for_media_key(self) -> None:
        self._wait_until(lambda: bool(vault.key_files(KEYS / "media-public", "pub")))

    def _wait_for_pages_and_workers(self) -> None:
        redis_url, worker_count = self.variables["REDIS_URL"], len(processes.WORKERS)
        self._wait_until(
            lambda: (
                readiness.is_home_page_served(self.port)
                and readiness.count_listening_workers(redis_url) >= worker_count
                and readiness.is_beat_connected(redis_url)
            )
        )

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition. Raises PortalStartError if a process ends or the time is over before it is true."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not condition():
            raise_if_stop_requested()
            ended = next((each.child for each in self.supervised if not each.child.is_alive), None)
            if ended or time.monotonic() > deadline:
                culprit = ended or next(each.child for each in self.supervised if each.is_portal)
                output = culprit.log.read_text(errors="replace")
                raise PortalStartError(_explain_failure(f"{culprit.name} doesn't start", output, culprit.log))
            time.sleep(0.1)


def _explain_failure(problem: str, output: str, log: Path = START_LOG) -> str:
    """Return a sentence with the problem and the last line of a process's output."""
    if "No space left on device" in output:
        return f"{problem}: the disk is full. Free some space, then start again."
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return f"{problem}: {lines[-1] if lines else 'it printed nothing'} (see {log.relative_to(ROOT)})"


if __name__ == "__main__":
    main()
