"""A run of the installer on a folder that stands for a server: `driver.py CONFIGURATION [--recover | --reboot]`.

It runs with the newer release's code (PYTHONPATH). The web services are processes that outlive it, as those of systemd do; of others a
file says from which release they were started. Commands of the owner role and PostgreSQL are real. It kills itself before or after
the act whose number the configuration names.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tipportal.deploy.setup import answers, environment_files, layout, scripts, units
from tipportal.deploy.setup.machine import Machine, StepFailedError
from tipportal.deploy.setup.plan import Plan
from tipportal.deploy.upgrade import course
from tipportal.deploy.upgrade.services import Services

# As systemd does with a socket unit: the socket is descriptor 3, and the variables name the process that may use it.
AS_SYSTEMD = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""
PUBLIC, DESK = "portal-web-public.service", "portal-web-staff.service"
# The staff side is played: what it lacks is what the residents' side says, too.
PLAYED_DESK = """\
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Desk(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_words):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Desk).serve_forever()
"""


@dataclass
class Begun:
    """The stand-in for machine.BegunCommand."""

    machine: StandIn
    arguments: tuple[str | Path, ...]
    environment: Mapping[str, str] | None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def finish(self, text: str) -> str:
        return self.machine.run(*self.arguments, text=text, environment=self.environment)


class StandIn(Machine):
    """The folder, with the servers of a tests.stack.Stack."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        super().__init__(Path(configuration["root"]))
        self.configuration = configuration
        self.acts: list[str] = []

    def run(self, *arguments: str | Path, text: str = "", environment: Mapping[str, str] | None = None) -> str:
        words = [str(argument) for argument in arguments]
        number = len(self.acts)
        self.acts.append(" ".join(word for word in words if not word.startswith("/")))
        print("act", number, self.acts[-1], flush=True)
        self._die(number, "before")
        output = self._act(words[2:] if words[0] == "timeout" else words, text, environment or {})
        self._die(number, "after")
        return output

    def begin(self, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Any:
        """Return a command that does all its work when it is finished: one that is only begun is no act."""
        return Begun(self, arguments, environment)

    def _die(self, number: int, moment: str) -> None:
        if self.configuration["kill"] == [moment, number]:
            os.kill(os.getpid(), signal.SIGKILL)

    def _act(self, words: list[str], text: str, environment: Mapping[str, str]) -> str:
        if words[0] == "systemctl":
            self._control(words[1], words[2:])
            return ""
        if words[0] == "runuser":
            return self._call(
                [self.configuration["psql"], *words[5:-1], self.configuration["superuser"]], {}, text, "/"
            )
        assert words[0] == str(scripts.COMMAND), words
        if words[2] == "backup":
            return ""
        assert f'PORTAL_ROLE="{words[1]}"' in Path(environment["PORTAL_VARIABLES"]).read_text()
        if words[2] == "check":
            if (self.root / "fails-to-check").exists():
                raise StepFailedError("a fault of the new release")
            return ""
        command = [sys.executable, "manage.py", *words[2:]]
        return self._call(
            command, self.configuration["owner"], text, str(self.path(Path(environment["PORTAL_RELEASE"])))
        )

    def _call(self, command: list[str], environment: dict[str, str], text: str, folder: str) -> str:
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": "", **environment},
            input=text,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StepFailedError(f"{command[1:3]} has failed: {done.stderr[-2000:]}", done.stdout)
        return done.stdout.strip()

    def _control(self, verb: str, names: list[str]) -> None:
        for name in (name for name in names if name.endswith(".service")):
            mark = self.root / "started" / name
            if verb in ("stop", "restart"):
                mark.unlink(missing_ok=True)
                self.stop(name)
            if verb in ("start", "restart") and not mark.exists():
                mark.write_text(os.readlink(self.path(layout.CURRENT)))
                if name in (PUBLIC, DESK):
                    self._start(name)

    def _pid_file(self, name: str) -> Path:
        return self.root / f"{name}.pid"

    def _find_process(self, name: str) -> int:
        """Return the id of a service's living process, 0 if there is none."""
        with suppress(OSError, ValueError, IndexError):
            process = int(self._pid_file(name).read_text())
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                return process
        return 0

    def stop(self, name: str) -> None:
        if process := self._find_process(name):
            os.killpg(process, signal.SIGTERM)
            deadline = time.monotonic() + 60
            while self._find_process(name):
                assert time.monotonic() < deadline
                with suppress(ChildProcessError):
                    os.waitpid(process, os.WNOHANG)
                time.sleep(0.02)

    def _start(self, name: str) -> None:
        command = [sys.executable, "-S", "-c", PLAYED_DESK, str(self.configuration["ports"]["staff"])]
        environment, descriptors = {"PATH": os.environ["PATH"]}, []
        if name == PUBLIC:
            descriptors = [self.configuration["socket"]]
            command = [sys.executable, "-S", "-c", AS_SYSTEMD, str(descriptors[0])]
            command += [sys.executable, "-m", "tipportal.deploy.processes", "web-public"]
            environment = self.configuration["public"]
        with (self.root / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.path(Path(os.readlink(self.path(layout.CURRENT)))),
                env=environment,
                pass_fds=descriptors,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._pid_file(name).write_text(str(process.pid))
        while not self._answers(name):  # Type=notify
            if process.poll() is not None:
                raise StepFailedError(f"{name} doesn't start.")
            time.sleep(0.05)

    def _answers(self, name: str) -> bool:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.configuration["ports"]["public" if name == PUBLIC else "staff"], timeout=1
        )
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def start_services(machine: Machine) -> None:
    """Start all services anew, as a machine does."""
    machine.run("systemctl", "restart", units.STORE, units.PROXY, *Services(machine).list_lasting())


def read_plan(machine: Machine) -> Plan:
    return Plan(machine, answers.complete(answers.read_file(machine.path(layout.ANSWERS))))


def main() -> int:
    configuration = json.loads(Path(sys.argv[1]).read_text())
    machine = StandIn(configuration)
    environment_files.PORTS.update(configuration["ports"])
    try:
        if "--reboot" in sys.argv:
            start_services(machine)
        elif "--recover" in sys.argv:
            print(course.recover(machine, lambda: read_plan(machine)))
        else:
            course.Upgrade(read_plan(machine)).carry_out()
    except StepFailedError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
