"""docker-compose.yml, `make run`, portal.env.example and the settings name the same processes and variables."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.roles import Role
from tests.stack import Stack
from tipportal.celery import app
from tipportal.deploy import processes
from tipportal.deploy.processes import BY_NAME, MAKE_RUN, PRODUCTION, VARIABLES, Process, environment_for, variables_of
from tipportal.deploy.setup import answers
from tipportal.dev_stack import servers

ROOT = Path(__file__).resolve().parents[3]
START_AND_LIST_MODULES = """
import os, sys, django, tipportal.celery
os.environ["CELERY_SKIP_CHECKS"] = "1"  # as --skip-checks does
django.setup()
tipportal.celery.app.loader.import_default_modules()
print(*tipportal.celery.app.tasks)
from django.conf import settings
from django.template import engines
engines["django"]
if settings.ROLE.is_web:
    import tipportal.urls
print(*sys.modules)
"""
ALLOCATE_IN_THREADS = """
import ctypes, sys, threading
met = threading.Barrier(32)
kept = []
def allocate():
    met.wait()
    kept.extend(str(number) * 40 for number in range(2000))
    met.wait()
threads = [threading.Thread(target=allocate) for _ in range(32)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(library.fopen(sys.argv[1].encode(), b"w"))
library.malloc_info(0, file)
library.fclose(file)
"""
TASKS = {
    name
    for package in ("core", "crimemap", "outreach", "tipportal", "tips")
    for file in (ROOT / package).rglob("*.py")
    for name in re.findall(r'@shared_task\(name="([^"]+)"', file.read_text(encoding="utf-8"))
}
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OTHER_SERVICES = {
    "postgres",
    "redis",
    "migrate",
    "backup",
    "vault",
    "addresses",
    "channels",
    "factors",
    "administrator",
}

# Variables set by tipportal.deploy.processes or the image, or never set in production.
NOT_IN_COMPOSE = {"PORTAL_ROLE", "STATIC_ROOT", "DEMO"}


def variables_read_by(module: str) -> set[str]:
    text = (ROOT / "tipportal" / module).read_text()
    return set(re.findall(r"""(?:env\.\w+|environ\.get)\(\s*["']([A-Z_]+)["']""", text))


def variables_of_service(service: str) -> set[str]:
    return set(SERVICES[service]["environment"])


def test_lists_exactly_the_variables_that_are_read() -> None:
    modules = (
        "settings.py",
        "deploy/gunicorn.py",
        "../file_cleaning/workspace.py",
        "../core/single_sign_on/provider.py",
    )
    assert set().union(*map(variables_read_by, modules)) == set(VARIABLES)


def test_compose_has_the_same_processes() -> None:
    assert set(SERVICES) - OTHER_SERVICES == {process.name for process in PRODUCTION}
    assert set(SERVICES) > OTHER_SERVICES


def test_make_run_has_the_same_processes_with_one_web() -> None:
    assert set(MAKE_RUN) - set(PRODUCTION) == {processes.WEB_ALL}
    assert {process.role for process in PRODUCTION} - {process.role for process in MAKE_RUN} == {
        Role.PUBLIC,
        Role.STAFF,
    }


@pytest.mark.parametrize("process", PRODUCTION, ids=lambda process: process.name)
class TestCompose:
    def test_service_runs_the_process(self, process: Process) -> None:
        assert SERVICES[process.name]["command"] == ["python", "-m", "tipportal.deploy.processes", process.name]

    def test_service_gets_exactly_the_variables_of_its_role(self, process: Process) -> None:
        assert variables_of_service(process.name) == variables_of(process.role) - NOT_IN_COMPOSE

    def test_service_gets_the_database_user_of_its_role(self, process: Process) -> None:
        url = SERVICES[process.name]["environment"].get("DATABASE_URL")
        expected = process.role.database_user
        assert (url is None) if expected is None else url.startswith(f"postgres://{expected}:")

    def test_service_mounts_exactly_the_files_of_its_variables(self, process: Process) -> None:
        service = SERVICES[process.name]
        mounted = {
            volume.rpartition(":ro")[0].split(":")[-1] or volume.split(":")[-1] for volume in service.get("volumes", ())
        }
        folders = ("/keys/", "/media", "/snapshots", "/base-map", "/incidents", "/rules/", "/uploads", "/drop")
        named = {value for value in service["environment"].values() if str(value).startswith(folders)}
        named = {
            value.removesuffix("/factor_key") for value in named
        }  # its folder: the file is replaced while it is mounted
        socket = {"/search"} if "SEARCH_SOCKET" in service["environment"] else set()
        assert mounted == named | socket

    def test_service_can_write_only_its_own_output(self, process: Process) -> None:
        volumes = SERVICES[process.name].get("volumes", ())
        written = {volume.split(":")[-1] for volume in volumes if not volume.endswith(":ro")}
        keys = {"/keys/media-public", "/keys/media-private"} if process.role is Role.MEDIA else set()
        store = {"/media"} if "MEDIA_STORE" in variables_of(process.role) else set()
        incidents = {"/snapshots", "/incidents", "/drop"} if process.role is Role.BULK else set()
        uploads = {"/uploads"} if process.role in (Role.STAFF, Role.BULK) else set()
        socket = {"/search"} if process.role is Role.STAFF else set()
        base_map = {"/base-map"} if process.name == "web-staff" else set()  # where its command runs
        assert written == keys | store | incidents | uploads | socket | base_map

    def test_service_is_locked_down(self, process: Process) -> None:
        service = SERVICES[process.name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert "env_file" not in service


def test_only_the_staff_role_has_private_keys() -> None:
    holders = {name for name, service in SERVICES.items() if "/keys/private" in str(service.get("volumes"))}
    assert holders == {"web-staff", "search", "vault", "factors"}
    assert {name for name in SERVICES if "media-private" in str(SERVICES[name].get("volumes"))} == {
        "worker-media",
        "worker-media-video",
    }
    assert {name for name in SERVICES if "addresses-private" in str(SERVICES[name].get("volumes"))} == {
        "worker-bulk",
        "addresses",
    }
    assert {name for name in SERVICES if "channels-private" in str(SERVICES[name].get("volumes"))} == {
        "worker-alerts",
        "channels",
    }


def test_one_service_can_replace_the_key_of_second_factors_and_the_desk_sees_the_new_one() -> None:
    folder = "${KEYS:?}/factors:/keys/factors"
    mounts = {
        name: [each for each in service.get("volumes", ()) if "factor" in each] for name, service in SERVICES.items()
    }
    assert {name for name, volumes in mounts.items() if volumes == [folder]} == {"factors"}
    assert {name for name, volumes in mounts.items() if volumes == [folder + ":ro"]} == {
        "web-staff",
        "search",
        "vault",
        "administrator",
    }
    assert SERVICES["factors"]["entrypoint"] == ["python", "manage.py", "factor_key"]


@pytest.mark.parametrize(
    "name", [name for name in sorted(OTHER_SERVICES) if "staff" in str(SERVICES[name].get("environment"))]
)
def test_a_command_of_the_staff_role_has_the_keys_without_which_it_is_refused(name: str) -> None:
    """Django examines them before a command runs (tipportal/deploy/checks.py)."""
    service = SERVICES[name]
    mounted = {volume.split(":/", 1)[1].split(":")[0] for volume in service["volumes"]}
    for variable in ("AUDIT_KEY", "FACTOR_KEY"):
        file = Path(service["environment"][variable])
        assert mounted & {str(each).removeprefix("/") for each in (file, *file.parents)}, variable


def test_workers_have_only_their_own_keys_and_beat_has_no_database() -> None:
    keys = {name for name, roles in VARIABLES.items() if roles and name.endswith(("_KEY", "_KEYS", "_SALT"))}
    own = {
        Role.MEDIA: {"AGENCY_PUBLIC_KEYS", "MEDIA_PUBLIC_KEYS", "MEDIA_PRIVATE_KEYS"},
        Role.BULK: {"ADDRESS_PUBLIC_KEYS", "ADDRESS_PRIVATE_KEYS", "ADDRESS_HASH_KEY"},
        Role.ALERTS: {"ALERT_CHANNEL_PUBLIC_KEYS", "ALERT_CHANNEL_PRIVATE_KEYS"},
    }
    for role in (Role.ALERTS, Role.BULK, Role.MEDIA, Role.BEAT):
        assert keys & variables_of(role) == own.get(role, set())
    assert not {"AGENCY_PRIVATE_KEYS", "AUDIT_KEY", "FACTOR_KEY", "SECRET_KEY", "ADDRESS_PRIVATE_KEYS"} & variables_of(
        Role.PUBLIC
    )
    assert "DATABASE_URL" not in variables_of(Role.BEAT)


def test_the_example_file_names_what_compose_reads() -> None:
    text = re.sub(r"^\s*#.*$", "", (ROOT / "docker-compose.yml").read_text(), flags=re.MULTILINE)
    interpolated = set(re.findall(r"\$\{([A-Z_]+)", text))
    taken = {
        name for service in SERVICES.values() for name, value in service.get("environment", {}).items() if value is None
    }
    offered = re.findall(r"^([A-Z_]+)=", (ROOT / "portal.env.example").read_text(), flags=re.MULTILINE)
    assert set(offered) == interpolated | taken | {*answers.INSTALLER_ONLY}
    assert len(offered) == len(set(offered))


def test_the_example_file_says_how_to_make_all_that_compose_mounts() -> None:
    """What isn't there is made by Docker, for root alone, and the portal's user can't write to it."""
    text = (ROOT / "portal.env.example").read_text()
    steps = "\n".join(re.findall(r"^#     ((?:mkdir|head|touch) .*)$", text, flags=re.MULTILINE))
    made = set(re.findall(r"(?:mkdir -p|>|touch)((?: [a-z_/-]+)+)", steps))
    paths = {path for each in made for path in each.split()}
    (owned,) = re.findall(r"chown -R 10001:10001 (.*) &&", text)
    others = ("docker/roles.sql", "publication.toml", "stick")  # shipped, or mounted by hand
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source = re.sub(r"^\$\{KEYS:\?[^}]*\}", "keys", volume).split(":/")[0]
            if (default := re.match(r"\$\{\w+:-\./([^}]*)\}", source)) is not None:
                source = default[1]
            if source in COMPOSE["volumes"] or source.endswith(others):
                continue
            assert source in paths, (name, volume)
            assert source.split("/")[0] in owned.split(), (name, volume)


def test_servers_of_compose_log_as_little_as_the_private_ones() -> None:
    given = dict(part.removeprefix("--").split("=", 1) for part in SERVICES["postgres"]["command"][1:])
    private = {
        name: value
        for name, value in servers.SETTINGS.items()
        if name.startswith(("log_", "update_")) and name != "log_timezone"
    }
    assert private.items() <= given.items()
    redis = SERVICES["redis"]["command"]
    assert redis[redis.index("--save") + 1] == ""
    assert redis[redis.index("--appendonly") + 1] == "no"


def test_the_image_holds_all_code_and_no_secret() -> None:
    copied = {
        name
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY")
        for name in line.split()[1:-1]
    }
    admitted = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == admitted
    assert not [name for name in copied if not (ROOT / name).exists()]
    assert not copied & {"var", "keys", "portal.env", ".venv", "tests"}
    assert {
        "tipportal",
        "tips",
        "crimemap",
        "outreach",
        "file_cleaning",
        "core",
        "templates",
        "static",
        "locale",
    } < copied


if platform.libc_ver()[0] == "glibc":  # others have no heaps by thread

    def test_threads_share_two_heaps_so_that_what_requests_free_is_used_again(tmp_path: Path) -> None:
        found = {}
        for name, variables in (("ours", processes.WIPING_ALLOCATOR), ("plain", {"PYTHONMALLOC": "malloc"})):
            file = tmp_path / name
            subprocess.run([sys.executable, "-c", ALLOCATE_IN_THREADS, file], env=variables, check=True)
            found[name] = file.read_text().count("<heap nr=")
        assert found["ours"] <= 2 < found["plain"]


class TestEnvironment:
    def test_a_process_gets_no_variable_of_another_role(self) -> None:
        everything = dict.fromkeys({*VARIABLES, *processes.COMMAND_VARIABLES}, "x") | {"PATH": "/bin"}
        for role in Role:
            got = environment_for(role, everything)
            assert set(got) == variables_of(role) | {"PATH", "DJANGO_SETTINGS_MODULE", *processes.WIPING_ALLOCATOR}
            assert got["PORTAL_ROLE"] == role

    @pytest.mark.parametrize("role", list(Role))
    def test_every_role_starts_with_only_its_own_variables(self, role: Role, tmp_path: Path) -> None:
        values = {
            "DATABASE_URL": "postgres://nobody@nowhere/none",
            "REDIS_URL": "redis://nowhere",
            "SECRET_KEY": "x" * 50,
            "RECEIPT_SALT": str(tmp_path / "salt"),
            "AGENCY_PUBLIC_KEYS": str(tmp_path),
            "AGENCY_PRIVATE_KEYS": str(tmp_path),
            "AUDIT_KEY": str(tmp_path / "audit"),
        }
        environment = {"PATH": "/bin:/usr/bin"} | {
            name: value for name, value in values.items() if name in variables_of(role)
        }
        done = subprocess.run(
            [sys.executable, "-c", START_AND_LIST_MODULES],
            cwd=ROOT,
            env=environment_for(role, environment),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        tasks, loaded = (line.split() for line in done.stdout.splitlines())
        # Second factors are the staff side's alone; the owner makes their tables.
        has_factors = any(name.partition(".")[0] in ("allauth", "fido2") for name in loaded)
        assert has_factors is (role.serves_staff or role is Role.OWNER)
        # Workers and beat need no pages.
        assert ("tipportal.urls" in loaded) is role.is_web
        # A worker knows every task of its queues; the others need no library for a million rows.
        assert {name for name in TASKS if name.split(".")[1] == role.value} <= set(tasks)
        assert ("polars" in loaded) is (role is Role.BULK)
        assert role is not Role.BEAT or not set(tasks) & TASKS

    def test_each_message_of_beat_is_a_task_and_expires(self) -> None:
        entries = app.conf.beat_schedule.values()
        assert {entry["task"] for entry in entries} <= TASKS
        assert [entry["task"] for entry in entries if not entry["options"].get("expires")] == []

    @pytest.mark.parametrize("process", [*processes.WORKERS, processes.BEAT], ids=lambda process: process.name)
    def test_workers_and_beat_do_not_load_the_pages_for_checks_that_celery_drops(self, process: Process) -> None:
        assert "--skip-checks" in process.argv[: process.argv.index("-A")], "celery reads it before its command"

    def test_an_unknown_process_ends_in_a_sentence(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "tipportal.deploy.processes", "web-secret"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert (
            done.stderr.strip()
            == f"Name the process to start: python -m tipportal.deploy.processes {' | '.join(BY_NAME)}"
        )


def test_users_of_compose_are_those_of_the_private_servers(tmp_path: Path) -> None:
    """Run docker/roles.sql with the real psql on a cluster without the users."""
    attributes = "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname LIKE 'portal%' ORDER BY 1"
    members = "SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members WHERE member::regrole::text = 'portal_all' ORDER BY 1"
    with servers.Servers(tmp_path, durable=False) as running:
        connection = running.connect(database="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:

            def users() -> list[Any]:
                cursor.execute(attributes)
                found = cursor.fetchall()
                cursor.execute(members)
                return found + cursor.fetchall()

            private = users()
            cursor.execute("DROP DATABASE portal")
            for user in servers.USERS:
                cursor.execute(f"DROP ROLE {user}")
            assert users() == []
            cursor.execute("CREATE DATABASE portal")
            secrets = {f"PORTAL_{role.upper()}_PASSWORD": f"pw{role}" for role in Role}
            subprocess.run(
                [
                    servers.postgres_programs() / "psql",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-q",
                    "-f",
                    ROOT / "docker" / "roles.sql",
                ],
                env=secrets
                | {
                    "PGHOST": str(running.sockets),
                    "PGUSER": "postgres",
                    "PGPASSWORD": running.passwords["postgres"],
                    "PGDATABASE": "portal",
                },
                check=True,
            )
            assert users() == private
            cursor.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'portal'")
            assert cursor.fetchone() == ("portal_owner",)
        connection.close()
        running.passwords["portal_media"] = "pwmedia"
        running.connect("portal_media").close()


def test_the_test_stack_gives_the_same_variables_as_production(tmp_path: Path) -> None:
    stack = Stack(tmp_path, web=["public", "staff"])
    try:
        stack.keys = dict.fromkeys(
            ("SECRET_KEY", "RECEIPT_SALT", "AUDIT_KEY", "AGENCY_PUBLIC_KEYS", "AGENCY_PRIVATE_KEYS"), "x"
        )
        for process in PRODUCTION:
            given = {name for name in stack.environment(process.role) if name in VARIABLES}
            assert given <= variables_of(process.role)
    finally:
        stack.stop()
