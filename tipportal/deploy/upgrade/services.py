"""The portal's services while a release takes the place of another: what is stopped, started again, and asked whether it is ready."""

from __future__ import annotations

import urllib.error
import urllib.request

from core.roles import Role
from tipportal.deploy import processes
from tipportal.deploy.setup import environment_files, layout, units
from tipportal.deploy.setup.machine import Machine
from tipportal.deploy.upgrade.journal import UNITS, Journal

PUBLIC, DESK = "portal-web-public.service", "portal-web-staff.service"
_DESK_PORT = "portal-web-staff.socket"
# A new release that doesn't start by then doesn't work. The former one has worked: it gets the time that its units have.
SECONDS_FOR_NEW, SECONDS_FOR_FORMER = 120, 300
# Of workers the residents' side tells who is connected: their signs of life are rows, which nothing writes meanwhile.
_WORK = {process.name for process in (*processes.WORKERS, processes.BEAT)}


class Services:
    """The services whose units are on this machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def list_lasting(self) -> list[str]:
        """Return the services that are there all the time, without the store and the proxy."""
        return [name for name in self._list_units("service") if name not in (units.STORE, units.PROXY)]

    def list_timers(self) -> list[str]:
        return [name for name in self._list_units("timer") if name != units.RECOVERY_TIMER]

    def _list_units(self, kind: str) -> list[str]:
        wanted = "WantedBy=timers.target" if kind == "timer" else f"WantedBy={units.TARGET}"
        found = sorted(self._machine.path(UNITS).glob(f"portal*.{kind}"))
        return [path.name for path in found if wanted in path.read_text().splitlines()]

    def stop_work(self) -> None:
        """Stop workers, beat, and timers with what they have started: that work waits, and a backup would keep tables as they are.

        A machine that starts again has started them, from whichever release the link led to.
        """
        working = [name for name in self.list_lasting() if name not in (PUBLIC, DESK)]
        timers = self.list_timers()
        started = [name.replace(".timer", ".service") for name in timers]
        self._machine.run("systemctl", "stop", *timers, *started, *working)

    def stop_desk(self) -> None:
        """Stop the staff side with its port, so that the proxy shows its page at once."""
        self._machine.run("systemctl", "stop", _DESK_PORT, DESK)

    def list_server_acts(self, journal: Journal) -> list[tuple[str, str]]:
        """Return what systemd must do with store and proxy for files that differ from those before the upgrade."""
        acts = []
        if journal.has_changed(UNITS / units.STORE) or journal.has_changed(layout.CONFIGURATION / "store.conf"):
            acts.append(("restart", units.STORE))
        if journal.has_changed(UNITS / units.PROXY):
            acts.append(("restart", units.PROXY))
        elif journal.has_changed(layout.CONFIGURATION / "nginx.conf"):
            acts.append(("reload", units.PROXY))
        return acts

    def restart_web(self, server_acts: list[tuple[str, str]], most_seconds: int) -> None:
        """Start the web processes again, from the release that the link leads to. Raises StepFailedError.

        Residents who connect meanwhile wait in the open port. Work waits, too: it would take the processor from them.
        """
        self._machine.run("systemctl", "daemon-reload")
        for act, server in server_acts:
            self._machine.run("systemctl", act, server)
        self._machine.run("systemctl", "start", _DESK_PORT)
        self._machine.run("timeout", str(most_seconds), "systemctl", "restart", PUBLIC, DESK)

    def start(self) -> None:
        """Start what isn't running."""
        self._machine.run("systemctl", "start", _DESK_PORT, *self.list_lasting(), *self.list_timers())

    def disable(self, names: list[str]) -> None:
        self._machine.run("systemctl", "disable", "--quiet", "--now", *names)

    def find_missing(self) -> set[str]:
        """Return what the web processes lack to take the place of the former ones, besides work and an open database."""
        return (self._ask(Role.PUBLIC) | self._ask(Role.STAFF)) - _WORK - {"open database"}

    def find_absent_work(self) -> set[str]:
        """Return the names of workers, and beat's, that aren't connected."""
        return self._ask(Role.PUBLIC) & _WORK

    def _ask(self, role: Role) -> set[str]:
        address = f"http://127.0.0.1:{environment_files.PORTS[role]}/readyz"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            if "missing: " not in text:
                return {f"web-{role}"}
        except OSError:
            return {f"web-{role}"}
        return {line.removeprefix("missing: ") for line in text.splitlines() if line.startswith("missing: ")}
