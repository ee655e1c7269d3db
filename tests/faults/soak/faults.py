"""The faults, each with its begin and its end. `draw()` picks one; the same seed picks the same faults in the same order."""

from __future__ import annotations

import random
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil
import redis

from tests.faults.soak.clock import Clock
from tests.faults.soak.disks import Disk
from tests.stack import Stack
from tipportal.deploy import processes
from tipportal.dev_stack.child_process import Child

CLOCK_STEPS = (-3600, -600, -61, 61, 600, 3600)
SLOW_CONNECTIONS = 60


@dataclass(frozen=True)
class Fault:
    """A fault that lasts from `begin` to `end`. `kills` is the process that may have been killed, "" if none is."""

    name: str
    begin: Callable[[], None]
    end: Callable[[], None]
    kills: str = ""


class Faults:
    """All faults that this portal and machine can have."""

    def __init__(self, stack: Stack, clock: Clock, disks: dict[str, Disk], pick: random.Random) -> None:
        self.stack, self.clock, self.disks, self.pick = stack, clock, disks, pick
        self.lines: list[socket.socket] = []
        self.names: list[str] = []
        self._all = [*self._of_processes(), *self._of_servers(), *self._of_surroundings(), *self._of_clients()]

    def draw(self) -> Fault:
        fault = self.pick.choice(self._all)
        self.names.append(fault.name)
        return fault

    # Processes and servers

    def _of_processes(self) -> list[Fault]:
        found = []
        for name in self.stack.children:
            found += [
                Fault(f"{name} is killed", lambda name=name: self.stack.children[name].kill(), lambda name=name: self._start(name), name),
                Fault(f"{name} is stopped", lambda name=name: self.stack.children[name].stop(), lambda name=name: self._start(name)),
                Fault(f"{name} is frozen", lambda name=name: self._freeze(self.stack.children[name]), lambda name=name: self._thaw(self.stack.children[name])),
            ]  # fmt: skip
        webs = [name for name in self.stack.children if name.startswith("web")]
        found += [
            Fault(f"a worker of {name} is killed", lambda name=name: self._kill_one_worker(name), lambda: None)
            for name in webs
        ]
        return found

    def _of_servers(self) -> list[Fault]:
        servers = self.stack.servers
        return [
            Fault("PostgreSQL is killed", servers.postgres.kill, servers.start_postgres),
            Fault("PostgreSQL is stopped", servers.postgres.stop, servers.start_postgres),
            Fault("PostgreSQL is frozen", lambda: self._freeze(servers.postgres), lambda: self._thaw(servers.postgres)),
            Fault("a connection of PostgreSQL is killed", self._kill_one_connection, lambda: None),
            Fault("Valkey is killed", servers.valkey.kill, servers.start_valkey),
            Fault("Valkey is stopped", servers.valkey.stop, servers.start_valkey),
            Fault("Valkey is frozen", lambda: self._freeze(servers.valkey), lambda: self._thaw(servers.valkey)),
            Fault("Valkey is flushed", self._flush, lambda: None),
        ]

    def _start(self, name: str) -> None:
        process = next(each for each in (*processes.PRODUCTION, processes.WEB_ALL) if each.name == name)
        self.stack.start_process(process)

    def _freeze(self, child: Child) -> None:
        child.signal(signal.SIGSTOP)

    def _thaw(self, child: Child) -> None:
        child.signal(signal.SIGCONT)

    def _kill_one_worker(self, name: str) -> None:
        self._kill_one_child(self.stack.children[name])

    def _kill_one_connection(self) -> None:
        """PostgreSQL then ends all others and recovers: it can't know what the killed one did to the shared memory."""
        self._kill_one_child(self.stack.servers.postgres, "portal_")

    def _kill_one_child(self, child: Child, title: str = "") -> None:
        with suppress(psutil.Error):
            if child.process:
                found = [
                    each for each in psutil.Process(child.process.pid).children() if title in " ".join(each.cmdline())
                ]
                if found:
                    self.pick.choice(found).kill()

    def _flush(self) -> None:
        with (
            suppress(redis.RedisError),
            redis.Redis(unix_socket_path=str(self.stack.servers.redis_socket), socket_timeout=5) as store,
        ):
            store.flushall()

    # What is around: disks, mail, clock, keys

    def _of_surroundings(self) -> list[Fault]:
        found = [
            Fault(f"the disk of {name} is full", disk.fill, lambda name=name: self._empty(name))
            for name, disk in self.disks.items()
        ]
        found += [
            Fault("the mail server is away", self.stack.mails.stop, self.stack.mails.start),
            Fault("the mail server is busy", lambda: self._refuse_mail("451 later"), lambda: self._refuse_mail(None)),
            Fault("the agency key is rotated", lambda: self._manage("vault", "rotate"), lambda: None),
            Fault("the factor key is rotated", lambda: self._manage("factor_key", "rotate"), lambda: None),
            Fault("the media worker's key is due", lambda: self._send("tips.media.tend", "media"), lambda: None),
            Fault("rows of sources are rewritten", lambda: self._send("tips.bulk.rewrite_rows", "bulk"), lambda: None),
        ]  # fmt: skip
        if self.clock.library:
            found += [
                Fault(f"the clock goes {step:+d} s", lambda step=step: self.clock.set(step), lambda: self.clock.set(0))
                for step in CLOCK_STEPS
            ]
        return found

    def _empty(self, name: str) -> None:
        self.disks[name].empty()
        if not self.stack.servers.postgres.is_alive:  # it stops if its log can't be written
            self.stack.servers.start_postgres()

    def _refuse_mail(self, reply: str | None) -> None:
        self.stack.mails.refuse = reply

    def _manage(self, *arguments: str) -> None:
        """Run a command as an operator does: if it fails, it is run again another day."""
        self.stack.run_manage(*arguments, role="staff", check=False)

    def _send(self, task: str, queue: str) -> None:
        with suppress(Exception):  # the broker may be away
            self.stack.send_task(task, queue)

    # Clients

    def _of_clients(self) -> list[Fault]:
        return [
            Fault(f"clients {kind}", lambda kind=kind: self._open_lines(kind), self._close_lines) for kind in _HOSTILE
        ]

    def _open_lines(self, kind: str) -> None:
        for role in ("public", "staff"):
            for _ in range(SLOW_CONNECTIONS // 2):
                with suppress(OSError):
                    line = socket.create_connection(("127.0.0.1", self.stack.ports[role]), 2)
                    line.setblocking(False)
                    self.lines.append(line)
                    line.send(_HOSTILE[kind])

    def _close_lines(self) -> None:
        for line in self.lines:
            line.close()
        self.lines.clear()


_HEAD = b"POST /tips/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
_FILES = b"Content-Type: multipart/form-data; boundary=x\r\n"
_PART = b'--x\r\nContent-Disposition: form-data; name="attachments"; filename="a"\r\n\r\n'
_HOSTILE = {
    "send half a head": b"GET / HTTP/1.1\r\nX-Half",
    "send half a form": _HEAD + _FORM + b"Content-Length: 5000\r\n\r\ntoken=a",
    "stop in a file": _HEAD + _FILES + b"Content-Length: 90000000\r\n\r\n" + _PART + bytes(150_000),
    "send more than they said": _HEAD + _FORM + b"Content-Length: 5\r\n\r\ntoken=" + b"a" * 5000,
    "name two lengths": _HEAD + _FORM + b"Content-Length: 5\r\nContent-Length: 900\r\n\r\ntoken",
    "name a length and chunks": _HEAD + _FORM + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntoken\r\n0\r\n\r\n",
    "send broken chunks": _HEAD + _FORM + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\ntoken",
    "end a form without its boundary": _HEAD + _FILES + b"Content-Length: 400\r\n\r\n" + _PART + bytes(320),
    "send no HTTP": bytes(range(256)) * 40,
}  # fmt: skip
