"""The course of an upgrade: its steps in order, the way back, and what is left once there is none."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from core.roles import Role
from tipportal.deploy.setup import layout, scripts, units
from tipportal.deploy.setup.machine import BegunCommand, Machine, StepFailedError
from tipportal.deploy.setup.plan import Plan
from tipportal.deploy.setup.release import remove_others
from tipportal.deploy.setup.steps import Step, point_link
from tipportal.deploy.upgrade import schema_additions, write_gate
from tipportal.deploy.upgrade.journal import FOLDER, OLD_VARIABLES, Journal, Stage, State, new_variables_of
from tipportal.deploy.upgrade.services import SECONDS_FOR_FORMER, SECONDS_FOR_NEW, Services

_SECONDS_TO_GET_READY = 60
_STARTED_AT = time.monotonic()
_MIGRATIONS = "SELECT app || ' ' || name FROM django_migrations ORDER BY id;\n"


class Upgrade:
    """The upgrade of a server to the release and the answers of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._machine = plan.machine
        self._journal = Journal(plan.machine)
        self._services = Services(plan.machine)

    def is_due(self) -> bool:
        """Return whether another release runs here."""
        running = _find_running(self._machine)
        return bool(running) and running != str(self._plan.release.folder)

    def carry_out(self) -> None:
        """Put the plan's release in the place of the running one. Raises StepFailedError: then the former one runs as before."""
        old, new = _find_running(self._machine), str(self._plan.release.folder)
        for step in self._plan.list_preparing():
            _do(step)
        _say("Write a backup")
        _run_command(self._machine, old, layout.environment_file(Role.OWNER), "backup", self._plan.answers["BACKUPS"])
        migrations = write_gate.run_sql(self._machine, _MIGRATIONS).splitlines()
        state = State(Stage.PREPARED, old, new, schema_additions.list_objects(self._machine), migrations)
        self._journal.begin(state, {role: self._plan.write_variables(role) for role in layout.ROLES})
        try:
            self._machine.run("systemctl", "daemon-reload")
            self._machine.run("systemctl", "enable", "--quiet", units.RECOVERY)
            self._machine.run("systemctl", "start", units.RECOVERY_TIMER)
            self._change()
        except (StepFailedError, OSError, KeyboardInterrupt) as error:
            reason = "It was interrupted." if isinstance(error, KeyboardInterrupt) else str(error)
            try:
                undo(self._machine)
            except (StepFailedError, OSError) as problem:
                raise StepFailedError(
                    f"{reason}\nThe upgrade can't be undone yet: {problem}\nThis is tried again each minute."
                ) from error
            raise StepFailedError(
                f"{reason}\nThe upgrade was undone: the former release runs, and nothing was lost. Correct that, then start again."
            ) from error
        self.complete()

    def _change(self) -> None:
        """Do what can be undone: close, migrate, switch, and see that the new release is ready."""
        journal, services = self._journal, self._services
        assert journal.state is not None
        new, owner = journal.state.new, new_variables_of(Role.OWNER)
        _run_command(self._machine, new, owner, "migrate_back", FOLDER / "migrations", "--check")
        self._try_roles(new)
        _say("Stop workers")
        journal.note(Stage.CLOSING)
        # It loads while workers end, and not while the site is closed. The checks have run.
        with _begin_command(self._machine, new, owner, "migrate", "-v0", "--skip-checks", "--when-told") as migration:
            services.stop_work()
            _say("Close the site: the map and stories go on, tips and the desk wait")
            journal.note(Stage.CLOSING, closed_at=time.time())
            services.stop_desk()
            write_gate.close(self._machine)
            _say("Update tables and rights")
            journal.note(Stage.MIGRATING)
            migration.finish("now\n")
        journal.note(Stage.SWITCHING)
        for step in self._plan.list_switching():
            _do(step)
        _say("Start the new release")
        journal.note(Stage.STARTING)
        services.restart_web(services.list_server_acts(journal), SECONDS_FOR_NEW)
        if missing := _wait_for(services.find_missing):
            raise StepFailedError(f"The new release doesn't become ready. It lacks: {', '.join(sorted(missing))}.")

    def _try_roles(self, release: str) -> None:
        """Load a release's code and variables as each role that does nothing while the site is closed. Raises StepFailedError."""
        _say("Try the new release")
        for role in layout.ROLES:
            if not role.is_web:
                _run_command(self._machine, release, new_variables_of(role), "check", role=role)

    def complete(self) -> None:
        """Open the site and start the rest. From the first act on residents may have written, so there is no way back."""
        self._journal.note(Stage.OPENING)
        write_gate.open_again(self._machine)
        self._journal.note(Stage.COMPLETING)
        assert self._journal.state is not None
        _say(f"The site was closed for {time.time() - self._journal.state.closed_at:.0f} seconds")
        self._services.start()
        self._plan.complete_start()
        _wait_for(self._services.find_absent_work)  # the doctor names those that don't come
        old, new = self._journal.state.old, self._journal.state.new
        _end(self._machine, self._journal)
        remove_others(self._machine, {old, new})


def _wait_for(find_missing: Callable[[], set[str]]) -> set[str]:
    """Return what is missing still, once nothing is or a minute has passed."""
    deadline = time.monotonic() + _SECONDS_TO_GET_READY
    while (missing := find_missing()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return missing


def recover(machine: Machine, read_plan: Callable[[], Plan]) -> str:
    """Undo or complete an upgrade that was interrupted, and return a sentence about it; nothing if there is none."""
    state = Journal(machine).state
    if state is None:
        return ""
    if state.stage >= Stage.OPENING:
        Upgrade(read_plan()).complete()
        return f"An upgrade was interrupted. It is complete now: {Path(state.new).name} runs."
    undo(machine)
    return f"An upgrade was interrupted. It was undone: {Path(state.old).name} runs, and nothing was lost."


def undo(machine: Machine) -> None:
    """Make the server what it was before the upgrade. Raises StepFailedError; then it can be called again."""
    journal, services = Journal(machine), Services(machine)
    assert journal.state is not None
    stage, old, new = journal.state.stage, journal.state.old, journal.state.new
    if stage >= Stage.CLOSING:
        _say("Return to the former release")
        services.stop_work()
        if stage >= Stage.SWITCHING:
            if added := [
                path.name for path in journal.list_added() if path.suffix in (".service", ".socket", ".timer")
            ]:
                services.disable(added)
            server_acts = journal.state.server_acts or services.list_server_acts(journal)
            journal.note(stage, server_acts=server_acts)
            journal.put_back()
            point_link(machine, layout.CURRENT, Path(old)).carry_out()
            # Earlier than its tables: it reads what was only added to, and residents don't wait for longer than once.
            services.restart_web(server_acts, SECONDS_FOR_FORMER)
        if stage >= Stage.MIGRATING:
            schema_additions.remove_added(machine, journal.state.objects, schema_additions.BEFORE_MIGRATIONS)
            _run_command(machine, new, new_variables_of(Role.OWNER), "migrate_back", FOLDER / "migrations")
            schema_additions.remove_added(machine, journal.state.objects, schema_additions.AFTER_MIGRATIONS)
            _run_command(machine, old, OLD_VARIABLES, "migrate", "-v0", "--skip-checks")
        write_gate.open_again(machine)
        services.start()
    _end(machine, journal)


def _end(machine: Machine, journal: Journal) -> None:
    journal.end()
    machine.run("systemctl", "stop", units.RECOVERY_TIMER)


def _find_running(machine: Machine) -> str:
    """Return the folder of the release that the link leads to; nothing before the first installation has ended."""
    link = machine.path(layout.CURRENT)
    return os.readlink(link) if link.is_symlink() else ""


def _run_command(
    machine: Machine, release: str, variables: Path, *arguments: str | Path, role: Role = Role.OWNER
) -> None:
    """Run a command of a release as a role, with a file of variables. Raises StepFailedError."""
    with _begin_command(machine, release, variables, *arguments, role=role) as command:
        command.finish("")


def _begin_command(
    machine: Machine, release: str, variables: Path, *arguments: str | Path, role: Role = Role.OWNER
) -> BegunCommand:
    """Start such a command, which waits for its input."""
    environment = {"PORTAL_RELEASE": release, "PORTAL_VARIABLES": str(machine.path(variables))}
    return machine.begin(
        scripts.COMMAND,
        role,
        *(machine.path(each) if isinstance(each, Path) else each for each in arguments),
        environment=environment,
    )


def _do(step: Step) -> None:
    if not step.is_done():
        _say(step.title)
        step.carry_out()


def _say(title: str) -> None:
    """Print what begins, and how many seconds this process has run."""
    print(f"upgrade {time.monotonic() - _STARTED_AT:4.0f} s  {title} ...", flush=True)
