"""A whole portal on private servers and free ports, for tests from outside.

    with Stack(tmp_path, web=["public", "staff"], workers=["alerts"], demo=True) as stack:
        httpx.get(stack.public_url + "/tips/")
        stack.freeze_redis()

All its files are in the folder given: `servers/`, `keys/`, `logs/` (one file per process). Mail arrives in `stack.mails`.
"""

from __future__ import annotations

import fcntl
import http.client
import itertools
import os
import random
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from celery import Celery

from core.roles import Role
from tests.journey import compute_code
from tipportal.deploy import processes
from tipportal.deploy.processes import Process
from tipportal.dev_stack import static_files
from tipportal.dev_stack.child_process import Child
from tipportal.dev_stack.readiness import count_listening_workers
from tipportal.dev_stack.servers import Servers, postgres_programs
from tips import vault

TEMPLATES = "PORTAL_TEMPLATES"  # the variable that names the folder of portals to copy
STAGES = (None, "migrated", "demo")  # each begins with the one before
ROOT = Path(__file__).resolve().parent.parent
# Below what systems give to outgoing connections (Linux from 32768, macOS from 49152): one of them that closes keeps a web server
# that restarts from its port for a minute. Above the ports that Chromium refuses.
FIRST_PORT, END_OF_PORTS, PORTS_PER_WORKER = 11_000, 32_000, 1_000
WEB = {"all": processes.WEB_ALL, "public": processes.WEB_PUBLIC, "staff": processes.WEB_STAFF}


def _draw_ports() -> Iterator[int]:
    """Yield ports that this process of pytest-xdist alone gives out, in random order for other test runs on this machine."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = FIRST_PORT + worker % ((END_OF_PORTS - FIRST_PORT) // PORTS_PER_WORKER) * PORTS_PER_WORKER
    return itertools.cycle(random.sample(range(first, first + PORTS_PER_WORKER), PORTS_PER_WORKER))


_ports = _draw_ports()


def free_port() -> int:
    """Return a port on which nothing listens. The system gives it to no connection and to no other process by itself."""
    for port in _ports:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the ports of a process are endless")


def wait_until(condition: Any, seconds: float, expected: str | Callable[[], str]) -> None:
    """Poll until `condition()` is true.

    Raises AssertionError if it is not true in time, with what was expected; a function is asked for that only then.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {expected() if callable(expected) else expected}")
        time.sleep(0.05)  # most conditions open a connection to a database, at the cost of what is waited for


def _make_template(stage: str) -> Path:
    """Return the folder of a stopped portal to copy; the first process that needs it makes it, once per test run."""
    folder = Path(os.environ[TEMPLATES]) / stage
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            with Stack(folder, web=[], demo=stage == "demo", is_template=True) as portal:
                if stage == "migrated":
                    portal.dump_database(folder / "dump.sql")
            (folder / "ready").touch()
    return folder


def dump_migrated_database() -> Path:
    """Return a dump of a database of `migrate`, made once per test run. Its objects belong to the user who restores it."""
    return _make_template("migrated") / "dump.sql"


def make_keys(folder: Path) -> dict[str, str]:
    """Make the secrets of `make run` except the agency key, if there are none. Returns the variables that name them."""
    if not folder.exists():
        folder.mkdir(parents=True)
        vault.write_secret(folder / "receipt_salt", os.urandom(16))
        vault.write_secret(folder / "audit_key", os.urandom(32))
        vault.write_secret(folder / "factor_key", os.urandom(32))
        vault.write_secret(folder / "address_hash_key", os.urandom(32))
        vault.create_key_pair(folder / "addresses-public", folder / "addresses-private")
        vault.create_key_pair(folder / "channels-public", folder / "channels-private")
        for name in ("media", "incidents-uploads", "incidents-drop"):
            (folder / name).mkdir(mode=0o700)
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "RECEIPT_SALT": str(folder / "receipt_salt"),
        "AUDIT_KEY": str(folder / "audit_key"),
        "FACTOR_KEY": str(folder / "factor_key"),
        "AGENCY_PUBLIC_KEYS": str(folder / "public"),
        "AGENCY_PRIVATE_KEYS": str(folder / "private"),
        "MEDIA_STORE": str(folder / "media"),
        "INCIDENT_SNAPSHOTS": str(folder / "incidents"),
        "INCIDENT_CACHE": str(folder / "incidents-cache"),
        "BASE_MAP": str(folder / "base-map"),
        "INCIDENT_UPLOADS": str(folder / "incidents-uploads"),
        "INCIDENT_DROP_DIR": str(folder / "incidents-drop"),
        "MEDIA_PUBLIC_KEYS": str(folder / "media-public"),
        "MEDIA_PRIVATE_KEYS": str(folder / "media-private"),
        "ADDRESS_PUBLIC_KEYS": str(folder / "addresses-public"),
        "ADDRESS_PRIVATE_KEYS": str(folder / "addresses-private"),
        "ALERT_CHANNEL_PUBLIC_KEYS": str(folder / "channels-public"),
        "ALERT_CHANNEL_PRIVATE_KEYS": str(folder / "channels-private"),
        "ADDRESS_HASH_KEY": str(folder / "address_hash_key"),
    }


class Mails:
    """An SMTP server that stores the mail it receives, with the time of arrival (`time.monotonic`)."""

    def __init__(self) -> None:
        self.received: list[EmailMessage] = []
        self.arrived: list[float] = []
        self.recipients: list[list[str]] = []
        self.refuse: str | None = None  # an SMTP reply such as "451 later" to all mail
        self.refuse_to: dict[str, str] = {}  # by address: an SMTP reply to mail for it
        self.port = free_port()
        self._thread: Controller | None = None

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse_to:
            return self.refuse_to[address]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.refuse:
            return self.refuse
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.arrived.append(time.monotonic())
        self.recipients.append(list(envelope.rcpt_tos))
        self.received.append(message)
        return "250 taken"

    def wait(self, count: int = 1, seconds: float = 30) -> list[EmailMessage]:
        """Wait until there are `count` mails. Returns all mails."""
        wait_until(lambda: len(self.received) >= count, seconds, f"{count} mails (there are {len(self.received)})")
        return list(self.received)

    def clear(self) -> None:
        self.received.clear()
        self.arrived.clear()
        self.recipients.clear()

    def start(self) -> None:
        self._thread = Controller(self, hostname="127.0.0.1", port=self.port)
        self._thread.start()

    def stop(self) -> None:
        if self._thread:
            self._thread.stop()
            self._thread = None


class Stack:
    """PostgreSQL, Valkey, an SMTP sink, and web processes and workers of the given roles; migrated and with keys.

    With `demo`, the demo city is loaded, and `printed` is the output of `manage.py demo`. Unless `wipes_memory` is set to False
    before the start, the processes overwrite what they free, as in production.
    """

    wipes_memory = True

    def __init__(
        self,
        folder: Path,
        *,
        web: Iterable[str] = ("all",),
        workers: Iterable[str] = (),
        beat: bool = False,
        variables: Mapping[str, str] | None = None,
        demo: bool = False,
        is_template: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.logs = self.folder / "logs"
        self.mails = Mails()
        self.demo = demo
        has_data = (self.folder / "servers").exists()  # the database of an earlier Stack in this folder
        self.first_stage = STAGES[1 + demo - is_template] if TEMPLATES in os.environ and not has_data else None
        if self.first_stage:
            template = _make_template(self.first_stage)
            self.folder.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", template / "servers", template / "keys", self.folder], check=True)
        self.servers = Servers(self.folder / "servers", durable=False)
        self.ports = {role: free_port() for role in web}
        self.to_start = [WEB[role] for role in self.ports]
        self.to_start += [process for process in processes.WORKERS if process.role in set(workers)]
        self.to_start += [processes.BEAT] if beat else []
        self.extra_variables = dict(variables or {})
        self.children: dict[str, Child] = {}
        self.keys: dict[str, str] = {}
        self.printed = ""

    # Addresses

    @property
    def url(self) -> str:
        """The URL of the first web process."""
        return self._url(next(iter(self.ports)))

    @property
    def public_url(self) -> str:
        return self._url("public" if "public" in self.ports else "all")

    @property
    def staff_url(self) -> str:
        """The staff side at localhost: browsers refuse passkeys on a bare IP address."""
        return self._url("staff" if "staff" in self.ports else "all").replace("127.0.0.1", "localhost")

    def _url(self, role: str) -> str:
        return f"http://127.0.0.1:{self.ports[role]}"

    def database_url(self, role: str = "owner") -> str:
        """Return the database URL of the role's PostgreSQL user; "postgres" is the superuser."""
        return self.servers.database_url("postgres" if role == "postgres" else f"portal_{role}")

    @property
    def redis_url(self) -> str:
        return self.servers.redis_url

    def connect(self, role: str = "owner") -> Any:
        """Return a psycopg2 connection as the role's PostgreSQL user."""
        return self.servers.connect("postgres" if role == "postgres" else f"portal_{role}")

    def environment(self, role: str) -> dict[str, str]:
        """Return the environment of a process of `role`."""
        parsed_role = Role(role)
        urls = {role: self._url(role) for role in self.ports}
        everything = {
            **{name: value for name, value in os.environ.items() if name not in processes.VARIABLES},
            **self.keys,
            "DEMO": "1",
            "PORTAL_URL": urls.get("public") or urls.get("all") or "http://127.0.0.1:1",
            "STAFF_URL": (urls.get("staff") or urls.get("all") or "http://127.0.0.1:1").replace(
                "127.0.0.1", "localhost"
            ),
            "REDIS_URL": self.servers.redis_url,
            "EMAIL_URL": f"smtp://127.0.0.1:{self.mails.port}",
            **(
                {"DATABASE_URL": self.servers.database_url(parsed_role.database_user)}
                if parsed_role.database_user
                else {}
            ),
            **({"BIND": f"127.0.0.1:{self.ports[role]}"} if role in self.ports else {}),
            **self.extra_variables,
        }
        environment = processes.environment_for(parsed_role, everything)
        skipped = () if self.wipes_memory else processes.WIPING_ALLOCATOR
        return {name: value for name, value in environment.items() if name not in skipped}

    # Start and stop

    def start(self) -> Self:
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self.keys = make_keys(self.folder / "keys")
            self.extra_variables["STATIC_ROOT"] = str(static_files.collect(self.environment("all")))
            self.servers.start()
            self.mails.start()
            if not self.first_stage:
                self.run_manage("migrate", "--verbosity=0", role="owner")
                while len(list(Path(self.keys["AGENCY_PUBLIC_KEYS"]).glob("*.pub"))) < 2:
                    self._create_key()
            if self.demo:
                self.printed = self._load_demo()
            for process in self.to_start:
                self.start_process(process)
            for process in self.to_start:
                self._wait_until_ready(process)
        except BaseException:
            self.stop()
            raise
        return self

    def _load_demo(self) -> str:
        """Return the output of `manage.py demo`, which runs only if a copied template does not hold the city."""
        output_file = self.folder / "keys" / "demo"
        if not output_file.exists():
            output_file.write_text(self.run_manage("demo"))
        return output_file.read_text()

    @property
    def staff(self) -> dict[str, str]:
        """The passwords of the demo accounts by name, as `manage.py demo` prints them."""
        lines = [line.split() for line in self.printed.splitlines() if line.startswith("Staff:")]
        return {user: password for _word, _url, user, password, _code in lines}

    def next_code(self, user: str) -> str:
        """Return a code of the demo account's authenticator app that is accepted now, even if it has been before."""
        secrets = dict(re.findall(r"^Authenticator key: (\S+) (\S+)$", self.printed, re.M))
        with closing(self.connect("owner")) as connection, connection, connection.cursor() as cursor:
            cursor.execute(
                "UPDATE mfa_authenticator SET data = jsonb_set(data, '{last_step}', '0')"
                " WHERE type = 'totp' AND user_id = (SELECT id FROM core_account WHERE username = %s)",
                [user],
            )
        return compute_code(secrets[user])

    def dump_database(self, file: Path) -> None:
        dump = [postgres_programs() / "pg_dump", "--no-owner", "--file", file, self.database_url("postgres")]
        subprocess.run(dump, check=True)

    def _create_key(self) -> None:
        """Do what `manage.py vault create-key` does, without starting a process."""
        with closing(self.connect("owner")) as connection, connection, connection.cursor() as cursor:
            insert = "INSERT INTO tips_agencykey (id, created_at) VALUES (%s, now())"
            public, private = (Path(self.keys[f"AGENCY_{half}_KEYS"]) for half in ("PUBLIC", "PRIVATE"))
            vault.create_key_pair(public, private, lambda key_id: cursor.execute(insert, [key_id]))

    def stop(self) -> None:
        for child in self.children.values():
            child.ask_to_stop()
        for child in self.children.values():
            child.stop()
        self.children.clear()
        self.mails.stop()
        self.servers.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start_process(self, process: Process) -> None:
        """Start one more process, without waiting for it."""
        child = Child(
            process.name,
            process.argv,
            lock=self.folder / f"{process.name}.lock",
            log=self.logs / f"{process.name}.log",
            environment=self.environment(process.role),
            folder=ROOT,
        )
        self.children[process.name] = child
        child.start()

    def _wait_until_ready(self, process: Process, seconds: float = 60) -> None:
        child = self.children[process.name]
        is_ready = self._web_answers if process.role.is_web else self._worker_listens
        deadline = time.monotonic() + seconds
        while process is not processes.BEAT and not is_ready(process):
            output = child.log.read_text(errors="replace")
            assert child.is_alive, f"{process.name} stopped with {child.exit_code}:\n{output}"
            assert time.monotonic() < deadline, f"{process.name} is not ready after {seconds} s:\n{output}"
            time.sleep(0.05)

    def _web_answers(self, process: Process) -> bool:
        """Return whether there is any answer: the staff role has no home page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[process.role.value], timeout=2)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _worker_listens(self, _process: Process) -> bool:
        running = sum(name.startswith("worker-") and child.is_alive for name, child in self.children.items())
        return count_listening_workers(self.servers.redis_url) >= running

    def run_manage(self, *args: str, role: str = "all", check: bool = True, input: str | None = None) -> str:
        """Run `manage.py ARGS` as `role` and return its standard output. With `check`, a failure raises AssertionError."""
        done = subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=self.environment(role),
            input=input,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert not check or done.returncode == 0, f"manage.py {' '.join(args)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def send_task(self, name: str, queue: str, *args: Any) -> None:
        """Send a task to the worker of this queue, as beat does.

        In a portal without beat, call this before you wait for a task of a web process: on a busy machine it gives up its
        message after 50 ms (tipportal/celery.py), and only a sweep finds the row.
        """
        with Celery(broker=f"redis+socket://{self.servers.redis_socket}", set_as_current=False) as app:
            app.send_task(name, args, queue=queue, ignore_result=True)

    # Faults

    def stop_redis(self) -> None:
        self.servers.valkey.stop()

    def start_redis(self) -> None:
        self.servers.start_valkey()

    def freeze_redis(self) -> None:
        self.servers.valkey.signal(signal.SIGSTOP)

    def resume_redis(self) -> None:
        self.servers.valkey.signal(signal.SIGCONT)

    def stop_database(self) -> None:
        self.servers.postgres.stop()

    def start_database(self) -> None:
        self.servers.start_postgres()

    def kill_web(self, role: str | None = None) -> None:
        """Kill a web process and its workers with SIGKILL: that of `role`, or the first."""
        self.children[WEB[role or next(iter(self.ports))].name].kill()

    def start_web(self, role: str | None = None) -> None:
        process = WEB[role or next(iter(self.ports))]
        self.start_process(process)
        self._wait_until_ready(process)

    def stop_worker(self, role: str) -> None:
        self.children[f"worker-{role}"].stop()

    def start_worker(self, role: str) -> None:
        process = processes.BY_NAME[f"worker-{role}"]
        self.start_process(process)
        self._wait_until_ready(process)
